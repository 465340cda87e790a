import TierAPI

/// The layout of ABI 1.0 on LP64 as Swift must see it: the same numbers as `Fixtures/layout*.c`, by hand and not from a
/// compiler. Within a major version a struct may only grow at its end.
struct FrozenStruct: Sendable {
  var name: String
  var size: Int
  var alignment: Int
  var actual: (size: Int, stride: Int, alignment: Int)
  var members: [(name: String, frozen: Int, actual: Int?)]

  init<T>(_ type: T.Type, size: Int, alignment: Int, _ members: [(PartialKeyPath<T>, Int)]) {
    name = "\(type)"
    self.size = size
    self.alignment = alignment
    actual = (MemoryLayout<T>.size, MemoryLayout<T>.stride, MemoryLayout<T>.alignment)
    self.members = members.map { ("\($0.0)", $0.1, MemoryLayout<T>.offset(of: $0.0)) }
  }
}

extension FrozenStruct {
  static let all: [FrozenStruct] =
    bytesAndHost + plugin + partitions + calls + [tier] + objectStore + search + archive + compaction

  private static let bytesAndHost: [FrozenStruct] = [
    FrozenStruct(
      chronik_bytes.self, size: 16, alignment: 8,
      [
        (\.ptr, 0), (\.len, 8),
      ]),
    FrozenStruct(
      chronik_slice.self, size: 48, alignment: 8,
      [
        (\.ptr, 0), (\.len, 8), (\.storage_bytes, 16), (\.owner, 24), (\.retain, 32), (\.release, 40),
      ]),
    FrozenStruct(
      chronik_extent.self, size: 48, alignment: 8,
      [
        (\.kind, 0), (\.fd, 4), (\.ptr, 8), (\.file_offset, 16), (\.len, 24), (\.owner, 32), (\.release, 40),
      ]),
    FrozenStruct(
      chronik_setting.self, size: 32, alignment: 8,
      [
        (\.key, 0), (\.value, 16),
      ]),
    FrozenStruct(
      chronik_message.self, size: 24, alignment: 8,
      [
        (\.text, 0), (\.capacity, 8), (\.length, 16),
      ]),
    FrozenStruct(
      chronik_host.self, size: 104, alignment: 8,
      [
        (\.struct_size, 0), (\.abi_major, 4), (\.abi_minor, 8), (\.reserved, 12), (\.context, 16), (\.log, 24),
        (\.wall_clock_ms, 32), (\.monotonic_ns, 40), (\.random, 48), (\.counter_add, 56), (\.gauge_set, 64),
        (\.observe_seconds, 72), (\.account_memory, 80), (\.run_blocking, 88), (\.get_extension, 96),
      ]),
  ]

  private static let plugin: [FrozenStruct] = [
    FrozenStruct(
      chronik_config_key.self, size: 72, alignment: 8,
      [
        (\.name, 0), (\.summary, 8), (\.default_value, 16), (\.choices, 24), (\.minimum, 32), (\.maximum, 40),
        (\.kind, 48), (\.flags, 52), (\.reserved, 56),
      ]),
    FrozenStruct(
      chronik_descriptor.self, size: 56, alignment: 8,
      [
        (\.struct_size, 0), (\.config_key_count, 4), (\.id, 8), (\.name, 16), (\.version, 24), (\.summary, 32),
        (\.config_keys, 40), (\.abilities, 48),
      ]),
    FrozenStruct(
      chronik_plugin.self, size: 48, alignment: 8,
      [
        (\.magic, 0), (\.struct_size, 8), (\.abi_major, 12), (\.abi_minor, 16), (\.reserved, 20), (\.name, 24),
        (\.version, 32), (\.get_factory, 40),
      ]),
    FrozenStruct(
      chronik_tier_product.self, size: 16, alignment: 8,
      [
        (\.descriptor, 0), (\.tier, 8),
      ]),
    FrozenStruct(
      chronik_tier_factory.self, size: 16, alignment: 8,
      [
        (\.struct_size, 0), (\.product_count, 4), (\.products, 8),
      ]),
  ]

