/* A file layer for the crash loop that can lose what was not flushed.
 *
 * Preloaded into the broker. Every change below LOSSY_ROOT goes to the real file, so that reads, sendfile and mmap see
 * it; before that, what it takes to undo the change is appended to the journal LOSSY_JOURNAL. fsync and fdatasync note
 * in the journal what they covered. After SIGKILL, lossy.py undoes changes that no flush covered: all of them, none, or
 * sector by sector. The journal may live on over several kills, so that a crash of the process and a later one of the
 * machine can be combined.
 *
 *   data of a file    is durable after a successful fsync or fdatasync of the file that began after the change
 *   a name            (create, mkdir, rename, unlink, rmdir) is durable after an fsync of its directory that began
 *   after it;
 *                     an fsync of the file itself does not count, which is stricter than ext4 and what POSIX promises
 *   removed files     stay reachable as hard links in LOSSY_SIDE until lossy.py drops them
 *
 * Not seen: stdio streams (their bytes count as durable at once, their names do not), writes through mmap,
 * copy_file_range, dup.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, RESIZE, SYNC, SYNC_DIRECTORY, CREATE, MKDIR, UNLINK, RMDIR, RENAME, FORGET, CANCEL };

/* 64 bytes, then the two byte strings. lossy.py reads the same layout. */
struct entry {
  uint32_t magic, kind;
  uint64_t seq, inode, a, b, c;
  uint32_t length1, length2;
  uint64_t reserved;
};
_Static_assert(sizeof(struct entry) == 64, "lossy.py reads this layout");

#define FD_MAX 65536
enum { UNTRACKED = 0, TRACKED_FILE = 1, TRACKED_DIRECTORY = 2 };
static unsigned char tracked[FD_MAX];
static uint64_t inodes[FD_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096], side[4096];
static size_t root_length;
static int journal = -1;
static uint64_t seq, backups;

#define REAL(name) \
  static __typeof__(&name) real_##name; \
  if (!real_##name) real_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void die(const char *what) {
  dprintf(2, "lossy.so: %s: %s\n", what, strerror(errno));
  _exit(97);
}

