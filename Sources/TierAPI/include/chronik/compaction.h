/* Compaction strategies: factory id "chronik.compaction/1".
 *
 * A strategy decides what a partition may lose: whole segments (retention) or single records (compaction). It owns no
 * storage. The host shows it segments and batches, checks every answer, applies it through the tier that holds the
 * segments, and can also only print it (dry run).
 *
 *   create -> { plan -> [ begin -> { observe } -> { rewrite } -> finish ] } -> destroy
 *
 * Which functions a strategy offers follows from its abilities (chronik_descriptor.abilities); the others may be NULL:
 *   always   create destroy plan
 *   DELETE   its plans may have groups with the action DELETE
 *   REWRITE  its plans may have groups with the action REWRITE; begin observe rewrite finish
 *
 * A run with REWRITE groups: begin; observe for every batch of [observe_start, observe_end) in offset order, until the
 * strategy has enough; rewrite for every batch of every group in offset order; finish. Groups that begin at or above
 * the offset where observing ended are left out. The host may call finish at any time instead of going on.
 *
 * Concurrency. One instance serves many partitions and is re-entrant: plan and begin may be called from several threads
 * at once. The calls of one run come from one thread at a time.
 */
#ifndef CHRONIK_COMPACTION_H
#define CHRONIK_COMPACTION_H

#include "status.h"
#include "bytes.h"
#include "host.h"
#include "plugin.h"
#include "tier.h"

CHRONIK_BEGIN

/* Abilities: bits of chronik_descriptor.abilities. */
#define CHRONIK_COMPACTION_DELETE  0x01ull /* lets whole segments go */
#define CHRONIK_COMPACTION_REWRITE 0x02ull /* lets single records go */

typedef struct chronik_compaction_options {
  uint32_t struct_size;
  uint32_t setting_count;
  chronik_bytes instance_name;  /* [A-Za-z0-9_.-] */
  const chronik_setting *CHRONIK_NULLABLE settings; /* every key of the descriptor that has a value, normalised */
} CHRONIK_SENDABLE chronik_compaction_options;

/* -- what a strategy sees of a partition ------------------------------------------------------------------------ */

#define CHRONIK_POLICY_DELETE  1u /* cleanup.policy contains delete */
#define CHRONIK_POLICY_COMPACT 2u /* cleanup.policy contains compact */

/* The topic's settings, under Kafka's names. */
typedef struct chronik_compaction_settings {
  uint32_t struct_size;
  uint32_t policy;                   /* CHRONIK_POLICY_… bits */
  double min_cleanable_dirty_ratio;  /* 0 … 1 */
  int64_t min_compaction_lag_ms;     /* 0: none */
  int64_t max_compaction_lag_ms;     /* -1: none */
  int64_t delete_retention_ms;
  int64_t retention_ms;              /* -1: unlimited */
  int64_t retention_bytes;           /* -1: unlimited */
  int64_t segment_bytes;             /* merged segments stay at or below this */
} CHRONIK_SENDABLE chronik_compaction_settings;

#define CHRONIK_COMPACTION_FORCED 1u /* a person asks: plan whatever can be done, however little it brings */

/* A partition at one moment. All borrowed for the call. */
typedef struct chronik_compaction_view {
  uint32_t struct_size;
  uint32_t flags;                    /* CHRONIK_COMPACTION_FORCED or 0 */
  const chronik_partition_id *id;
  const chronik_compaction_settings *settings;
  const chronik_segment *segments;   /* of the tier that would be changed, in offset order; the active one is last */
  size_t segment_count;
  int64_t start_offset;              /* first offset that can be read */
  int64_t stable_offset;             /* nothing at or above it may be changed: the high watermark or, below it, the
                                        last stable offset */
  int64_t rewrite_start_offset;      /* nothing below it may be changed: a tier below holds its own copy */
  int64_t cleaned_offset;            /* as the last run's result said; -1: never, or forgotten */
  int64_t now_ms;                    /* since 1970 */
} CHRONIK_SENDABLE chronik_compaction_view;

/* -- what it answers -------------------------------------------------------------------------------------------- */

#define CHRONIK_GROUP_REWRITE 1u /* these segments become one, with the batches that rewrite lets through */
#define CHRONIK_GROUP_DELETE  2u /* these segments go */

/* Neighbouring sealed segments that cover exactly [first_offset, next_offset). */
typedef struct chronik_compaction_group {
  int64_t first_offset;
  int64_t next_offset;
  uint32_t action;                   /* CHRONIK_GROUP_… */
  uint32_t segment_count;            /* >= 1 */
  uint64_t reserved[2];
} CHRONIK_SENDABLE chronik_compaction_group;

/* [owner] the host owns the struct, the array `groups` of `capacity` elements and the buffer of `reason`. */
typedef struct chronik_compaction_plan {
  uint32_t struct_size;
  uint32_t capacity;                 /* >= 1; a strategy that runs out ends its plan there */
  uint32_t group_count;              /* 0: nothing to do */
  uint32_t reserved;
  chronik_compaction_group *groups;  /* in offset order; DELETE groups first, from the first segment on */
  int64_t observe_start;             /* the batches that observe must see before a record is judged … */
  int64_t observe_end;               /* … up to here; equal for none */
  double urgency;                    /* the host serves the largest first */
  chronik_message *reason;           /* one sentence for people, also when there is nothing to do */
} CHRONIK_SENDABLE chronik_compaction_plan;

/* -- a run over record batches ----------------------------------------------------------------------------------- */

