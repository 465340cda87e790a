/* The Ring of Examples/c-tier with one promise broken, chosen by -DBREAK_…: each must be found by the rule that states
 * the promise. The honest code is included as it is; a variant replaces functions of its table. */
#define chronik_plugin_entry honest_entry
#include "ring_tier.c"
#undef chronik_plugin_entry

#include <sched.h>
#include <unistd.h>

#define ABILITIES (CHRONIK_TIER_APPEND | CHRONIK_TIER_READ)

static chronik_tier broken_table;
static chronik_descriptor broken_descriptor;
static const chronik_tier_product broken_products[] = {{.descriptor = &broken_descriptor, .tier = &broken_table}};
static chronik_tier_factory broken_factory = {.struct_size = sizeof broken_factory, .product_count = 1,
                                              .products = broken_products};
static chronik_plugin broken_entry;

static const void *broken_get_factory(const char *id) {
#ifdef BREAK_ANY_FACTORY
  (void)id;
  return &broken_factory;
#else
  return strcmp(id, CHRONIK_FACTORY_TIER) == 0 ? &broken_factory : NULL;
#endif
}

/* -- create ---------------------------------------------------------------------------------------------------- */

static const chronik_host *broken_host;

static chronik_status broken_create(const chronik_host *host, const chronik_tier_options *options, void **out,
                                    chronik_message *message) {
  broken_host = host;
#ifdef BREAK_ANY_CONFIG
  chronik_tier_options none = *options;
  none.setting_count = 0;
  options = &none;
#endif
  chronik_status status = ring_create(host, options, out, message);
#ifdef BREAK_LONG_MESSAGE
  static const char text[] = "this sentence is longer than many a buffer is";
  if (status != CHRONIK_OK) memcpy(message->text, text, sizeof text - 1);
#endif
#ifdef BREAK_MESSAGE_LENGTH
  if (status != CHRONIK_OK) message->length = 60;
#endif
#ifdef BREAK_MESSAGE_UTF8
  if (status != CHRONIK_OK && message->length > 0) message->text[message->length - 1] = (char)0xFF;
#endif
#ifdef BREAK_METRIC_NAME
  const char *name = "Bytes held";
  host->gauge_set(host->context, (chronik_bytes){(const uint8_t *)name, strlen(name)}, 1);
#endif
#ifdef BREAK_ACCOUNTING
  host->account_memory(host->context, 4096);
#endif
#ifdef BREAK_UNKNOWN_STATUS
  if (status != CHRONIK_OK) status = 99;
#endif
  return status;
}

static const void *broken_extension(void *self, const char *id) {
  (void)id;
  return self;
}

static chronik_status broken_delete(void *self, const chronik_partition_id *id, chronik_message *message) {
  (void)self, (void)id;
  return fail(message, CHRONIK_NOT_FOUND, "nothing is held of this partition");
}

static chronik_status broken_flush(void *self, void *const *partitions, size_t count, chronik_flush_result *results,
                                   chronik_message *message) {
  (void)self, (void)message;
  for (size_t i = 0; i < count; i++) {
    partition *p = partitions[i];
    results[i] = (chronik_flush_result){.status = CHRONIK_OK, .durable_end_offset = p->end_offset};
  }
  return CHRONIK_OK;
}

/* Something is being evicted: what a tier loses that does not expect others beside it. */
static atomic_int evicting;

/* -- append ---------------------------------------------------------------------------------------------------- */

