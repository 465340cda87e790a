/* Tiers: factory id "chronik.tier/1".
 *
 * A tier holds, for each partition, one contiguous range of offsets [start, end) as verbatim Kafka record batches
 * (magic 2). It never interprets records; the batch header's first 61 bytes are all that most tiers look at.
 *
 *   create -> start -> { open_partition -> use -> close_partition } -> stop -> destroy
 *
 * Which functions a tier offers follows from its abilities; a function that an ability does not demand may be NULL:
 *   always   create start stop destroy open_partition close_partition delete_partition state read
 *   APPEND   append, advance_start, truncate
 *   DURABLE  flush
 *   SEAL     segments, seal, evict
 *   IMPORT   import_segment, segments, advance_start
 *   REWRITE  replace_segments, segments
 *   SEARCH   get_extension("chronik.search/1")
 *
 * Concurrency. One instance serves many partitions and is re-entrant. For one partition the host makes append,
 * truncate, seal, import_segment, replace_segments, evict, advance_start and configure_partition one at a time and
 * never while the partition is being opened, closed or deleted, with one exception: replace_segments and evict, which
 * take long and touch sealed segments only, may run beside append, seal and configure_partition (not beside each
 * other), so that appends never wait for files to be removed. read, find_timestamp, segments
 * and state may run at any time beside them and beside each other; flush may run beside all of them. Calls for
 * different partitions are independent. close_partition comes after every call for that partition has returned; extents
 * may outlive it.
 *
 * Gaps. Compaction takes batches out of the middle of a log: the offsets of what is left rise and need not follow each
 * other. A segment still covers [base_offset, next_offset), and its last batch ends at next_offset.
 */
#ifndef CHRONIK_TIER_H
#define CHRONIK_TIER_H

#include "status.h"
#include "bytes.h"
#include "host.h"
#include "plugin.h"

CHRONIK_BEGIN

/* Abilities: bits of chronik_descriptor.abilities. */
#define CHRONIK_TIER_APPEND  0x01ull /* takes new batches at its end */
#define CHRONIK_TIER_DURABLE 0x02ull /* what flush returned survives power loss */
#define CHRONIK_TIER_SEAL    0x04ull /* offers finished segments to copy and lets go of them */
#define CHRONIK_TIER_IMPORT  0x08ull /* takes a finished segment from a tier above */
#define CHRONIK_TIER_READ    0x10ull /* answers read */
#define CHRONIK_TIER_SEARCH  0x20ull /* offers the extension chronik.search/1 */
#define CHRONIK_TIER_REWRITE 0x40ull /* can replace segments by compacted ones */
#define CHRONIK_TIER_STORE   0x80ull /* keeps its data in an object store that the host hands to it (object_store.h) */

/* Call flags. */
/* Answer at once or return CHRONIK_WOULD_BLOCK having done nothing. "At once" means: no wait for a disk, a network or
 * another thread's I/O; memory copies and system calls served from memory are fine. A tier that cannot tell returns
 * WOULD_BLOCK; the host repeats the call without the flag on a thread that may wait. */
#define CHRONIK_NONBLOCKING 1u

/* -- creating ------------------------------------------------------------------------------------------------- */

typedef struct chronik_tier_options {
  uint32_t struct_size;
  uint32_t setting_count;
  chronik_bytes instance_name;  /* unique in the chain; [A-Za-z0-9_.-] */
  chronik_bytes data_directory; /* absolute; exists; this instance's own. Empty for a tier that is not DURABLE */
  const chronik_setting *CHRONIK_NULLABLE settings; /* every key of the descriptor that has a value, normalised */
} CHRONIK_SENDABLE chronik_tier_options;

/* -- partitions ----------------------------------------------------------------------------------------------- */

/* Which partition. Two topics of the same name at different times differ in topic_id; a tier keys its data by
 * (topic_id, partition) and uses the name for people. All borrowed. */
typedef struct chronik_partition_id {
  uint32_t struct_size;
  int32_t partition;       /* >= 0 */
  uint8_t topic_id[16];
  chronik_bytes topic;     /* a legal Kafka topic name: [a-zA-Z0-9._-]{1,249} */
} CHRONIK_SENDABLE chronik_partition_id;

/* Topic settings that concern a tier. -1 means unlimited where that makes sense. */
typedef struct chronik_partition_settings {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t segment_bytes;        /* roll the active segment before it grows beyond this */
  int64_t segment_ms;           /* roll the active segment when its first batch is older */
  int64_t index_interval_bytes; /* one index entry about every so many bytes */
  int64_t local_retention_ms;   /* copies above an importing tier may go when older; -1 keep */
  int64_t local_retention_bytes;/* … or when the partition holds more here; -1 keep */
} CHRONIK_SENDABLE chronik_partition_settings;

