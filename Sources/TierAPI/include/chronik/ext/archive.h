/* Looking after an archive: the tier extension "chronik.archive/1". What `chronik archive` and the HTTP port ask of a
 * tier that keeps objects in a store and an index of them.
 */
#ifndef CHRONIK_EXT_ARCHIVE_H
#define CHRONIK_EXT_ARCHIVE_H

#include "../status.h"
#include "../bytes.h"
#include "../tier.h"

CHRONIK_BEGIN

#define CHRONIK_EXTENSION_ARCHIVE "chronik.archive/1"

/* How far a long call has come; `total` 0: not known yet. Called on the caller's thread, at most a few times a second.
 * Not 0: end early with CANCELLED. */
typedef int32_t (*chronik_archive_progress)(void *CHRONIK_NULLABLE context, uint64_t done, uint64_t total);

#define CHRONIK_ARCHIVE_OBJECT_WITHOUT_ENTRY 1u /* in the store, not in the index and not about to be deleted */
#define CHRONIK_ARCHIVE_ENTRY_WITHOUT_OBJECT 2u /* in the index, not in the store */
#define CHRONIK_ARCHIVE_DAMAGED              3u /* the object's bytes contradict their checksums, its name or its
                                                 entry */
#define CHRONIK_ARCHIVE_GAP                  4u /* offsets between two objects that no object has */
#define CHRONIK_ARCHIVE_FOREIGN              5u /* a key below the archive's root that is no object of this format */
#define CHRONIK_ARCHIVE_LOST                 6u /* was archived, is gone from the store, and nobody deleted it */

typedef struct chronik_archive_finding {
  uint32_t struct_size;
  uint32_t kind;
  chronik_bytes key;            /* the object's key, or the partition for a gap; borrowed */
  chronik_bytes detail;         /* one sentence; borrowed */
} CHRONIK_SENDABLE chronik_archive_finding;

typedef struct chronik_archive_summary {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t partitions;
  uint64_t objects;
  uint64_t object_bytes;        /* in the store */
  uint64_t record_bytes;        /* raw bytes of the batches in them */
  uint64_t findings;
  uint64_t repaired;            /* rebuild: entries added, removed or changed */
  uint64_t pending_deletions;
} CHRONIK_SENDABLE chronik_archive_summary;

/* verify: also read every byte of every object and check every checksum. */
#define CHRONIK_ARCHIVE_READ_EVERYTHING 1u

/* [thread] any. [blocking] may, for long. All may run while partitions are open and in use. */
typedef struct chronik_archive {
  uint32_t struct_size;
  uint32_t reserved;
  /* Makes the index again from the listing and, where names do not suffice, the footers; what the index holds and the
   * store does not is removed, what the store holds is added. [again] fine: a second one repairs nothing. */
  chronik_status (*rebuild)(void *self, chronik_archive_progress CHRONIK_NULLABLE progress,
                            void *CHRONIK_NULLABLE progress_context, chronik_archive_summary *summary,
                            chronik_message *message);
  /* Compares index and store in both directions and visits every finding; changes nothing. OK also with findings. */
  chronik_status (*verify)(void *self, uint32_t flags, chronik_archive_progress CHRONIK_NULLABLE progress,
                           void *CHRONIK_NULLABLE progress_context,
                           void (*visit)(void *CHRONIK_NULLABLE visit_context, const chronik_archive_finding *finding),
                           void *CHRONIK_NULLABLE visit_context, chronik_archive_summary *summary,
                           chronik_message *message);
  /* Writes the segment index as JSON, piece by piece, to `write`; a topic name or empty for all. */
  chronik_status (*export_json)(void *self, chronik_bytes topic,
                                void (*write)(void *CHRONIK_NULLABLE write_context, chronik_bytes piece),
                                void *CHRONIK_NULLABLE write_context, chronik_message *message);
  /* Carries out the deletions that are pending, which otherwise go on in the background, and returns when none is left;
   * `done` counts deleted objects, `total` stays 0. NULL, or beyond struct_size: not offered. [again] fine. */
  chronik_status (*CHRONIK_NULLABLE finish_deletions)(void *self, chronik_archive_progress CHRONIK_NULLABLE progress,
                                                      void *CHRONIK_NULLABLE progress_context,
                                                      chronik_archive_summary *summary, chronik_message *message);
} CHRONIK_SENDABLE chronik_archive;

CHRONIK_END
#endif