static chronik_status broken_append(void *self, void *handle, const chronik_batch *batches, size_t count,
                                    uint32_t flags, chronik_message *message) {
#ifdef BREAK_HANGS
  for (;;) pause();
#endif
#ifdef BREAK_LEAKS_RETAIN
  if (batches[0].bytes.retain != NULL) batches[0].bytes.retain(batches[0].bytes.owner);
#endif
#ifdef BREAK_RELEASES_TWICE
  if (batches[0].bytes.retain != NULL) {
    batches[0].bytes.retain(batches[0].bytes.owner);
    batches[0].bytes.release(batches[0].bytes.owner);
    batches[0].bytes.release(batches[0].bytes.owner);
  }
#endif
#ifdef BREAK_HALF_APPEND
  for (size_t i = 0; i < count; i++) {
    chronik_status status = ring_append(self, handle, &batches[i], 1, flags, message);
    if (status != CHRONIK_OK || (i + 1 < count && batches[i + 1].base_offset != batches[i].next_offset))
      return status != CHRONIK_OK ? status : fail(message, CHRONIK_PERMANENT, "batch does not continue");
  }
  return CHRONIK_OK;
#endif
#ifdef BREAK_KEEPS_CACHE_GAP
  partition *p = handle;
  int64_t start = p->count > 0 ? p->start_offset : batches[0].base_offset;
  if (p->count > 0 && batches[0].base_offset > p->end_offset) {
    p->end_offset = batches[0].base_offset;
    chronik_status status = ring_append(self, handle, batches, count, flags, message);
    p->start_offset = start;
    return status;
  }
#endif
#ifdef BREAK_FORGETS_APPENDS
  if (atomic_load(&evicting)) return CHRONIK_OK;
#endif
  chronik_status status = ring_append(self, handle, batches, count, flags, message);
#ifdef BREAK_REMEMBERS_POINTER
  partition *mine = handle;
  if (status == CHRONIK_OK)
    for (size_t i = 0; i < count; i++) /* what a tier does that keeps the pointer: it serves whatever is there later */
      memset((*slot(self, mine, mine->count - count + i))->bytes + 61, 0xDD, batches[i].bytes.len - 61);
#endif
#ifdef BREAK_BLOCKED_BUT_DONE
  if (status == CHRONIK_OK && (flags & CHRONIK_NONBLOCKING) != 0) return CHRONIK_WOULD_BLOCK;
#endif
  return status;
}

/* -- moving the ends ------------------------------------------------------------------------------------------- */

static chronik_status broken_truncate(void *self, void *handle, int64_t offset, chronik_message *message) {
#ifdef BREAK_TRUNCATES_NOTHING
  (void)self, (void)handle, (void)offset, (void)message;
  return CHRONIK_OK;
#else
  partition *p = handle; /* BREAK_REUSES_MEMORY: the bytes are used again although the host still holds extents */
  for (size_t i = 0; i < p->count; i++) {
    node *batch = *slot(self, p, i);
    if (batch->next_offset > offset) memset(batch->bytes, 0, batch->len);
  }
  return ring_truncate(self, handle, offset, message);
#endif
}

static chronik_status broken_advance(void *self, void *handle, int64_t offset, chronik_message *message) {
  partition *p = handle; /* rounds down to the batch that contains the offset */
  for (size_t i = 0; i < p->count; i++) {
    node *batch = *slot(self, p, i);
    if (batch->base_offset < offset && offset < batch->next_offset) offset = batch->base_offset;
  }
  return ring_advance_start(self, handle, offset, message);
}

static void broken_state(void *self, void *handle, chronik_partition_state *out) {
  ring_state(self, handle, out);
  out->byte_count += 1;
}

/* -- segments -------------------------------------------------------------------------------------------------- */

/* With BREAK_SEAL the Ring has segments: they end at cuts, which belong to one partition at a time. Every rule opens
 * one instance after the other, so that is enough. Without a further flag it keeps the rules. */
static pthread_mutex_t cuts_lock = PTHREAD_MUTEX_INITIALIZER;
static void *cuts_owner;
static int64_t cuts[1024];
static size_t cut_count;

static chronik_status broken_open(void *self, const chronik_partition_id *id,
                                  const chronik_partition_settings *settings, int64_t initial_offset, void **out, chronik_message *message) {
  chronik_status status = ring_open(self, id, settings, initial_offset, out, message);
  pthread_mutex_lock(&cuts_lock);
  if (status == CHRONIK_OK) cuts_owner = *out, cut_count = 0;
  pthread_mutex_unlock(&cuts_lock);
  return status;
}

