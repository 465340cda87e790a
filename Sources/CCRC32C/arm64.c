#include "kernels.h"

#if defined(__aarch64__)

#include <arm_acle.h>
#include <string.h>
#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

int crc_arm64_available(void) {
#if defined(__ARM_FEATURE_CRC32)
  return 1; /* promised at compile time, as on every Apple processor */
#elif defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
  return 0;
#endif
}

/* gcc and clang both take "+crc"; gcc refuses "crc". */
__attribute__((target("+crc"))) uint32_t crc_arm64(uint32_t reg, const uint8_t *p, size_t n) {
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    reg = __crc32cd(reg, word);
  }
  for (; n != 0; n--) reg = __crc32cb(reg, *p++);
  return reg;
}

#endif
