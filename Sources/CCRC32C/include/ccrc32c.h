#ifndef CCRC32C_H
#define CCRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial value and final xor 0xFFFFFFFF), the
 * checksum of a Kafka record batch. The fastest kernel the processor has is chosen once, before main.
 *
 * Every function is thread-safe, allocates nothing and never fails. `data` may have any alignment and may
 * be NULL when `length` is 0.
 */

/* Continues a checksum: `crc` is the finished checksum of the bytes before `data` (0 when there are none);
 * the result is the finished checksum of both together. */
uint32_t ccrc32c_extend(uint32_t crc, const void *data, size_t length);

/* The checksum of A followed by B, from the checksums of A and of B and the length of B in bytes. */
uint32_t ccrc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

/* The kernels, for tests and benchmarks; production code calls ccrc32c_extend. */
typedef enum {
  CCRC32C_BITWISE = 0,  /* one bit at a time: the definition, needs no table */
  CCRC32C_SLICING8 = 1, /* eight 256-entry tables, any processor */
  CCRC32C_SSE42 = 2,    /* x86-64: three interleaved crc32 streams joined with PCLMULQDQ */
  CCRC32C_AVX512 = 3,   /* x86-64: 4 x 64-byte folding with VPCLMULQDQ */
  CCRC32C_ARM64 = 4,    /* arm64 with the CRC extension */
  CCRC32C_KERNEL_COUNT = 5
} ccrc32c_kernel;

/* 1 when this processor can run `kernel`, else 0. */
int ccrc32c_kernel_available(ccrc32c_kernel kernel);

/* The kernel that ccrc32c_extend uses. */
ccrc32c_kernel ccrc32c_selected_kernel(void);

/* ccrc32c_extend with a given kernel, which must be available. */
uint32_t ccrc32c_extend_with(ccrc32c_kernel kernel, uint32_t crc, const void *data, size_t length);

#endif
