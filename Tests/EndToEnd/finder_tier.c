/* Finder: a tier that holds nothing and searches by reading everything through the host's source. For tests of the
 * host: it has no query language, only a value that contains the query's bytes, and queries that make it misbehave.
 *
 *   !error        INVALID_CONFIG with a sentence        !fail    PERMANENT with a sentence
 *   !wait         waits until it is cancelled or the deadline passes, then answers partially
 *   !outside      a hit outside the partition's range   !many    more hits than asked for
 *   !nan          a score that is not a number          !status  a status that does not exist
 */
#define _GNU_SOURCE
#include <chronik/chronik.h>
#include <chronik/ext/archive.h>
#include <chronik/ext/search.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static chronik_status say(chronik_message *message, chronik_status status, const char *text) {
  size_t count = strlen(text) < message->capacity ? strlen(text) : message->capacity;
  memcpy(message->text, text, count);
  message->length = count;
  return status;
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* -- records --------------------------------------------------------------------------------------------------- */

typedef struct found {
  size_t partition;
  int64_t offset, timestamp;
  uint32_t flags;
  uint8_t *bytes; /* of the record, owned */
  chronik_bytes key, value;
  chronik_search_header *headers; /* owned */
  size_t header_count;
} found;

static uint64_t big(const uint8_t *bytes, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) value = value << 8 | bytes[i];
  return value;
}

static int64_t varint(const uint8_t **at) {
  uint64_t raw = 0;
  for (int shift = 0;; shift += 7) {
    uint8_t byte = *(*at)++;
    raw |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
  }
}

static chronik_bytes field(const uint8_t **at, int *is_null) {
  int64_t length = varint(at);
  *is_null = length < 0;
  chronik_bytes bytes = {*at, length < 0 ? 0 : (size_t)length};
  *at += bytes.len;
  return bytes;
}

static int contains(chronik_bytes where, chronik_bytes what) {
  return what.len == 0 || (where.len >= what.len && memmem(where.ptr, where.len, what.ptr, what.len) != NULL);
}