static chronik_status broken_seal(void *self, void *handle, chronik_message *message) {
  chronik_partition_state now;
#ifdef BREAK_FORGETS_SEALS
  if (atomic_load(&evicting)) return CHRONIK_OK;
#endif
  ring_state(self, handle, &now);
  pthread_mutex_lock(&cuts_lock);
  int is_full = handle == cuts_owner && cut_count == sizeof cuts / sizeof cuts[0];
  int64_t last = cut_count > 0 && cuts[cut_count - 1] > now.start_offset ? cuts[cut_count - 1] : now.start_offset;
  if (handle == cuts_owner && !is_full && now.end_offset > last) cuts[cut_count++] = now.end_offset;
  pthread_mutex_unlock(&cuts_lock);
  return is_full ? fail(message, CHRONIK_NO_SPACE, "too many segments") : CHRONIK_OK;
}

static chronik_segment described(void *self, partition *p, int64_t from, int64_t to, uint32_t flags) {
  chronik_segment segment = {.base_offset = from, .next_offset = to, .last_leader_epoch = -1, .flags = flags};
  segment.max_timestamp = -1;
  for (size_t i = 0; i < p->count; i++) {
    node *batch = *slot(self, p, i);
    if (batch->base_offset < from || batch->next_offset > to) continue;
    segment.byte_count += (int64_t)batch->len;
    if (batch->max_timestamp > segment.max_timestamp) segment.max_timestamp = batch->max_timestamp;
  }
  return segment;
}

static chronik_status broken_segments(void *self, void *handle, int64_t from, chronik_segment *out, size_t capacity,
                                      size_t *out_count, chronik_message *message) {
  (void)message;
  partition *p = handle;
  *out_count = 0;
  pthread_mutex_lock(&cuts_lock);
  pthread_mutex_lock(&p->lock);
  int64_t base = p->start_offset;
  for (size_t i = 0; i <= cut_count && *out_count < capacity; i++) {
    int is_active = i == cut_count;
    int64_t end = is_active ? p->end_offset : cuts[i];
    if (end <= base) continue;
    if (end > from) out[(*out_count)++] = described(self, p, base, end, is_active ? 0 : CHRONIK_SEGMENT_SEALED);
    base = end;
  }
  pthread_mutex_unlock(&p->lock);
  pthread_mutex_unlock(&cuts_lock);
  return CHRONIK_OK;
}

static chronik_status broken_evict(void *self, void *handle, int64_t offset, chronik_message *message) {
  int64_t start = INT64_MIN;
  pthread_mutex_lock(&cuts_lock);
  for (size_t i = 0; i < cut_count; i++)
    if (cuts[i] <= offset) start = cuts[i];
  pthread_mutex_unlock(&cuts_lock);
  atomic_store(&evicting, 1);
#if defined(BREAK_FORGETS_SEALS) || defined(BREAK_FORGETS_APPENDS)
  for (int i = 0; i < 200; i++) sched_yield(); /* a tier that removes files takes its time, too */
#endif
  chronik_status status = start == INT64_MIN ? CHRONIK_OK : ring_advance_start(self, handle, start, message);
#ifdef BREAK_EVICTS_THE_ACTIVE_SEGMENT
  chronik_partition_state now;
  ring_state(self, handle, &now);
  ring_advance_start(self, handle, now.end_offset, message);
#endif
  atomic_store(&evicting, 0);
  return status;
}

/* -- read ------------------------------------------------------------------------------------------------------ */

#ifdef BREAK_SHARED_BUFFER
static uint8_t shared[1 << 20];
#endif

