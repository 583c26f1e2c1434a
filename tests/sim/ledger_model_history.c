// SPDX-License-Identifier: Apache-2.0
//
// Generations (broker/functions/generations.lua): the numbers that are given out after the store's history has changed.

#include "sim/ledger_model_state.h"

enum { ATTEMPTS = 1000 }; // of one generation

static uint64_t
base_of (uint64_t number)
{
  return number - number % LEDGER_GENERATION_SIZE;
}

uint64_t
model_era (const ledger_model_call_t *call)
{
  return call->era != 0 ? call->era : base_of (call->sequence);
}

uint64_t
model_present (const ledger_model_t *self)
{
  return base_of (self->sequence);
}

bool
model_is_over (const ledger_model_t *self, const ledger_model_call_t *call)
{
  return model_era (call) < model_present (self);
}

uint32_t
model_leap (uint32_t attempt)
{
  return attempt - attempt % ATTEMPTS + ATTEMPTS + 1;
}

uint32_t
model_attempt_after (const ledger_model_t *self, ledger_model_call_t *call, uint32_t last)
{
  if (!model_is_over (self, call))
    return last + 1;
  call->era = model_present (self);
  return model_leap (last);
}

void
model_renew_epoch (ledger_model_t *self, const ledger_model_call_t *call)
{
  if (!call->actor)
    return;
  model_actor_t *actor = model_actor (self, call->session, call->service);
  if (actor->epoch > 0 && actor->epoch < model_present (self))
    actor->epoch = model_present (self) + 1;
}

void
ledger_model_begin_generation (ledger_model_t *self, uint64_t generation)
{
  uint64_t next = self->sequence / LEDGER_GENERATION_SIZE + 1;
  self->sequence = (generation > next ? generation : next) * LEDGER_GENERATION_SIZE;
}

ledger_notice_t
model_met (ledger_model_t *self, unsigned broker)
{
  uint64_t generation = self->sequence / LEDGER_GENERATION_SIZE, before = self->met[broker];
  self->met[broker] = generation + 1;
  return (ledger_notice_t){
    .kind = LEDGER_NOTICE_UP, .changed = before != 0 && before != generation + 1, .generation = generation};
}

void
ledger_model_set_since (ledger_model_t *self, int64_t ms)
{
  self->since = ms;
}

uint32_t
model_first_base (const ledger_model_t *self, const troupe_id_t *id)
{
  int64_t made = 0;
  for (int i = 0; i < 6; i++)
    made = made << 8 | id->bytes[i];
  return (id->bytes[6] & 0xf0) == 0x70 && made < self->since ? ATTEMPTS : 0;
}
