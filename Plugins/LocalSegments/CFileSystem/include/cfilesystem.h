#ifndef CFILESYSTEM_H
#define CFILESYSTEM_H

#include <stdint.h>
#include <stddef.h>
#include <sys/uio.h>

/*
 * Linux system calls that Swift's Glibc module does not show. Each makes exactly one call, is thread-safe and returns
 * what the call returned, or -errno.
 */

/*
 * preadv2 with one buffer; with `cached_only` it reads what the page cache holds and answers -EAGAIN for nothing, and
 * always where the file system cannot tell (tmpfs, overlayfs and NFS of many kernels): the caller has to wait then.
 */
int64_t cfs_read(int fd, void *buffer, size_t count, int64_t offset, int cached_only);

/* pwritev. */
int64_t cfs_write(int fd, const struct iovec *vectors, int count, int64_t offset);

/* fallocate(FALLOC_FL_KEEP_SIZE): reserves blocks without changing the file's size. */
int64_t cfs_allocate(int fd, int64_t offset, int64_t length);

/* sync_file_range(SYNC_FILE_RANGE_WRITE): starts writing back, waits for nothing. */
int64_t cfs_start_writeback(int fd, int64_t offset, int64_t length);

/* The bytes of the range's pages that are in the page cache (a multiple of the page size); -ENOSYS before Linux 6.5. */
int64_t cfs_cached_bytes(int fd, int64_t offset, int64_t length);

/* renameat2(RENAME_NOREPLACE): -EEXIST instead of replacing. */
int64_t cfs_rename_new(const char *from, const char *to);

#endif
