#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cfilesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int64_t answer(int64_t result) { return result < 0 ? -(int64_t)errno : result; }

int64_t cfs_read(int fd, void *buffer, size_t count, int64_t offset, int cached_only) {
  struct iovec vector = {.iov_base = buffer, .iov_len = count};
  int64_t result = answer(preadv2(fd, &vector, 1, offset, cached_only ? RWF_NOWAIT : 0));
  return cached_only && result == -EOPNOTSUPP ? -EAGAIN : result;
}

int64_t cfs_write(int fd, const struct iovec *vectors, int count, int64_t offset) {
  return answer(pwritev(fd, vectors, count, offset));
}

int64_t cfs_allocate(int fd, int64_t offset, int64_t length) {
  return answer(fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length));
}

int64_t cfs_start_writeback(int fd, int64_t offset, int64_t length) {
  return answer(sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE));
}

/* The kernel's structures, spelled out because older headers lack them. */
struct cache_range { uint64_t offset, length; };
struct cache_counts { uint64_t cached, dirty, writeback, evicted, recently_evicted; };
#define CACHESTAT_NUMBER 451

int64_t cfs_cached_bytes(int fd, int64_t offset, int64_t length) {
  struct cache_range range = {(uint64_t)offset, (uint64_t)length};
  struct cache_counts counts = {0, 0, 0, 0, 0};
  int64_t result = answer(syscall(CACHESTAT_NUMBER, fd, &range, &counts, 0));
  return result < 0 ? result : (int64_t)counts.cached * (int64_t)sysconf(_SC_PAGESIZE);
}

int64_t cfs_rename_new(const char *from, const char *to) {
  return answer(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
}
