// SPDX-License-Identifier: Apache-2.0
//
// Each slot keeps the generation of its own history, because a step stays within a slot, and in a Redis Cluster slots
// live in several Redis. So a connection asks all of them before anything else, at once; the first broker that meets
// another history than the slot's last one begins a generation, and the others find that it isn't the one they know.
//
// What a broker knows outlives its connections: a slot that was emptied hears by it from which generation on to count.

#include "broker/ledger_meeting.h"

#include "broker/ledger_answer.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>

static void
give_up (ledger_meeting_t *self, const char *why)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "the store's history",
                    "Redis 7.0 or later is needed, as a master, with INFO allowed", "%s", why);
  troupe_store_restart (self->store, &error);
}

static bool
is_answer (const struct redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_INTEGER &&
         reply->element[0]->integer > 0;
}

// The slots answer in the order in which they were asked.
static void
on_answer (void *context, const struct redisReply *reply)
{
  ledger_meeting_t *self = context;
  if (reply == NULL)
    return;
  if (!is_answer (reply)) {
    give_up (self, reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer that our functions don't give");
    return;
  }
  if (self->asked == 0)
    return; // it was given up
  uint64_t *known = &self->generations[LEDGER_SLOTS - self->asked--];
  uint64_t generation = (uint64_t)reply->element[0]->integer;
  self->changed = self->changed || (*known != 0 && *known != generation);
  *known = generation;
  if (self->asked == 0)
    self->met (self->context);
}

static troupe_err_t
ask (ledger_meeting_t *self, unsigned slot)
{
  char key[32], known[24];
  snprintf (key, sizeof key, "troupe:{%02u}:store", slot);
  snprintf (known, sizeof known, "%" PRIu64, self->generations[slot]);
  const char *argv[] = {"FCALL", "troupe1_meet", "1", key, known};
  return troupe_store_command (self->store, 5, argv, NULL, on_answer, self);
}

void
ledger_meeting_begin (ledger_meeting_t *self)
{
  troupe_err_t err = TROUPE_OK;
  self->asked = LEDGER_SLOTS;
  for (unsigned slot = 0; slot < LEDGER_SLOTS && err == TROUPE_OK; slot++)
    err = ask (self, slot);
  if (err != TROUPE_OK) {
    self->asked = 0;
    give_up (self, troupe_err_text (err));
  }
}

uint64_t
ledger_meeting_generation (const ledger_meeting_t *self)
{
  uint64_t greatest = 0;
  for (unsigned slot = 0; slot < LEDGER_SLOTS; slot++)
    greatest = self->generations[slot] > greatest ? self->generations[slot] : greatest;
  return greatest;
}
