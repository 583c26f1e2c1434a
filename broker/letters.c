// SPDX-License-Identifier: Apache-2.0
//
// What is asked about dead letters is asked of the store, which has them; nothing of it is kept here but who asked.
// They are listed a slot at a time: a position is a slot and how many of its letters were passed by, and slots without
// letters are skipped, so a mesh that is well is listed in 64 small requests.
//
// A request whose answer is lost with the connection to Redis is refused; each may be sent again, since the second
// changes nothing.

#include "broker/letters.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/peers.h"
#include "broker/recovery.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SLOT_SHIFT = 32 };

static const uint64_t in_slot = UINT64_MAX >> SLOT_SHIFT; // the part of a position that is the slot's

struct letters {
  table_link_t by_token;
  list_link_t in_core;
  uint64_t token;
  broker_connection_t from;
  troupe_command_t of;
  uint64_t request;
  unsigned slot;     // LETTERS
  uint64_t position; // of that
  troupe_id_t call, again;
  char session[];
};

// -- Requests --------------------------------------------------------------------------------------------------------

// NULL: `error` says why.
static letters_t *
make (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  if (core->letters.count >= LETTERS_MAX) {
    core->drops[BROKER_QUEUE_LETTERS]++;
    troupe_error_set (error, TROUPE_OVERLOADED, core->name, "send it again later",
                      "%d requests about dead letters are under way, which is the limit", LETTERS_MAX);
    error->retry_after_ms = RETRY_AFTER_MS;
    return NULL;
  }
  size_t size = troupe_header_has (header, TROUPE_F (SESSION)) ? header->session.size : 0;
  letters_t *self = calloc (1, sizeof *self + size + 1);
  if (self == NULL) {
    answer_no_memory (core, core->name, error);
    return NULL;
  }
  self->from = peer->connection;
  self->of = header->command;
  self->request = header->request;
  self->token = asking_token (core, ASKING_LETTERS);
  self->call = header->call;
  self->again = header->again;
  if (size > 0)
    memcpy (self->session, header->session.data, size);
  if (troupe_header_has (header, TROUPE_F (POSITION))) {
    self->slot = (unsigned)(header->position >> SLOT_SHIFT);
    self->position = header->position & in_slot;
  }
  table_insert (&core->letters, &self->by_token, table_hash_number (self->token));
  list_append (&core->all_letters, &self->in_core);
  return self;
}

static void
drop (broker_core_t *core, letters_t *self)
{
  table_remove (&core->letters, &self->by_token);
  list_remove (&self->in_core);
  free (self);
}

static void
submit (broker_core_t *core, const letters_t *self)
{
  static const ledger_op_t ops[] = {
    [TROUPE_CMD_LETTER] = LEDGER_LETTER, [TROUPE_CMD_RESEND] = LEDGER_RESEND, [TROUPE_CMD_DISCARD] = LEDGER_DISCARD};
  const broker_limits_t *limits = &core->options.limits;
  ledger_request_t request = {
    .op = LEDGER_LETTERS, .token = self->token, .slot = self->slot, .position = self->position};
  if (self->of != TROUPE_CMD_LETTERS)
    request = (ledger_request_t){.op = ops[self->of],
                                 .token = self->token,
                                 .session = self->session,
                                 .call = self->call,
                                 .again = self->again,
                                 .default_deadline_ms = limits->deadline,
                                 .mailbox_limit = limits->mailbox,
                                 .retention_ms = limits->retention};
  asking_request (core, &request);
}

