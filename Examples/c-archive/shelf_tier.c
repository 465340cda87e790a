/* Shelf: a tier in plain C that takes finished segments from the tier above and keeps each as one object in whatever
 * store chronik.yaml gives it.
 *
 * The name of an object says all that the tier must know of it, so a listing is the whole truth and there is no index
 * that could disagree: <topic>~<topic id>/<partition>/<next offset>-<base offset>-<bytes>-<max time>-<first time>-<epoch>.
 * What it leaves out is speed: a read walks the headers of its object from the front.
 */
#define _GNU_SOURCE
#include "archive.h"
#include "segment_bytes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX 640           /* topic names have at most 249 bytes */
#define WINDOW_BYTES (256 * 1024)
#define ANSWER_BYTES (8u << 20) /* a read answers no more, except for one batch that is larger */

typedef struct instance {
  const chronik_object_store *store;
  void *store_instance;
} instance;

/* `lock` guards everything below it. Changes come one at a time (chronik/tier.h), reads at any time. */
typedef struct partition {
  char prefix[KEY_MAX];
  pthread_mutex_t lock;
  chronik_segment *segments;
  size_t count, capacity;
  int64_t start_offset, end_offset;
} partition;

static chronik_store_call call_with(int32_t (*cancelled)(void *), void *context) {
  return (chronik_store_call){.struct_size = sizeof(chronik_store_call), .deadline_ns = INT64_MAX,
                              .cancelled = cancelled, .cancel_context = context};
}

static chronik_bytes text(const char *string) {
  return (chronik_bytes){.ptr = (const uint8_t *)string, .len = strlen(string)};
}

/* -- names ----------------------------------------------------------------------------------------------------- */

static void prefix_of(const chronik_partition_id *id, char out[KEY_MAX]) {
  int length = snprintf(out, KEY_MAX, "%.*s~", (int)id->topic.len, (const char *)id->topic.ptr);
  for (int i = 0; i < 16; i++) length += snprintf(out + length, KEY_MAX - (size_t)length, "%02x", id->topic_id[i]);
  snprintf(out + length, KEY_MAX - (size_t)length, "/%" PRId32 "/", id->partition);
}

/* Times and epochs may be -1, so they are written as the bits they are. */
static void key_of(const partition *p, const chronik_segment *s, char out[KEY_MAX]) {
  snprintf(out, KEY_MAX, "%.420s%020" PRId64 "-%020" PRId64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx32, p->prefix,
           s->next_offset, s->base_offset, (uint64_t)s->byte_count, (uint64_t)s->max_timestamp,
           (uint64_t)s->min_timestamp, (uint32_t)s->last_leader_epoch);
}

static int parse_key(const char *name, chronik_segment *s) {
  uint64_t bytes, newest, oldest;
  uint32_t epoch;
  int used = 0;
  memset(s, 0, sizeof *s);
  if (sscanf(name, "%020" SCNd64 "-%020" SCNd64 "-%" SCNx64 "-%" SCNx64 "-%" SCNx64 "-%" SCNx32 "%n", &s->next_offset,
             &s->base_offset, &bytes, &newest, &oldest, &epoch, &used) != 6 ||
      name[used] != 0 || s->base_offset < 0 || s->next_offset <= s->base_offset || bytes > INT64_MAX)
    return 0;
  s->byte_count = (int64_t)bytes;
  s->max_timestamp = (int64_t)newest;
  s->min_timestamp = (int64_t)oldest;
  s->last_leader_epoch = (int32_t)epoch;
  s->flags = CHRONIK_SEGMENT_SEALED;
  return 1;
}

static int append_segment(partition *p, const chronik_segment *s) {
  if (p->count == p->capacity) {
    size_t capacity = p->capacity ? p->capacity * 2 : 16;
    chronik_segment *grown = realloc(p->segments, capacity * sizeof *grown);
    if (grown == NULL) return -1;
    p->segments = grown;
    p->capacity = capacity;
  }
  p->segments[p->count++] = *s;
  return 0;
}

/* -- the instance ---------------------------------------------------------------------------------------------- */

