/* System calls that Swift's Glibc module does not show. */
#ifndef CHRONIK_CHOSTSUPPORT_H
#define CHRONIK_CHOSTSUPPORT_H

#include <sys/syscall.h>
#include <unistd.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

extern int pthread_setname_np(pthread_t thread, const char *name);

/* Names the calling thread; at most 15 characters are kept. */
static inline void chostsupport_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

/* Keeps freed request buffers in the process. By default glibc maps every allocation above 128 KiB anew, and touching
 * fresh pages costs more than everything else the broker does with a large frame. `trim_bytes`: free memory at the top
 * of the heap beyond this is given back. */
static inline void chostsupport_keep_large_buffers(int mmap_threshold_bytes, int trim_bytes) {
  mallopt(M_MMAP_THRESHOLD, mmap_threshold_bytes);
  mallopt(M_TRIM_THRESHOLD, trim_bytes);
  mallopt(M_ARENA_MAX, 4);
}

/* Raises the limit of open descriptors to the hard limit and returns what it is now. */
static inline unsigned long long chostsupport_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

/* Starts writing a file back without waiting for it. Failing is harmless. */
static inline void chostsupport_start_writeback(int file) {
#ifdef __linux__
  /* SYNC_FILE_RANGE_WRITE, which needs _GNU_SOURCE to be named, over the whole file. */
  (void)syscall(SYS_sync_file_range, file, 0L, 0L, 2U);
#endif
}

#endif
