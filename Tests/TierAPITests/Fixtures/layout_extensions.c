/* The layout of ABI 1.0 on LP64, frozen as in layout.c: searching, archives, compaction, and the constants. */
#include "frozen.h"

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
int chronik_extension_layout_is_frozen(void);
int chronik_extension_layout_is_frozen(void) { return 1; }