static chronik_status broken_read(void *self, void *handle, const chronik_read_request *request,
                                  chronik_read_result *result, chronik_message *message) {
  chronik_read_request changed = *request;
#ifdef BREAK_CRASHES
  *(volatile int *)(uintptr_t)8 = 1;
#endif
#ifdef BREAK_EXITS
  _exit(0);
#endif
#ifdef BREAK_IGNORES_END_OFFSET
  changed.end_offset = INT64_MAX;
#endif
#ifdef BREAK_IGNORES_MAX_BYTES
  changed.max_bytes = UINT64_MAX;
#endif
#ifdef BREAK_IGNORES_MIN_ONE
  changed.min_one_batch = 0;
#endif
#ifdef BREAK_STARTS_EARLIER
  partition *p = handle;
  for (size_t i = 1; i < p->count; i++)
    if ((*slot(self, p, i))->base_offset == request->offset) changed.offset = (*slot(self, p, i - 1))->base_offset;
#endif
#ifdef BREAK_IGNORES_CAPACITY
  result->capacity += 1;
#endif
  chronik_status status = ring_read(self, handle, &changed, result, message);
#ifdef BREAK_HALF_BATCHES
  if (result->extent_count > 0) {
    result->extents[result->extent_count - 1].len -= 1;
    result->byte_count -= 1;
  }
#endif
#ifdef BREAK_WRONG_BYTE_COUNT
  result->byte_count += 1;
#endif
#ifdef BREAK_WRONG_NEXT_OFFSET
  result->next_offset += 1;
#endif
#ifdef BREAK_NEVER_MISSES
  if (status == CHRONIK_MISS) status = CHRONIK_OK;
#endif
#ifdef BREAK_SHARED_BUFFER
  size_t used = 0;
  for (uint32_t i = 0; i < result->extent_count; i++) {
    memcpy(shared + used, result->extents[i].ptr, result->extents[i].len);
    result->extents[i].ptr = shared + used;
    used += result->extents[i].len;
  }
#endif
  return status;
}

/* -- putting it together --------------------------------------------------------------------------------------- */

static const chronik_config_key broken_keys[] = {
    {.name = "slots", .summary = "Batches.", .default_value = "many", .kind = CHRONIK_CONFIG_INTEGER, .minimum = 1,
     .maximum = 9}};

#ifdef BREAK_CRASHES_WHILE_LOADING
__attribute__((constructor)) static void crash(void) { abort(); }
#endif

static void put_together(void) {
  broken_table = table;
  broken_descriptor = descriptor;
  broken_entry = entry;
  broken_entry.get_factory = broken_get_factory;
  broken_table.create = broken_create;
#ifdef BREAK_ABI_MAJOR
  broken_entry.abi_major = 2;
#endif
#ifdef BREAK_MAGIC
  broken_entry.magic ^= 1;
#endif
#ifdef BREAK_SHORT_TABLE
  broken_table.struct_size = offsetof(chronik_tier, append);
#endif
#ifdef BREAK_MISSING_FUNCTION
  broken_table.truncate = NULL;
#endif
#ifdef BREAK_BAD_DEFAULT
  broken_descriptor.config_keys = broken_keys;
  broken_descriptor.config_key_count = 1;
#endif
#ifdef BREAK_ABILITIES
  broken_descriptor.abilities |= 1ull << 40;
#endif
#ifdef BREAK_NOT_DURABLE
  broken_descriptor.abilities |= CHRONIK_TIER_DURABLE;
  broken_table.flush = broken_flush;
#endif
#ifdef BREAK_ANY_EXTENSION
  broken_table.get_extension = broken_extension;
#endif
#ifdef BREAK_DELETE_AGAIN
  broken_table.delete_partition = broken_delete;
#endif
#ifdef BREAK_APPEND
  broken_table.append = broken_append;
#endif
#ifdef BREAK_TRUNCATE
  broken_table.truncate = broken_truncate;
#endif
#ifdef BREAK_ADVANCE
  broken_table.advance_start = broken_advance;
#endif
#ifdef BREAK_STATE
  broken_table.state = broken_state;
#endif
#ifdef BREAK_READ
  broken_table.read = broken_read;
#endif
#ifdef BREAK_SEAL
  broken_descriptor.abilities |= CHRONIK_TIER_SEAL;
  broken_table.open_partition = broken_open;
  broken_table.segments = broken_segments;
  broken_table.seal = broken_seal;
  broken_table.evict = broken_evict;
#endif
  (void)broken_open, (void)broken_segments, (void)broken_seal, (void)broken_evict;
  (void)broken_flush, (void)broken_extension, (void)broken_delete, (void)broken_append, (void)broken_truncate;
  (void)broken_advance, (void)broken_state, (void)broken_read, (void)broken_keys, (void)broken_host, (void)factory;
}

#ifdef BREAK_NO_ENTRY
#  define chronik_plugin_entry some_other_function
#endif
CHRONIK_EXPORT const chronik_plugin *chronik_plugin_entry(void);
const chronik_plugin *chronik_plugin_entry(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, put_together);
  return &broken_entry;
}
