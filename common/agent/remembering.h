// SPDX-License-Identifier: Apache-2.0
//
// What a turn adds to its agent's memory, besides what troupe/agent.h offers.
#ifndef TROUPE_AGENT_REMEMBERING_H
#define TROUPE_AGENT_REMEMBERING_H

#include "troupe/agent.h"

// Before anything else: an agent that forgets begins each turn without what it may have stored when it didn't. False:
// out of memory.
bool remembering_begin (troupe_turn_t *turn);
// Whether it is in the memory, or was added to it in this turn.
bool remembering_knows (const troupe_turn_t *turn, const json_t *message);
// The same of an id, as news_new asks.
bool remembering_knows_id (const void *turn, const char *id, size_t size);
// Adds each of the messages that isn't known.
troupe_err_t remembering_add_all (troupe_turn_t *turn, const json_t *messages, troupe_error_t *error);
// Hands the task what its outcome stores. `reply` NULL: nothing was asked but to observe.
troupe_err_t remembering_settle (troupe_turn_t *turn, json_t *reply, troupe_error_t *error);

#endif
