/* Ring: a tier in plain C that keeps the newest batches of each partition in memory.
 *
 * It is the smallest honest tier: nothing is simplified away that the contract in chronik/tier.h asks for. Read that
 * header first; the comments here say how each promise is kept.
 *
 *   cc -std=c11 -shared -fPIC -fvisibility=hidden -I Sources/TierAPI/include ring_tier.c -o libRing.so -lpthread
 */
#include <chronik/chronik.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A batch in memory. The ring holds one reference while the batch is in its window, every extent holds another; the
 * last one frees it. That is how extents stay valid after an eviction, a truncation and even after destroy(). */
typedef struct node {
  atomic_int references;
  int64_t base_offset, next_offset, max_timestamp;
  int32_t leader_epoch;
  size_t len;
  uint8_t bytes[];
} node;

typedef struct instance {
  size_t slots;    /* batches that one partition may hold */
  size_t capacity; /* bytes of batches that one partition may hold */
} instance;

/* nodes[(head + i) % slots] for i < count, in offset order. `lock` guards everything below it: appends are serial, but
 * reads may come from any thread at the same time. */
typedef struct partition {
  pthread_mutex_t lock;
  size_t head, count;
  size_t byte_count;
  int64_t start_offset, end_offset;
  node *nodes[];
} partition;

/* -- small helpers --------------------------------------------------------------------------------------------- */

/* Writes a sentence for the operator and returns the status that goes with it. Never writes beyond the capacity. */
static chronik_status fail(chronik_message *message, chronik_status status, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  size_t count = length < 0 ? 0 : (size_t)length;
  if (count >= sizeof text) count = sizeof text - 1;
  if (count > message->capacity) count = message->capacity;
  if (count > 0) memcpy(message->text, text, count);
  message->length = count;
  return status;
}

static void release_node(void *owner) {
  node *batch = owner;
  if (atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) == 1) free(batch);
}

static node *copy_batch(const chronik_batch *batch) {
  node *copy = malloc(sizeof *copy + batch->bytes.len);
  if (copy == NULL) return NULL;
  atomic_init(&copy->references, 1);
  copy->base_offset = batch->base_offset;
  copy->next_offset = batch->next_offset;
  copy->max_timestamp = batch->max_timestamp;
  copy->leader_epoch = batch->leader_epoch;
  copy->len = batch->bytes.len;
  memcpy(copy->bytes, batch->bytes.ptr, batch->bytes.len);
  return copy;
}

static node **slot(const instance *me, partition *p, size_t index) {
  return &p->nodes[(p->head + index) % me->slots];
}

static void drop_oldest(const instance *me, partition *p) {
  node *oldest = *slot(me, p, 0);
  p->head = (p->head + 1) % me->slots;
  p->count -= 1;
  p->byte_count -= oldest->len;
  release_node(oldest);
}

static void drop_newest(const instance *me, partition *p) {
  node *newest = *slot(me, p, p->count - 1);
  p->count -= 1;
  p->byte_count -= newest->len;
  release_node(newest);
}

/* -- the instance ---------------------------------------------------------------------------------------------- */

/* The host has checked the value against the descriptor below, but a tier is also created by tests and tools. */
static chronik_status size_setting(const chronik_tier_options *options, const char *key, size_t fallback, size_t limit,
                                   size_t *out, chronik_message *message) {
  *out = fallback;
  for (uint32_t i = 0; i < options->setting_count; i++) {
    chronik_bytes name = options->settings[i].key, value = options->settings[i].value;
    if (name.len != strlen(key) || memcmp(name.ptr, key, name.len) != 0) continue;
    size_t number = 0;
    for (size_t d = 0; d < value.len; d++) {
      if (value.ptr[d] < '0' || value.ptr[d] > '9' || number > limit) break;
      number = number * 10 + (size_t)(value.ptr[d] - '0');
      if (d + 1 == value.len) *out = number;
    }
    if (number == 0 || number > limit || *out != number)
      return fail(message, CHRONIK_INVALID_CONFIG, "%s: expected a number from 1 to %zu, got \"%.*s\"", key, limit,
                  (int)(value.len < 40 ? value.len : 40), (const char *)value.ptr);
  }
  return CHRONIK_OK;
}

static chronik_status ring_create(const chronik_host *host, const chronik_tier_options *options, void **out,
                                  chronik_message *message) {
  (void)host; /* A tier that logs or counts would keep it: it stays valid until destroy() has returned. */
  instance parsed;
  chronik_status status = size_setting(options, "slots", 4096, 1u << 20, &parsed.slots, message);
  if (status == CHRONIK_OK)
    status = size_setting(options, "capacity", 1u << 20, 1u << 30, &parsed.capacity, message);
  if (status != CHRONIK_OK) return status;
  instance *me = malloc(sizeof *me);
  if (me == NULL) return fail(message, CHRONIK_RETRIABLE, "create: out of memory");
  *me = parsed;
  *out = me;
  return CHRONIK_OK;
}