  private static let partitions: [FrozenStruct] = [
    FrozenStruct(
      chronik_tier_options.self, size: 48, alignment: 8,
      [
        (\.struct_size, 0), (\.setting_count, 4), (\.instance_name, 8), (\.data_directory, 24),
        (\.settings, 40),
      ]),
    FrozenStruct(
      chronik_partition_id.self, size: 40, alignment: 8,
      [
        (\.struct_size, 0), (\.partition, 4), (\.topic_id, 8), (\.topic, 24),
      ]),
    FrozenStruct(
      chronik_partition_settings.self, size: 48, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.segment_bytes, 8), (\.segment_ms, 16),
        (\.index_interval_bytes, 24), (\.local_retention_ms, 32), (\.local_retention_bytes, 40),
      ]),
    FrozenStruct(
      chronik_partition_state.self, size: 56, alignment: 8,
      [
        (\.struct_size, 0), (\.last_leader_epoch, 4), (\.start_offset, 8), (\.end_offset, 16),
        (\.durable_end_offset, 24), (\.byte_count, 32), (\.max_timestamp, 40), (\.max_timestamp_offset, 48),
      ]),
    FrozenStruct(
      chronik_segment.self, size: 64, alignment: 8,
      [
        (\.base_offset, 0), (\.next_offset, 8), (\.byte_count, 16), (\.max_timestamp, 24),
        (\.min_timestamp, 32), (\.last_leader_epoch, 40), (\.flags, 44), (\.reserved, 48),
      ]),
  ]

  private static let calls: [FrozenStruct] = [
    FrozenStruct(
      chronik_batch.self, size: 96, alignment: 8,
      [
        (\.bytes, 0), (\.base_offset, 48), (\.next_offset, 56), (\.max_timestamp, 64), (\.leader_epoch, 72),
        (\.record_count, 76), (\.reserved, 80),
      ]),
    FrozenStruct(
      chronik_flush_result.self, size: 16, alignment: 8,
      [
        (\.status, 0), (\.reserved, 4), (\.durable_end_offset, 8),
      ]),
    FrozenStruct(
      chronik_read_request.self, size: 40, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.offset, 8), (\.end_offset, 16), (\.max_bytes, 24),
        (\.min_one_batch, 32), (\.reserved, 36),
      ]),
    FrozenStruct(
      chronik_read_result.self, size: 48, alignment: 8,
      [
        (\.struct_size, 0), (\.capacity, 4), (\.extent_count, 8), (\.reserved, 12), (\.extents, 16),
        (\.start_offset, 24), (\.next_offset, 32), (\.byte_count, 40),
      ]),
    FrozenStruct(
      chronik_timestamp_request.self, size: 32, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.timestamp, 8), (\.start_offset, 16), (\.end_offset, 24),
      ]),
    FrozenStruct(
      chronik_timestamp_result.self, size: 24, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.base_offset, 8), (\.max_timestamp, 16),
      ]),
  ]

  private static let tier =
    FrozenStruct(
      chronik_tier.self, size: 184, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.create, 8), (\.destroy, 16), (\.start, 24), (\.stop, 32),
        (\.open_partition, 40), (\.close_partition, 48), (\.delete_partition, 56), (\.configure_partition, 64),
        (\.state, 72), (\.append, 80), (\.flush, 88), (\.truncate, 96), (\.advance_start, 104), (\.read, 112),
        (\.find_timestamp, 120), (\.segments, 128), (\.seal, 136), (\.evict, 144), (\.import_segment, 152),
        (\.replace_segments, 160), (\.list_partitions, 168), (\.get_extension, 176),
      ])
}

