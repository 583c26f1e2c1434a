// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the making of identities.
#ifndef KEYS_IDENTITY_H
#define KEYS_IDENTITY_H

#include "troupe/keys.h"

// `kind`: "key" or "token", `id`: what makes it unique. `rights` is an object as document_rights makes it; a reference
// is taken. NULL: out of memory.
troupe_identity_t *identity_new (const char *kind, const char *id, const char *name, json_t *rights);
bool identity_is_broker (const troupe_identity_t *self);
// Whether it is the same key with the same name and rights.
bool identity_equal (const troupe_identity_t *self, const troupe_identity_t *other);

#endif
