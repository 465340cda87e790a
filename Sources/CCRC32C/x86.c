#include "kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

/*
 * The algebra, once. A register or a vector lane is a reflected polynomial. Two facts carry both kernels:
 *
 *   crc32q(0, v)      = v * x^32 mod P
 *   clmul(a, b)       = a * b * x            (the reflected product of two w-bit values has 2w - 1 bits)
 *
 * so crc32q(0, clmul(c, x^(n-33))) = c * x^n: a checksum moved n bits forward, which joins streams; and for
 * a 64-bit lane with a 32-bit constant k (worth k * x^32 there) clmul(lane, k) = lane * k * x^33, so moving
 * a 128-bit vector D bits forward takes k = x^(D+31) for the low lane and x^(D-33) for the high lane.
 */

#define LONG_STREAM 2048 /* bytes per stream: long enough to hide the join, short enough for a 6 KiB batch */
#define SHORT_STREAM 128
#define FOLD_MIN 256 /* four 64-byte vectors */

static uint64_t join_long[2], join_short[2]; /* [0] moves over two streams, [1] over one */
static uint64_t fold[17][2];                 /* [d] moves 128 * d bits: {low lane, high lane} */

void crc_x86_prepare(void) {
  for (int i = 0; i < 2; i++) {
    join_long[i] = crc_x_to_the((uint64_t)(2 - i) * LONG_STREAM * 8 - 33);
    join_short[i] = crc_x_to_the((uint64_t)(2 - i) * SHORT_STREAM * 8 - 33);
  }
  for (int d = 1; d <= 16; d++) {
    fold[d][0] = crc_x_to_the((uint64_t)d * 128 + 31);
    fold[d][1] = crc_x_to_the((uint64_t)d * 128 - 33);
  }
}

int crc_sse42_available(void) { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

int crc_avx512_available(void) {
  return crc_sse42_available() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("vpclmulqdq");
}

#define SSE __attribute__((target("sse4.2,pclmul")))
#define AVX __attribute__((target("avx512f,avx512vl,avx512dq,vpclmulqdq,pclmul,sse4.2")))

static inline uint64_t load64(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, 8);
  return word;
}

SSE static inline uint64_t clmul_low(uint64_t a, uint64_t b) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0);
  return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Checksums 3 * stream bytes as three adjacent streams that run in parallel. */
SSE static inline uint64_t three_streams(uint64_t c0, const uint8_t *p, size_t stream, const uint64_t join[2]) {
  uint64_t c1 = 0, c2 = 0;
  for (size_t i = 0; i < stream; i += 8) {
    c0 = _mm_crc32_u64(c0, load64(p + i));
    c1 = _mm_crc32_u64(c1, load64(p + stream + i));
    c2 = _mm_crc32_u64(c2, load64(p + 2 * stream + i));
  }
  return _mm_crc32_u64(0, clmul_low(c0, join[0]) ^ clmul_low(c1, join[1])) ^ c2;
}

SSE static inline uint32_t serial(uint64_t reg, const uint8_t *p, size_t n) {
  for (; n >= 8; n -= 8, p += 8) reg = _mm_crc32_u64(reg, load64(p));
  uint32_t small = (uint32_t)reg;
  for (; n != 0; n--) small = _mm_crc32_u8(small, *p++);
  return small;
}

SSE uint32_t crc_sse42(uint32_t reg, const uint8_t *p, size_t n) {
  uint64_t c = reg;
  for (; n >= 3 * LONG_STREAM; n -= 3 * LONG_STREAM, p += 3 * LONG_STREAM)
    c = three_streams(c, p, LONG_STREAM, join_long);
  for (; n >= 3 * SHORT_STREAM; n -= 3 * SHORT_STREAM, p += 3 * SHORT_STREAM)
    c = three_streams(c, p, SHORT_STREAM, join_short);
  return serial(c, p, n);
}

/* Moves four 128-bit accumulators forward by 128 * d bits and adds `next`. */
AVX static inline __m512i fold_into(__m512i acc, int d, __m512i next) {
  __m512i k = _mm512_broadcast_i32x4(_mm_set_epi64x((long long)fold[d][1], (long long)fold[d][0]));
  __m512i low = _mm512_clmulepi64_epi128(acc, k, 0x00);
  __m512i high = _mm512_clmulepi64_epi128(acc, k, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}

AVX static inline __m128i fold_lane(__m128i lane, int d) {
  __m128i k = _mm_set_epi64x((long long)fold[d][1], (long long)fold[d][0]);
  return _mm_xor_si128(_mm_clmulepi64_si128(lane, k, 0x00), _mm_clmulepi64_si128(lane, k, 0x11));
}

AVX uint32_t crc_avx512(uint32_t reg, const uint8_t *p, size_t n) {
  if (n < FOLD_MIN) return crc_sse42(reg, p, n);

  __m512i a0 = _mm512_loadu_si512(p), a1 = _mm512_loadu_si512(p + 64);
  __m512i a2 = _mm512_loadu_si512(p + 128), a3 = _mm512_loadu_si512(p + 192);
  a0 = _mm512_xor_si512(a0, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)reg)));
  p += FOLD_MIN;
  n -= FOLD_MIN;
  for (; n >= FOLD_MIN; n -= FOLD_MIN, p += FOLD_MIN) {
    a0 = fold_into(a0, 16, _mm512_loadu_si512(p));
    a1 = fold_into(a1, 16, _mm512_loadu_si512(p + 64));
    a2 = fold_into(a2, 16, _mm512_loadu_si512(p + 128));
    a3 = fold_into(a3, 16, _mm512_loadu_si512(p + 192));
  }
  a3 = fold_into(a2, 4, fold_into(a1, 8, fold_into(a0, 12, a3)));
  for (; n >= 64; n -= 64, p += 64) a3 = fold_into(a3, 4, _mm512_loadu_si512(p));

  __m128i v = _mm512_extracti32x4_epi32(a3, 3);
  v = _mm_xor_si128(v, fold_lane(_mm512_extracti32x4_epi32(a3, 0), 3));
  v = _mm_xor_si128(v, fold_lane(_mm512_extracti32x4_epi32(a3, 1), 2));
  v = _mm_xor_si128(v, fold_lane(_mm512_extracti32x4_epi32(a3, 2), 1));
  uint64_t c = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(v));
  c = _mm_crc32_u64(c, (uint64_t)_mm_extract_epi64(v, 1));
  return serial(c, p, n);
}

#endif
