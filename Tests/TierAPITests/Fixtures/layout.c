/* The layout of ABI 1.0 on LP64, frozen: tiers and object stores. The numbers follow from the headers by arithmetic:
 * 4-byte integers at multiples of 4, pointers and 8-byte integers at multiples of 8. A struct that grew at its end has
 * a new SIZE, and nothing else here may change within a major version. Compiled as C11, C17 and C++17. */
#include "frozen.h"

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

/* Something external, because an empty translation unit is not ISO C. */
int chronik_layout_is_frozen(void);
int chronik_layout_is_frozen(void) { return 1; }
