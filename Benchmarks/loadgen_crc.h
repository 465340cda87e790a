/* CRC-32C of the load generator: by the processor where it can, slicing by eight otherwise. */
#ifndef LOADGEN_CRC_H
#define LOADGEN_CRC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t crc_table[8][256];
static void crc_init(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0x82F63B78u : 0);
    crc_table[0][i] = c;
  }
  for (int s = 1; s < 8; s++)
    for (int i = 0; i < 256; i++) crc_table[s][i] = crc_table[s - 1][i] >> 8 ^ crc_table[0][crc_table[s - 1][i] & 255];
}
static uint32_t crc32c(const uint8_t *p, size_t n) {
  uint64_t c = 0xFFFFFFFFu;
#ifdef __SSE4_2__
  for (; n >= 8; n -= 8, p += 8) { uint64_t w; memcpy(&w, p, 8); c = __builtin_ia32_crc32di(c, w); }
  uint32_t d = (uint32_t)c;
  while (n--) d = __builtin_ia32_crc32qi(d, *p++);
#else
  uint32_t d = (uint32_t)c;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t w; memcpy(&w, p, 8); w ^= d;
    d = 0;
    for (int i = 0; i < 8; i++) d ^= crc_table[7 - i][w >> 8 * i & 255];
  }
  while (n--) d = d >> 8 ^ crc_table[0][(d ^ *p++) & 255];
#endif
  return d ^ 0xFFFFFFFFu;
}

#endif
