/* Searching records: the tier extension "chronik.search/1".
 *
 * A tier with the ability CHRONIK_TIER_SEARCH answers get_extension(CHRONIK_EXTENSION_SEARCH) with this table. It owns
 * the query language, the matching and the ranking; the host owns topics, visibility and the data that the tier does
 * not hold, which it offers through chronik_search_source, so that a record is found as soon as it is committed.
 *
 * Query language: words, "phrases", +must, -not, key:VALUE (the whole key), header.NAME:VALUE, FIELD:VALUE (the field's
 * name and the value as a phrase), * (every record). Words are found as the tier's analyzer splits them. A record
 * answers when every clause without a sign or with "+" holds and none with "-" does.
 *
 * Records of aborted transactions never answer. How a transaction ended is read in the log: a search may ask the source
 * for offsets behind a partition's end_offset until it finds the marker; it does not search the records there.
 *
 * Order.
 *   NEWEST     the later timestamp, then the partition that stands first in the request, then the higher offset
 *   RELEVANCE  the higher score, then the partition that stands first in the request, then the higher offset
 * In the order NEWEST a record's place depends on the record alone, whatever is appended, archived or deleted
 * meanwhile. A cursor is the place of a page's last record, so that pages neither repeat nor lose a record; one that
 * arrives between two pages is on the later page if its place is behind the cursor. Most logs are about in the order of
 * their timestamps, which makes this cheap: what is older as a whole than the last record wanted is not read. Where no
 * index is at hand, batches are judged by their maxTimestamp, as everywhere in Kafka: a record with a later timestamp
 * than its producer wrote into the batch may be missed by NEWEST and by since_ms.
 *
 * Scores are BM25; the objects searched count as a whole, other records as far as they are in range.
 */
#ifndef CHRONIK_EXT_SEARCH_H
#define CHRONIK_EXT_SEARCH_H

#include "../status.h"
#include "../bytes.h"
#include "../tier.h"

CHRONIK_BEGIN

#define CHRONIK_EXTENSION_SEARCH "chronik.search/1"

#define CHRONIK_SEARCH_NEWEST    1u /* latest timestamp first */
#define CHRONIK_SEARCH_RELEVANCE 2u /* best BM25 score first */

#define CHRONIK_SEARCH_HAS_KEY 1u   /* chronik_search_request.key counts, even when it is empty */

/* All borrowed. */
typedef struct chronik_search_request {
  uint32_t struct_size;
  uint32_t flags;
  chronik_bytes query;          /* UTF-8; may be empty, or exclusions only, when a key is given */
  chronik_bytes key;            /* only records whose key is exactly this, as if the query had +key: */
  int64_t since_ms;             /* only records with a timestamp >= this; INT64_MIN: no bound */
  int64_t until_ms;             /* … and < this; INT64_MAX: no bound */
  uint32_t order;               /* CHRONIK_SEARCH_NEWEST or CHRONIK_SEARCH_RELEVANCE */
  uint32_t limit;               /* records wanted, 1 to 10,000 */
  chronik_bytes cursor;         /* of an earlier answer to the same request (NEWEST only; the limit, the budgets and, by
                                   new ones at the end, the partitions may differ): go on behind it; or empty */
  int64_t deadline_ns;          /* on the host's monotonic clock; when it passes, what was found is the answer */
  uint64_t byte_budget;         /* bytes to read at most, of the store and of the source; 0: the tier's own bound */
  int32_t (*CHRONIK_NULLABLE cancelled)(void *CHRONIK_NULLABLE cancel_context); /* asked at least every second, on any
                                   thread, until the search returns; not 0: it returns CANCELLED */
  void *CHRONIK_NULLABLE cancel_context;
} CHRONIK_SENDABLE chronik_search_request;

/* One partition to search. All borrowed. */
typedef struct chronik_search_partition {
  void *partition;              /* this tier's handle, open during the call */
  int64_t start_offset;         /* records from here … */
  int64_t end_offset;           /* … to before here (the log's start and its last stable offset, or narrower); when both
                                   are equal, nothing: the partition only keeps its place in the request */
  uint64_t reserved[2];
} CHRONIK_SENDABLE chronik_search_partition;

