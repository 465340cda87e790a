/* Bytes that cross the border: borrowed, counted, or a region of an open file. */
#ifndef CHRONIK_BYTES_H
#define CHRONIK_BYTES_H

#include "macros.h"

CHRONIK_BEGIN

/* Bytes borrowed for the duration of a call. `ptr` may be NULL when `len` is 0. */
typedef struct chronik_bytes {
  const uint8_t *CHRONIK_NULLABLE ptr;
  size_t len;
} CHRONIK_SENDABLE chronik_bytes;

/* Bytes that can outlive the call that passed them.
 * [owner] the receiver borrows them for the call. To keep them it calls `retain(owner)` before it returns and
 *   `release(owner)` exactly once for each retain when it is done. The bytes never change after they were passed.
 * [thread] retain and release may be called from any thread.
 * `storage_bytes` is the size of the allocation that a retain keeps alive: a receiver with a memory budget charges
 * that, or copies the bytes when `len` is a small part of it. `retain` NULL: the bytes cannot be kept, copy them. */
typedef struct chronik_slice {
  const uint8_t *CHRONIK_NULLABLE ptr;
  size_t len;
  size_t storage_bytes;
  void *CHRONIK_NULLABLE owner;
  void (*CHRONIK_NULLABLE retain)(void *CHRONIK_NULLABLE owner);
  void (*CHRONIK_NULLABLE release)(void *CHRONIK_NULLABLE owner);
} CHRONIK_SENDABLE chronik_slice;

#define CHRONIK_EXTENT_MEMORY 1u
#define CHRONIK_EXTENT_FILE   2u

/* One run of bytes of a read result, in memory or in an open file (so that the host can sendfile it).
 * MEMORY: [ptr, ptr+len). FILE: len bytes of `fd` from `file_offset`; the host only uses pread and sendfile on the
 * descriptor, never its position, and never closes it.
 * [owner] the host owns one reference and calls `release(owner)` exactly once, from any thread, when it no longer
 *   needs the bytes or the descriptor; until then both stay valid and unchanged even if the tier deletes the segment,
 *   is asked to truncate, is stopped or is destroyed. `release` NULL: nothing to give back. */
typedef struct chronik_extent {
  uint32_t kind;
  int32_t fd;
  const uint8_t *CHRONIK_NULLABLE ptr;
  int64_t file_offset;
  size_t len;
  void *CHRONIK_NULLABLE owner;
  void (*CHRONIK_NULLABLE release)(void *CHRONIK_NULLABLE owner);
} CHRONIK_SENDABLE chronik_extent;

/* A key and its value, both borrowed UTF-8. */
typedef struct chronik_setting {
  chronik_bytes key;
  chronik_bytes value;
} CHRONIK_SENDABLE chronik_setting;

CHRONIK_END
#endif
