import TierAPI

// Object stores and the extensions of tiers; see FrozenLayout.swift.
extension FrozenStruct {
  static let objectStore: [FrozenStruct] = [
    FrozenStruct(
      chronik_store_options.self, size: 48, alignment: 8,
      [
        (\.struct_size, 0), (\.setting_count, 4), (\.instance_name, 8), (\.data_directory, 24), (\.settings, 40),
      ]),
    FrozenStruct(
      chronik_store_call.self, size: 32, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.deadline_ns, 8), (\.cancelled, 16), (\.cancel_context, 24),
      ]),
    FrozenStruct(
      chronik_object_info.self, size: 104, alignment: 8,
      [
        (\.byte_count, 0), (\.modified_ms, 8), (\.etag_length, 16), (\.reserved, 20), (\.etag, 24),
        (\.reserved2, 88),
      ]),
    FrozenStruct(
      chronik_store_read.self, size: 80, alignment: 8,
      [
        (\.key, 0), (\.offset, 16), (\.length, 24), (\.buffer, 32), (\.received, 40), (\.object_byte_count, 48),
        (\.status, 56), (\.reserved, 60), (\.reserved2, 64),
      ]),
    FrozenStruct(
      chronik_object_store.self, size: 88, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.create, 8), (\.destroy, 16), (\.start, 24), (\.stop, 32),
        (\.put, 40), (\.read, 48), (\.head, 56), (\.list, 64), (\.remove, 72), (\.get_extension, 80),
      ]),
    FrozenStruct(
      chronik_object_store_product.self, size: 16, alignment: 8,
      [
        (\.descriptor, 0), (\.store, 8),
      ]),
    FrozenStruct(
      chronik_object_store_factory.self, size: 16, alignment: 8,
      [
        (\.struct_size, 0), (\.product_count, 4), (\.products, 8),
      ]),
    FrozenStruct(
      chronik_host_object_store.self, size: 24, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.store, 8), (\.instance, 16),
      ]),
  ]

  static let search: [FrozenStruct] = [
    FrozenStruct(
      chronik_search_request.self, size: 112, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.query, 8), (\.key, 24), (\.since_ms, 40), (\.until_ms, 48),
        (\.order, 56), (\.limit, 60), (\.cursor, 64), (\.deadline_ns, 80), (\.byte_budget, 88), (\.cancelled, 96),
        (\.cancel_context, 104),
      ]),
    FrozenStruct(
      chronik_search_partition.self, size: 40, alignment: 8,
      [
        (\.partition, 0), (\.start_offset, 8), (\.end_offset, 16), (\.reserved, 24),
      ]),
    FrozenStruct(
      chronik_search_source.self, size: 24, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.context, 8), (\.read, 16),
      ]),
    FrozenStruct(
      chronik_search_header.self, size: 32, alignment: 8,
      [
        (\.name, 0), (\.value, 16),
      ]),
    FrozenStruct(
      chronik_search_hit.self, size: 88, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.partition_index, 8), (\.offset, 16), (\.timestamp_ms, 24),
        (\.key, 32), (\.value, 48), (\.headers, 64), (\.header_count, 72), (\.score, 80),
      ]),
    FrozenStruct(
      chronik_search_result.self, size: 4152, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.total, 8), (\.objects_searched, 16), (\.bytes_read, 24),
        (\.rounds, 32), (\.records_scanned, 40), (\.cursor_length, 48), (\.reserved, 52), (\.cursor, 56),
      ]),
    FrozenStruct(
      chronik_search.self, size: 16, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.search, 8),
      ]),
  ]

  static let archive: [FrozenStruct] = [
    FrozenStruct(
      chronik_archive_finding.self, size: 40, alignment: 8,
      [
        (\.struct_size, 0), (\.kind, 4), (\.key, 8), (\.detail, 24),
      ]),
    FrozenStruct(
      chronik_archive_summary.self, size: 64, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.partitions, 8), (\.objects, 16), (\.object_bytes, 24),
        (\.record_bytes, 32), (\.findings, 40), (\.repaired, 48), (\.pending_deletions, 56),
      ]),
    FrozenStruct(
      chronik_archive.self, size: 40, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.rebuild, 8), (\.verify, 16), (\.export_json, 24),
        (\.finish_deletions, 32),
      ]),
  ]
}
