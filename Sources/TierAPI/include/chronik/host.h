/* What the host gives a plugin: every effect goes through this table, so that a plugin under a fake host is
 * deterministic. */
#ifndef CHRONIK_HOST_H
#define CHRONIK_HOST_H

#include "status.h"
#include "bytes.h"

CHRONIK_BEGIN

#define CHRONIK_LOG_TRACE   0
#define CHRONIK_LOG_DEBUG   1
#define CHRONIK_LOG_INFO    2
#define CHRONIK_LOG_WARNING 3
#define CHRONIK_LOG_ERROR   4

/* [owner] the host owns the table and keeps it unchanged and valid from create() until destroy() has returned.
 * [thread] every function may be called from any thread, also from inside a call of the host. None of them calls back
 *   into the plugin before it returns, except run_blocking's work on another thread. None throws. */
typedef struct chronik_host {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  void *CHRONIK_NULLABLE context; /* the first argument of every function below */

  /* Writes a log line. `text` is a constant sentence; what varies goes into `fields`. All borrowed.
   * [blocking] no. */
  void (*log)(void *CHRONIK_NULLABLE context, int32_t level, chronik_bytes text,
              const chronik_setting *CHRONIK_NULLABLE fields, size_t field_count);

  /* Milliseconds since 1970-01-01 UTC; may jump. [blocking] no. */
  int64_t (*wall_clock_ms)(void *CHRONIK_NULLABLE context);
  /* Nanoseconds since an arbitrary start; never goes back. [blocking] no. */
  int64_t (*monotonic_ns)(void *CHRONIK_NULLABLE context);
  /* 64 random bits, not for secrets. [blocking] no. */
  uint64_t (*random)(void *CHRONIK_NULLABLE context);

  /* Metrics. `name` is borrowed ASCII [a-z0-9_], made unique by the host with the instance's name. Unknown names are
   * created on first use; the host bounds how many one instance may create and drops the rest. [blocking] no. */
  void (*counter_add)(void *CHRONIK_NULLABLE context, chronik_bytes name, int64_t delta);
  void (*gauge_set)(void *CHRONIK_NULLABLE context, chronik_bytes name, int64_t value);
  void (*observe_seconds)(void *CHRONIK_NULLABLE context, chronik_bytes name, double seconds);

  /* Tells the host that this instance holds `delta` more (or fewer) bytes of memory worth counting. [blocking] no. */
  void (*account_memory)(void *CHRONIK_NULLABLE context, int64_t delta);

  /* Runs `work(argument)` once on the host's blocking pool, where it may block. CHRONIK_OK: it will run, also during
   * stop(). CHRONIK_THROTTLED: the pool's queue is full and it will not. [blocking] no. */
  chronik_status (*run_blocking)(void *CHRONIK_NULLABLE context,
                                 void (*work)(void *CHRONIK_NULLABLE argument), void *CHRONIK_NULLABLE argument);

  /* An optional ability of the host by id, or NULL. Known ids: "chronik.host.object-store/1"
   * (object_store.h). [blocking] no. */
  const void *CHRONIK_NULLABLE (*CHRONIK_NONNULL get_extension)(void *CHRONIK_NULLABLE context, const char *id);
} CHRONIK_SENDABLE chronik_host;

CHRONIK_END
#endif
