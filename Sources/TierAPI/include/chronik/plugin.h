/* The one exported symbol, factories and descriptors. */
#ifndef CHRONIK_PLUGIN_H
#define CHRONIK_PLUGIN_H

#include "status.h"
#include "bytes.h"
#include "host.h"

CHRONIK_BEGIN

#define CHRONIK_ABI_MAJOR 1u
#define CHRONIK_ABI_MINOR 0u
/* "CHRONIK" and a zero byte, read as a little-endian integer. */
#define CHRONIK_PLUGIN_MAGIC 0x004b494e4f524843ull
#define CHRONIK_PLUGIN_ENTRY_SYMBOL "chronik_plugin_entry"

/* Factory ids. A library offers any of them; unknown ids answer NULL. */
#define CHRONIK_FACTORY_TIER         "chronik.tier/1"
#define CHRONIK_FACTORY_COMPACTION   "chronik.compaction/1"   /* chronik_compaction_factory (compaction.h) */
#define CHRONIK_FACTORY_OBJECT_STORE "chronik.object-store/1" /* chronik_object_store_factory (object_store.h) */

/* Kinds of configuration values. The host checks and normalises them before create() sees them: booleans arrive as
 * "true"/"false", integers in decimal, sizes as decimal bytes, durations as decimal milliseconds. */
#define CHRONIK_CONFIG_STRING   1u
#define CHRONIK_CONFIG_BOOL     2u
#define CHRONIK_CONFIG_INTEGER  3u
#define CHRONIK_CONFIG_SIZE     4u
#define CHRONIK_CONFIG_DURATION 5u
#define CHRONIK_CONFIG_CHOICE   6u

/* Bits of chronik_config_key.flags. */
#define CHRONIK_CONFIG_REQUIRED 1u
#define CHRONIK_CONFIG_SECRET   2u /* never printed: not in reports, messages or logs */

/* One configuration key of a product. Static data of the library, valid for ever. */
typedef struct chronik_config_key {
  const char *name;
  const char *summary;                               /* one sentence, with the unit */
  const char *CHRONIK_NULLABLE default_value;        /* as a person would write it in YAML; NULL: none */
  const char *CHRONIK_NULLABLE const *CHRONIK_NULLABLE choices; /* CHOICE: NULL-terminated list */
  int64_t minimum;                                   /* INTEGER, SIZE (bytes), DURATION (ms): smallest legal value */
  int64_t maximum;                                   /* … and largest; 0 with minimum 0 means unbounded */
  uint32_t kind;
  uint32_t flags;
  uint64_t reserved[2];
} CHRONIK_SENDABLE chronik_config_key;

/* What a product is, readable without creating an instance. Static data of the library, valid for ever. */
typedef struct chronik_descriptor {
  uint32_t struct_size;
  uint32_t config_key_count;
  const char *id;        /* unique among all libraries, e.g. "org.example.ring" */
  const char *name;      /* what chronik.yaml calls it, e.g. "Ring" */
  const char *version;
  const char *summary;   /* one sentence */
  const chronik_config_key *CHRONIK_NULLABLE config_keys;
  uint64_t abilities;    /* for tiers: CHRONIK_TIER_… bits; for strategies: CHRONIK_COMPACTION_… bits */
} CHRONIK_SENDABLE chronik_descriptor;

/* The entry. Static data of the library, valid for ever.
 * The host reads magic, struct_size and abi_major first and calls nothing if one of them is not what it speaks. */
typedef struct chronik_plugin {
  uint64_t magic;        /* CHRONIK_PLUGIN_MAGIC */
  uint32_t struct_size;
  uint32_t abi_major;    /* CHRONIK_ABI_MAJOR the library was compiled with */
  uint32_t abi_minor;
  uint32_t reserved;
  const char *name;      /* of the library */
  const char *version;
  /* The factory struct for an id (chronik_tier_factory for CHRONIK_FACTORY_TIER), or NULL.
   * [thread] any. [blocking] no. [owner] the library; valid for ever. [again] the same pointer. */
  const void *CHRONIK_NULLABLE (*CHRONIK_NONNULL get_factory)(const char *id);
} CHRONIK_SENDABLE chronik_plugin;

/* Every library exports exactly this symbol and answers with its entry. It must do nothing else: the host calls it once
 * right after dlopen and reads the answer before it calls anything besides.
 * (A function and not a data symbol, because a language without C data exports, Swift among them, can offer it too.)
 * [thread] any. [blocking] no. [owner] the library; valid for ever. [again] the same pointer. */
CHRONIK_EXTERN CHRONIK_EXPORT const chronik_plugin *chronik_plugin_entry(void);
typedef const chronik_plugin *CHRONIK_NULLABLE (*chronik_plugin_entry_fn)(void);

CHRONIK_END
#endif
