// SPDX-License-Identifier: Apache-2.0
//
// A caller of `troupe bench chaos`: a client, which calls agent/chaos, or a speaker, which broadcasts in the hubs and
// lets their members say something. It is not harmed itself, and writes on the board what it was told of each number:
// that is what the checker holds the mesh to.
//
// What is refused is made anew under the same number, since nothing has happened. Every third number waits for what is
// missing instead of being refused; some are cancelled right after they were made.
//
// Of `troupe bench soak`, where it goes on for ever: numbers begin again at the end of the board, some calls are
// stateless, in sessions of their own, or volatile, and the first speaker opens and closes further hubs. There, nothing
// may fail.
#include "cli/bench_chaos_caller.h"

#include <stdlib.h>
#include <string.h>

enum {
  DEADLINE_MS = 10 * 60 * 1000, // far beyond what all faults together keep a call waiting
  AGAIN_MS = 100,               // until what was refused is made anew
  POLL_MS = 10,                 // how often it is seen which calls have been stored
  WAITS_EVERY = 3,
  // of a soak
  STATELESS_EVERY = 5,
  VOLATILE_EVERY = 10
};

void
chaos_caller_fail (chaos_caller_t *self, const troupe_error_t *error)
{
  *self->error = *error;
  troupe_loop_stop (self->end.loop);
}

// -- What comes of a number -------------------------------------------------------------------------------------------

static void
note (chaos_entry_t *entry, chaos_told_t told)
{
  entry->again = entry->again || entry->told >= CHAOS_VALUE;
  entry->told = (uint8_t)told;
}

static bool
right_value (const chaos_slot_t *slot, const json_t *value)
{
  return json_integer_value (json_object_get (value, "n")) == (json_int_t)slot->number &&
         json_integer_value (json_object_get (value, "c")) == (json_int_t)slot->caller->index;
}

static void
note_outcome (chaos_slot_t *slot)
{
  chaos_entry_t *entry = slot->entry;
  const json_t *value = troupe_placeholder_value (slot->placeholder);
  bool stored = entry->told == CHAOS_STORED;
  entry->code = (uint16_t)troupe_placeholder_error (slot->placeholder)->code;
  if (value && !slot->caller->speaks && !right_value (slot, value))
    entry->again = true; // somebody else's outcome
  entry->value = (uint64_t)json_integer_value (json_object_get (value, "v"));
  switch (troupe_placeholder_status (slot->placeholder)) {
  case TROUPE_STATUS_VALUE:
    note (entry, CHAOS_VALUE);
    break;
  case TROUPE_STATUS_CANCELLED:
    note (entry, CHAOS_CANCELLED);
    break;
  default:
    note (entry, stored || entry->code == TROUPE_SERVICE_DIED ? CHAOS_FAILED : CHAOS_MAYBE);
  }
}

// In a soak nothing is harmed: so there is no reason for anything but a value.
static void
check_soak (chaos_slot_t *slot)
{
  const chaos_entry_t *entry = slot->entry;
  troupe_error_t error = *troupe_placeholder_error (slot->placeholder);
  if (entry->told == CHAOS_VALUE && !entry->again)
    return;
  if (entry->told == CHAOS_CANCELLED && entry->cancels)
    return;
  if (error.code == TROUPE_OK)
    troupe_error_set (&error, TROUPE_SERVICE_FAILED, "soak", NULL, "number %llu got another one's outcome",
                      (unsigned long long)slot->number);
  chaos_caller_fail (slot->caller, &error);
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  chaos_slot_t *slot = context;
  chaos_caller_t *self = slot->caller;
  bool refused = troupe_placeholder_state (placeholder) == TROUPE_CALL_REFUSED;
  if (refused) {
    slot->entry->refused++;
    slot->entry->again = slot->entry->again || slot->entry->told >= CHAOS_STORED;
    slot->entry->code = (uint16_t)troupe_placeholder_error (placeholder)->code;
    slot->due = troupe_loop_now () + AGAIN_MS;
  } else {
    note_outcome (slot);
    if (self->endless)
      check_soak (slot);
    slot->number = 0;
    self->ended++;
    atomic_fetch_add (&self->board.head->settled[self->index], 1);
  }
  troupe_placeholder_destroy (&slot->placeholder);
}

// -- Making one -------------------------------------------------------------------------------------------------------

troupe_err_t
chaos_caller_call (chaos_slot_t *slot, troupe_call_t *call, json_t *input, troupe_error_t *error)
{
  chaos_caller_t *self = slot->caller;
  call->input = input;
  call->deadline_ms = DEADLINE_MS;
  call->settled = on_settled;
  call->context = slot;
  troupe_err_t err = input ? troupe_node_call (self->end.node, &slot->placeholder, call, error)
                           : troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  json_decref (input);
  return err;
}

json_t *
chaos_caller_numbered (const chaos_slot_t *slot)
{
  return json_pack ("{s:i, s:I}", "c", (int)slot->caller->index, "n", (json_int_t)slot->number);
}

static troupe_err_t
make_stateless (chaos_slot_t *slot, troupe_error_t *error)
{
  troupe_call_t call = {.service = CHAOS_TOOL, .is_volatile = slot->number % VOLATILE_EVERY == 0};
  return chaos_caller_call (slot, &call, chaos_caller_numbered (slot), error);
}