static void ring_destroy(void *self) { free(self); }

static chronik_status ring_start(void *self, chronik_message *message) {
  (void)self, (void)message;
  return CHRONIK_OK;
}

static void ring_stop(void *self) { (void)self; }

/* -- partitions ------------------------------------------------------------------------------------------------ */

static chronik_status ring_open(void *self, const chronik_partition_id *id, const chronik_partition_settings *settings,
                                int64_t initial_offset, void **out, chronik_message *message) {
  (void)id, (void)settings; /* Nothing outlives close, so the identity does not matter here. */
  instance *me = self;
  partition *p = calloc(1, sizeof *p + me->slots * sizeof p->nodes[0]);
  if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
    free(p);
    return fail(message, CHRONIK_RETRIABLE, "open_partition: out of memory");
  }
  p->start_offset = p->end_offset = initial_offset;
  *out = p;
  return CHRONIK_OK;
}

/* Extents may outlive the handle: they own their nodes, so only the ring's own references go. */
static void ring_close(void *self, void *handle) {
  partition *p = handle;
  while (p->count > 0) drop_oldest(self, p);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static chronik_status ring_delete(void *self, const chronik_partition_id *id, chronik_message *message) {
  (void)self, (void)id, (void)message; /* Nothing is held of a partition that is not open. */
  return CHRONIK_OK;
}

static void ring_state(void *self, void *handle, chronik_partition_state *out) {
  partition *p = handle;
  pthread_mutex_lock(&p->lock);
  /* The host says how much it can take: a host of a later minor version may have a longer struct, never a shorter. */
  out->start_offset = p->start_offset;
  out->end_offset = p->end_offset;
  out->durable_end_offset = p->start_offset; /* not DURABLE */
  out->byte_count = (int64_t)p->byte_count;
  out->last_leader_epoch = p->count == 0 ? -1 : (*slot(self, p, p->count - 1))->leader_epoch;
  out->max_timestamp = -1;
  out->max_timestamp_offset = -1;
  for (size_t i = 0; i < p->count; i++) {
    const node *batch = *slot(self, p, i);
    if (batch->max_timestamp <= out->max_timestamp) continue;
    out->max_timestamp = batch->max_timestamp;
    out->max_timestamp_offset = batch->base_offset;
  }
  pthread_mutex_unlock(&p->lock);
}

/* -- changing -------------------------------------------------------------------------------------------------- */

/* All or nothing: every check and every allocation comes before the first change. */
static chronik_status ring_append(void *self, void *handle, const chronik_batch *batches, size_t count, uint32_t flags,
                                  chronik_message *message) {
  (void)flags; /* Memory operations under a short lock never block. */
  const instance *me = self;
  partition *p = handle;
  if (count == 0) return CHRONIK_OK;
  int64_t expected = batches[0].base_offset;
  for (size_t i = 0; i < count; i++) {
    if (batches[i].base_offset != expected || batches[i].next_offset <= expected || expected < p->end_offset)
      return fail(message, CHRONIK_PERMANENT, "append: batch at %lld does not continue %lld",
                  (long long)batches[i].base_offset, (long long)(i == 0 ? p->end_offset : expected));
    expected = batches[i].next_offset;
  }
  node **copies = malloc(count * sizeof *copies);
  size_t made = 0;
  while (copies != NULL && made < count && (copies[made] = copy_batch(&batches[made])) != NULL) made++;
  if (made < count) {
    while (made > 0) free(copies[--made]);
    free(copies);
    return fail(message, CHRONIK_NO_SPACE, "append: out of memory");
  }
  pthread_mutex_lock(&p->lock);
  if (batches[0].base_offset > p->end_offset) { /* we missed some: a cache restarts where it can be contiguous */
    while (p->count > 0) drop_oldest(me, p);
    p->start_offset = batches[0].base_offset;
  }
  for (size_t i = 0; i < count; i++) { /* the oldest make room; the newest batch always stays */
    while (p->count > 0 && (p->count == me->slots || p->byte_count + copies[i]->len > me->capacity)) {
      p->start_offset = (*slot(me, p, 0))->next_offset;
      drop_oldest(me, p);
    }
    *slot(me, p, p->count) = copies[i];
    p->count += 1;
    p->byte_count += copies[i]->len;
    p->end_offset = copies[i]->next_offset;
  }
  pthread_mutex_unlock(&p->lock);
  free(copies);
  return CHRONIK_OK;
}

/* A batch is never cut: one that reaches beyond the offset goes as a whole. */
static chronik_status ring_truncate(void *self, void *handle, int64_t offset, chronik_message *message) {
  (void)message;
  partition *p = handle;
  pthread_mutex_lock(&p->lock);
  if (offset < p->end_offset) {
    while (p->count > 0 && (*slot(self, p, p->count - 1))->next_offset > offset) drop_newest(self, p);
    if (p->count == 0 && offset < p->start_offset) p->start_offset = offset;
    p->end_offset = p->count == 0 ? p->start_offset : (*slot(self, p, p->count - 1))->next_offset;
  }
  pthread_mutex_unlock(&p->lock);
  return CHRONIK_OK;
}

static chronik_status ring_advance_start(void *self, void *handle, int64_t offset, chronik_message *message) {
  partition *p = handle;
  chronik_status status = CHRONIK_OK;
  pthread_mutex_lock(&p->lock);
  if (offset > p->end_offset) {
    status = fail(message, CHRONIK_PERMANENT, "advance_start: %lld is beyond the end", (long long)offset);
  } else if (offset > p->start_offset) {
    while (p->count > 0 && (*slot(self, p, 0))->next_offset <= offset) drop_oldest(self, p);
    p->start_offset = offset; /* may lie inside the first batch, which is still answered as a whole */
  }
  pthread_mutex_unlock(&p->lock);
  return status;
}

/* -- reading --------------------------------------------------------------------------------------------------- */

static chronik_status ring_read(void *self, void *handle, const chronik_read_request *request,
                                chronik_read_result *result, chronik_message *message) {
  (void)message;
  partition *p = handle;
  result->extent_count = 0;
  result->byte_count = 0;
  pthread_mutex_lock(&p->lock);
  if (request->offset < p->start_offset || request->offset >= p->end_offset) {
    pthread_mutex_unlock(&p->lock);
    return CHRONIK_MISS;
  }
  size_t low = 0, high = p->count - 1; /* the first batch that reaches beyond the wanted offset */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if ((*slot(self, p, middle))->next_offset > request->offset) high = middle;
    else low = middle + 1;
  }
  for (size_t i = low; i < p->count && result->extent_count < result->capacity; i++) {
    node *batch = *slot(self, p, i);
    int is_first = i == low && request->min_one_batch != 0;
    if (batch->base_offset >= request->end_offset) break;
    if (!is_first && (result->byte_count > request->max_bytes || batch->len > request->max_bytes - result->byte_count))
      break;
    if (i == low) result->start_offset = batch->base_offset;
    atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    result->extents[result->extent_count++] = (chronik_extent){.kind = CHRONIK_EXTENT_MEMORY, .fd = -1,
        .ptr = batch->bytes, .len = batch->len, .owner = batch, .release = release_node};
    result->byte_count += batch->len;
    result->next_offset = batch->next_offset;
  }
  pthread_mutex_unlock(&p->lock);
  return CHRONIK_OK;
}

