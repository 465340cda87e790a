/* Object stores: factory id "chronik.object-store/1".
 *
 * An object store is a flat map from keys to immutable byte strings, with listing in key order: a directory, an
 * S3-compatible service. A tier with the ability CHRONIK_TIER_STORE is given one by the host (see
 * CHRONIK_HOST_OBJECT_STORE below); which one, and with what settings, is the deployment's choice in chronik.yaml.
 *
 *   create -> start -> { put, read, head, list, remove } -> stop -> destroy
 *
 * Keys are UTF-8 of 1 to 1,024 bytes, made of parts of [A-Za-z0-9_.~-]+ joined by '/'; no part is "." or "..". A
 * store refuses others with PERMANENT. No key goes on where another one ends ("a" and "a/b"): a store that keeps
 * directories may refuse the second. Keys are relative to whatever prefix or directory the store was configured with.
 *
 * Every call below may block, may be made from any thread and runs beside every other one; a store bounds its own
 * connections. Every call carries a deadline and is retried inside the store as far as that allows: what comes back as
 * RETRIABLE or THROTTLED failed more than once. A store never ends the process and never blocks beyond the deadline by
 * more than a second.
 *
 * A put is atomic and durable: readers see nothing or the whole object, and OK means that it survives power loss. A
 * read after an OK put sees it (read-after-write consistency); so does a listing.
 */
#ifndef CHRONIK_OBJECT_STORE_H
#define CHRONIK_OBJECT_STORE_H

#include "status.h"
#include "bytes.h"
#include "host.h"
#include "plugin.h"

CHRONIK_BEGIN

typedef struct chronik_store_options {
  uint32_t struct_size;
  uint32_t setting_count;
  chronik_bytes instance_name;  /* "<tier>.store"; for logs and metrics */
  chronik_bytes data_directory; /* absolute; a directory that this store may create and use; not made by the host */
  const chronik_setting *CHRONIK_NULLABLE settings; /* every key of the descriptor that has a value, normalised */
} CHRONIK_SENDABLE chronik_store_options;

/* What bounds one call. */
typedef struct chronik_store_call {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t deadline_ns;          /* on the host's monotonic clock; INT64_MAX: the store's own default */
  /* Asked at least every second from inside the call; not 0: end early with CANCELLED. NULL: never. */
  int32_t (*CHRONIK_NULLABLE cancelled)(void *CHRONIK_NULLABLE cancel_context);
  void *CHRONIK_NULLABLE cancel_context;
} CHRONIK_SENDABLE chronik_store_call;

#define CHRONIK_STORE_ETAG_CAPACITY 64

typedef struct chronik_object_info {
  uint64_t byte_count;
  int64_t modified_ms;          /* since 1970, by the store's clock; -1: unknown */
  uint32_t etag_length;         /* 0: the store has none */
  uint32_t reserved;
  uint8_t etag[CHRONIK_STORE_ETAG_CAPACITY]; /* opaque; differs when the bytes differ */
  uint64_t reserved2[2];
} CHRONIK_SENDABLE chronik_object_info;

/* put: create the object only when none has this key. */
#define CHRONIK_PUT_IF_ABSENT 1u

/* One range of one object. The first four members are the caller's, the others the store's.
 * [owner] the caller owns key and buffer. */
typedef struct chronik_store_read {
  chronik_bytes key;
  uint64_t offset;              /* first byte wanted */
  size_t length;                /* bytes wanted, >= 1; the size of `buffer` */
  uint8_t *buffer;
  size_t received;              /* with OK: bytes written; fewer than `length` only when the object ends there */
  uint64_t object_byte_count;   /* with OK: size of the whole object */
  chronik_status status;        /* NOT_FOUND: no such object. PERMANENT: `offset` is beyond its end; at its end: OK,
                                   0 */
  uint32_t reserved;
  uint64_t reserved2[2];
} CHRONIK_SENDABLE chronik_store_read;

