// SPDX-License-Identifier: Apache-2.0
//
// What was said in an actor's hubs, as it came: values, one after another in the order in which they were said, each
// packed (troupe/value.h). None of them is unpacked before somebody asks for it, so that an actor that hears much pays
// for what it looks at.
//
// Thread rule: one thread at a time.
#ifndef TROUPE_HEARD_H
#define TROUPE_HEARD_H

#include "troupe/error.h"

#include <jansson.h>
#include <stddef.h>

typedef struct troupe_heard troupe_heard_t;

void troupe_heard_destroy (troupe_heard_t **self_p);
size_t troupe_heard_count (const troupe_heard_t *self);
// The bytes of one of them, numbered from 0: troupe_value_check takes them. Borrowed.
const void *troupe_heard_bytes (const troupe_heard_t *self, size_t number, size_t *size);
// All of them, unpacked into a new list of the caller's. no_memory; bad_message: a map with the same key twice.
troupe_err_t troupe_heard_list (const troupe_heard_t *self, json_t **out, troupe_error_t *error);

#endif
