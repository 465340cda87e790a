#include "ccrc32c.h"

#include <stdatomic.h>
#include <string.h>

#include "kernels.h"

/* ---- arithmetic modulo the polynomial ---- */

uint32_t crc_multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ ((b & 1) ? CRC32C_POLYNOMIAL : 0);
  }
  return product;
}

uint32_t crc_x_to_the(uint64_t n) {
  uint32_t result = 0x80000000u; /* x^0 */
  uint32_t square = 0x40000000u; /* x^1 */
  for (; n != 0; n >>= 1) {
    if (n & 1) result = crc_multiply(result, square);
    square = crc_multiply(square, square);
  }
  return result;
}

uint32_t ccrc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  /* x^(8n) as (((x^n)^2)^2)^2: the exponent times 8 could overflow. */
  uint32_t shift = crc_x_to_the(length_b);
  for (int i = 0; i < 3; i++) shift = crc_multiply(shift, shift);
  return crc_multiply(crc_a, shift) ^ crc_b;
}

/* ---- portable kernels ---- */

uint32_t crc_bitwise(uint32_t reg, const uint8_t *p, size_t n) {
  for (; n != 0; n--) {
    reg ^= *p++;
    for (int i = 0; i < 8; i++) reg = (reg >> 1) ^ ((reg & 1) ? CRC32C_POLYNOMIAL : 0);
  }
  return reg;
}

static uint32_t table[8][256];

static void prepare_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint8_t byte = (uint8_t)i;
    table[0][i] = crc_bitwise(0, &byte, 1);
  }
  for (int t = 1; t < 8; t++)
    for (uint32_t i = 0; i < 256; i++)
      table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xFF];
}

static uint32_t load_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc_slicing8(uint32_t reg, const uint8_t *p, size_t n) {
  for (; n >= 8; n -= 8, p += 8) {
    uint32_t lo = load_le32(p) ^ reg;
    uint32_t hi = load_le32(p + 4);
    reg = table[7][lo & 0xFF] ^ table[6][(lo >> 8) & 0xFF] ^ table[5][(lo >> 16) & 0xFF] ^
          table[4][lo >> 24] ^ table[3][hi & 0xFF] ^ table[2][(hi >> 8) & 0xFF] ^
          table[1][(hi >> 16) & 0xFF] ^ table[0][hi >> 24];
  }
  for (; n != 0; n--) reg = (reg >> 8) ^ table[0][(reg ^ *p++) & 0xFF];
  return reg;
}

/* ---- dispatch ---- */

/* Until the constructor below has run (another constructor may checksum something first) the kernel that
 * needs no table answers: slow, never wrong. */
static _Atomic(crc_kernel) selected = crc_bitwise;
static _Atomic int selected_id = CCRC32C_BITWISE;

static crc_kernel kernel_function(ccrc32c_kernel kernel) {
  switch (kernel) {
    case CCRC32C_BITWISE: return crc_bitwise;
    case CCRC32C_SLICING8: return crc_slicing8;
#if defined(__x86_64__)
    case CCRC32C_SSE42: return crc_sse42_available() ? crc_sse42 : NULL;
    case CCRC32C_AVX512: return crc_avx512_available() ? crc_avx512 : NULL;
#elif defined(__aarch64__)
    case CCRC32C_ARM64: return crc_arm64_available() ? crc_arm64 : NULL;
#endif
    default: return NULL;
  }
}

__attribute__((constructor)) static void select_kernel(void) {
  static const ccrc32c_kernel fastest_first[] = {CCRC32C_AVX512, CCRC32C_SSE42, CCRC32C_ARM64, CCRC32C_SLICING8};
  prepare_tables();
#if defined(__x86_64__)
  crc_x86_prepare();
#endif
  for (size_t i = 0; i < sizeof fastest_first / sizeof fastest_first[0]; i++) {
    crc_kernel function = kernel_function(fastest_first[i]);
    if (function == NULL) continue;
    atomic_store_explicit(&selected_id, (int)fastest_first[i], memory_order_relaxed);
    atomic_store_explicit(&selected, function, memory_order_release);
    return;
  }
}

int ccrc32c_kernel_available(ccrc32c_kernel kernel) { return kernel_function(kernel) != NULL; }

ccrc32c_kernel ccrc32c_selected_kernel(void) {
  return (ccrc32c_kernel)atomic_load_explicit(&selected_id, memory_order_relaxed);
}

uint32_t ccrc32c_extend(uint32_t crc, const void *data, size_t length) {
  crc_kernel kernel = atomic_load_explicit(&selected, memory_order_acquire);
  return ~kernel(~crc, (const uint8_t *)data, length);
}

uint32_t ccrc32c_extend_with(ccrc32c_kernel kernel, uint32_t crc, const void *data, size_t length) {
  return ~kernel_function(kernel)(~crc, (const uint8_t *)data, length);
}