void
letters_on_request (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  (void)body;
  const letters_t *self = NULL;
  if (!core->up || !core->leased)
    answer_store_down (core, &error);
  else if (troupe_header_has (header, TROUPE_F (POSITION)) && header->position >> SLOT_SHIFT >= LEDGER_SLOTS)
    troupe_error_set (&error, TROUPE_BAD_ARGUMENT, "letters", "send the position of the report before",
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
refuse (broker_core_t *core, const letters_t *self, const troupe_error_t *error)
{
  troupe_header_t about;
  troupe_header_init (&about, self->of);
  troupe_header_set_request (&about, self->request);
  answer_refuse (core, self->from, self->of, &about, error);
}

// Takes `json`; NULL: there was no memory for it.
static void
report (broker_core_t *core, const letters_t *self, json_t *json)
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

static json_t *
unpack (const ledger_result_t *result)
{
  json_t *json = NULL;
  troupe_value_unpack (troupe_buffer_data (result->body), troupe_buffer_size (result->body), &json, NULL);
  return json;
}

// True: the next slot is being asked.
static bool
list (broker_core_t *core, letters_t *self, const ledger_result_t *result)
{
  json_t *letters = unpack (result);
  self->position = result->position;
  self->slot += result->position == 0;
  if (json_array_size (letters) == 0 && self->slot < LEDGER_SLOTS) {
    json_decref (letters);
    submit (core, self);
    return true;
  }
  json_int_t position = (json_int_t)((uint64_t)self->slot << SLOT_SHIFT | self->position);
  json_t *more = self->slot < LEDGER_SLOTS ? json_integer (position) : NULL;
  report (core, self, json_pack ("{s:o, s:o*}", "letters", letters, "position", more));
  return false;
}

static void
show (broker_core_t *core, const letters_t *self, const ledger_result_t *result)
{
  json_t *both = unpack (result);
  json_t *shown = json_pack ("{s:O, s:O}", "letter", json_array_get (both, 0), "input", json_array_get (both, 1));
  json_decref (both);
  report (core, self, shown);
}

// The call is this broker's to offer when its turn has come; else a notice will bring it.
static void
resent (broker_core_t *core, const letters_t *self, const ledger_result_t *result)
{
  char id[TROUPE_ID_TEXT_SIZE];
  core->counters[BROKER_COUNT_LETTERS_RESENT]++;
  core->counters[BROKER_COUNT_CALLS_ACCEPTED]++;
  if (result->calls_count > 0 && result->calls[0].ready)
    recovery_begin (core, &result->calls[0]);
  troupe_id_to_text (&self->again, id);
  report (core, self, json_pack ("{s:s, s:s}", "call", id, "session", self->session));
}

static void
explain (const broker_core_t *core, const letters_t *self, const ledger_result_t *result, troupe_error_t *error)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&self->call, id);
  if (result->outcome == LEDGER_UNKNOWN)
    troupe_error_set (error, TROUPE_NOT_FOUND, id, "see `troupe dead list`", "there is no such dead letter (any more)");
  else if (result->outcome == LEDGER_STALE)
    troupe_error_set (error, TROUPE_UNKNOWN_CALL, id, "make the call again with what its inputs were",
                      "a result that the call needs as an input has expired");
  else if (result->outcome == LEDGER_OVERLOADED)
    troupe_error_set (error, TROUPE_OVERLOADED, id, "try again later", "%s",
                      result->why != NULL ? result->why : "too many calls wait for this actor (limits.mailbox)");
  else if (result->outcome == LEDGER_FAILED)
    troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, core->name, "see the log of Redis",
                      "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
  else
    answer_store_down (core, error);
}

static letters_t *
find (const broker_core_t *core, uint64_t token)
{
  for (table_link_t *link = table_first (&core->letters, table_hash_number (token)); link != NULL;
       link = table_next (link)) {
    letters_t *self = LIST_ITEM (link, letters_t, by_token);
    if (self->token == token)
      return self;
  }
  return NULL;
}

void
letters_result (broker_core_t *core, const ledger_result_t *result)
{
  letters_t *self = find (core, result->token);
  if (self == NULL)
    return;
  if (result->outcome != LEDGER_OK) {
    troupe_error_t error = {0};
    explain (core, self, result, &error);
    refuse (core, self, &error);
  } else if (self->of == TROUPE_CMD_LETTERS) {
    if (list (core, self, result))
      return;
  } else if (self->of == TROUPE_CMD_LETTER) {
    show (core, self, result);
  } else if (self->of == TROUPE_CMD_RESEND) {
    resent (core, self, result);
  } else {
    core->counters[BROKER_COUNT_LETTERS_DISCARDED]++;
    report (core, self, json_object ());
  }
  drop (core, self);
}

void
letters_clear (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->all_letters)) != NULL;)
    drop (core, LIST_ITEM (link, letters_t, in_core));
}