/// Every constant of ABI 1.0 with its value.
let frozenConstants: [(name: String, actual: UInt64, frozen: UInt64)] = [
  ("OK", UInt64(CHRONIK_OK), 0),
  ("MISS", UInt64(CHRONIK_MISS), 1),
  ("WOULD_BLOCK", UInt64(CHRONIK_WOULD_BLOCK), 2),
  ("RETRIABLE", UInt64(CHRONIK_RETRIABLE), 3),
  ("THROTTLED", UInt64(CHRONIK_THROTTLED), 4),
  ("NOT_FOUND", UInt64(CHRONIK_NOT_FOUND), 5),
  ("CORRUPT", UInt64(CHRONIK_CORRUPT), 6),
  ("FENCED", UInt64(CHRONIK_FENCED), 7),
  ("NO_SPACE", UInt64(CHRONIK_NO_SPACE), 8),
  ("CANCELLED", UInt64(CHRONIK_CANCELLED), 9),
  ("INVALID_CONFIG", UInt64(CHRONIK_INVALID_CONFIG), 10),
  ("PERMANENT", UInt64(CHRONIK_PERMANENT), 11),
  ("EXTENT_MEMORY", UInt64(CHRONIK_EXTENT_MEMORY), 1),
  ("EXTENT_FILE", UInt64(CHRONIK_EXTENT_FILE), 2),
  ("LOG_TRACE", UInt64(CHRONIK_LOG_TRACE), 0),
  ("LOG_DEBUG", UInt64(CHRONIK_LOG_DEBUG), 1),
  ("LOG_INFO", UInt64(CHRONIK_LOG_INFO), 2),
  ("LOG_WARNING", UInt64(CHRONIK_LOG_WARNING), 3),
  ("LOG_ERROR", UInt64(CHRONIK_LOG_ERROR), 4),
  ("ABI_MAJOR", UInt64(CHRONIK_ABI_MAJOR), 1),
  ("ABI_MINOR", UInt64(CHRONIK_ABI_MINOR), 0),
  ("PLUGIN_MAGIC", UInt64(CHRONIK_PLUGIN_MAGIC), 0x004b494e4f524843),
  ("CONFIG_STRING", UInt64(CHRONIK_CONFIG_STRING), 1),
  ("CONFIG_BOOL", UInt64(CHRONIK_CONFIG_BOOL), 2),
  ("CONFIG_INTEGER", UInt64(CHRONIK_CONFIG_INTEGER), 3),
  ("CONFIG_SIZE", UInt64(CHRONIK_CONFIG_SIZE), 4),
  ("CONFIG_DURATION", UInt64(CHRONIK_CONFIG_DURATION), 5),
  ("CONFIG_CHOICE", UInt64(CHRONIK_CONFIG_CHOICE), 6),
  ("CONFIG_REQUIRED", UInt64(CHRONIK_CONFIG_REQUIRED), 1),
  ("TIER_APPEND", UInt64(CHRONIK_TIER_APPEND), 0x01),
  ("TIER_DURABLE", UInt64(CHRONIK_TIER_DURABLE), 0x02),
  ("TIER_SEAL", UInt64(CHRONIK_TIER_SEAL), 0x04),
  ("TIER_IMPORT", UInt64(CHRONIK_TIER_IMPORT), 0x08),
  ("TIER_READ", UInt64(CHRONIK_TIER_READ), 0x10),
  ("TIER_SEARCH", UInt64(CHRONIK_TIER_SEARCH), 0x20),
  ("TIER_REWRITE", UInt64(CHRONIK_TIER_REWRITE), 0x40),
  ("TIER_STORE", UInt64(CHRONIK_TIER_STORE), 0x80),
  ("NONBLOCKING", UInt64(CHRONIK_NONBLOCKING), 1),
  ("SEGMENT_SEALED", UInt64(CHRONIK_SEGMENT_SEALED), 1),
  ("STORE_ETAG_CAPACITY", UInt64(CHRONIK_STORE_ETAG_CAPACITY), 64),
  ("PUT_IF_ABSENT", UInt64(CHRONIK_PUT_IF_ABSENT), 1),
  ("SEARCH_NEWEST", UInt64(CHRONIK_SEARCH_NEWEST), 1),
  ("SEARCH_RELEVANCE", UInt64(CHRONIK_SEARCH_RELEVANCE), 2),
  ("SEARCH_HAS_KEY", UInt64(CHRONIK_SEARCH_HAS_KEY), 1),
  ("SEARCH_NULL_KEY", UInt64(CHRONIK_SEARCH_NULL_KEY), 1),
  ("SEARCH_NULL_VALUE", UInt64(CHRONIK_SEARCH_NULL_VALUE), 2),
  ("SEARCH_APPEND_TIME", UInt64(CHRONIK_SEARCH_APPEND_TIME), 4),
  ("SEARCH_PARTIAL", UInt64(CHRONIK_SEARCH_PARTIAL), 1),
  ("SEARCH_TOTAL_EXACT", UInt64(CHRONIK_SEARCH_TOTAL_EXACT), 2),
  ("SEARCH_CURSOR_CAPACITY", UInt64(CHRONIK_SEARCH_CURSOR_CAPACITY), 4096),
  ("ARCHIVE_OBJECT_WITHOUT_ENTRY", UInt64(CHRONIK_ARCHIVE_OBJECT_WITHOUT_ENTRY), 1),
  ("ARCHIVE_ENTRY_WITHOUT_OBJECT", UInt64(CHRONIK_ARCHIVE_ENTRY_WITHOUT_OBJECT), 2),
  ("ARCHIVE_DAMAGED", UInt64(CHRONIK_ARCHIVE_DAMAGED), 3),
  ("ARCHIVE_GAP", UInt64(CHRONIK_ARCHIVE_GAP), 4),
  ("ARCHIVE_FOREIGN", UInt64(CHRONIK_ARCHIVE_FOREIGN), 5),
  ("ARCHIVE_READ_EVERYTHING", UInt64(CHRONIK_ARCHIVE_READ_EVERYTHING), 1),
]

let frozenTexts: [(name: String, actual: String, frozen: String)] = [
  ("PLUGIN_ENTRY_SYMBOL", CHRONIK_PLUGIN_ENTRY_SYMBOL, "chronik_plugin_entry"),
  ("FACTORY_TIER", CHRONIK_FACTORY_TIER, "chronik.tier/1"),
  ("FACTORY_COMPACTION", CHRONIK_FACTORY_COMPACTION, "chronik.compaction/1"),
  ("FACTORY_OBJECT_STORE", CHRONIK_FACTORY_OBJECT_STORE, "chronik.object-store/1"),
  ("HOST_OBJECT_STORE", CHRONIK_HOST_OBJECT_STORE, "chronik.host.object-store/1"),
  ("EXTENSION_SEARCH", CHRONIK_EXTENSION_SEARCH, "chronik.search/1"),
  ("EXTENSION_ARCHIVE", CHRONIK_EXTENSION_ARCHIVE, "chronik.archive/1"),
]
