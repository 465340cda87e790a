/* The bytes of a segment that a tier takes over, and the headers of the record batches in them. */
#ifndef EXAMPLE_SEGMENT_BYTES_H
#define EXAMPLE_SEGMENT_BYTES_H

#include <chronik/chronik.h>

#define HEADER_BYTES 61 /* of a record batch; byte 0: base offset, 8: length, 23: last offset delta */

typedef struct batch {
  int64_t base_offset, next_offset;
  uint64_t byte_count;
} batch;

/* `header` has HEADER_BYTES bytes. */
batch parse_batch(const uint8_t *header);

typedef struct parts {
  chronik_bytes *bytes;
  void **maps;
  size_t *lengths, count;
} parts;

/* File regions are mapped, so that a store can write them without a copy here. -1 when that is impossible; either way
 * `all`, which is zero before, is given to segment_unmap. */
int segment_map(const chronik_extent *extents, size_t count, parts *all);
void segment_unmap(parts *all);

/* What was promised is what came: whole batches, in order, up to the segment's end. A real archive checks CRCs, too. */
int segment_is_whole(const parts *all, const chronik_segment *s);

#endif
