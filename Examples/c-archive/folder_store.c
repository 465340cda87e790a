/* folder: an object store in plain C that keeps each object as a file of its own.
 *
 * The smallest honest store: chronik/object_store.h states what it promises, the comments here say how. Its data
 * directory holds the objects below "objects" and what is being written below "tmp", so that a crash in the middle of a
 * put leaves nothing that a listing could show.
 */
#define _GNU_SOURCE
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>

#define KEY_MAX 1024

typedef struct folder {
  atomic_ullong next_temporary;
  size_t root_length;
  char root[];
} folder;

/* -- keys and paths -------------------------------------------------------------------------------------------- */

/* Parts of [A-Za-z0-9_.~-]+ joined by '/', none of them "." or "..": no key can leave the directory. */
static int is_legal(chronik_bytes key) {
  if (key.len == 0 || key.len > KEY_MAX) return 0;
  size_t part = 0;
  for (size_t i = 0; i <= key.len; i++) {
    if (i == key.len || key.ptr[i] == '/') {
      if (i == part) return 0;
      if (i - part == 1 && key.ptr[part] == '.') return 0;
      if (i - part == 2 && key.ptr[part] == '.' && key.ptr[part + 1] == '.') return 0;
      part = i + 1;
    } else if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-", key.ptr[i]) == NULL ||
               key.ptr[i] == 0) {
      return 0;
    }
  }
  return 1;
}

/* "<root>/objects/<key>"; `out` has room for the root and KEY_MAX + 16 bytes. */
static void path_of(const folder *me, chronik_bytes key, char *out) {
  memcpy(out, me->root, me->root_length);
  memcpy(out + me->root_length, "/objects/", 9);
  memcpy(out + me->root_length + 9, key.ptr, key.len);
  out[me->root_length + 9 + key.len] = 0;
}

static char *new_path(const folder *me) { return malloc(me->root_length + KEY_MAX + 64); }

/* Makes the directories above `path`, and flushes each one in which an entry appears. */
static int make_parents(const folder *me, char *path) {
  for (char *slash = path + me->root_length + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
    *slash = 0;
    int failed = mkdir(path, 0755) != 0 && errno != EEXIST;
    *slash = '/';
    if (failed) return -1;
  }
  return 0;
}

static int sync_parents(const folder *me, char *path) {
  for (char *slash = strrchr(path, '/'); slash != NULL && slash >= path + me->root_length; slash = strrchr(path, '/')) {
    *slash = 0;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = directory < 0 || fsync(directory) != 0;
    if (directory >= 0) close(directory);
    if (failed) return -1;
  }
  return 0;
}

static chronik_status io_error(chronik_message *message, const char *what) {
  int code = errno;
  chronik_status status = code == ENOSPC || code == EDQUOT ? CHRONIK_NO_SPACE
                          : code == EMFILE || code == ENFILE || code == ENOMEM ? CHRONIK_RETRIABLE : CHRONIK_PERMANENT;
  return fail(message, status, "%s: %s", what, strerror(code));
}

static int is_cancelled(const chronik_store_call *call) {
  return call->cancelled != NULL && call->cancelled(call->cancel_context) != 0;
}

/* -- the instance ---------------------------------------------------------------------------------------------- */

