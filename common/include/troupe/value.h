// SPDX-License-Identifier: Apache-2.0
//
// Values: what message bodies hold. In a process a value is a jansson `json_t`; on the wire it is msgpack.
// The two map one to one, but for msgpack's binary and extension types, which a body may not contain (binary
// data travels by URL): they are `bad_message`. Integers are signed 64-bit; text is valid UTF-8 without NUL;
// map keys are text and don't repeat.
//
// Limits are checked over the bytes before anything is unpacked: five bytes of msgpack may claim 268 million
// items.
#ifndef TROUPE_VALUE_H
#define TROUPE_VALUE_H

#include "troupe/buffer.h"

enum {
  TROUPE_VALUE_DEPTH_MAX = 64,             // JSON Schemas of real tools stay under 20
  TROUPE_VALUE_ITEMS_MAX = 1000 * 1000,    // of all lists and maps together; a map's pair counts as one
  TROUPE_VALUE_SIZE_MAX = 16 * 1024 * 1024 // bytes of one packed value; files travel by URL
};

// Packs `value` into a new buffer. `too_large`, `too_deep`, `bad_message` (a string with NUL), `no_memory`.
troupe_err_t troupe_value_pack (const json_t *value, troupe_buffer_t **out, troupe_error_t *error);
// The same with each map's keys in the order of their bytes: equal values have equal bytes, in whatever order their
// maps were built. For digests; what a person or a model reads is packed in its own order.
troupe_err_t troupe_value_pack_canonical (const json_t *value, troupe_buffer_t **out, troupe_error_t *error);
// Unpacks exactly one value that fills `size` bytes; *out is the caller's.
troupe_err_t troupe_value_unpack (const void *data, size_t size, json_t **out, troupe_error_t *error);
// Checks without unpacking, recursion or allocation: one value, within the limits, filling `size` bytes. Finds all that
// unpacking would refuse, but for keys that repeat.
troupe_err_t troupe_value_check (const void *data, size_t size, troupe_error_t *error);

#endif