static chronik_status shelf_create(const chronik_host *host, const chronik_tier_options *options, void **out,
                                   chronik_message *message) {
  (void)options;
  const chronik_host_object_store *lent = host->get_extension(host->context, CHRONIK_HOST_OBJECT_STORE);
  if (lent == NULL) return fail(message, CHRONIK_INVALID_CONFIG, "store: Shelf needs an object store");
  instance *me = calloc(1, sizeof *me);
  if (me == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  me->store = lent->store;
  me->store_instance = lent->instance;
  *out = me;
  return CHRONIK_OK;
}

static void shelf_destroy(void *self) { free(self); }
static chronik_status shelf_start(void *self, chronik_message *message) { (void)self; (void)message; return CHRONIK_OK; }
static void shelf_stop(void *self) { (void)self; }

/* -- partitions ------------------------------------------------------------------------------------------------ */

typedef struct listing {
  char **names;
  size_t count, capacity;
  int failed;
} listing;

static void note_name(void *context, chronik_bytes key, const chronik_object_info *info) {
  (void)info;
  listing *list = context;
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? list->capacity * 2 : 64;
    char **grown = realloc(list->names, capacity * sizeof *grown);
    if (grown == NULL) { list->failed = 1; return; }
    list->names = grown;
    list->capacity = capacity;
  }
  char *copy = strndup((const char *)key.ptr, key.len);
  if (copy == NULL) list->failed = 1;
  else list->names[list->count++] = copy;
}

static void free_listing(listing *list) {
  for (size_t i = 0; i < list->count; i++) free(list->names[i]);
  free(list->names);
}

static chronik_status list_all(instance *me, const char *prefix, listing *list, chronik_message *message) {
  chronik_store_call call = call_with(NULL, NULL);
  int32_t more = 1;
  while (more) {
    chronik_bytes after = list->count ? text(list->names[list->count - 1]) : text("");
    size_t before = list->count;
    chronik_status status = me->store->list(me->store_instance, &call, text(prefix), after, 1000, note_name, list, &more, message);
    if (status != CHRONIK_OK) return status;
    if (list->failed) return fail(message, CHRONIK_RETRIABLE, "out of memory");
    if (list->count == before) break;
  }
  return CHRONIK_OK;
}

static chronik_status remove_key(instance *me, const char *key, chronik_message *message) {
  chronik_store_call call = call_with(NULL, NULL);
  chronik_bytes bytes = text(key);
  return me->store->remove(me->store_instance, &call, &bytes, 1, message);
}

/* Where advance_start has put the start; 0 when it never has. */
static chronik_status read_start(instance *me, const char *prefix, int64_t *out, chronik_message *message) {
  char key[KEY_MAX + 8], digits[32] = {0};
  snprintf(key, sizeof key, "%sstart", prefix);
  chronik_store_call call = call_with(NULL, NULL);
  chronik_store_read want = {.key = text(key), .length = sizeof digits - 1, .buffer = (uint8_t *)digits};
  chronik_status status = me->store->read(me->store_instance, &call, &want, 1, message);
  *out = 0;
  if (status == CHRONIK_NOT_FOUND) return CHRONIK_OK;
  if (status != CHRONIK_OK) return status;
  char *end = NULL;
  *out = strtoll(digits, &end, 10);
  if (end == digits || *end != 0 || *out < 0) return fail(message, CHRONIK_CORRUPT, "%s is not a number", key);
  return CHRONIK_OK;
}

static void shelf_close(void *self, void *handle) {
  (void)self;
  partition *p = handle;
  pthread_mutex_destroy(&p->lock);
  free(p->segments);
  free(p);
}

