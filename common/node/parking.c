// SPDX-License-Identifier: Apache-2.0
//
// Calls with WAIT, whose service may not be there yet. Such a call is *parked* at a broker, which keeps it until the
// service comes. But a broker knows only the services that have found it. So all others are asked without WAIT before,
// and only the last one keeps the call; and as the service may come to another one than that, it is taken back from
// time to time: sent without WAIT to the broker that keeps it, which then refuses it, and goes round anew. Two brokers
// never keep it at a time.

#include "node/calling.h"

enum {
  PARKED_MS = 5000,       // at one broker, doubling with each round
  PARKED_MAX_SHIFT = 2,   // up to 20 s: two messages a broker each time, and the service waits no longer
  ROUNDS_MS = 600 * 1000, // without a deadline: then it stays where it is, until that broker's default passes
};

static uint32_t
bit_of (const node_connection_t *connection)
{
  return UINT32_C (1) << connection->index;
}

// Is there one whose store is there, but for those in `without`?
static bool
another (node_core_t *core, uint32_t without)
{
  const node_connection_t *other = node_calling_choose (core, without);
  return other != NULL && core->now >= other->unwell_until;
}

uint64_t
node_parking_flags (const troupe_placeholder_t *self, const node_connection_t *to)
{
  bool last = !another (self->core, self->refused_by | bit_of (to));
  return last ? self->flags : self->flags & ~(uint64_t)TROUPE_FLAG_WAIT;
}

int64_t
node_parking_lasts (troupe_placeholder_t *self)
{
  unsigned shift = self->rounds > PARKED_MAX_SHIFT ? PARKED_MAX_SHIFT : self->rounds;
  self->rounds++;
  return (int64_t)PARKED_MS << shift;
}

void
node_calling_again (troupe_placeholder_t *self)
{
  node_core_t *core = self->core;
  bool moves = self->deadline != TROUPE_LOOP_NEVER || core->now - self->made_at < ROUNDS_MS;
  self->retry_at = TROUPE_LOOP_NEVER;
  if (self->parked && !node_calling_awaits (self) && moves && self->at != NULL && another (core, bit_of (self->at))) {
    self->kept_by = self->at;
    self->refused_by = 0;
  }
  node_calling_requeue (self);
}
