/* libShelf.so: the tier Shelf and the object store file. */
#include "archive.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

chronik_status fail(chronik_message *message, chronik_status status, const char *format, ...) {
  char text[512];
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

int bytes_equal(chronik_bytes bytes, const char *text) {
  return bytes.len == strlen(text) && memcmp(bytes.ptr, text, bytes.len) == 0;
}

static const chronik_tier_product tiers[] = {{.descriptor = &shelf_descriptor, .tier = &shelf_tier}};
static const chronik_tier_factory tier_factory = {
    .struct_size = sizeof tier_factory, .product_count = 1, .products = tiers};
static const chronik_object_store_product stores[] = {{.descriptor = &folder_descriptor, .store = &folder_store}};
static const chronik_object_store_factory store_factory = {
    .struct_size = sizeof store_factory, .product_count = 1, .products = stores};

static const void *get_factory(const char *id) {
  if (strcmp(id, CHRONIK_FACTORY_TIER) == 0) return &tier_factory;
  if (strcmp(id, CHRONIK_FACTORY_OBJECT_STORE) == 0) return &store_factory;
  return NULL;
}

static const chronik_plugin entry = {
    .magic = CHRONIK_PLUGIN_MAGIC, .struct_size = sizeof entry, .abi_major = CHRONIK_ABI_MAJOR,
    .abi_minor = CHRONIK_ABI_MINOR, .name = "Shelf", .version = "1.0.0", .get_factory = get_factory};

const chronik_plugin *chronik_plugin_entry(void) { return &entry; }