static chronik_status folder_create(const chronik_host *host, const chronik_store_options *options, void **out,
                                    chronik_message *message) {
  (void)host;
  chronik_bytes root = options->data_directory;
  for (uint32_t i = 0; i < options->setting_count; i++)
    if (bytes_equal(options->settings[i].key, "path")) root = options->settings[i].value;
  if (root.len == 0 || root.ptr[0] != '/')
    return fail(message, CHRONIK_INVALID_CONFIG, "path: expected an absolute path, got \"%.*s\"", (int)root.len,
                (const char *)root.ptr);
  folder *me = calloc(1, sizeof *me + root.len + 1);
  if (me == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  me->root_length = root.len;
  memcpy(me->root, root.ptr, root.len);
  *out = me;
  return CHRONIK_OK;
}

static void folder_destroy(void *self) { free(self); }

static chronik_status folder_start(void *self, const chronik_store_call *call, chronik_message *message) {
  (void)call;
  folder *me = self;
  char *path = new_path(me);
  if (path == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  static const char *const below[] = {"objects", "tmp"};
  chronik_status status = CHRONIK_OK;
  for (int i = 0; i < 2 && status == CHRONIK_OK; i++) {
    int length = sprintf(path, "%s/%s", me->root, below[i]);
    (void)length;
    if (mkdir(me->root, 0755) != 0 && errno != EEXIST) status = io_error(message, me->root);
    else if (mkdir(path, 0755) != 0 && errno != EEXIST) status = io_error(message, path);
  }
  free(path);
  return status;
}

static void folder_stop(void *self) { (void)self; }

/* -- objects --------------------------------------------------------------------------------------------------- */

static int write_all(int file, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    bytes += written;
    count -= (size_t)written;
  }
  return 0;
}

/* Written aside and flushed, then linked (which fails when the name exists) or renamed: readers see nothing or all. */
static chronik_status folder_put(void *self, const chronik_store_call *call, chronik_bytes key,
                                 const chronik_bytes *parts, size_t part_count, uint32_t flags, int32_t *created,
                                 chronik_message *message) {
  folder *me = self;
  *created = 0;
  if (!is_legal(key)) return fail(message, CHRONIK_PERMANENT, "not a legal key: \"%.*s\"", (int)key.len, (const char *)key.ptr);
  char *path = new_path(me), *temporary = new_path(me);
  chronik_status status = CHRONIK_RETRIABLE;
  int file = -1;
  if (path == NULL || temporary == NULL) goto end;
  path_of(me, key, path);
  sprintf(temporary, "%s/tmp/%d-%llu", me->root, (int)getpid(), atomic_fetch_add(&me->next_temporary, 1));
  file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) { status = io_error(message, temporary); goto end; }
  for (size_t i = 0; i < part_count; i++) {
    if (is_cancelled(call)) { status = fail(message, CHRONIK_CANCELLED, "the call was cancelled"); goto end; }
    if (write_all(file, parts[i].ptr, parts[i].len) != 0) { status = io_error(message, temporary); goto end; }
  }
  if (fsync(file) != 0 || make_parents(me, path) != 0) { status = io_error(message, path); goto end; }
  if (flags & CHRONIK_PUT_IF_ABSENT) {
    if (link(temporary, path) == 0) *created = 1;
    else if (errno != EEXIST) { status = io_error(message, path); goto end; }
  } else {
    if (rename(temporary, path) != 0) { status = io_error(message, path); goto end; }
    *created = 1;
  }
  status = sync_parents(me, path) == 0 ? CHRONIK_OK : io_error(message, "fsync of a directory");
end:
  if (file >= 0) { close(file); unlink(temporary); }
  free(path);
  free(temporary);
  return status;
}

static chronik_status read_one(folder *me, char *path, chronik_store_read *want, chronik_message *message) {
  want->received = 0;
  if (!is_legal(want->key)) return fail(message, CHRONIK_PERMANENT, "not a legal key");
  path_of(me, want->key, path);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return errno == ENOENT || errno == ENOTDIR ? fail(message, CHRONIK_NOT_FOUND, "%s: no such object", path) : io_error(message, path);
  struct stat about;
  chronik_status status = CHRONIK_OK;
  if (fstat(file, &about) != 0) status = io_error(message, path);
  else if (S_ISDIR(about.st_mode)) status = fail(message, CHRONIK_NOT_FOUND, "%s: no such object", path);
  else if (want->offset > (uint64_t)about.st_size) status = fail(message, CHRONIK_PERMANENT, "%s: the range begins behind the end", path);
  want->object_byte_count = status == CHRONIK_OK ? (uint64_t)about.st_size : 0;
  while (status == CHRONIK_OK && want->received < want->length) {
    ssize_t count = pread(file, want->buffer + want->received, want->length - want->received,
                          (off_t)(want->offset + want->received));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) status = io_error(message, path);
    if (count <= 0) break;
    want->received += (size_t)count;
  }
  close(file);
  return status;
}

