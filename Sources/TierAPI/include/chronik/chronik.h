/* Everything a plugin author needs: #include <chronik/chronik.h>
 *
 * The ABI is C11 with no compiler extension required. Reading order: status.h, bytes.h, host.h, plugin.h, tier.h,
 * compaction.h, object_store.h, ext/search.h, ext/archive.h.
 *
 * How it grows. The major number changes only when a plugin built against the older one could not work any more, and a
 * host refuses every other major. Within a major, structs that carry `struct_size` only gain members at their end: the
 * side that receives such a struct reads at most `struct_size` bytes and takes what is missing as zero; of a struct
 * that a callee fills, the caller sets `struct_size` and the callee writes at most that much. A function
 * pointer that is NULL means "not offered". Structs that are array elements never grow; they carry reserved words,
 * which the writer sets to zero and the reader ignores.
 *
 * Words used in every comment below:
 *   [thread]   which threads may call, and what may run at the same time
 *   [blocking] whether the call may wait for a disk, a network or a lock held across such a wait
 *   [owner]    who owns memory after the call; "borrowed" means valid until the function returns
 *   [again]    what a repetition of the same call does
 */
#ifndef CHRONIK_CHRONIK_H
#define CHRONIK_CHRONIK_H

#include "status.h"
#include "bytes.h"
#include "host.h"
#include "plugin.h"
#include "tier.h"
#include "object_store.h"
#include "ext/search.h"
#include "ext/archive.h"
#include "compaction.h"

#endif
