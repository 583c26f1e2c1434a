// SPDX-License-Identifier: Apache-2.0
//
// What an agent remembers of one session, as far as it has been read from the store.
#ifndef TROUPE_AGENT_HISTORY_H
#define TROUPE_AGENT_HISTORY_H

#include "troupe/message.h"

#include <stddef.h>

typedef struct history history_t;

// The one member of an entry that holds an actor's state.
#define HISTORY_STATE "state"

troupe_err_t history_new (history_t **out);
void history_destroy (history_t **self_p);

// How many of the store's entries it covers, from the first on.
size_t history_covers (const history_t *self);
// About how many bytes it takes.
size_t history_bytes (const history_t *self);
// The messages, each once: a list, borrowed.
const json_t *history_messages (const history_t *self);
bool history_knows (const history_t *self, const json_t *message);
// The same of its id, which need not be terminated.
bool history_knows_id (const history_t *self, const char *id, size_t size);

// What the actor keeps besides messages: the last that was stored, borrowed; NULL: none.
const json_t *history_state (const history_t *self);

// Covers the store's next entry (a message, a list of them, or {"state": ...}); a reference is taken. A message that it
// knows is covered, not repeated.
// service_failed: it is no message. no_memory.
troupe_err_t history_add (history_t *self, json_t *entry, troupe_error_t *error);
// Whether the last entry covered is this one.
bool history_ends_with (const history_t *self, const json_t *entry);
void history_clear (history_t *self);

#endif