/* Takes a record apart and keeps it when it matches; the bytes of the list are copies. */
static const uint8_t *take(const uint8_t *at, const uint8_t *batch, size_t index, const chronik_search_request *request,
                           const chronik_search_partition *range, found **list, size_t *count) {
  int64_t length = varint(&at);
  const uint8_t *end = at + length;
  found record = {.partition = index, .bytes = malloc((size_t)length)};
  memcpy(record.bytes, at, (size_t)length);
  const uint8_t *in = record.bytes + 1;
  int is_null;
  record.timestamp = (int64_t)big(batch + 27, 8) + varint(&in);
  record.offset = (int64_t)big(batch, 8) + varint(&in);
  record.key = field(&in, &is_null);
  if (is_null) record.flags |= CHRONIK_SEARCH_NULL_KEY;
  record.value = field(&in, &is_null);
  if (is_null) record.flags |= CHRONIK_SEARCH_NULL_VALUE;
  record.header_count = (size_t)varint(&in);
  record.headers = calloc(record.header_count + 1, sizeof *record.headers);
  for (size_t i = 0; i < record.header_count; i++) {
    record.headers[i].name = field(&in, &is_null);
    record.headers[i].value = field(&in, &is_null);
    if (is_null) record.headers[i].value.len = CHRONIK_SEARCH_NULL_HEADER_VALUE;
  }
  int matches = record.offset >= range->start_offset && record.offset < range->end_offset &&
                record.timestamp >= request->since_ms && record.timestamp < request->until_ms &&
                contains(record.value, request->query) &&
                ((request->flags & CHRONIK_SEARCH_HAS_KEY) == 0 ||
                 (!(record.flags & CHRONIK_SEARCH_NULL_KEY) && record.key.len == request->key.len &&
                  memcmp(record.key.ptr, request->key.ptr, record.key.len) == 0));
  if (matches) {
    *list = realloc(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = record;
  } else {
    free(record.bytes);
    free(record.headers);
  }
  return end;
}

static chronik_status scan(const chronik_search_request *request, const chronik_search_partition *range, size_t index,
                           const chronik_search_source *source, found **list, size_t *count, chronik_message *message) {
  for (int64_t offset = range->start_offset; offset < range->end_offset;) {
    chronik_extent extents[1]; /* fewer than an answer may have */
    chronik_read_request read = {.struct_size = sizeof read, .offset = offset, .end_offset = range->end_offset,
                                 .max_bytes = 1 << 20, .min_one_batch = 1};
    chronik_read_result result = {.struct_size = sizeof result, .capacity = 1, .extents = extents};
    chronik_status status = source->read(source->context, index, &read, &result, message);
    if (status != CHRONIK_OK) return status;
    if (result.extent_count == 0 || result.start_offset > offset) return say(message, CHRONIK_CORRUPT, "a hole");
    const chronik_extent *extent = &extents[0];
    uint8_t *copy = malloc(extent->len);
    if (extent->kind == CHRONIK_EXTENT_FILE) {
      if (pread(extent->fd, copy, extent->len, extent->file_offset) != (ssize_t)extent->len) abort();
    } else {
      memcpy(copy, extent->ptr, extent->len);
    }
    size_t length = extent->len;
    if (extent->release) extent->release(extent->owner);
    for (size_t at = 0; at + 61 <= length; at += 12 + big(copy + at + 8, 4)) {
      const uint8_t *batch = copy + at, *record = batch + 61;
      if (big(batch + 21, 2) & 0x27) continue; /* compressed, or control */
      for (uint32_t i = 0; i < big(batch + 57, 4); i++)
        record = take(record, batch, index, request, range, list, count);
    }
    free(copy);
    offset = result.next_offset;
  }
  return CHRONIK_OK;
}

/* -- searching ------------------------------------------------------------------------------------------------- */

static int newest_first(const void *left, const void *right) {
  const found *a = left, *b = right;
  if (a->timestamp != b->timestamp) return a->timestamp < b->timestamp ? 1 : -1;
  if (a->offset != b->offset) return a->offset < b->offset ? 1 : -1;
  return (a->partition > b->partition) - (a->partition < b->partition);
}

static int is_query(const chronik_search_request *request, const char *text) {
  return request->query.len == strlen(text) && memcmp(request->query.ptr, text, request->query.len) == 0;
}

static chronik_status misbehave(const chronik_search_request *request, const chronik_search_partition *partitions,
                                void (*visit)(void *, const chronik_search_hit *), void *context,
                                chronik_search_result *result, chronik_message *message) {
  chronik_search_hit hit = {.struct_size = sizeof hit, .offset = partitions[0].start_offset};
  if (is_query(request, "!error")) return say(message, CHRONIK_INVALID_CONFIG, "at character 1: expected a word");
  if (is_query(request, "!fail")) return say(message, CHRONIK_PERMANENT, "the \"store\" is gone\n");
  if (is_query(request, "!status")) return 4711;
  if (is_query(request, "!outside")) hit.offset = partitions[0].end_offset;
  if (is_query(request, "!nan")) hit.score = NAN;
  uint64_t count = is_query(request, "!many") ? request->limit + 1 : 1;
  for (uint64_t i = 0; i < count; i++) visit(context, &hit);
  result->total = count;
  return CHRONIK_OK;
}

static chronik_status wait_for_end(const chronik_search_request *request, chronik_search_result *result,
                                   chronik_message *message) {
  fprintf(stderr, "finder: waiting\n");
  while (now_ns() < request->deadline_ns) {
    if (request->cancelled != NULL && request->cancelled(request->cancel_context)) {
      fprintf(stderr, "finder: cancelled\n");
      return say(message, CHRONIK_CANCELLED, "cancelled");
    }
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  result->flags = CHRONIK_SEARCH_PARTIAL;
  return say(message, CHRONIK_OK, "the deadline passed");
}

static chronik_status search(void *self, const chronik_search_request *request,
                             const chronik_search_partition *partitions, size_t partition_count,
                             const chronik_search_source *source, void (*visit)(void *, const chronik_search_hit *),
                             void *visit_context, chronik_search_result *result, chronik_message *message) {
  (void)self;
  if (is_query(request, "!wait")) return wait_for_end(request, result, message);
  if (request->query.len > 0 && request->query.ptr[0] == '!')
    return misbehave(request, partitions, visit, visit_context, result, message);
  found *list = NULL;
  size_t count = 0;
  chronik_status status = CHRONIK_OK;
  for (size_t i = 0; i < partition_count && status == CHRONIK_OK; i++)
    status = scan(request, &partitions[i], i, source, &list, &count, message);
  if (count > 0) qsort(list, count, sizeof *list, newest_first);
  size_t first = 0; /* the cursor is the number of records that were shown */
  if (request->cursor.len == sizeof first) memcpy(&first, request->cursor.ptr, sizeof first);
  size_t end = first + request->limit < count ? first + request->limit : count;
  for (size_t i = first; i < end && status == CHRONIK_OK; i++) {
    chronik_search_hit hit = {.struct_size = sizeof hit, .flags = list[i].flags, .partition_index = list[i].partition,
                              .offset = list[i].offset, .timestamp_ms = list[i].timestamp, .key = list[i].key,
                              .value = list[i].value, .headers = list[i].headers, .header_count = list[i].header_count};
    visit(visit_context, &hit);
  }
  result->flags = CHRONIK_SEARCH_TOTAL_EXACT;
  result->total = count;
  result->records_scanned = count;
  if (end < count) {
    memcpy(result->cursor, &end, sizeof end);
    result->cursor_length = sizeof end;
  }
  for (size_t i = 0; i < count; i++) {
    free(list[i].bytes);
    free(list[i].headers);
  }
  free(list);
  return status;
}

/* -- an archive of nothing --------------------------------------------------------------------------------------- */

static chronik_status rebuild(void *self, chronik_archive_progress progress, void *progress_context,
                              chronik_archive_summary *summary, chronik_message *message) {
  (void)self, (void)progress, (void)progress_context, (void)summary, (void)message;
  return CHRONIK_OK;
}

static chronik_status verify(void *self, uint32_t flags, chronik_archive_progress progress, void *progress_context,
                             void (*visit)(void *, const chronik_archive_finding *), void *visit_context,
                             chronik_archive_summary *summary, chronik_message *message) {
  (void)flags, (void)visit, (void)visit_context;
  return rebuild(self, progress, progress_context, summary, message);
}

static chronik_status export_json(void *self, chronik_bytes topic, void (*write)(void *, chronik_bytes), void *context,
                                  chronik_message *message) {
  (void)self, (void)message;
  char line[400];
  int length = snprintf(line, sizeof line, "{\"topic\":\"%.*s\",\"segments\":[", (int)topic.len,
                        (const char *)topic.ptr);
  write(context, (chronik_bytes){(const uint8_t *)line, (size_t)length});
  for (int i = 0; i < 20000; i++) { /* more than one piece of the host's stream */
    length = snprintf(line, sizeof line, "%s{\"base_offset\":%d}", i > 0 ? "," : "", i * 1000);
    write(context, (chronik_bytes){(const uint8_t *)line, (size_t)length});
  }
  write(context, (chronik_bytes){(const uint8_t *)"]}", 2});
  return CHRONIK_OK;
}

/* -- the tier: empty ---------------------------------------------------------------------------------------------- */

static int instance, partition;

static chronik_status create(const chronik_host *host, const chronik_tier_options *options, void **out,
                             chronik_message *message) {
  (void)host, (void)options, (void)message;
  *out = &instance;
  return CHRONIK_OK;
}
static void destroy(void *self) { (void)self; }
static chronik_status start(void *self, chronik_message *message) { (void)self, (void)message; return CHRONIK_OK; }
static chronik_status open_partition(void *self, const chronik_partition_id *id,
                                     const chronik_partition_settings *settings, int64_t initial_offset, void **out, chronik_message *message) {
  (void)self, (void)id, (void)settings, (void)initial_offset, (void)message;
  *out = &partition;
  return CHRONIK_OK;
}
static void close_partition(void *self, void *handle) { (void)self, (void)handle; }
static chronik_status delete_partition(void *self, const chronik_partition_id *id, chronik_message *message) {
  (void)self, (void)id, (void)message;
  return CHRONIK_OK;
}
static void state(void *self, void *handle, chronik_partition_state *out) {
  (void)self, (void)handle;
  *out = (chronik_partition_state){.struct_size = sizeof *out, .last_leader_epoch = -1, .max_timestamp = -1,
                                   .max_timestamp_offset = -1};
}
static chronik_status read_nothing(void *self, void *handle, const chronik_read_request *request,
                                   chronik_read_result *result, chronik_message *message) {
  (void)self, (void)handle, (void)request, (void)message;
  result->extent_count = 0;
  return CHRONIK_MISS;
}

static const chronik_search searching = {.struct_size = sizeof searching, .search = search};
static const chronik_archive archive = {.struct_size = sizeof archive, .rebuild = rebuild, .verify = verify,
                                        .export_json = export_json};

static const void *get_extension(void *self, const char *id) {
  (void)self;
  if (strcmp(id, CHRONIK_EXTENSION_SEARCH) == 0) return &searching;
  return strcmp(id, CHRONIK_EXTENSION_ARCHIVE) == 0 ? &archive : NULL;
}

static const chronik_descriptor descriptor = {
    .struct_size = sizeof descriptor, .id = "test.finder", .name = "Finder", .version = "1",
    .summary = "Searches by scanning.",
    .abilities = CHRONIK_TIER_READ | CHRONIK_TIER_SEARCH};
static const chronik_tier table = {
    .struct_size = sizeof table, .create = create, .destroy = destroy, .start = start, .stop = destroy,
    .open_partition = open_partition, .close_partition = close_partition, .delete_partition = delete_partition,
    .state = state, .read = read_nothing, .get_extension = get_extension};
static const chronik_tier_product products[] = {{.descriptor = &descriptor, .tier = &table}};
static const chronik_tier_factory factory = {.struct_size = sizeof factory, .product_count = 1, .products = products};
static const void *get_factory(const char *id) { return strcmp(id, CHRONIK_FACTORY_TIER) == 0 ? &factory : NULL; }
static const chronik_plugin entry = {
    .magic = CHRONIK_PLUGIN_MAGIC, .struct_size = sizeof entry, .abi_major = CHRONIK_ABI_MAJOR,
    .abi_minor = CHRONIK_ABI_MINOR, .name = "Finder", .version = "1", .get_factory = get_factory};

const chronik_plugin *chronik_plugin_entry(void) { return &entry; }