__attribute__((constructor)) static void begin(void) {
  const char *r = getenv("LOSSY_ROOT"), *j = getenv("LOSSY_JOURNAL"), *s = getenv("LOSSY_SIDE");
  if (!r || !j || !s) return;
  snprintf(root, sizeof root, "%s", r);
  snprintf(side, sizeof side, "%s", s);
  root_length = strlen(root);
  journal = (int)syscall(SYS_openat, AT_FDCWD, j, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (journal < 0) die(j);
  /* Sequence numbers go on where the last process stopped: they are positions in the journal. */
  struct stat status;
  if (fstat(journal, &status)) die(j);
  seq = (uint64_t)status.st_size + 1;
  unsetenv("LD_PRELOAD");
}

static int is_inside(const char *path) {
  return journal >= 0 && path && strncmp(path, root, root_length) == 0 &&
         (path[root_length] == '/' || !path[root_length]);
}

/* Appends an entry and returns its sequence number. Under the lock. */
static uint64_t note(enum kind kind, uint64_t inode, uint64_t a, uint64_t b, uint64_t c, const void *bytes1,
                     size_t length1, const void *bytes2, size_t length2) {
  struct entry entry = {.magic = 0x4c4f5353, .kind = kind, .seq = seq, .inode = inode, .a = a, .b = b, .c = c,
                        .length1 = (uint32_t)length1, .length2 = (uint32_t)length2};
  struct iovec vectors[3] = {{&entry, sizeof entry}, {(void *)bytes1, length1}, {(void *)bytes2, length2}};
  size_t size = sizeof entry + length1 + length2;
  if (syscall(SYS_writev, journal, vectors, 3) != (long)size) die("journal");
  seq += size;
  return entry.seq;
}

static uint64_t parent_inode(const char *path) {
  char parent[4096];
  snprintf(parent, sizeof parent, "%s", path);
  char *slash = strrchr(parent, '/');
  if (slash) *slash = 0;
  struct stat status;
  return stat(parent, &status) ? 0 : (uint64_t)status.st_ino;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Another name for a file that is about to lose its own; 0 when it has none. Under the lock. */
static uint64_t keep(const char *path) {
  struct stat status;
  if (lstat(path, &status) || !S_ISREG(status.st_mode)) return 0;
  char copy[4200];
  do {
    snprintf(copy, sizeof copy, "%s/%d-%llu", side, (int)getpid(), (unsigned long long)++backups);
  } while (access(copy, F_OK) == 0);
  if (link(path, copy)) die(copy);
  return ((uint64_t)getpid() << 32) | backups;
}

/* The bytes [from, to) of a file as it is. The caller frees. */
static char *bytes_of(int fd, uint64_t from, uint64_t to) {
  char *bytes = malloc(to - from + 1);
  if (!bytes) die("malloc");
  uint64_t at = from;
  while (at < to) {
    ssize_t count = syscall(SYS_pread64, fd, bytes + (at - from), to - at, at);
    if (count <= 0) die("pread");
    at += (uint64_t)count;
  }
  return bytes;
}

static void note_resize(int fd, uint64_t inode, uint64_t old_size, uint64_t new_size) {
  char *tail = new_size < old_size ? bytes_of(fd, new_size, old_size) : NULL;
  note(RESIZE, inode, old_size, new_size, 0, tail, tail ? old_size - new_size : 0, NULL, 0);
  free(tail);
}

/* MARK: opening and closing */

static int open_tracked(int directory, const char *path, int flags, mode_t mode) {
  pthread_mutex_lock(&lock);
  struct stat status;
  int existed = stat(path, &status) == 0;
  if (existed && (flags & O_TRUNC) && S_ISREG(status.st_mode) && status.st_size > 0) {
    int fd = (int)syscall(SYS_openat, directory, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
      note_resize(fd, (uint64_t)status.st_ino, (uint64_t)status.st_size, 0);
      syscall(SYS_close, fd);
    }
  }
  int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
  int code = errno;
  if (fd >= 0 && fd < FD_MAX && fstat(fd, &status) == 0) {
    inodes[fd] = (uint64_t)status.st_ino;
    tracked[fd] = S_ISREG(status.st_mode) ? TRACKED_FILE : S_ISDIR(status.st_mode) ? TRACKED_DIRECTORY : UNTRACKED;
    if (!existed && S_ISREG(status.st_mode)) {
      note(FORGET, (uint64_t)status.st_ino, 0, 0, 0, NULL, 0, NULL, 0);
      const char *name = base_name(path);
      note(CREATE, parent_inode(path), (uint64_t)status.st_ino, 0, 0, name, strlen(name), NULL, 0);
    }
  }
  pthread_mutex_unlock(&lock);
  errno = code;
  return fd;
}

static int open_any(int directory, const char *path, int flags, mode_t mode) {
  if (is_inside(path)) return open_tracked(directory, path, flags, mode);
  int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
  if (fd >= 0 && fd < FD_MAX) tracked[fd] = UNTRACKED;
  return fd;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list list; \
    va_start(list, flags); \
    mode = (mode_t)va_arg(list, int); \
    va_end(list); \
  }
int open(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_any(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) {
  MODE(flags) return open_any(at, path, flags | O_LARGEFILE, mode);
}

FILE *fopen(const char *path, const char *mode) {
  REAL(fopen);
  if (!is_inside(path) || !strpbrk(mode, "wa+")) return real_fopen(path, mode);
  pthread_mutex_lock(&lock);
  struct stat status;
  int existed = stat(path, &status) == 0;
  FILE *file = real_fopen(path, mode);
  int code = errno;
  if (file && !existed && stat(path, &status) == 0) {
    const char *name = base_name(path);
    note(FORGET, (uint64_t)status.st_ino, 0, 0, 0, NULL, 0, NULL, 0);
    note(CREATE, parent_inode(path), (uint64_t)status.st_ino, 0, 0, name, strlen(name), NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = code;
  return file;
}

int close(int fd) {
  if (fd >= 0 && fd < FD_MAX) tracked[fd] = UNTRACKED;
  return (int)syscall(SYS_close, fd);
}

/* MARK: data */

static int is_file(int fd) { return fd >= 0 && fd < FD_MAX && tracked[fd] == TRACKED_FILE && fd != journal; }

/* Notes what a write of `count` bytes at `offset` replaces. Under the lock. */
static void note_write(int fd, uint64_t offset, size_t count) {
  struct stat status;
  if (fstat(fd, &status)) die("fstat");
  uint64_t size = (uint64_t)status.st_size, end = offset + count < size ? offset + count : size;
  char *before = offset < end ? bytes_of(fd, offset, end) : NULL;
  note(WRITE, inodes[fd], offset, size, count, before, before ? end - offset : 0, NULL, 0);
  free(before);
}

static uint64_t position(int fd) {
  int flags = fcntl(fd, F_GETFL);
  struct stat status;
  if (flags >= 0 && (flags & O_APPEND) && fstat(fd, &status) == 0) return (uint64_t)status.st_size;
  return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

static size_t total(const struct iovec *vectors, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += vectors[i].iov_len;
  return sum;
}

#define WRITES(fd, offset, count, call) \
  if (!is_file(fd)) return call; \
  pthread_mutex_lock(&lock); \
  note_write(fd, offset, count); \
  ssize_t result = call; \
  int code = errno; \
  pthread_mutex_unlock(&lock); \
  errno = code; \
  return result;

ssize_t write(int fd, const void *bytes, size_t count) {
  WRITES(fd, position(fd), count, syscall(SYS_write, fd, bytes, count))
}
ssize_t writev(int fd, const struct iovec *vectors, int count) {
  WRITES(fd, position(fd), total(vectors, count), syscall(SYS_writev, fd, vectors, count))
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  WRITES(fd, (uint64_t)offset, count, syscall(SYS_pwrite64, fd, bytes, count, offset))
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  WRITES(fd, (uint64_t)offset, count, syscall(SYS_pwrite64, fd, bytes, count, offset))
}
ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset) {
  REAL(pwritev);
  WRITES(fd, (uint64_t)offset, total(vectors, count), real_pwritev(fd, vectors, count, offset))
}
ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t offset) {
  REAL(pwritev64);
  WRITES(fd, (uint64_t)offset, total(vectors, count), real_pwritev64(fd, vectors, count, offset))
}
ssize_t pwritev2(int fd, const struct iovec *vectors, int count, off_t offset, int flags) {
  REAL(pwritev2);
  WRITES(fd, offset < 0 ? position(fd) : (uint64_t)offset, total(vectors, count),
         real_pwritev2(fd, vectors, count, offset, flags))
}

static int resize(int fd, off_t size) {
  if (!is_file(fd)) return (int)syscall(SYS_ftruncate, fd, size);
  pthread_mutex_lock(&lock);
  struct stat status;
  if (fstat(fd, &status)) die("fstat");
  if (status.st_size != size) note_resize(fd, inodes[fd], (uint64_t)status.st_size, (uint64_t)size);
  int result = (int)syscall(SYS_ftruncate, fd, size);
  int code = errno;
  pthread_mutex_unlock(&lock);
  errno = code;
  return result;
}
int ftruncate(int fd, off_t size) { return resize(fd, size); }
int ftruncate64(int fd, off64_t size) { return resize(fd, size); }

static int reserve(int fd, int mode, off_t offset, off_t count) {
  if (!is_file(fd) || (mode & FALLOC_FL_KEEP_SIZE)) return (int)syscall(SYS_fallocate, fd, mode, offset, count);
  pthread_mutex_lock(&lock);
  struct stat status;
  if (fstat(fd, &status)) die("fstat");
  if (offset + count > status.st_size)
    note_resize(fd, inodes[fd], (uint64_t)status.st_size, (uint64_t)(offset + count));
  int result = (int)syscall(SYS_fallocate, fd, mode, offset, count);
  int code = errno;
  pthread_mutex_unlock(&lock);
  errno = code;
  return result;
}
int fallocate(int fd, int mode, off_t offset, off_t count) { return reserve(fd, mode, offset, count); }
int fallocate64(int fd, int mode, off64_t offset, off64_t count) { return reserve(fd, mode, offset, count); }

/* MARK: flushing */

static int flush(int fd, long number) {
  int what = fd >= 0 && fd < FD_MAX ? tracked[fd] : UNTRACKED;
  if (what == UNTRACKED) return (int)syscall(number, fd);
  uint64_t inode = inodes[fd];
  pthread_mutex_lock(&lock);
  uint64_t covered = seq;
  pthread_mutex_unlock(&lock);
  int result = (int)syscall(number, fd);
  int code = errno;
  if (result == 0) {
    pthread_mutex_lock(&lock);
    note(what == TRACKED_FILE ? SYNC : SYNC_DIRECTORY, inode, covered, 0, 0, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
  }
  errno = code;
  return result;
}
int fsync(int fd) { return flush(fd, SYS_fsync); }
int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }

/* MARK: names */

static int finish(int result, uint64_t undone) {
  int code = errno;
  if (result != 0) note(CANCEL, 0, undone, 0, 0, NULL, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  errno = code;
  return result;
}

int unlink(const char *path) {
  if (!is_inside(path)) return (int)syscall(SYS_unlink, path);
  pthread_mutex_lock(&lock);
  const char *name = base_name(path);
  uint64_t backup = keep(path);
  uint64_t noted = note(UNLINK, parent_inode(path), backup, 0, 0, name, strlen(name), NULL, 0);
  return finish((int)syscall(SYS_unlink, path), noted);
}

int mkdir(const char *path, mode_t mode) {
  if (!is_inside(path)) return (int)syscall(SYS_mkdir, path, mode);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_mkdir, path, mode);
  int code = errno;
  struct stat status;
  if (result == 0 && stat(path, &status) == 0 && strlen(path) > root_length) {
    const char *name = base_name(path);
    note(MKDIR, parent_inode(path), (uint64_t)status.st_ino, 0, 0, name, strlen(name), NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = code;
  return result;
}

int rmdir(const char *path) {
  if (!is_inside(path)) return (int)syscall(SYS_rmdir, path);
  pthread_mutex_lock(&lock);
  const char *name = base_name(path);
  struct stat status;
  uint64_t inode = stat(path, &status) ? 0 : (uint64_t)status.st_ino;
  uint64_t noted = note(RMDIR, parent_inode(path), inode, 0, 0, name, strlen(name), NULL, 0);
  return finish((int)syscall(SYS_rmdir, path), noted);
}

static int move(const char *from, const char *to, unsigned flags) {
  if (!is_inside(from) && !is_inside(to)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
  pthread_mutex_lock(&lock);
  const char *name1 = base_name(from), *name2 = base_name(to);
  uint64_t backup = flags ? 0 : keep(to);
  uint64_t noted =
      note(RENAME, parent_inode(from), parent_inode(to), backup, 0, name1, strlen(name1), name2, strlen(name2));
  return finish((int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags), noted);
}
int rename(const char *from, const char *to) { return move(from, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  if (from_at == AT_FDCWD && to_at == AT_FDCWD) return move(from, to, flags);
  return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
}
