// SPDX-License-Identifier: Apache-2.0
//
// The histories of the sessions that an agent has lately spoken in, so that a turn reads only what is new.
#ifndef TROUPE_AGENT_CACHE_H
#define TROUPE_AGENT_CACHE_H

#include "agent/history.h"

typedef struct cache cache_t;

// Holds at most that many sessions and bytes; beyond that, those unused for longest are dropped.
troupe_err_t cache_new (cache_t **out, size_t sessions_max, size_t bytes_max);
void cache_destroy (cache_t **self_p);

// Takes a session's history out: the caller's. NULL: there is none.
history_t *cache_take (cache_t *self, const char *session);
// Puts it in, or back; given up in any case. Of two for one session the one that covers more stays.
void cache_put (cache_t *self, const char *session, history_t **history_p);

size_t cache_sessions (const cache_t *self);
size_t cache_bytes (const cache_t *self);

#endif
