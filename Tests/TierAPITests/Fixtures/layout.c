/* The layout of ABI 1.0 on LP64, frozen. The numbers follow from the headers by arithmetic: 4-byte integers at multiples
 * of 4, pointers and 8-byte integers at multiples of 8. A struct that grew at its end has a new SIZE, and nothing else
 * here may change within a major version. Compiled as C11, C17 and C++17. */
#include <chronik/chronik.h>

#ifdef __cplusplus
#  define FROZEN(condition, text) static_assert(condition, text)
#  define ALIGN_OF(type) alignof(type)
#else
#  define FROZEN(condition, text) _Static_assert(condition, text)
#  define ALIGN_OF(type) _Alignof(type)
#endif
#define SIZE(type, size, alignment) \
  FROZEN(sizeof(type) == (size), #type ": size"); FROZEN(ALIGN_OF(type) == (alignment), #type ": alignment")
#define AT(type, member, offset) FROZEN(offsetof(type, member) == (offset), #type "." #member)
#define VALUE(constant, value) FROZEN((constant) == (value), #constant)

SIZE(chronik_bytes, 16, 8);
AT(chronik_bytes, ptr, 0);
AT(chronik_bytes, len, 8);

SIZE(chronik_slice, 48, 8);
AT(chronik_slice, ptr, 0);
AT(chronik_slice, len, 8);
AT(chronik_slice, storage_bytes, 16);
AT(chronik_slice, owner, 24);
AT(chronik_slice, retain, 32);
AT(chronik_slice, release, 40);

SIZE(chronik_extent, 48, 8);
AT(chronik_extent, kind, 0);
AT(chronik_extent, fd, 4);
AT(chronik_extent, ptr, 8);
AT(chronik_extent, file_offset, 16);
AT(chronik_extent, len, 24);
AT(chronik_extent, owner, 32);
AT(chronik_extent, release, 40);

SIZE(chronik_setting, 32, 8);
AT(chronik_setting, key, 0);
AT(chronik_setting, value, 16);

SIZE(chronik_message, 24, 8);
AT(chronik_message, text, 0);
AT(chronik_message, capacity, 8);
AT(chronik_message, length, 16);

SIZE(chronik_host, 104, 8);
AT(chronik_host, struct_size, 0);
AT(chronik_host, abi_major, 4);
AT(chronik_host, abi_minor, 8);
AT(chronik_host, reserved, 12);
AT(chronik_host, context, 16);
AT(chronik_host, log, 24);
AT(chronik_host, wall_clock_ms, 32);
AT(chronik_host, monotonic_ns, 40);
AT(chronik_host, random, 48);
AT(chronik_host, counter_add, 56);
AT(chronik_host, gauge_set, 64);
AT(chronik_host, observe_seconds, 72);
AT(chronik_host, account_memory, 80);
AT(chronik_host, run_blocking, 88);
AT(chronik_host, get_extension, 96);

SIZE(chronik_config_key, 72, 8);
AT(chronik_config_key, name, 0);
AT(chronik_config_key, summary, 8);
AT(chronik_config_key, default_value, 16);
AT(chronik_config_key, choices, 24);
AT(chronik_config_key, minimum, 32);
AT(chronik_config_key, maximum, 40);
AT(chronik_config_key, kind, 48);
AT(chronik_config_key, flags, 52);
AT(chronik_config_key, reserved, 56);

SIZE(chronik_descriptor, 56, 8);
AT(chronik_descriptor, struct_size, 0);
AT(chronik_descriptor, config_key_count, 4);
AT(chronik_descriptor, id, 8);
AT(chronik_descriptor, name, 16);
AT(chronik_descriptor, version, 24);
AT(chronik_descriptor, summary, 32);
AT(chronik_descriptor, config_keys, 40);
AT(chronik_descriptor, abilities, 48);

SIZE(chronik_plugin, 48, 8);
AT(chronik_plugin, magic, 0);
AT(chronik_plugin, struct_size, 8);
AT(chronik_plugin, abi_major, 12);
AT(chronik_plugin, abi_minor, 16);
AT(chronik_plugin, reserved, 20);
AT(chronik_plugin, name, 24);
AT(chronik_plugin, version, 32);
AT(chronik_plugin, get_factory, 40);

SIZE(chronik_tier_options, 48, 8);
AT(chronik_tier_options, struct_size, 0);
AT(chronik_tier_options, setting_count, 4);
AT(chronik_tier_options, instance_name, 8);
AT(chronik_tier_options, data_directory, 24);
AT(chronik_tier_options, settings, 40);

SIZE(chronik_partition_id, 40, 8);
AT(chronik_partition_id, struct_size, 0);
AT(chronik_partition_id, partition, 4);
AT(chronik_partition_id, topic_id, 8);
AT(chronik_partition_id, topic, 24);

SIZE(chronik_partition_settings, 48, 8);
AT(chronik_partition_settings, struct_size, 0);
AT(chronik_partition_settings, reserved, 4);
AT(chronik_partition_settings, segment_bytes, 8);
AT(chronik_partition_settings, segment_ms, 16);
AT(chronik_partition_settings, index_interval_bytes, 24);
AT(chronik_partition_settings, local_retention_ms, 32);
AT(chronik_partition_settings, local_retention_bytes, 40);

SIZE(chronik_partition_state, 56, 8);
AT(chronik_partition_state, struct_size, 0);
AT(chronik_partition_state, last_leader_epoch, 4);
AT(chronik_partition_state, start_offset, 8);
AT(chronik_partition_state, end_offset, 16);
AT(chronik_partition_state, durable_end_offset, 24);
AT(chronik_partition_state, byte_count, 32);
AT(chronik_partition_state, max_timestamp, 40);
AT(chronik_partition_state, max_timestamp_offset, 48);

SIZE(chronik_batch, 96, 8);
AT(chronik_batch, bytes, 0);
AT(chronik_batch, base_offset, 48);
AT(chronik_batch, next_offset, 56);
AT(chronik_batch, max_timestamp, 64);
AT(chronik_batch, leader_epoch, 72);
AT(chronik_batch, record_count, 76);
AT(chronik_batch, reserved, 80);

SIZE(chronik_flush_result, 16, 8);
AT(chronik_flush_result, status, 0);
AT(chronik_flush_result, reserved, 4);
AT(chronik_flush_result, durable_end_offset, 8);

SIZE(chronik_read_request, 40, 8);
AT(chronik_read_request, struct_size, 0);
AT(chronik_read_request, flags, 4);
AT(chronik_read_request, offset, 8);
AT(chronik_read_request, end_offset, 16);
AT(chronik_read_request, max_bytes, 24);
AT(chronik_read_request, min_one_batch, 32);
AT(chronik_read_request, reserved, 36);

SIZE(chronik_read_result, 48, 8);
AT(chronik_read_result, struct_size, 0);
AT(chronik_read_result, capacity, 4);
AT(chronik_read_result, extent_count, 8);
AT(chronik_read_result, reserved, 12);
AT(chronik_read_result, extents, 16);
AT(chronik_read_result, start_offset, 24);
AT(chronik_read_result, next_offset, 32);
AT(chronik_read_result, byte_count, 40);

SIZE(chronik_timestamp_request, 32, 8);
AT(chronik_timestamp_request, struct_size, 0);
AT(chronik_timestamp_request, flags, 4);
AT(chronik_timestamp_request, timestamp, 8);
AT(chronik_timestamp_request, start_offset, 16);
AT(chronik_timestamp_request, end_offset, 24);

SIZE(chronik_timestamp_result, 24, 8);
AT(chronik_timestamp_result, struct_size, 0);
AT(chronik_timestamp_result, reserved, 4);
AT(chronik_timestamp_result, base_offset, 8);
AT(chronik_timestamp_result, max_timestamp, 16);

SIZE(chronik_segment, 64, 8);
AT(chronik_segment, base_offset, 0);
AT(chronik_segment, next_offset, 8);
AT(chronik_segment, byte_count, 16);
AT(chronik_segment, max_timestamp, 24);
AT(chronik_segment, min_timestamp, 32);
AT(chronik_segment, last_leader_epoch, 40);
AT(chronik_segment, flags, 44);
AT(chronik_segment, reserved, 48);

SIZE(chronik_tier, 184, 8);
AT(chronik_tier, struct_size, 0);
AT(chronik_tier, reserved, 4);
AT(chronik_tier, create, 8);
AT(chronik_tier, destroy, 16);
AT(chronik_tier, start, 24);
AT(chronik_tier, stop, 32);
AT(chronik_tier, open_partition, 40);
AT(chronik_tier, close_partition, 48);
AT(chronik_tier, delete_partition, 56);
AT(chronik_tier, configure_partition, 64);
AT(chronik_tier, state, 72);
AT(chronik_tier, append, 80);
AT(chronik_tier, flush, 88);
AT(chronik_tier, truncate, 96);
AT(chronik_tier, advance_start, 104);
AT(chronik_tier, read, 112);
AT(chronik_tier, find_timestamp, 120);
AT(chronik_tier, segments, 128);
AT(chronik_tier, seal, 136);
AT(chronik_tier, evict, 144);
AT(chronik_tier, import_segment, 152);
AT(chronik_tier, replace_segments, 160);
AT(chronik_tier, list_partitions, 168);
AT(chronik_tier, get_extension, 176);

SIZE(chronik_tier_product, 16, 8);
AT(chronik_tier_product, descriptor, 0);
AT(chronik_tier_product, tier, 8);

SIZE(chronik_tier_factory, 16, 8);
AT(chronik_tier_factory, struct_size, 0);
AT(chronik_tier_factory, product_count, 4);
AT(chronik_tier_factory, products, 8);

SIZE(chronik_store_options, 48, 8);
AT(chronik_store_options, struct_size, 0);
AT(chronik_store_options, setting_count, 4);
AT(chronik_store_options, instance_name, 8);
AT(chronik_store_options, data_directory, 24);
AT(chronik_store_options, settings, 40);

SIZE(chronik_store_call, 32, 8);
AT(chronik_store_call, struct_size, 0);
AT(chronik_store_call, reserved, 4);
AT(chronik_store_call, deadline_ns, 8);
AT(chronik_store_call, cancelled, 16);
AT(chronik_store_call, cancel_context, 24);

SIZE(chronik_object_info, 104, 8);
AT(chronik_object_info, byte_count, 0);
AT(chronik_object_info, modified_ms, 8);
AT(chronik_object_info, etag_length, 16);
AT(chronik_object_info, reserved, 20);
AT(chronik_object_info, etag, 24);
AT(chronik_object_info, reserved2, 88);

SIZE(chronik_store_read, 80, 8);
AT(chronik_store_read, key, 0);
AT(chronik_store_read, offset, 16);
AT(chronik_store_read, length, 24);
AT(chronik_store_read, buffer, 32);
AT(chronik_store_read, received, 40);
AT(chronik_store_read, object_byte_count, 48);
AT(chronik_store_read, status, 56);
AT(chronik_store_read, reserved, 60);
AT(chronik_store_read, reserved2, 64);

SIZE(chronik_object_store, 88, 8);
AT(chronik_object_store, struct_size, 0);
AT(chronik_object_store, reserved, 4);
AT(chronik_object_store, create, 8);
AT(chronik_object_store, destroy, 16);
AT(chronik_object_store, start, 24);
AT(chronik_object_store, stop, 32);
AT(chronik_object_store, put, 40);
AT(chronik_object_store, read, 48);
AT(chronik_object_store, head, 56);
AT(chronik_object_store, list, 64);
AT(chronik_object_store, remove, 72);
AT(chronik_object_store, get_extension, 80);

SIZE(chronik_object_store_product, 16, 8);
AT(chronik_object_store_product, descriptor, 0);
AT(chronik_object_store_product, store, 8);

SIZE(chronik_object_store_factory, 16, 8);
AT(chronik_object_store_factory, struct_size, 0);
AT(chronik_object_store_factory, product_count, 4);
AT(chronik_object_store_factory, products, 8);

SIZE(chronik_host_object_store, 24, 8);
AT(chronik_host_object_store, struct_size, 0);
AT(chronik_host_object_store, reserved, 4);
AT(chronik_host_object_store, store, 8);
AT(chronik_host_object_store, instance, 16);

SIZE(chronik_search_request, 112, 8);
AT(chronik_search_request, struct_size, 0);
AT(chronik_search_request, flags, 4);
AT(chronik_search_request, query, 8);
AT(chronik_search_request, key, 24);
AT(chronik_search_request, since_ms, 40);
AT(chronik_search_request, until_ms, 48);
AT(chronik_search_request, order, 56);
AT(chronik_search_request, limit, 60);
AT(chronik_search_request, cursor, 64);
AT(chronik_search_request, deadline_ns, 80);
AT(chronik_search_request, byte_budget, 88);
AT(chronik_search_request, cancelled, 96);
AT(chronik_search_request, cancel_context, 104);

SIZE(chronik_search_partition, 40, 8);
AT(chronik_search_partition, partition, 0);
AT(chronik_search_partition, start_offset, 8);
AT(chronik_search_partition, end_offset, 16);
AT(chronik_search_partition, reserved, 24);

SIZE(chronik_search_source, 24, 8);
AT(chronik_search_source, struct_size, 0);
AT(chronik_search_source, reserved, 4);
AT(chronik_search_source, context, 8);
AT(chronik_search_source, read, 16);

SIZE(chronik_search_header, 32, 8);
AT(chronik_search_header, name, 0);
AT(chronik_search_header, value, 16);

SIZE(chronik_search_hit, 88, 8);
AT(chronik_search_hit, struct_size, 0);
AT(chronik_search_hit, flags, 4);
AT(chronik_search_hit, partition_index, 8);
AT(chronik_search_hit, offset, 16);
AT(chronik_search_hit, timestamp_ms, 24);
AT(chronik_search_hit, key, 32);
AT(chronik_search_hit, value, 48);
AT(chronik_search_hit, headers, 64);
AT(chronik_search_hit, header_count, 72);
AT(chronik_search_hit, score, 80);

SIZE(chronik_search_result, 4152, 8);
AT(chronik_search_result, struct_size, 0);
AT(chronik_search_result, flags, 4);
AT(chronik_search_result, total, 8);
AT(chronik_search_result, objects_searched, 16);
AT(chronik_search_result, bytes_read, 24);
AT(chronik_search_result, rounds, 32);
AT(chronik_search_result, records_scanned, 40);
AT(chronik_search_result, cursor_length, 48);
AT(chronik_search_result, reserved, 52);
AT(chronik_search_result, cursor, 56);

SIZE(chronik_search, 16, 8);
AT(chronik_search, struct_size, 0);
AT(chronik_search, reserved, 4);
AT(chronik_search, search, 8);

SIZE(chronik_archive_finding, 40, 8);
AT(chronik_archive_finding, struct_size, 0);
AT(chronik_archive_finding, kind, 4);
AT(chronik_archive_finding, key, 8);
AT(chronik_archive_finding, detail, 24);

SIZE(chronik_archive_summary, 64, 8);
AT(chronik_archive_summary, struct_size, 0);
AT(chronik_archive_summary, reserved, 4);
AT(chronik_archive_summary, partitions, 8);
AT(chronik_archive_summary, objects, 16);
AT(chronik_archive_summary, object_bytes, 24);
AT(chronik_archive_summary, record_bytes, 32);
AT(chronik_archive_summary, findings, 40);
AT(chronik_archive_summary, repaired, 48);
AT(chronik_archive_summary, pending_deletions, 56);

SIZE(chronik_archive, 40, 8);
AT(chronik_archive, struct_size, 0);
AT(chronik_archive, reserved, 4);
AT(chronik_archive, rebuild, 8);
AT(chronik_archive, verify, 16);
AT(chronik_archive, export_json, 24);
AT(chronik_archive, finish_deletions, 32);

SIZE(chronik_compaction_options, 32, 8);
AT(chronik_compaction_options, struct_size, 0);
AT(chronik_compaction_options, setting_count, 4);
AT(chronik_compaction_options, instance_name, 8);
AT(chronik_compaction_options, settings, 24);

SIZE(chronik_compaction_settings, 64, 8);
AT(chronik_compaction_settings, struct_size, 0);
AT(chronik_compaction_settings, policy, 4);
AT(chronik_compaction_settings, min_cleanable_dirty_ratio, 8);
AT(chronik_compaction_settings, min_compaction_lag_ms, 16);
AT(chronik_compaction_settings, max_compaction_lag_ms, 24);
AT(chronik_compaction_settings, delete_retention_ms, 32);
AT(chronik_compaction_settings, retention_ms, 40);
AT(chronik_compaction_settings, retention_bytes, 48);
AT(chronik_compaction_settings, segment_bytes, 56);

SIZE(chronik_compaction_view, 80, 8);
AT(chronik_compaction_view, struct_size, 0);
AT(chronik_compaction_view, flags, 4);
AT(chronik_compaction_view, id, 8);
AT(chronik_compaction_view, settings, 16);
AT(chronik_compaction_view, segments, 24);
AT(chronik_compaction_view, segment_count, 32);
AT(chronik_compaction_view, start_offset, 40);
AT(chronik_compaction_view, stable_offset, 48);
AT(chronik_compaction_view, rewrite_start_offset, 56);
AT(chronik_compaction_view, cleaned_offset, 64);
AT(chronik_compaction_view, now_ms, 72);

SIZE(chronik_compaction_group, 40, 8);
AT(chronik_compaction_group, first_offset, 0);
AT(chronik_compaction_group, next_offset, 8);
AT(chronik_compaction_group, action, 16);
AT(chronik_compaction_group, segment_count, 20);
AT(chronik_compaction_group, reserved, 24);

SIZE(chronik_compaction_plan, 56, 8);
AT(chronik_compaction_plan, struct_size, 0);
AT(chronik_compaction_plan, capacity, 4);
AT(chronik_compaction_plan, group_count, 8);
AT(chronik_compaction_plan, reserved, 12);
AT(chronik_compaction_plan, groups, 16);
AT(chronik_compaction_plan, observe_start, 24);
AT(chronik_compaction_plan, observe_end, 32);
AT(chronik_compaction_plan, urgency, 40);
AT(chronik_compaction_plan, reason, 48);

SIZE(chronik_compaction_batch, 40, 8);
AT(chronik_compaction_batch, struct_size, 0);
AT(chronik_compaction_batch, flags, 4);
AT(chronik_compaction_batch, bytes, 8);
AT(chronik_compaction_batch, base_offset, 24);
AT(chronik_compaction_batch, next_offset, 32);

SIZE(chronik_compaction_progress, 16, 8);
AT(chronik_compaction_progress, struct_size, 0);
AT(chronik_compaction_progress, is_full, 4);
AT(chronik_compaction_progress, observed_offset, 8);

SIZE(chronik_compaction_verdict, 32, 8);
AT(chronik_compaction_verdict, struct_size, 0);
AT(chronik_compaction_verdict, action, 4);
AT(chronik_compaction_verdict, bytes, 8);
AT(chronik_compaction_verdict, records_kept, 24);

SIZE(chronik_compaction_result, 32, 8);
AT(chronik_compaction_result, struct_size, 0);
AT(chronik_compaction_result, reserved, 4);
AT(chronik_compaction_result, cleaned_offset, 8);
AT(chronik_compaction_result, records_seen, 16);
AT(chronik_compaction_result, records_kept, 24);

SIZE(chronik_compaction, 64, 8);
AT(chronik_compaction, struct_size, 0);
AT(chronik_compaction, reserved, 4);
AT(chronik_compaction, create, 8);
AT(chronik_compaction, destroy, 16);
AT(chronik_compaction, plan, 24);
AT(chronik_compaction, begin, 32);
AT(chronik_compaction, observe, 40);
AT(chronik_compaction, rewrite, 48);
AT(chronik_compaction, finish, 56);

SIZE(chronik_compaction_product, 16, 8);
AT(chronik_compaction_product, descriptor, 0);
AT(chronik_compaction_product, strategy, 8);

SIZE(chronik_compaction_factory, 16, 8);
AT(chronik_compaction_factory, struct_size, 0);
AT(chronik_compaction_factory, product_count, 4);
AT(chronik_compaction_factory, products, 8);

VALUE(CHRONIK_OK, 0);
VALUE(CHRONIK_MISS, 1);
VALUE(CHRONIK_WOULD_BLOCK, 2);
VALUE(CHRONIK_RETRIABLE, 3);
VALUE(CHRONIK_THROTTLED, 4);
VALUE(CHRONIK_NOT_FOUND, 5);
VALUE(CHRONIK_CORRUPT, 6);
VALUE(CHRONIK_FENCED, 7);
VALUE(CHRONIK_NO_SPACE, 8);
VALUE(CHRONIK_CANCELLED, 9);
VALUE(CHRONIK_INVALID_CONFIG, 10);
VALUE(CHRONIK_PERMANENT, 11);

VALUE(CHRONIK_EXTENT_MEMORY, 1);
VALUE(CHRONIK_EXTENT_FILE, 2);

VALUE(CHRONIK_LOG_TRACE, 0);
VALUE(CHRONIK_LOG_DEBUG, 1);
VALUE(CHRONIK_LOG_INFO, 2);
VALUE(CHRONIK_LOG_WARNING, 3);
VALUE(CHRONIK_LOG_ERROR, 4);

VALUE(CHRONIK_ABI_MAJOR, 1);
VALUE(CHRONIK_ABI_MINOR, 0);
VALUE(CHRONIK_PLUGIN_MAGIC, 0x004b494e4f524843ull);

VALUE(CHRONIK_CONFIG_STRING, 1);
VALUE(CHRONIK_CONFIG_BOOL, 2);
VALUE(CHRONIK_CONFIG_INTEGER, 3);
VALUE(CHRONIK_CONFIG_SIZE, 4);
VALUE(CHRONIK_CONFIG_DURATION, 5);
VALUE(CHRONIK_CONFIG_CHOICE, 6);
VALUE(CHRONIK_CONFIG_REQUIRED, 1);

VALUE(CHRONIK_TIER_APPEND, 0x01);
VALUE(CHRONIK_TIER_DURABLE, 0x02);
VALUE(CHRONIK_TIER_SEAL, 0x04);
VALUE(CHRONIK_TIER_IMPORT, 0x08);
VALUE(CHRONIK_TIER_READ, 0x10);
VALUE(CHRONIK_TIER_SEARCH, 0x20);
VALUE(CHRONIK_TIER_REWRITE, 0x40);
VALUE(CHRONIK_TIER_STORE, 0x80);

VALUE(CHRONIK_NONBLOCKING, 1);
VALUE(CHRONIK_SEGMENT_SEALED, 1);

VALUE(CHRONIK_STORE_ETAG_CAPACITY, 64);
VALUE(CHRONIK_PUT_IF_ABSENT, 1);

VALUE(CHRONIK_SEARCH_NEWEST, 1);
VALUE(CHRONIK_SEARCH_RELEVANCE, 2);
VALUE(CHRONIK_SEARCH_HAS_KEY, 1);
VALUE(CHRONIK_SEARCH_NULL_KEY, 1);
VALUE(CHRONIK_SEARCH_NULL_VALUE, 2);
VALUE(CHRONIK_SEARCH_APPEND_TIME, 4);
VALUE(CHRONIK_SEARCH_PARTIAL, 1);
VALUE(CHRONIK_SEARCH_TOTAL_EXACT, 2);
VALUE(CHRONIK_SEARCH_CURSOR_CAPACITY, 4096);

VALUE(CHRONIK_ARCHIVE_OBJECT_WITHOUT_ENTRY, 1);
VALUE(CHRONIK_ARCHIVE_ENTRY_WITHOUT_OBJECT, 2);
VALUE(CHRONIK_ARCHIVE_DAMAGED, 3);
VALUE(CHRONIK_ARCHIVE_GAP, 4);
VALUE(CHRONIK_ARCHIVE_FOREIGN, 5);
VALUE(CHRONIK_ARCHIVE_READ_EVERYTHING, 1);
VALUE(CHRONIK_SEARCH_NULL_HEADER_VALUE, 0xffffffffffffffffu);
VALUE(CHRONIK_COMPACTION_DELETE, 1);
VALUE(CHRONIK_COMPACTION_REWRITE, 2);
VALUE(CHRONIK_COMPACTION_FORCED, 1);
VALUE(CHRONIK_POLICY_DELETE, 1);
VALUE(CHRONIK_POLICY_COMPACT, 2);
VALUE(CHRONIK_GROUP_REWRITE, 1);
VALUE(CHRONIK_GROUP_DELETE, 2);
VALUE(CHRONIK_BATCH_LAST, 1);
VALUE(CHRONIK_BATCH_PRODUCER_LAST, 2);
VALUE(CHRONIK_BATCH_COMMITTED, 4);
VALUE(CHRONIK_BATCH_ABORTED, 8);
VALUE(CHRONIK_VERDICT_KEEP, 1);
VALUE(CHRONIK_VERDICT_DROP, 2);
VALUE(CHRONIK_VERDICT_REPLACE, 3);

FROZEN(sizeof(chronik_status) == 4, "chronik_status");
FROZEN(sizeof(size_t) == 8 && sizeof(void *) == 8, "this table is for LP64");

/* Something external, because an empty translation unit is not ISO C. */
int chronik_layout_is_frozen(void);
int chronik_layout_is_frozen(void) { return 1; }
