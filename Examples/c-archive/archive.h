/* What the two halves of the example share: a tier and an object store in one library. */
#ifndef EXAMPLE_ARCHIVE_H
#define EXAMPLE_ARCHIVE_H

#include <chronik/chronik.h>
#include <chronik/object_store.h>

extern const chronik_descriptor folder_descriptor, shelf_descriptor;
extern const chronik_object_store folder_store;
extern const chronik_tier shelf_tier;

/* Writes a sentence for the operator and returns the status that goes with it. Never writes beyond the capacity. */
chronik_status fail(chronik_message *message, chronik_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int bytes_equal(chronik_bytes bytes, const char *text);

#endif
