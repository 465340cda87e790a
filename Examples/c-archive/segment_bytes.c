#define _GNU_SOURCE
#include "segment_bytes.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int64_t big_endian(const uint8_t *bytes, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) value = value << 8 | bytes[i];
  return (int64_t)value;
}

batch parse_batch(const uint8_t *header) {
  int64_t base = big_endian(header, 8);
  return (batch){.base_offset = base, .next_offset = base + big_endian(header + 23, 4) + 1,
                 .byte_count = 12 + (uint64_t)big_endian(header + 8, 4)};
}

void segment_unmap(parts *all) {
  for (size_t i = 0; i < all->count; i++)
    if (all->maps[i] != NULL) munmap(all->maps[i], all->lengths[i]);
  free(all->bytes);
  free(all->maps);
  free(all->lengths);
}

int segment_map(const chronik_extent *extents, size_t count, parts *all) {
  all->bytes = calloc(count + 1, sizeof *all->bytes);
  all->maps = calloc(count + 1, sizeof *all->maps);
  all->lengths = calloc(count + 1, sizeof *all->lengths);
  if (all->bytes == NULL || all->maps == NULL || all->lengths == NULL) return -1;
  int64_t page = sysconf(_SC_PAGESIZE);
  for (size_t i = 0; i < count; i++, all->count++) {
    all->bytes[i].len = extents[i].len;
    all->bytes[i].ptr = extents[i].ptr;
    if (extents[i].kind != CHRONIK_EXTENT_FILE) continue;
    int64_t inside = extents[i].file_offset % page;
    void *at = mmap(NULL, extents[i].len + (size_t)inside, PROT_READ, MAP_PRIVATE, extents[i].fd,
                    extents[i].file_offset - inside);
    if (at == MAP_FAILED) return -1;
    all->maps[i] = at;
    all->lengths[i] = extents[i].len + (size_t)inside;
    all->bytes[i].ptr = (const uint8_t *)at + inside;
  }
  return 0;
}

int segment_is_whole(const parts *all, const chronik_segment *s) {
  int64_t next = s->base_offset;
  uint64_t total = 0;
  for (size_t i = 0; i < all->count; i++) {
    for (uint64_t at = 0; at < all->bytes[i].len;) {
      if (all->bytes[i].len - at < HEADER_BYTES) return 0;
      batch b = parse_batch(all->bytes[i].ptr + at);
      if (b.byte_count > all->bytes[i].len - at || b.base_offset < next) return 0;
      next = b.next_offset;
      at += b.byte_count;
      total += b.byte_count;
    }
  }
  return next == s->next_offset && total == (uint64_t)s->byte_count;
}