/* What a tier holds of a partition. An empty partition has start_offset == end_offset. */
typedef struct chronik_partition_state {
  uint32_t struct_size;
  int32_t last_leader_epoch;    /* of the last batch; -1: none */
  int64_t start_offset;         /* first offset held */
  int64_t end_offset;           /* next offset to append */
  int64_t durable_end_offset;   /* everything below survives power loss; == start_offset for tiers not DURABLE */
  int64_t byte_count;           /* bytes of batches held; those below start_offset count until their segment is
                                   deleted */
  int64_t max_timestamp;        /* largest maxTimestamp of the batches that can be read, ms; -1: none */
  int64_t max_timestamp_offset; /* base offset of the batch with that timestamp; -1: none */
} CHRONIK_SENDABLE chronik_partition_state;

/* -- appending ------------------------------------------------------------------------------------------------- */

/* One validated record batch whose base offset and leader epoch are already in its bytes. */
typedef struct chronik_batch {
  chronik_slice bytes;
  int64_t base_offset;
  int64_t next_offset;      /* last offset + 1; > base_offset */
  int64_t max_timestamp;    /* ms */
  int32_t leader_epoch;
  int32_t record_count;     /* from the header; >= 1 */
  uint64_t reserved[2];
} CHRONIK_SENDABLE chronik_batch;

typedef struct chronik_flush_result {
  chronik_status status;       /* of this partition */
  uint32_t reserved;
  int64_t durable_end_offset;  /* with CHRONIK_OK: everything below survives power loss */
} CHRONIK_SENDABLE chronik_flush_result;

/* -- reading --------------------------------------------------------------------------------------------------- */

typedef struct chronik_read_request {
  uint32_t struct_size;
  uint32_t flags;          /* CHRONIK_NONBLOCKING or 0 */
  int64_t offset;          /* wanted; the answer begins with the batch that contains it */
  int64_t end_offset;      /* no batch whose base offset is >= this (the host's visibility bound) */
  uint64_t max_bytes;      /* stop before the batch that would exceed this */
  uint32_t min_one_batch;  /* 1: the first batch is returned even if it is larger than max_bytes */
  uint32_t reserved;
} CHRONIK_SENDABLE chronik_read_request;

/* [owner] the host owns the struct and the array `extents` of `capacity` elements; the tier fills the first
 * extent_count. Each filled extent carries a reference for the host. On any status but OK extent_count is 0. */
typedef struct chronik_read_result {
  uint32_t struct_size;
  uint32_t capacity;            /* >= 1; a tier that runs out of extents ends its answer there */
  uint32_t extent_count;
  uint32_t reserved;
  chronik_extent *extents;
  int64_t start_offset;         /* base offset of the first batch returned; <= the wanted offset: the wanted one itself
                                   when it lies in a gap and the first batch behind it */
  int64_t next_offset;          /* offset after the last batch returned; before a gap any offset up to the next
                                   batch's */
  uint64_t byte_count;          /* sum of the extents */
} CHRONIK_SENDABLE chronik_read_result;

typedef struct chronik_timestamp_request {
  uint32_t struct_size;
  uint32_t flags;               /* CHRONIK_NONBLOCKING or 0 */
  int64_t timestamp;            /* ms */
  int64_t start_offset;         /* consider only batches that reach beyond this offset … */
  int64_t end_offset;           /* … and begin below this one */
} CHRONIK_SENDABLE chronik_timestamp_request;

typedef struct chronik_timestamp_result {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t base_offset;          /* of the first batch, in offset order, whose maxTimestamp >= the wanted one */
  int64_t max_timestamp;        /* of that batch */
} CHRONIK_SENDABLE chronik_timestamp_result;

/* -- segments -------------------------------------------------------------------------------------------------- */

#define CHRONIK_SEGMENT_SEALED 1u  /* will never be appended to */

typedef struct chronik_segment {
  int64_t base_offset;          /* names the segment within its partition and tier */
  int64_t next_offset;
  int64_t byte_count;
  int64_t max_timestamp;        /* ms; -1: no batch */
  int64_t min_timestamp;        /* ms of the first batch; -1: unknown */
  int32_t last_leader_epoch;    /* -1: unknown */
  uint32_t flags;
  uint64_t reserved[2];
} CHRONIK_SENDABLE chronik_segment;

/* -- the instance ---------------------------------------------------------------------------------------------- */

