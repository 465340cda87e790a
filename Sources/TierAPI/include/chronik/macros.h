/* Compiler differences, in one place. */
#ifndef CHRONIK_MACROS_H
#define CHRONIK_MACROS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#  define CHRONIK_NULLABLE _Nullable
#  define CHRONIK_NONNULL  _Nonnull
#  define CHRONIK_BEGIN _Pragma("clang diagnostic push") \
                        _Pragma("clang diagnostic ignored \"-Wnullability-extension\"") \
                        _Pragma("clang assume_nonnull begin")
#  define CHRONIK_END   _Pragma("clang assume_nonnull end") _Pragma("clang diagnostic pop")
#else
#  define CHRONIK_NULLABLE
#  define CHRONIK_NONNULL
#  define CHRONIK_BEGIN
#  define CHRONIK_END
#endif

/* Lets Swift pass the plain structs of this ABI between threads; the comments say when that is legal. */
#if defined(__has_attribute)
#  if __has_attribute(swift_attr)
#    define CHRONIK_SENDABLE __attribute__((swift_attr("@Sendable")))
#  endif
#endif
#ifndef CHRONIK_SENDABLE
#  define CHRONIK_SENDABLE
#endif

#if defined(__GNUC__)
#  define CHRONIK_EXPORT __attribute__((visibility("default")))
#else
#  define CHRONIK_EXPORT
#endif

#ifdef __cplusplus
#  define CHRONIK_EXTERN extern "C"
#else
#  define CHRONIK_EXTERN extern
#endif

#endif
