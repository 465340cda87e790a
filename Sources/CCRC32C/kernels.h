#ifndef CCRC32C_KERNELS_H
#define CCRC32C_KERNELS_H

#include "ccrc32c.h"

/*
 * What the files of this target share. A kernel works on the raw register: the caller has already inverted
 * the checksum and inverts the result.
 */
typedef uint32_t (*crc_kernel)(uint32_t reg, const uint8_t *p, size_t n);

#define CRC32C_POLYNOMIAL 0x82F63B78u

/* x^n mod P, reflected: bit 31 is the coefficient of x^0. */
uint32_t crc_x_to_the(uint64_t n);

/* a * b mod P, reflected. */
uint32_t crc_multiply(uint32_t a, uint32_t b);

uint32_t crc_bitwise(uint32_t reg, const uint8_t *p, size_t n);
uint32_t crc_slicing8(uint32_t reg, const uint8_t *p, size_t n);

#if defined(__x86_64__)
void crc_x86_prepare(void); /* computes the constants below; call once before the kernels */
int crc_sse42_available(void);
int crc_avx512_available(void);
uint32_t crc_sse42(uint32_t reg, const uint8_t *p, size_t n);
uint32_t crc_avx512(uint32_t reg, const uint8_t *p, size_t n);
#elif defined(__aarch64__)
int crc_arm64_available(void);
uint32_t crc_arm64(uint32_t reg, const uint8_t *p, size_t n);
#endif

#endif