static troupe_err_t
make_call (chaos_slot_t *slot, troupe_error_t *error)
{
  char session[CHAOS_NAME_MAX];
  if (slot->caller->endless && slot->number % STATELESS_EVERY == 0)
    return make_stateless (slot, error);
  snprintf (session, sizeof session, CHAOS_SESSION "%u", (unsigned)(slot->number % CHAOS_SESSIONS));
  troupe_call_t call = {.service = CHAOS_AGENT, .session = session, .wait = slot->number % WAITS_EVERY == 0};
  call.once = slot->entry->once = slot->number % CHAOS_ONCE_EVERY == 0;
  troupe_err_t err = chaos_caller_call (slot, &call, chaos_caller_numbered (slot), error);
  slot->entry->cancels = slot->number % CHAOS_CANCELS_EVERY == 0;
  if (err == TROUPE_OK && slot->entry->cancels)
    troupe_placeholder_cancel (slot->placeholder);
  return err;
}

static void
make (chaos_slot_t *slot)
{
  chaos_caller_t *self = slot->caller;
  troupe_error_t error;
  if ((self->speaks ? chaos_speaker_make (slot, &error) : make_call (slot, &error)) != TROUPE_OK)
    chaos_caller_fail (self, &error);
}

static void
begin (chaos_slot_t *slot)
{
  chaos_caller_t *self = slot->caller;
  slot->number = ++self->begun;
  slot->entry = chaos_board_entry (&self->board, self->index, slot->number);
  if (self->endless)
    *slot->entry = (chaos_entry_t){0};
  slot->entry->told = CHAOS_MADE;
  atomic_fetch_add (&self->board.head->begun[self->index], 1);
  make (slot);
}

// How many may have been begun by now.
static uint64_t
due_numbers (const chaos_caller_t *self, int64_t now)
{
  uint64_t past = (uint64_t)(now - self->start);
  if (self->ms == 0)
    return self->count;
  uint64_t due = self->count * past / self->ms + 1;
  return due < self->count || self->endless ? due : self->count;
}

static void
tell_done (chaos_caller_t *self)
{
  self->told = true;
  puts ("{\"done\":true}");
  fflush (stdout);
}

static int64_t
go_on (void *context, int64_t now)
{
  chaos_caller_t *self = context;
  if (!self->running)
    return TROUPE_LOOP_NEVER;
  uint64_t due = due_numbers (self, now);
  for (unsigned i = 0; i < CHAOS_IN_FLIGHT && self->error->code == TROUPE_OK; i++) {
    chaos_slot_t *slot = &self->slots[i];
    if (slot->placeholder && slot->entry->told == CHAOS_MADE &&
        troupe_placeholder_state (slot->placeholder) == TROUPE_CALL_STORED)
      slot->entry->told = CHAOS_STORED;
    else if (slot->number > 0 && !slot->placeholder && now >= slot->due)
      make (slot);
    else if (slot->number == 0 && self->begun < due)
      begin (slot);
  }
  if (!self->endless && self->ended == self->count && !self->told)
    tell_done (self);
  return now + POLL_MS;
}

// -- The process ------------------------------------------------------------------------------------------------------

static void
on_word (void *context)
{
  chaos_caller_t *self = context;
  self->running = true;
  self->start = troupe_loop_now ();
}

static troupe_err_t
open_caller (chaos_caller_t *self, const json_t *parameters, troupe_error_t *error)
{
  self->index = (unsigned)json_integer_value (json_object_get (parameters, "index"));
  self->speaks = json_is_true (json_object_get (parameters, "speaks"));
  self->endless = json_is_true (json_object_get (parameters, "endless"));
  self->ms = (uint64_t)json_integer_value (json_object_get (parameters, "ms"));
  for (unsigned i = 0; i < CHAOS_IN_FLIGHT; i++)
    self->slots[i].caller = self;
  troupe_err_t err = chaos_board_open (&self->board, CHAOS_BOARD, error);
  if (err == TROUPE_OK && self->index >= self->board.head->callers)
    err = troupe_error_set (error, TROUPE_BAD_ARGUMENT, "index", NULL, "is not on the board");
  if (err == TROUPE_OK)
    self->count = self->board.head->counts[self->index];
  if (err == TROUPE_OK)
    err = bench_end_open (&self->end, parameters, "chaos-caller", on_word, self, error);
  if (err == TROUPE_OK && troupe_loop_add_prepare (self->end.loop, go_on, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  if (err == TROUPE_OK && self->speaks)
    return chaos_speaker_open (self, parameters, error);
  if (err == TROUPE_OK)
    bench_role_ready ();
  return err;
}

troupe_err_t
bench_chaos_caller (const json_t *parameters, troupe_error_t *error)
{
  static chaos_caller_t self; // static: large, and one a process
  self.error = error;
  troupe_err_t err = open_caller (&self, parameters, error);
  error->code = err;
  if (err == TROUPE_OK && (err = troupe_loop_run (self.end.loop)) == TROUPE_OK)
    err = error->code;
  for (unsigned i = 0; i < CHAOS_IN_FLIGHT; i++)
    troupe_placeholder_destroy (&self.slots[i].placeholder);
  chaos_speaker_close (&self);
  bench_end_close (&self.end);
  chaos_board_close (&self.board);
  return err;
}
