import TierAPI

/// `compaction.h`, frozen with ABI 1.0.
extension FrozenStruct {
  static let compaction: [FrozenStruct] = [
    FrozenStruct(
      chronik_compaction_options.self, size: 32, alignment: 8,
      [
        (\.struct_size, 0), (\.setting_count, 4), (\.instance_name, 8), (\.settings, 24),
      ]),
    FrozenStruct(
      chronik_compaction_settings.self, size: 64, alignment: 8,
      [
        (\.struct_size, 0), (\.policy, 4), (\.min_cleanable_dirty_ratio, 8), (\.min_compaction_lag_ms, 16),
        (\.max_compaction_lag_ms, 24), (\.delete_retention_ms, 32), (\.retention_ms, 40), (\.retention_bytes, 48),
        (\.segment_bytes, 56),
      ]),
    FrozenStruct(
      chronik_compaction_view.self, size: 80, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.id, 8), (\.settings, 16), (\.segments, 24), (\.segment_count, 32),
        (\.start_offset, 40), (\.stable_offset, 48), (\.rewrite_start_offset, 56), (\.cleaned_offset, 64),
        (\.now_ms, 72),
      ]),
    FrozenStruct(
      chronik_compaction_group.self, size: 40, alignment: 8,
      [
        (\.first_offset, 0), (\.next_offset, 8), (\.action, 16), (\.segment_count, 20), (\.reserved, 24),
      ]),
    FrozenStruct(
      chronik_compaction_plan.self, size: 56, alignment: 8,
      [
        (\.struct_size, 0), (\.capacity, 4), (\.group_count, 8), (\.reserved, 12), (\.groups, 16),
        (\.observe_start, 24), (\.observe_end, 32), (\.urgency, 40), (\.reason, 48),
      ]),
    FrozenStruct(
      chronik_compaction_batch.self, size: 40, alignment: 8,
      [
        (\.struct_size, 0), (\.flags, 4), (\.bytes, 8), (\.base_offset, 24), (\.next_offset, 32),
      ]),
    FrozenStruct(
      chronik_compaction_progress.self, size: 16, alignment: 8,
      [
        (\.struct_size, 0), (\.is_full, 4), (\.observed_offset, 8),
      ]),
    FrozenStruct(
      chronik_compaction_verdict.self, size: 32, alignment: 8,
      [
        (\.struct_size, 0), (\.action, 4), (\.bytes, 8), (\.records_kept, 24),
      ]),
    FrozenStruct(
      chronik_compaction_result.self, size: 32, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.cleaned_offset, 8), (\.records_seen, 16), (\.records_kept, 24),
      ]),
    FrozenStruct(
      chronik_compaction.self, size: 64, alignment: 8,
      [
        (\.struct_size, 0), (\.reserved, 4), (\.create, 8), (\.destroy, 16), (\.plan, 24), (\.begin, 32),
        (\.observe, 40), (\.rewrite, 48), (\.finish, 56),
      ]),
    FrozenStruct(
      chronik_compaction_product.self, size: 16, alignment: 8,
      [
        (\.descriptor, 0), (\.strategy, 8),
      ]),
    FrozenStruct(
      chronik_compaction_factory.self, size: 16, alignment: 8,
      [
        (\.struct_size, 0), (\.product_count, 4), (\.products, 8),
      ]),
  ]
}

let frozenCompactionConstants: [(name: String, actual: UInt64, frozen: UInt64)] = [
  ("COMPACTION_DELETE", UInt64(CHRONIK_COMPACTION_DELETE), 1),
  ("COMPACTION_REWRITE", UInt64(CHRONIK_COMPACTION_REWRITE), 2),
  ("COMPACTION_FORCED", UInt64(CHRONIK_COMPACTION_FORCED), 1),
  ("POLICY_DELETE", UInt64(CHRONIK_POLICY_DELETE), 1),
  ("POLICY_COMPACT", UInt64(CHRONIK_POLICY_COMPACT), 2),
  ("GROUP_REWRITE", UInt64(CHRONIK_GROUP_REWRITE), 1),
  ("GROUP_DELETE", UInt64(CHRONIK_GROUP_DELETE), 2),
  ("BATCH_LAST", UInt64(CHRONIK_BATCH_LAST), 1),
  ("BATCH_PRODUCER_LAST", UInt64(CHRONIK_BATCH_PRODUCER_LAST), 2),
  ("BATCH_COMMITTED", UInt64(CHRONIK_BATCH_COMMITTED), 4),
  ("BATCH_ABORTED", UInt64(CHRONIK_BATCH_ABORTED), 8),
  ("VERDICT_KEEP", UInt64(CHRONIK_VERDICT_KEEP), 1),
  ("VERDICT_DROP", UInt64(CHRONIK_VERDICT_DROP), 2),
  ("VERDICT_REPLACE", UInt64(CHRONIK_VERDICT_REPLACE), 3),
]