typedef struct chronik_object_store {
  uint32_t struct_size;
  uint32_t reserved;

  /* Checks the settings; touches neither network nor disk. [owner] `host` outlives the instance; options are borrowed;
   * on OK *out is the instance, `self` below. INVALID_CONFIG names key and value. [again] another instance. */
  chronik_status (*create)(const chronik_host *host, const chronik_store_options *options,
                           void *CHRONIK_NULLABLE *CHRONIK_NONNULL out, chronik_message *message);
  /* After stop(), or after create() when start() failed or was never called. [thread] one; nothing else runs. */
  void (*destroy)(void *self);
  /* Shows that the store can be used: credentials, bucket or directory, conditional creation. Called once. A store that
   * cannot be reached now but is well configured answers RETRIABLE after its deadline; the host goes on and the store
   * finishes what start() does with the first call that needs it. [blocking] may. */
  chronik_status (*start)(void *self, const chronik_store_call *call, chronik_message *message);
  /* Ends calls that are under way with CANCELLED and waits for them. [blocking] may. */
  void (*stop)(void *self);

  /* Writes an object of `part_count` parts, one behind the other. With CHRONIK_PUT_IF_ABSENT an object that is there
   * stays as it is and *created becomes 0; without, it is replaced. The store verifies what arrived (a checksum sent
   * along, or the bytes read back) before it answers OK. [owner] parts are borrowed.
   * [again] fine: with IF_ABSENT a repetition after a lost answer reports created == 0. NO_SPACE, THROTTLED, RETRIABLE:
   * the object is not there, or (a lost answer) completely there. */
  chronik_status (*put)(void *self, const chronik_store_call *call, chronik_bytes key, const chronik_bytes *parts,
                        size_t part_count, uint32_t flags, int32_t *created, chronik_message *message);
  /* Reads `count` ranges, of one object or of many, as far in parallel as the store likes; each has its own status. OK
   * when every read says OK, otherwise the first other status. Bytes that a transport checksum shows to be wrong are
   * CORRUPT, never delivered. [again] fine. */
  chronik_status (*read)(void *self, const chronik_store_call *call, chronik_store_read *reads, size_t count,
                         chronik_message *message);
  /* NOT_FOUND: no such object. [again] fine. */
  chronik_status (*head)(void *self, const chronik_store_call *call, chronik_bytes key, chronik_object_info *info,
                         chronik_message *message);
  /* Visits, in ascending order of the keys' bytes, at most `limit` (>= 1) objects whose keys begin with `prefix` (may
   * be empty; otherwise the beginning of a legal key) and are greater than `start_after` (empty: from the beginning;
   * any UTF-8 up to 1,024 bytes, a legal key or not). *more becomes 1 when others follow, never without a visit. `visit`
   * is called on the caller's thread; key and info are borrowed. [again] fine. */
  chronik_status (*list)(void *self, const chronik_store_call *call, chronik_bytes prefix, chronik_bytes start_after,
                         size_t limit,
                         void (*visit)(void *CHRONIK_NULLABLE visit_context, chronik_bytes key,
                                       const chronik_object_info *info),
                         void *CHRONIK_NULLABLE visit_context, int32_t *more, chronik_message *message);
  /* Deletes objects; one that is not there counts as deleted. Any other status than OK: some may be gone.
   * [again] fine. */
  chronik_status (*remove)(void *self, const chronik_store_call *call, const chronik_bytes *keys, size_t count,
                           chronik_message *message);

  /* An optional ability by id, or NULL. [blocking] no. [owner] the library. [again] the same pointer. */
  const void *CHRONIK_NULLABLE (*CHRONIK_NULLABLE get_extension)(void *self, const char *id);
} CHRONIK_SENDABLE chronik_object_store;

/* One kind of store that a library offers. */
typedef struct chronik_object_store_product {
  const chronik_descriptor *descriptor;
  const chronik_object_store *store;
} CHRONIK_SENDABLE chronik_object_store_product;

/* The answer to get_factory(CHRONIK_FACTORY_OBJECT_STORE). */
typedef struct chronik_object_store_factory {
  uint32_t struct_size;
  uint32_t product_count;
  const chronik_object_store_product *products;
} CHRONIK_SENDABLE chronik_object_store_factory;

/* The answer of host->get_extension(context, CHRONIK_HOST_OBJECT_STORE) to a tier whose chain entry has a store.
 * [owner] the host; valid from create() until destroy() has returned. The store was started before the tier's start()
 * is called and is stopped after its stop() has returned; the tier calls neither. When the broker stops, read, head and
 * list end with CANCELLED, also those that are under way, so that no partition's close waits for a store that does not
 * answer; put and remove work until the tier's stop() has returned. */
#define CHRONIK_HOST_OBJECT_STORE "chronik.host.object-store/1"
typedef struct chronik_host_object_store {
  uint32_t struct_size;
  uint32_t reserved;
  const chronik_object_store *store;
  void *instance;               /* the first argument of the store's functions */
} CHRONIK_SENDABLE chronik_host_object_store;

CHRONIK_END
#endif