/* Reads what the searching tier does not hold. */
typedef struct chronik_search_source {
  uint32_t struct_size;
  uint32_t reserved;
  void *CHRONIK_NULLABLE context;
  /* As a tier's read(), of the whole chain, for partitions[index]; never WOULD_BLOCK. MISS: the log does not have the
   * offset. Offsets up to the high watermark can be read, whatever the partition's end_offset is.
   * [thread] any, also several at once. [blocking] may. [owner] each extent carries a reference, as in tier.h. */
  chronik_status (*read)(void *CHRONIK_NULLABLE context, size_t index, const chronik_read_request *request,
                         chronik_read_result *result, chronik_message *message);
} CHRONIK_SENDABLE chronik_search_source;

#define CHRONIK_SEARCH_NULL_KEY   1u
#define CHRONIK_SEARCH_NULL_VALUE 2u /* a tombstone */
#define CHRONIK_SEARCH_APPEND_TIME 4u /* the timestamp is the broker's */

#define CHRONIK_SEARCH_NULL_HEADER_VALUE SIZE_MAX

/* A record's header. `value.len` is CHRONIK_SEARCH_NULL_HEADER_VALUE for null. */
typedef struct chronik_search_header {
  chronik_bytes name;
  chronik_bytes value;
} CHRONIK_SENDABLE chronik_search_header;

/* One record, borrowed for the visit. */
typedef struct chronik_search_hit {
  uint32_t struct_size;
  uint32_t flags;
  size_t partition_index;
  int64_t offset;
  int64_t timestamp_ms;
  chronik_bytes key;
  chronik_bytes value;
  const chronik_search_header *CHRONIK_NULLABLE headers;
  size_t header_count;
  double score;                 /* BM25; 0 in the order NEWEST */
} CHRONIK_SENDABLE chronik_search_hit;

#define CHRONIK_SEARCH_PARTIAL     1u /* a budget, the deadline or a failed read ended it: there may be more and
                                         better */
#define CHRONIK_SEARCH_TOTAL_EXACT 2u /* `total` is exact, otherwise a lower bound */

#define CHRONIK_SEARCH_CURSOR_CAPACITY 4096

/* What a search did. The caller sets struct_size; the tier fills the rest. */
typedef struct chronik_search_result {
  uint32_t struct_size;
  uint32_t flags;
  uint64_t total;               /* records that match; with a cursor: behind it */
  uint64_t objects_searched;
  uint64_t bytes_read;          /* of objects, from the store or its cache, and of the source */
  uint64_t rounds;              /* of reads that had to wait for one another, in the object that needed most */
  uint64_t records_scanned;     /* outside the index */
  uint32_t cursor_length;       /* 0: nothing follows, or the order is RELEVANCE */
  uint32_t reserved;
  uint8_t cursor[CHRONIK_SEARCH_CURSOR_CAPACITY]; /* opaque */
} CHRONIK_SENDABLE chronik_search_result;

typedef struct chronik_search {
  uint32_t struct_size;
  uint32_t reserved;
  /* Searches `partition_count` partitions as one collection and visits at most request->limit records, best first, on
   * the caller's thread, after everything was read. They are fewer although more follow when they would be too large
   * together (the tier's bound; one record is always visited): NEWEST then goes on by the cursor, RELEVANCE is PARTIAL.
   * Where an object cannot be read, the source is asked for its offsets. What neither can read makes the answer OK with
   * CHRONIK_SEARCH_PARTIAL and the reason in `message`, and so do the budgets; such a page may have missed records that
   * its cursor leaves behind. A failure is returned when it kept everything from being searched.
   * INVALID_CONFIG: the query cannot be read, and the message says at which character and why; or the cursor is damaged
   * or belongs to another search.
   * [thread] any, also several at once. [blocking] may, until the deadline. [again] fine. */
  chronik_status (*search)(void *self, const chronik_search_request *request,
                           const chronik_search_partition *partitions, size_t partition_count,
                           const chronik_search_source *source,
                           void (*visit)(void *CHRONIK_NULLABLE visit_context, const chronik_search_hit *hit),
                           void *CHRONIK_NULLABLE visit_context, chronik_search_result *result,
                           chronik_message *message);
} CHRONIK_SENDABLE chronik_search;

CHRONIK_END
#endif
