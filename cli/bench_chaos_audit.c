// SPDX-License-Identifier: Apache-2.0
//
// The checker (bench_chaos_audit.h). Memories are the proof: what an actor remembers of a call is stored in the step
// that settles it, so each number that settled with a value is in one memory, once, with the value that its caller was
// told; and no other one is. What the members of a hub remember is what they heard, in its order.
#include "cli/bench_chaos_audit.h"

#include "cli/bench_chaos_cast.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  HEARD_MS = 20 * 1000, // without a message more, members won't hear any
  TURN_MS = 100
};

typedef struct {
  chaos_figures_t *figures;
  const chaos_board_t *board;
  chaos_store_t *store;
  uint8_t *seen;                    // by entry: how often in the memory that is read (up to 2)
  uint64_t last[CHAOS_CALLERS_MAX]; // the number read last, of each caller
  uint64_t *order, *other;          // the entries that a hub's first member heard, and another one; by place
  size_t order_count, other_count, capacity;
} audit_t;

static size_t
index_of (const audit_t *self, const chaos_entry_t *entry)
{
  return (size_t)(entry - self->board->entries);
}

// -- One entry of a memory --------------------------------------------------------------------------------------------

// The entry of the board that it is about; NULL: none, or it can't be read.
static chaos_entry_t *
read_entry (audit_t *self, const char *data, size_t size, uint64_t *caller, uint64_t *number, uint64_t *value)
{
  json_t *memory = NULL;
  chaos_entry_t *entry = NULL;
  if (troupe_value_unpack (data, size, &memory, NULL) == TROUPE_OK && json_is_object (memory)) {
    *caller = (uint64_t)json_integer_value (json_object_get (memory, "c"));
    *number = (uint64_t)json_integer_value (json_object_get (memory, "n"));
    *value = (uint64_t)json_integer_value (json_object_get (memory, "v"));
    if (*caller < self->board->head->callers && *number <= self->board->head->counts[*caller])
      entry = chaos_board_entry (self->board, *caller, *number);
  }
  json_decref (memory);
  return entry;
}

static void
see (audit_t *self, const chaos_entry_t *entry, uint64_t caller, uint64_t number)
{
  uint8_t *seen = &self->seen[index_of (self, entry)];
  if (*seen > 0)
    self->figures->repeated++;
  *seen = *seen < 2 ? *seen + 1 : 2;
  if (entry->told != CHAOS_VALUE && entry->told != CHAOS_MAYBE)
    self->figures->invented++;
  if (entry->refused > 0)
    return; // made anew, behind later ones
  if (number < self->last[caller])
    self->figures->disordered++;
  self->last[caller] = number;
}

static void
take_call (void *context, const char *data, size_t size)
{
  audit_t *self = context;
  uint64_t caller, number, value;
  const chaos_entry_t *entry = read_entry (self, data, size, &caller, &number, &value);
  if (!entry) {
    self->figures->invented++;
    return;
  }
  see (self, entry, caller, number);
  self->figures->twice += entry->told == CHAOS_VALUE && entry->value != value;
}

static void
take_heard (void *context, const char *data, size_t size)
{
  audit_t *self = context;
  uint64_t caller = 0, number = 0, value;
  const chaos_entry_t *entry = read_entry (self, data, size, &caller, &number, &value);
  if (!entry) {
    self->figures->invented += number != 0; // 0: the hub was opened
    return;
  }
  see (self, entry, caller, number);
  self->figures->heard++;
  if (self->other_count < self->capacity)
    self->other[self->other_count++] = index_of (self, entry);
}

// -- Memories ---------------------------------------------------------------------------------------------------------

static void
begin_memory (audit_t *self)
{
  memset (self->last, 0, sizeof self->last);
  self->other_count = 0;
}

static troupe_err_t
read_calls (audit_t *self, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (unsigned i = 0; i < CHAOS_SESSIONS && err == TROUPE_OK; i++) {
    char session[CHAOS_NAME_MAX], key[2 * CHAOS_NAME_MAX];
    snprintf (session, sizeof session, CHAOS_SESSION "%u", i);
    chaos_store_key (key, sizeof key, "memory", session, CHAOS_AGENT);
    begin_memory (self);
    err = chaos_store_list (self->store, key, take_call, self, error);
  }
  return err;
}

static void
memory_of_hearer (char *out, size_t size, unsigned hub, unsigned hearer)
{
  char session[CHAOS_NAME_MAX], service[CHAOS_NAME_MAX];
  snprintf (session, sizeof session, CHAOS_HUB_SESSION "%u", hub);
  snprintf (service, sizeof service, CHAOS_HEARER "%u", hearer + 1);
  chaos_store_key (out, size, "memory", session, service);
}

// How many messages of this hub were told to be said.
static uint64_t
said_in (const audit_t *self, unsigned hub)
{
  uint64_t said = 1; // the one by which it was opened
  for (unsigned i = CHAOS_CLIENTS; i < self->board->head->callers; i++)
    for (uint64_t number = 1; number <= self->board->head->counts[i]; number++)
      said += number % CHAOS_HUBS == hub && chaos_board_entry (self->board, i, number)->told == CHAOS_VALUE;
  return said;
}

// Until a member has heard as many, or no more for long.
static troupe_err_t
await_heard (audit_t *self, unsigned hub, unsigned hearer, troupe_error_t *error)
{
  char key[2 * CHAOS_NAME_MAX];
  int64_t count = 0, before = -1, since = troupe_loop_now ();
  uint64_t said = said_in (self, hub);
  memory_of_hearer (key, sizeof key, hub, hearer);
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && troupe_loop_now () < since + HEARD_MS) {
    err = chaos_store_number (self->store, &count, 2, (const char *[]){"LLEN", key}, error);
    if ((uint64_t)count >= said)
      break;
    if (count != before)
      since = troupe_loop_now ();
    before = count;
    troupe_loop_turn (self->store->loop, TURN_MS);
  }
  return err;
}

