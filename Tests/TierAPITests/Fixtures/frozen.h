/* What the layout tests say: a size, the place of a member, a value. Each holds or the file does not compile. */
#ifndef CHRONIK_TEST_FROZEN_H
#define CHRONIK_TEST_FROZEN_H

#include <chronik/chronik.h>

#ifdef __cplusplus
#  define FROZEN(condition, text) static_assert(condition, text)
#  define ALIGN_OF(type) alignof(type)
#else
#  define FROZEN(condition, text) _Static_assert(condition, text)
#  define ALIGN_OF(type) _Alignof(type)
#endif
#define SIZE(type, size, alignment) \
  FROZEN(sizeof(type) == (size), #type ": size"); FROZEN(ALIGN_OF(type) == (alignment), #type ": alignment")
#define AT(type, member, offset) FROZEN(offsetof(type, member) == (offset), #type "." #member)
#define VALUE(constant, value) FROZEN((constant) == (value), #constant)

#endif