#define CHRONIK_BATCH_LAST          1u /* rewrite: the last one of its group; it must be kept, if need be without
                                          records, so that a segment still ends where it ended */
#define CHRONIK_BATCH_PRODUCER_LAST 2u /* rewrite: the last one of a producer that may go on; it must be kept, if
                                          need be without records, so that the producer's sequence is not forgotten */
#define CHRONIK_BATCH_COMMITTED     4u /* its transaction was committed */
#define CHRONIK_BATCH_ABORTED       8u /* its transaction was aborted: its records do not count */

/* One whole record batch (magic 2) as it is in the log; its checksum was checked. Borrowed for the call.
 * A transactional batch with neither COMMITTED nor ABORTED must be kept as it is and its records must not count. */
typedef struct chronik_compaction_batch {
  uint32_t struct_size;
  uint32_t flags;                    /* CHRONIK_BATCH_… */
  chronik_bytes bytes;
  int64_t base_offset;
  int64_t next_offset;
} CHRONIK_SENDABLE chronik_compaction_batch;

typedef struct chronik_compaction_progress {
  uint32_t struct_size;
  uint32_t is_full;                  /* 1: show no more batches; what was seen below observed_offset counts */
  int64_t observed_offset;           /* rises with every batch; inside it when memory ran out there */
} CHRONIK_SENDABLE chronik_compaction_progress;

#define CHRONIK_VERDICT_KEEP    1u   /* copied byte for byte */
#define CHRONIK_VERDICT_DROP    2u   /* gone with all its records */
#define CHRONIK_VERDICT_REPLACE 3u   /* `bytes` stand in its place */

/* A replacement is one valid batch with the same base offset, last offset, leader epoch, producer id, epoch and
 * sequence, that holds some of the records, or none, at their offsets.
 * [owner] the strategy owns `bytes`; they stay valid until the next call with the same run. */
typedef struct chronik_compaction_verdict {
  uint32_t struct_size;
  uint32_t action;                   /* CHRONIK_VERDICT_… */
  chronik_bytes bytes;
  uint64_t records_kept;             /* of this batch, for the log line */
} CHRONIK_SENDABLE chronik_compaction_verdict;

typedef struct chronik_compaction_result {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t cleaned_offset;            /* for the next view, if every group was applied; at most the observed offset */
  uint64_t records_seen;             /* by rewrite */
  uint64_t records_kept;
} CHRONIK_SENDABLE chronik_compaction_result;

/* -- the instance ------------------------------------------------------------------------------------------------ */

typedef struct chronik_compaction {
  uint32_t struct_size;
  uint32_t reserved;

  /* Checks the options.
   * [thread] one call per instance. [blocking] no. [owner] `host` outlives the instance; options are borrowed; on OK
   * *out is the instance, `self` below. [again] another instance. INVALID_CONFIG names key and value. */
  chronik_status (*create)(const chronik_host *host, const chronik_compaction_options *options,
                           void *CHRONIK_NULLABLE *CHRONIK_NONNULL out, chronik_message *message);
  /* Frees the instance; every run was finished. [thread] one; nothing else runs. [blocking] no. */
  void (*destroy)(void *self);

  /* Looks at a partition and says what should happen, and why. Changes nothing.
   * [thread] any. [blocking] no. [owner] see chronik_compaction_plan. [again] the same answer for the same view. */
  chronik_status (*plan)(void *self, const chronik_compaction_view *view, chronik_compaction_plan *plan,
                         chronik_message *message);

  /* Begins a run over a plan that plan() made for the same view; the host may have left out groups at the end.
   * [thread] any. [blocking] no. [owner] view and plan are borrowed; on OK *out is the run. NO_SPACE: too many runs at
   * once, later calls may succeed. */
  chronik_status (*CHRONIK_NULLABLE begin)(void *self, const chronik_compaction_view *view,
                                           const chronik_compaction_plan *plan,
                                           void *CHRONIK_NULLABLE *CHRONIK_NONNULL out, chronik_message *message);
  /* Shows the run a batch that decides about others. On any status but OK the run can only be finished.
   * [thread] see above. [blocking] computes, never waits. [owner] the batch is borrowed. */
  chronik_status (*CHRONIK_NULLABLE observe)(void *self, void *run, const chronik_compaction_batch *batch,
                                             chronik_compaction_progress *progress, chronik_message *message);
  /* Judges a batch. A batch that cannot be understood is kept. On any status but OK the run can only be finished.
   * [thread] see above. [blocking] computes, never waits. [owner] see chronik_compaction_verdict. */
  chronik_status (*CHRONIK_NULLABLE rewrite)(void *self, void *run, const chronik_compaction_batch *batch,
                                             chronik_compaction_verdict *verdict, chronik_message *message);
  /* Ends the run and frees it. [thread] see above. [blocking] no. [owner] `result` is the host's. */
  void (*CHRONIK_NULLABLE finish)(void *self, void *run, chronik_compaction_result *result);
} CHRONIK_SENDABLE chronik_compaction;

/* One strategy that a library offers. */
typedef struct chronik_compaction_product {
  const chronik_descriptor *descriptor;
  const chronik_compaction *strategy;
} CHRONIK_SENDABLE chronik_compaction_product;

/* The answer to get_factory(CHRONIK_FACTORY_COMPACTION). */
typedef struct chronik_compaction_factory {
  uint32_t struct_size;
  uint32_t product_count;
  const chronik_compaction_product *products;
} CHRONIK_SENDABLE chronik_compaction_factory;

CHRONIK_END
#endif