typedef struct chronik_tier {
  uint32_t struct_size;
  uint32_t reserved;

  /* Checks the options and reserves what cannot fail later; touches no partition's data.
   * [thread] one call per instance. [blocking] may. [owner] `host` outlives the instance; options are borrowed; on OK
   * *out is the instance, `self` below. [again] another instance. INVALID_CONFIG names key and value. */
  chronik_status (*create)(const chronik_host *host, const chronik_tier_options *options,
                           void *CHRONIK_NULLABLE *CHRONIK_NONNULL out, chronik_message *message);
  /* Frees the instance. After stop(), or after create() when start() failed or was never called.
   * [thread] one; nothing else runs. [blocking] may. */
  void (*destroy)(void *self);
  /* Takes locks, opens files, recovers what is not per partition. Called once. A data directory in use by another
   * process is refused with FENCED. [blocking] may. */
  chronik_status (*start)(void *self, chronik_message *message);
  /* Flushes what can be flushed and ends background work. Every partition was closed before. Extents that the host
   * still holds stay valid until released. [blocking] may. [again] nothing. */
  void (*stop)(void *self);

  /* Opens a partition, creating it empty at `initial_offset` when the tier holds nothing of it, and recovers it: a torn
   * or corrupt tail is cut off at the first batch that fails its checks and reported in one log line.
   * [blocking] may. [owner] *out is the handle for the calls below. [again] not while open. CORRUPT: the data cannot be
   * served and was left as it is. */
  chronik_status (*open_partition)(void *self, const chronik_partition_id *id,
                                   const chronik_partition_settings *settings, int64_t initial_offset,
                                   void *CHRONIK_NULLABLE *CHRONIK_NONNULL out, chronik_message *message);
  /* Ends the handle; a DURABLE tier flushes first. [blocking] may. */
  void (*close_partition)(void *self, void *partition);
  /* Deletes everything held of a partition that is not open. Crash-safe: after a crash in the middle, a repetition
   * finishes it. [blocking] may. [again] OK also when there is nothing. */
  chronik_status (*delete_partition)(void *self, const chronik_partition_id *id, chronik_message *message);
  /* New topic settings for an open partition. NULL: the tier ignores settings. [blocking] no. */
  chronik_status (*CHRONIK_NULLABLE configure_partition)(void *self, void *partition,
                                                         const chronik_partition_settings *settings,
                                                         chronik_message *message);
  /* What is held now. Each number is one that was true during the call; end_offset never runs behind what append
   * returned. [blocking] no. */
  void (*state)(void *self, void *partition, chronik_partition_state *out);

  /* Appends `count` batches, in order; the first begins at end_offset and each next where the one before ended. All or
   * nothing: on any status but OK the partition is as before. Leader epochs never decrease. On OK the bytes outlive a
   * crash of the process if the tier is DURABLE (they outlive power loss only after flush), and read returns them.
   * A tier without DURABLE that keeps a bounded window (a cache) drops its oldest batches to make room; when
   * `batches[0].base_offset` is beyond its end_offset (it missed some) it drops everything and starts there.
   * [thread] serial per partition. [blocking] not with CHRONIK_NONBLOCKING. [owner] slices are borrowed; see
   * chronik_slice to keep them. [again] never repeated after OK. NO_SPACE: refused, later calls may succeed.
   * PERMANENT: refused, and so is a repetition: this partition is read-only from now on, or (a mistake of the host)
   * the batches do not continue it. */
  chronik_status (*CHRONIK_NULLABLE append)(void *self, void *partition, const chronik_batch *batches, size_t count,
                                            uint32_t flags, chronik_message *message);
  /* Makes everything appended to these partitions before the call durable, together; results[i] belongs to
   * partitions[i]. Returns OK when every result says so, otherwise the first other status. After a failed flush the
   * tier refuses further appends to that partition (PERMANENT): a failed fsync is never retried.
   * [thread] serial per instance. [blocking] may. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE flush)(void *self, void *CHRONIK_NONNULL const *CHRONIK_NONNULL partitions,
                                           size_t count, chronik_flush_result *results, chronik_message *message);
  /* Drops every batch that reaches `offset` or beyond, durably: an offset inside a batch drops that batch whole.
   * [blocking] may. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE truncate)(void *self, void *partition, int64_t offset, chronik_message *message);
  /* Raises start_offset to `offset` (<= end_offset), durably for a DURABLE tier: nothing below is read again, and
   * segments that end at or below it are deleted once their extents were released. An offset at or below start_offset
   * changes nothing; one beyond end_offset is refused with PERMANENT. [blocking] may. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE advance_start)(void *self, void *partition, int64_t offset,
                                                   chronik_message *message);

  /* Whole batches, beginning with the one that contains request->offset or, in a gap, with the next one.
   * MISS: the offset is not in [start_offset, end_offset). OK with no extents: it is, but the first batch is larger
   * than max_bytes and min_one_batch is 0, or its base offset is >= request->end_offset.
   * [thread] any. [blocking] not with CHRONIK_NONBLOCKING. [owner] see chronik_read_result. [again] fine. */
  chronik_status (*read)(void *self, void *partition, const chronik_read_request *request,
                         chronik_read_result *result, chronik_message *message);
  /* The first batch whose maxTimestamp reaches a time. MISS: none held here. NULL: the host scans with read.
   * [thread] any. [blocking] not with CHRONIK_NONBLOCKING. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE find_timestamp)(void *self, void *partition,
                                                    const chronik_timestamp_request *request,
                                                    chronik_timestamp_result *result, chronik_message *message);

  /* Lists segments in offset order, beginning with the one that contains `from_offset` or the next above; writes at
   * most `capacity` and sets *out_count to the number written. The last one of an appending tier is active.
   * [thread] any. [blocking] no. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE segments)(void *self, void *partition, int64_t from_offset,
                                              chronik_segment *out, size_t capacity, size_t *out_count,
                                              chronik_message *message);
  /* Seals the active segment, durably, and begins another; nothing when the active one is empty. [blocking] may. */
  chronik_status (*CHRONIK_NULLABLE seal)(void *self, void *partition, chronik_message *message);
  /* Lets go of sealed segments that end at or below `offset` because a tier below holds verified copies; start_offset
   * rises with them. Unlike advance_start the data stays part of the log. [blocking] may. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE evict)(void *self, void *partition, int64_t offset, chronik_message *message);
  /* Copies a sealed segment of another tier, verifies the copy and records it, durably, before it returns. `extents`
   * hold the segment's batches in order, borrowed for the call; `attempt` is fresh per attempt so that remains of a
   * failed one can be told apart and removed. The segment begins at this tier's end_offset, or anywhere when it holds
   * nothing; one that is already held completely is OK at once.
   * [blocking] may, for long; it asks cancelled(cancel_context) at least every second and returns CANCELLED when that
   * is not 0. [again] fine, also after a crash in the middle. */
  chronik_status (*CHRONIK_NULLABLE import_segment)(void *self, void *partition, const chronik_segment *segment,
                                                    const chronik_extent *extents, size_t extent_count,
                                                    const uint8_t attempt[CHRONIK_NONNULL 16],
                                                    int32_t (*cancelled)(void *CHRONIK_NULLABLE cancel_context),
                                                    void *CHRONIK_NULLABLE cancel_context,
                                                    chronik_message *message);
  /* Replaces the sealed segments that cover exactly [first_offset, next_offset) by one that holds the batches in
   * `extents`: offsets rise, lie in the range, and the last batch ends at next_offset. Durable, crash-safe and atomic
   * for readers: at every moment, also after a crash, there are the old segments or the new one. Extents given out
   * before stay valid. A range that is not made of whole sealed segments, or batches that break the rules above or fail
   * their checks, are refused with PERMANENT or CORRUPT and change nothing; so does NO_SPACE.
   * [thread] see above. [blocking] may, for long. [owner] extents are borrowed. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE replace_segments)(void *self, void *partition, int64_t first_offset,
                                                      int64_t next_offset, const chronik_extent *extents,
                                                      size_t extent_count, chronik_message *message);

  /* Calls visit once for each partition of which something is held, open or not, so that leftovers can be found. The
   * visited id is borrowed. [thread] any. [blocking] may. */
  chronik_status (*CHRONIK_NULLABLE list_partitions)(void *self,
                                                     void (*visit)(void *CHRONIK_NULLABLE visit_context,
                                                                   const chronik_partition_id *id),
                                                     void *CHRONIK_NULLABLE visit_context, chronik_message *message);

  /* An optional ability by id, or NULL. [thread] any. [blocking] no. [owner] the library; valid while the instance
   * lives. [again] the same pointer. */
  const void *CHRONIK_NULLABLE (*CHRONIK_NULLABLE get_extension)(void *self, const char *id);
} CHRONIK_SENDABLE chronik_tier;

/* One kind of tier that a library offers. */
typedef struct chronik_tier_product {
  const chronik_descriptor *descriptor;
  const chronik_tier *tier;
} CHRONIK_SENDABLE chronik_tier_product;

/* The answer to get_factory(CHRONIK_FACTORY_TIER). */
typedef struct chronik_tier_factory {
  uint32_t struct_size;
  uint32_t product_count;
  const chronik_tier_product *products;
} CHRONIK_SENDABLE chronik_tier_factory;

CHRONIK_END
#endif
