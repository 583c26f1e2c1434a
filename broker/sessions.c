// SPDX-License-Identifier: Apache-2.0
//
// Sessions are the store's: a broker keeps nothing of one but the calls that it holds, and hears of each that the end
// of its session cancels as of any other that somebody else ended. What is asked about them is asked of the store, and
// nothing of it is kept here but who asked.
//
// Ending one may take the store several steps; the next one is asked for when the one before is done. Should this
// broker go away meanwhile, the sweeps of any broker go on with it, and whoever asked may ask again. Idle sessions are
// ended by sweeps alone (recovery.c).
//
// Sessions are listed a slot at a time: a position is a slot and how many of its sessions were passed by.

#include "broker/sessions.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/peers.h"

#include <stdlib.h>

enum { SLOT_SHIFT = 32 };

static const uint64_t in_slot = UINT64_MAX >> SLOT_SHIFT; // the part of a position that is the slot's

struct inquiry {
  table_link_t by_token;
  list_link_t in_core;
  uint64_t token;
  broker_connection_t from;
  troupe_command_t of;
  uint64_t request;
  unsigned slot;     // SESSIONS
  uint64_t position; // of that
  bool begun;        // END: the store has ended a part of it
  char session[];
};

// -- Requests --------------------------------------------------------------------------------------------------------

// NULL: `error` says why.
static inquiry_t *
make (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  if (core->inquiries.count >= INQUIRIES_MAX) {
    core->drops[BROKER_QUEUE_INQUIRIES]++;
    troupe_error_set (error, TROUPE_OVERLOADED, core->name, "send it again later",
                      "%d requests about sessions are under way, which is the limit", INQUIRIES_MAX);
    error->retry_after_ms = RETRY_AFTER_MS;
    return NULL;
  }
  size_t size = troupe_header_has (header, TROUPE_F (SESSION)) ? header->session.size : 0;
  inquiry_t *self = calloc (1, sizeof *self + size + 1);
  if (self == NULL) {
    answer_no_memory (core, core->name, error);
    return NULL;
  }
  self->from = peer->connection;
  self->of = header->command;
  self->request = header->request;
  self->token = asking_token (core, ASKING_SESSIONS);
  if (size > 0)
    memcpy (self->session, header->session.data, size);
  if (troupe_header_has (header, TROUPE_F (POSITION))) {
    self->slot = (unsigned)(header->position >> SLOT_SHIFT);
    self->position = header->position & in_slot;
  }
  table_insert (&core->inquiries, &self->by_token, table_hash_number (self->token));
  list_append (&core->all_inquiries, &self->in_core);
  return self;
}

static void
drop (broker_core_t *core, inquiry_t *self)
{
  table_remove (&core->inquiries, &self->by_token);
  list_remove (&self->in_core);
  free (self);
}

static void
submit (broker_core_t *core, const inquiry_t *self)
{
  ledger_request_t request = {
    .op = LEDGER_SESSIONS, .token = self->token, .slot = self->slot, .position = self->position};
  if (self->of == TROUPE_CMD_END)
    request = (ledger_request_t){.op = LEDGER_CLOSE,
                                 .token = self->token,
                                 .session = self->session,
                                 .retention_ms = core->options.limits.retention};
  asking_request (core, &request);
}

void
sessions_on_request (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  (void)body;
  const inquiry_t *self = NULL;
  if (!core->up || !core->leased)
    answer_store_down (core, &error);
  else if (troupe_header_has (header, TROUPE_F (POSITION)) && header->position >> SLOT_SHIFT >= LEDGER_SLOTS)
    troupe_error_set (&error, TROUPE_BAD_ARGUMENT, "sessions", "send the position of the report before",
                      "there is no such position");
  else
    self = make (core, peer, header, &error);
  if (self != NULL)
    submit (core, self);
  else
    answer_refuse (core, peer->connection, header->command, header, &error);
}

// -- Results ---------------------------------------------------------------------------------------------------------

static void
refuse (broker_core_t *core, const inquiry_t *self, const troupe_error_t *error)
{
  troupe_header_t about;
  troupe_header_init (&about, self->of);
  troupe_header_set_request (&about, self->request);
  answer_refuse (core, self->from, self->of, &about, error);
}

// Takes `json`; NULL: there was no memory for it.
static void
report (broker_core_t *core, const inquiry_t *self, json_t *json)
{
  troupe_error_t error = {0};
  troupe_buffer_t *packed = NULL;
  troupe_err_t err =
    json != NULL ? troupe_value_pack (json, &packed, &error) : answer_no_memory (core, core->name, &error);
  json_decref (json);
  if (err != TROUPE_OK) {
    refuse (core, self, &error);
    return;
  }
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REPORT);
  troupe_header_set_request (&header, self->request);
  answer_send (core, self->from, &header, packed);
  troupe_buffer_unref (&packed);
}

// True: the next slot is being asked.
static bool
list (broker_core_t *core, inquiry_t *self, const ledger_result_t *result)
{
  json_t *sessions = NULL;
  troupe_value_unpack (troupe_buffer_data (result->body), troupe_buffer_size (result->body), &sessions, NULL);
  self->position = result->position;
  self->slot += result->position == 0;
  if (json_array_size (sessions) == 0 && self->slot < LEDGER_SLOTS) {
    json_decref (sessions);
    submit (core, self);
    return true;
  }
  json_int_t position = (json_int_t)((uint64_t)self->slot << SLOT_SHIFT | self->position);
  json_t *more = self->slot < LEDGER_SLOTS ? json_integer (position) : NULL;
  report (core, self, json_pack ("{s:o, s:o*}", "sessions", sessions, "position", more));
  return false;
}

// True: there is more to be done. What a sweep finished meanwhile has been ended, too.
static bool
end (broker_core_t *core, inquiry_t *self, const ledger_result_t *result)
{
  bool known = result->outcome == LEDGER_OK;
  if (known && result->more) {
    self->begun = true;
    submit (core, self);
    return true;
  }
  bool ended = known || self->begun;
  core->counters[BROKER_COUNT_SESSIONS_ENDED] += known;
  report (core, self, json_pack ("{s:s, s:b}", "session", self->session, "ended", ended));
  return false;
}

static void
explain (const broker_core_t *core, const ledger_result_t *result, troupe_error_t *error)
{
  if (result->outcome == LEDGER_FAILED)
    troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, core->name, "see the log of Redis",
                      "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
  else
    answer_store_down (core, error);
}

static inquiry_t *
find (const broker_core_t *core, uint64_t token)
{
  for (table_link_t *link = table_first (&core->inquiries, table_hash_number (token)); link != NULL;
       link = table_next (link)) {
    inquiry_t *self = LIST_ITEM (link, inquiry_t, by_token);
    if (self->token == token)
      return self;
  }
  return NULL;
}

void
sessions_result (broker_core_t *core, const ledger_result_t *result)
{
  inquiry_t *self = find (core, result->token);
  if (self == NULL)
    return;
  bool answered = result->outcome == LEDGER_OK || result->outcome == LEDGER_UNKNOWN;
  if (!answered) {
    troupe_error_t error = {0};
    explain (core, result, &error);
    refuse (core, self, &error);
  } else if (self->of == TROUPE_CMD_END ? end (core, self, result) : list (core, self, result)) {
    return;
  }
  drop (core, self);
}

void
sessions_clear (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->all_inquiries)) != NULL;)
    drop (core, LIST_ITEM (link, inquiry_t, in_core));
}