// Each member's memory must be that of the first; a message that isn't there is lost.
static void
compare_members (audit_t *self, unsigned hub, unsigned hearer)
{
  if (hearer == 0) {
    memcpy (self->order, self->other, self->other_count * sizeof *self->order);
    self->order_count = self->other_count;
  }
  size_t most = self->order_count > self->other_count ? self->order_count : self->other_count;
  for (size_t i = 0; i < most; i++)
    self->figures->differing += i >= self->order_count || i >= self->other_count || self->order[i] != self->other[i];
  for (unsigned i = CHAOS_CLIENTS; i < self->board->head->callers; i++)
    for (uint64_t number = 1; number <= self->board->head->counts[i]; number++) {
      const chaos_entry_t *entry = chaos_board_entry (self->board, i, number);
      uint8_t *seen = &self->seen[index_of (self, entry)];
      self->figures->lost += number % CHAOS_HUBS == hub && entry->told == CHAOS_VALUE && *seen == 0;
      *seen = 0;
    }
}

static troupe_err_t
read_hubs (audit_t *self, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (unsigned hub = 0; hub < CHAOS_HUBS; hub++)
    for (unsigned hearer = 0; hearer < CHAOS_HEARERS && err == TROUPE_OK; hearer++) {
      char key[2 * CHAOS_NAME_MAX];
      memory_of_hearer (key, sizeof key, hub, hearer);
      err = await_heard (self, hub, hearer, error);
      begin_memory (self);
      if (err == TROUPE_OK)
        err = chaos_store_list (self->store, key, take_heard, self, error);
      if (err == TROUPE_OK)
        compare_members (self, hub, hearer);
    }
  return err;
}

// -- What callers were told -------------------------------------------------------------------------------------------

static void
count_entry (audit_t *self, const chaos_entry_t *entry, bool call)
{
  chaos_figures_t *to = self->figures;
  unsigned code = entry->code < CHAOS_CODES_MAX ? entry->code : CHAOS_CODES_MAX - 1;
  to->made += entry->told != CHAOS_NOTHING;
  to->refused += entry->refused;
  to->reruns += entry->runs > 1 ? entry->runs - 1 : 0;
  to->payments += entry->pays > 0;
  to->payments_again += entry->pays > 1 ? entry->pays - 1 : 0;
  to->accepted += entry->told >= CHAOS_STORED && entry->told != CHAOS_MAYBE;
  to->settled += entry->told >= CHAOS_VALUE && entry->told != CHAOS_MAYBE;
  to->values += entry->told == CHAOS_VALUE;
  to->cancelled += entry->told == CHAOS_CANCELLED;
  to->maybe += entry->told == CHAOS_MAYBE;
  to->maybes[code] += entry->told == CHAOS_MAYBE;
  to->twice += entry->again;
  bool gone = entry->told == CHAOS_FAILED && entry->code == TROUPE_STORE_LOST;
  bool given_up = entry->told == CHAOS_FAILED && entry->once && entry->code == TROUPE_SERVICE_DIED;
  to->given_up += given_up;
  to->overrun += entry->once && entry->runs > 1;
  bool wrong = (entry->told == CHAOS_FAILED && !given_up) || (entry->told == CHAOS_CANCELLED && !entry->cancels);
  to->failed += wrong && !gone;
  to->failures[code] += wrong;
  to->lost += gone || entry->told == CHAOS_STORED || entry->told == CHAOS_MADE;
  to->lost += call && entry->told == CHAOS_VALUE && self->seen[index_of (self, entry)] == 0;
}

static void
count_all (audit_t *self)
{
  const chaos_head_t *head = self->board->head;
  for (unsigned i = 0; i < head->callers; i++)
    for (uint64_t number = 1; number <= head->counts[i]; number++)
      count_entry (self, chaos_board_entry (self->board, i, number), i < CHAOS_CLIENTS);
  self->figures->reused = head->reused;
  self->figures->contradicted = head->contradicted;
}

troupe_err_t
chaos_audit (chaos_figures_t *out, const chaos_board_t *board, chaos_store_t *store, troupe_error_t *error)
{
  *out = (chaos_figures_t){0};
  audit_t self = {.figures = out, .board = board, .store = store};
  size_t entries = (board->size - sizeof *board->head) / sizeof *board->entries;
  for (unsigned i = CHAOS_CLIENTS; i < board->head->callers; i++)
    self.capacity += 2 * board->head->counts[i] + 1; // room for what came twice
  self.seen = calloc (entries, sizeof *self.seen);
  self.order = calloc (self.capacity + 1, sizeof *self.order);
  self.other = calloc (self.capacity + 1, sizeof *self.other);
  troupe_err_t err = TROUPE_OK;
  if (!self.seen || !self.order || !self.other)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
  if (err == TROUPE_OK)
    err = read_hubs (&self, error);
  if (err == TROUPE_OK)
    err = read_calls (&self, error);
  if (err == TROUPE_OK)
    count_all (&self);
  free (self.seen);
  free (self.order);
  free (self.other);
  return err;
}

bool
chaos_audit_broken (const chaos_figures_t *figures)
{
  return figures->lost + figures->failed + figures->twice + figures->repeated + figures->invented +
           figures->disordered + figures->differing + figures->overrun + figures->contradicted >
         0;
}