static chronik_status folder_read(void *self, const chronik_store_call *call, chronik_store_read *reads, size_t count,
                                  chronik_message *message) {
  folder *me = self;
  char *path = new_path(me);
  if (path == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  chronik_status first = CHRONIK_OK;
  for (size_t i = 0; i < count; i++) {
    char text[256];
    chronik_message own = {.text = text, .capacity = sizeof text, .length = 0};
    reads[i].status = is_cancelled(call) ? CHRONIK_CANCELLED : read_one(me, path, &reads[i], &own);
    if (reads[i].status != CHRONIK_OK && first == CHRONIK_OK) {
      first = reads[i].status;
      fail(message, first, "%.*s", (int)own.length, text);
    }
  }
  free(path);
  return first;
}

static void describe(const struct stat *about, chronik_object_info *info) {
  info->byte_count = (uint64_t)about->st_size;
  info->modified_ms = (int64_t)about->st_mtim.tv_sec * 1000 + about->st_mtim.tv_nsec / 1000000;
  info->etag_length = 0;
}

static chronik_status folder_head(void *self, const chronik_store_call *call, chronik_bytes key,
                                  chronik_object_info *info, chronik_message *message) {
  (void)call;
  folder *me = self;
  if (!is_legal(key)) return fail(message, CHRONIK_PERMANENT, "not a legal key");
  char *path = new_path(me);
  if (path == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  path_of(me, key, path);
  struct stat about;
  chronik_status status = CHRONIK_OK;
  if (stat(path, &about) == 0 && S_ISREG(about.st_mode)) describe(&about, info);
  else status = fail(message, CHRONIK_NOT_FOUND, "no such object");
  free(path);
  return status;
}

/* -- listing --------------------------------------------------------------------------------------------------- */

typedef struct key_list {
  char **keys;
  size_t count, capacity;
} key_list;

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int collect(const char *directory, const char *key, key_list *list) {
  DIR *stream = opendir(directory);
  if (stream == NULL) return errno == ENOENT ? 0 : -1;
  int failed = 0;
  for (struct dirent *entry; !failed && (entry = readdir(stream)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *path = NULL, *name = NULL;
    struct stat about;
    if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0) { failed = -1; break; }
    if (asprintf(&name, "%s%s%s", key, *key ? "/" : "", entry->d_name) < 0) { free(path); failed = -1; break; }
    if (stat(path, &about) != 0) {
      failed = errno == ENOENT ? 0 : -1;
    } else if (S_ISDIR(about.st_mode)) {
      failed = collect(path, name, list);
    } else {
      if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        char **grown = realloc(list->keys, capacity * sizeof *grown);
        if (grown == NULL) failed = -1;
        else { list->keys = grown; list->capacity = capacity; }
      }
      if (!failed) { list->keys[list->count++] = name; name = NULL; }
    }
    free(path);
    free(name);
  }
  closedir(stream);
  return failed;
}

/* Walks everything and sorts, which is simple and slow; a real store narrows the walk to the prefix. */
static chronik_status folder_list(void *self, const chronik_store_call *call, chronik_bytes prefix,
                                  chronik_bytes start_after, size_t limit,
                                  void (*visit)(void *, chronik_bytes, const chronik_object_info *),
                                  void *visit_context, int32_t *more, chronik_message *message) {
  folder *me = self;
  *more = 0;
  char *path = new_path(me);
  if (path == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  key_list list = {0};
  sprintf(path, "%s/objects", me->root);
  chronik_status status = collect(path, "", &list) == 0 ? CHRONIK_OK : io_error(message, path);
  qsort(list.keys, list.count, sizeof *list.keys, by_bytes);
  size_t visited = 0;
  for (size_t i = 0; i < list.count && status == CHRONIK_OK; i++) {
    chronik_bytes key = {.ptr = (const uint8_t *)list.keys[i], .len = strlen(list.keys[i])};
    if (key.len < prefix.len || (prefix.len && memcmp(key.ptr, prefix.ptr, prefix.len) != 0)) continue;
    size_t common = key.len < start_after.len ? key.len : start_after.len;
    int order = common ? memcmp(key.ptr, start_after.ptr, common) : 0;
    if (order < 0 || (order == 0 && key.len <= start_after.len)) continue;
    if (visited == limit) { *more = 1; break; }
    if (is_cancelled(call)) { status = fail(message, CHRONIK_CANCELLED, "the call was cancelled"); break; }
    chronik_object_info info = {0};
    struct stat about;
    path_of(me, key, path);
    if (stat(path, &about) != 0) continue;
    describe(&about, &info);
    visit(visit_context, key, &info);
    visited++;
  }
  for (size_t i = 0; i < list.count; i++) free(list.keys[i]);
  free(list.keys);
  free(path);
  return status;
}

static chronik_status folder_remove(void *self, const chronik_store_call *call, const chronik_bytes *keys, size_t count,
                                    chronik_message *message) {
  folder *me = self;
  char *path = new_path(me);
  if (path == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  chronik_status status = CHRONIK_OK;
  for (size_t i = 0; i < count && status == CHRONIK_OK; i++) {
    if (is_cancelled(call)) { status = fail(message, CHRONIK_CANCELLED, "the call was cancelled"); break; }
    if (!is_legal(keys[i])) { status = fail(message, CHRONIK_PERMANENT, "not a legal key"); break; }
    path_of(me, keys[i], path);
    if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR) status = io_error(message, path);
    else if (sync_parents(me, path) != 0 && errno != ENOENT) status = io_error(message, path);
  }
  free(path);
  return status;
}

static const chronik_config_key keys[] = {{
    .name = "path", .summary = "An absolute directory for the objects; by default one of the broker's own.",
    .kind = CHRONIK_CONFIG_STRING}};

const chronik_descriptor folder_descriptor = {
    .struct_size = sizeof folder_descriptor, .config_key_count = 1, .id = "org.chronik.example.folder", .name = "file",
    .version = "1.0.0", .summary = "An example: each object is a file.", .config_keys = keys};

const chronik_object_store folder_store = {
    .struct_size = sizeof folder_store, .create = folder_create, .destroy = folder_destroy, .start = folder_start,
    .stop = folder_stop, .put = folder_put, .read = folder_read, .head = folder_head, .list = folder_list,
    .remove = folder_remove};
