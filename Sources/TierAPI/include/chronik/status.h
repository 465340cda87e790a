/* The closed set of results, and the buffer for the sentence that goes with a failure. */
#ifndef CHRONIK_STATUS_H
#define CHRONIK_STATUS_H

#include "macros.h"

/* Done. */
#define CHRONIK_OK             0
/* The offset, timestamp or extension is not held here; another tier may hold it. Not an error. */
#define CHRONIK_MISS           1
/* The call carried CHRONIK_NONBLOCKING and would have had to wait. Nothing happened; repeat it without the flag. */
#define CHRONIK_WOULD_BLOCK    2
/* It failed now, nothing was changed, and the same call may succeed later (a network error, a timeout). */
#define CHRONIK_RETRIABLE      3
/* The store asks to be called less often. Nothing was changed; back off and repeat. */
#define CHRONIK_THROTTLED      4
/* The partition, segment or object does not exist. */
#define CHRONIK_NOT_FOUND      5
/* Bytes were found that fail their checksum or contradict the format. They were not returned. */
#define CHRONIK_CORRUPT        6
/* A newer owner (a higher leader epoch, another process) has taken over; this instance must stop writing. */
#define CHRONIK_FENCED         7
/* No room: disk full or a configured limit reached. Nothing was changed. Reads go on. */
#define CHRONIK_NO_SPACE       8
/* The host or a shutdown asked the call to end early. */
#define CHRONIK_CANCELLED      9
/* A configuration value is not acceptable; the message names the key, the value and what is accepted. */
#define CHRONIK_INVALID_CONFIG 10
/* It failed and will go on failing (a failed fsync, a read-only disk, a broken invariant). */
#define CHRONIK_PERMANENT      11

/* One of the codes above. A host takes any other number for CHRONIK_PERMANENT. */
typedef int32_t chronik_status;

CHRONIK_BEGIN

/* The place for one UTF-8 sentence that says what failed, where, and what to do.
 * [owner] the host owns the struct and its buffer; a callee writes at most `capacity` bytes and sets `length`.
 * No terminating zero is needed. A callee that returns CHRONIK_OK leaves it alone. */
typedef struct chronik_message {
  char *text;
  size_t capacity;
  size_t length;
} CHRONIK_SENDABLE chronik_message;

CHRONIK_END
#endif