static chronik_status shelf_open(void *self, const chronik_partition_id *id, const chronik_partition_settings *settings,
                                 int64_t initial_offset, void **out, chronik_message *message) {
  (void)settings;
  instance *me = self;
  partition *p = calloc(1, sizeof *p);
  if (p == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  pthread_mutex_init(&p->lock, NULL);
  prefix_of(id, p->prefix);
  listing list = {0};
  int64_t marked = 0;
  chronik_status status = read_start(me, p->prefix, &marked, message);
  if (status == CHRONIK_OK) status = list_all(me, p->prefix, &list, message);
  for (size_t i = 0; i < list.count && status == CHRONIK_OK; i++) {
    chronik_segment segment;
    if (!parse_key(list.names[i] + strlen(p->prefix), &segment)) continue;
    /* Given up before a crash, or left of an attempt that was repeated with other borders. */
    int is_rest = segment.next_offset <= marked || (p->count && segment.base_offset != p->segments[p->count - 1].next_offset);
    if (is_rest) status = remove_key(me, list.names[i], message);
    else if (append_segment(p, &segment) != 0) status = fail(message, CHRONIK_RETRIABLE, "out of memory");
  }
  free_listing(&list);
  if (status != CHRONIK_OK) { shelf_close(self, p); return status; }
  p->start_offset = p->end_offset = marked > 0 ? marked : initial_offset;
  if (p->count) {
    p->end_offset = p->segments[p->count - 1].next_offset;
    p->start_offset = p->segments[0].base_offset > marked ? p->segments[0].base_offset : marked;
  }
  *out = p;
  return CHRONIK_OK;
}

static chronik_status shelf_delete(void *self, const chronik_partition_id *id, chronik_message *message) {
  instance *me = self;
  char prefix[KEY_MAX];
  prefix_of(id, prefix);
  listing list = {0};
  chronik_status status = list_all(me, prefix, &list, message);
  for (size_t i = 0; i < list.count && status == CHRONIK_OK; i++) status = remove_key(me, list.names[i], message);
  free_listing(&list);
  return status;
}

static chronik_status shelf_list_partitions(void *self, void (*visit)(void *, const chronik_partition_id *),
                                            void *context, chronik_message *message) {
  listing list = {0};
  chronik_status status = list_all(self, "", &list, message);
  const char *last = "";
  for (size_t i = 0; i < list.count && status == CHRONIK_OK; i++) {
    char *name = list.names[i], *tilde = strchr(name, '~'), *slash = tilde ? strchr(tilde, '/') : NULL;
    char *end = slash ? strchr(slash + 1, '/') : NULL;
    if (end == NULL || slash - tilde != 33) continue;
    if (strncmp(last, name, (size_t)(end - name) + 1) == 0) continue;
    last = name;
    chronik_partition_id id = {.struct_size = sizeof id, .partition = (int32_t)strtol(slash + 1, NULL, 10),
                               .topic = {.ptr = (const uint8_t *)name, .len = (size_t)(tilde - name)}};
    for (int b = 0; b < 16; b++) {
      unsigned value = 0;
      sscanf(tilde + 1 + 2 * b, "%2x", &value);
      id.topic_id[b] = (uint8_t)value;
    }
    visit(context, &id);
  }
  free_listing(&list);
  return status;
}

static void shelf_state(void *self, void *handle, chronik_partition_state *out) {
  (void)self;
  partition *p = handle;
  pthread_mutex_lock(&p->lock);
  *out = (chronik_partition_state){.struct_size = out->struct_size, .last_leader_epoch = -1, .max_timestamp = -1,
                                   .max_timestamp_offset = -1};
  out->start_offset = out->durable_end_offset = p->start_offset;
  out->end_offset = p->end_offset;
  for (size_t i = 0; i < p->count; i++) {
    out->byte_count += p->segments[i].byte_count;
    out->last_leader_epoch = p->segments[i].last_leader_epoch;
  }
  pthread_mutex_unlock(&p->lock);
}

static chronik_status shelf_advance(void *self, void *handle, int64_t offset, chronik_message *message) {
  instance *me = self;
  partition *p = handle;
  if (offset > p->end_offset) return fail(message, CHRONIK_PERMANENT, "offset %" PRId64 " is beyond the end", offset);
  if (offset <= p->start_offset) return CHRONIK_OK;
  /* Truth first: what is given up is never seen again, whatever happens to the objects. */
  char key[KEY_MAX + 8], digits[32];
  snprintf(key, sizeof key, "%sstart", p->prefix);
  snprintf(digits, sizeof digits, "%" PRId64, offset);
  chronik_store_call call = call_with(NULL, NULL);
  chronik_bytes part = text(digits);
  int32_t created = 0;
  chronik_status status = me->store->put(me->store_instance, &call, text(key), &part, 1, 0, &created, message);
  if (status != CHRONIK_OK) return status;
  pthread_mutex_lock(&p->lock);
  p->start_offset = offset;
  size_t gone = 0;
  while (gone < p->count && p->segments[gone].next_offset <= offset) gone++;
  chronik_segment *dropped = malloc((gone + 1) * sizeof *dropped);
  if (dropped != NULL) memcpy(dropped, p->segments, gone * sizeof *dropped);
  else gone = 0; /* The next open removes them. */
  if (p->count > gone) memmove(p->segments, p->segments + gone, (p->count - gone) * sizeof *dropped);
  p->count -= gone;
  pthread_mutex_unlock(&p->lock);
  for (size_t i = 0; i < gone && status == CHRONIK_OK; i++) {
    key_of(p, &dropped[i], key);
    status = remove_key(me, key, message);
  }
  free(dropped);
  return status;
}

/* -- reading --------------------------------------------------------------------------------------------------- */

static chronik_status read_range(instance *me, const char *key, uint64_t offset, uint8_t *buffer, size_t length,
                                 chronik_message *message) {
  chronik_store_call call = call_with(NULL, NULL);
  chronik_store_read want = {.key = text(key), .offset = offset, .buffer = buffer, .length = length};
  chronik_status status = me->store->read(me->store_instance, &call, &want, 1, message);
  if (status == CHRONIK_OK && want.received < length)
    return fail(message, CHRONIK_CORRUPT, "%s is shorter than its name says", key);
  return status;
}

/* The batches of one object that answer a request: [*begin, *end) in bytes. */
static chronik_status find(instance *me, const char *key, const chronik_segment *s, const chronik_read_request *request,
                           uint64_t *begin, uint64_t *end, chronik_read_result *result, chronik_message *message) {
  uint8_t *window = malloc(WINDOW_BYTES);
  if (window == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  uint64_t size = (uint64_t)s->byte_count, from = 0, held = 0, position = 0;
  uint64_t limit = request->max_bytes < ANSWER_BYTES ? request->max_bytes : ANSWER_BYTES;
  chronik_status status = CHRONIK_OK;
  *begin = *end = 0;
  while (position + HEADER_BYTES <= size) {
    if (position < from || position + HEADER_BYTES > from + held) {
      from = position;
      held = size - from < WINDOW_BYTES ? size - from : WINDOW_BYTES;
      status = read_range(me, key, from, window, (size_t)held, message);
      if (status != CHRONIK_OK) break;
    }
    batch b = parse_batch(window + (position - from));
    if (b.byte_count > size - position || b.next_offset > s->next_offset) {
      status = fail(message, CHRONIK_CORRUPT, "%s: byte %" PRIu64 " begins no batch", key, position);
      break;
    }
    if (b.next_offset > request->offset) {
      int is_first = *begin == *end;
      if (b.base_offset >= request->end_offset) break;
      if (position + b.byte_count - (is_first ? position : *begin) > limit && !(is_first && request->min_one_batch)) break;
      if (is_first) { *begin = position; result->start_offset = b.base_offset; }
      *end = position + b.byte_count;
      result->next_offset = b.next_offset;
    }
    position += b.byte_count;
  }
  free(window);
  return status;
}

static chronik_status shelf_read(void *self, void *handle, const chronik_read_request *request,
                                 chronik_read_result *result, chronik_message *message) {
  instance *me = self;
  partition *p = handle;
  result->extent_count = 0;
  result->byte_count = 0;
  chronik_segment segment = {0};
  pthread_mutex_lock(&p->lock);
  int is_held = request->offset >= p->start_offset && request->offset < p->end_offset;
  for (size_t i = 0; is_held && i < p->count; i++)
    if (p->segments[i].next_offset > request->offset) { segment = p->segments[i]; break; }
  pthread_mutex_unlock(&p->lock);
  if (!is_held || segment.next_offset == 0) return CHRONIK_MISS;
  if (request->flags & CHRONIK_NONBLOCKING) return CHRONIK_WOULD_BLOCK;
  char key[KEY_MAX];
  key_of(p, &segment, key);
  uint64_t begin = 0, end = 0;
  chronik_status status = find(me, key, &segment, request, &begin, &end, result, message);
  if (status != CHRONIK_OK || begin == end) return status;
  uint8_t *bytes = malloc((size_t)(end - begin));
  if (bytes == NULL) return fail(message, CHRONIK_RETRIABLE, "out of memory");
  status = read_range(me, key, begin, bytes, (size_t)(end - begin), message);
  if (status != CHRONIK_OK) { free(bytes); return status; }
  result->extents[0] = (chronik_extent){.kind = CHRONIK_EXTENT_MEMORY, .fd = -1, .ptr = bytes,
                                        .len = (size_t)(end - begin), .owner = bytes, .release = free};
  result->extent_count = 1;
  result->byte_count = end - begin;
  return CHRONIK_OK;
}

static chronik_status shelf_segments(void *self, void *handle, int64_t from, chronik_segment *out, size_t capacity,
                                     size_t *count, chronik_message *message) {
  (void)self;
  (void)message;
  partition *p = handle;
  *count = 0;
  pthread_mutex_lock(&p->lock);
  for (size_t i = 0; i < p->count && *count < capacity; i++)
    if (p->segments[i].next_offset > from) out[(*count)++] = p->segments[i];
  pthread_mutex_unlock(&p->lock);
  return CHRONIK_OK;
}

/* -- importing ------------------------------------------------------------------------------------------------- */

static chronik_status shelf_import(void *self, void *handle, const chronik_segment *segment, const chronik_extent *extents,
                                   size_t extent_count, const uint8_t attempt[16], int32_t (*cancelled)(void *),
                                   void *cancel_context, chronik_message *message) {
  (void)attempt; /* The name of an object depends on its range alone: a repetition writes the same object. */
  instance *me = self;
  partition *p = handle;
  int is_empty = p->start_offset == p->end_offset;
  if (!is_empty && segment->next_offset <= p->end_offset && segment->base_offset >= p->start_offset) return CHRONIK_OK;
  if (!is_empty && segment->base_offset != p->end_offset)
    return fail(message, CHRONIK_PERMANENT, "a segment from %" PRId64 " does not continue %" PRId64, segment->base_offset,
                p->end_offset);
  parts all = {0};
  chronik_status status = CHRONIK_OK;
  if (segment_map(extents, extent_count, &all) != 0) status = fail(message, CHRONIK_RETRIABLE, "the segment cannot be mapped");
  else if (!segment_is_whole(&all, segment)) status = fail(message, CHRONIK_CORRUPT, "the segment is not what it says it is");
  char key[KEY_MAX];
  key_of(p, segment, key);
  chronik_store_call call = call_with(cancelled, cancel_context);
  int32_t created = 0;
  if (status == CHRONIK_OK)
    status = me->store->put(me->store_instance, &call, text(key), all.bytes, all.count, CHRONIK_PUT_IF_ABSENT, &created, message);
  segment_unmap(&all);
  chronik_object_info info = {0};
  if (status == CHRONIK_OK) status = me->store->head(me->store_instance, &call, text(key), &info, message);
  if (status != CHRONIK_OK) return status;
  if (info.byte_count != (uint64_t)segment->byte_count)
    return fail(message, CHRONIK_CORRUPT, "%s has %" PRIu64 " bytes", key, info.byte_count);
  pthread_mutex_lock(&p->lock);
  status = append_segment(p, segment) == 0 ? CHRONIK_OK : fail(message, CHRONIK_RETRIABLE, "out of memory");
  if (status == CHRONIK_OK) {
    p->segments[p->count - 1].flags = CHRONIK_SEGMENT_SEALED;
    if (is_empty) p->start_offset = segment->base_offset;
    p->end_offset = segment->next_offset;
  }
  pthread_mutex_unlock(&p->lock);
  return status;
}

const chronik_descriptor shelf_descriptor = {
    .struct_size = sizeof shelf_descriptor, .id = "org.chronik.example.shelf", .name = "Shelf", .version = "1.0.0",
    .summary = "An example: each finished segment becomes an object of a store.",
    .abilities = CHRONIK_TIER_IMPORT | CHRONIK_TIER_READ | CHRONIK_TIER_STORE};

const chronik_tier shelf_tier = {
    .struct_size = sizeof shelf_tier, .create = shelf_create, .destroy = shelf_destroy, .start = shelf_start,
    .stop = shelf_stop, .open_partition = shelf_open, .close_partition = shelf_close, .delete_partition = shelf_delete,
    .state = shelf_state, .advance_start = shelf_advance, .read = shelf_read, .segments = shelf_segments,
    .import_segment = shelf_import, .list_partitions = shelf_list_partitions};