/* -- what the library says of itself --------------------------------------------------------------------------- */

static const chronik_config_key keys[] = {
    {.name = "slots", .summary = "Batches that one partition may hold.", .default_value = "4096",
     .kind = CHRONIK_CONFIG_INTEGER, .minimum = 1, .maximum = 1 << 20},
    {.name = "capacity", .summary = "Bytes of batches that one partition may hold.", .default_value = "1MiB",
     .kind = CHRONIK_CONFIG_SIZE, .minimum = 1, .maximum = 1 << 30},
};

static const chronik_descriptor descriptor = {
    .struct_size = sizeof descriptor, .id = "chronik.example.ring", .name = "Ring", .version = "1.0.0",
    .summary = "Keeps the newest batches of each partition in memory.",
    .config_key_count = sizeof keys / sizeof keys[0], .config_keys = keys,
    .abilities = CHRONIK_TIER_APPEND | CHRONIK_TIER_READ};

/* Slots that are not named are NULL: not offered. The host scans with read where find_timestamp is missing. */
static const chronik_tier table = {
    .struct_size = sizeof table, .create = ring_create, .destroy = ring_destroy, .start = ring_start,
    .stop = ring_stop, .open_partition = ring_open, .close_partition = ring_close, .delete_partition = ring_delete,
    .state = ring_state, .append = ring_append, .truncate = ring_truncate, .advance_start = ring_advance_start,
    .read = ring_read};

static const chronik_tier_product products[] = {{.descriptor = &descriptor, .tier = &table}};
static const chronik_tier_factory factory = {.struct_size = sizeof factory, .product_count = 1, .products = products};

static const void *get_factory(const char *id) { return strcmp(id, CHRONIK_FACTORY_TIER) == 0 ? &factory : NULL; }

static const chronik_plugin entry = {
    .magic = CHRONIK_PLUGIN_MAGIC, .struct_size = sizeof entry, .abi_major = CHRONIK_ABI_MAJOR,
    .abi_minor = CHRONIK_ABI_MINOR, .name = "Ring", .version = "1.0.0", .get_factory = get_factory};

const chronik_plugin *chronik_plugin_entry(void) { return &entry; }
