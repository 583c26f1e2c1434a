// SPDX-License-Identifier: Apache-2.0
//
// Nothing is kept of what is asked but who asked: a request whose answer is lost with the connection to Redis is
// refused, and each may be sent again, since the second changes nothing.
//
// What is listed is listed a slot at a time: a position is a slot and where the store goes on in it, and slots that hold
// nothing are skipped. So a mesh without dead letters says so after 64 small requests to the store.

#include "broker/inquiry.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/letters.h"
#include "broker/peers.h"
#include "broker/recall.h"
#include "broker/sessions.h"

#include <stdlib.h>

enum { SLOT_SHIFT = 32 };

static const uint64_t in_slot = UINT64_MAX >> SLOT_SHIFT; // the part of a position that is the slot's

// Tells who asked what came of it. True: the store is to be asked again.
typedef bool (tell_fn) (broker_core_t *core, inquiry_t *self, const ledger_result_t *result);

static tell_fn list;

// By command.
static const struct {
  tell_fn *tell;
  ledger_op_t op;
  const char *listed; // as the report names it; NULL: it is no list
  bool reads;         // an agent's; recall.c asks the ledger
} kinds[] = {
  [TROUPE_CMD_LETTERS] = {list, LEDGER_LETTERS, .listed = "letters"},
  [TROUPE_CMD_LETTER] = {letters_tell, LEDGER_LETTER},
  [TROUPE_CMD_RESEND] = {letters_tell, LEDGER_RESEND},
  [TROUPE_CMD_DISCARD] = {letters_tell, LEDGER_DISCARD},
  [TROUPE_CMD_SESSIONS] = {list, LEDGER_SESSIONS, .listed = "sessions"},
  [TROUPE_CMD_END] = {sessions_tell, LEDGER_CLOSE},
  [TROUPE_CMD_RECALL] = {recall_tell, .reads = true},
  [TROUPE_CMD_HEAR] = {recall_tell, .reads = true},
};

// -- Asking ----------------------------------------------------------------------------------------------------------

// Agents' reads have a bound of their own: nobody's questions keep an agent from remembering.
static bool
full (broker_core_t *core, bool reads, troupe_error_t *error)
{
  size_t count = reads ? core->reads : core->inquiries.count - core->reads, max = reads ? RECALLS_MAX : INQUIRIES_MAX;
  if (count < max)
    return false;
  core->drops[reads ? BROKER_QUEUE_RECALLS : BROKER_QUEUE_INQUIRIES]++;
  troupe_error_set (error, TROUPE_OVERLOADED, core->name, "send it again later",
                    "%zu %s are under way, which is the limit", max,
                    reads ? "reads of memories" : "requests about dead letters and sessions");
  error->retry_after_ms = RETRY_AFTER_MS;
  return true;
}

inquiry_t *
inquiry_new (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  if (full (core, kinds[header->command].reads, error))
    return NULL;
  size_t size = troupe_header_has (header, TROUPE_F (SESSION)) ? header->session.size : 0;
  inquiry_t *self = calloc (1, sizeof *self + size + 1);
  if (self == NULL) {
    answer_no_memory (core, core->name, error);
    return NULL;
  }
  self->token = asking_token (core, ASKING_INQUIRY);
  self->from = peer->connection;
  self->of = header->command;
  self->request = header->request;
  self->call = header->call;
  self->again = header->again;
  if (size > 0)
    memcpy (self->session, header->session.data, size);
  if (troupe_header_has (header, TROUPE_F (FROM)))
    self->first = header->from;
  if (troupe_header_has (header, TROUPE_F (POSITION))) {
    self->slot = (unsigned)(header->position >> SLOT_SHIFT);
    self->position = header->position & in_slot;
  }
  table_insert (&core->inquiries, &self->by_token, table_hash_number (self->token));
  list_append (&core->all_inquiries, &self->in_core);
  core->reads += kinds[self->of].reads;
  return self;
}

static void
drop (broker_core_t *core, inquiry_t *self)
{
  table_remove (&core->inquiries, &self->by_token);
  list_remove (&self->in_core);
  core->reads -= kinds[self->of].reads;
  free (self);
}

static void
ask (broker_core_t *core, const inquiry_t *self)
{
  const broker_limits_t *limits = &core->options.limits;
  ledger_request_t request = {.op = kinds[self->of].op, .token = self->token, .position = self->position};
  if (kinds[self->of].listed != NULL) {
    request.slot = self->slot;
  } else {
    request.session = self->session;
    request.call = self->call;
    request.again = self->again;
    request.default_deadline_ms = limits->deadline;
    request.mailbox_limit = limits->mailbox;
    request.retention_ms = limits->retention;
  }
  asking_request (core, &request);
}

void
inquiry_on_request (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_error_t error = {0};
  const inquiry_t *self = NULL;
  if (!core->up || !core->leased)
    answer_store_down (core, &error);
  else if (troupe_header_has (header, TROUPE_F (POSITION)) && header->position >> SLOT_SHIFT >= LEDGER_SLOTS)
    troupe_error_set (&error, TROUPE_BAD_ARGUMENT, troupe_command_name (header->command),
                      "send the position of the report before", "there is no such position");
  else
    self = inquiry_new (core, peer, header, &error);
  if (self != NULL)
    ask (core, self);
  else
    answer_refuse (core, peer->connection, header->command, header, &error);
}

// -- Telling ---------------------------------------------------------------------------------------------------------

void
inquiry_refuse (broker_core_t *core, const inquiry_t *self, const troupe_error_t *error)
{
  if (peers_find (core, self->from) == NULL)
    return; // nobody to tell
  troupe_header_t about;
  troupe_header_init (&about, self->of);
  troupe_header_set_request (&about, self->request);
  if (kinds[self->of].reads)
    troupe_header_set_call (&about, &self->call);
  answer_refuse (core, self->from, self->of, &about, error);
}

void
inquiry_refuse_unanswered (broker_core_t *core, const inquiry_t *self, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  answer_store_failed (core, result, &error);
  inquiry_refuse (core, self, &error);
}

void
inquiry_report (broker_core_t *core, const inquiry_t *self, json_t *json)
{
  troupe_error_t error = {0};
  troupe_buffer_t *packed = NULL;
  troupe_err_t err =
    json != NULL ? troupe_value_pack (json, &packed, &error) : answer_no_memory (core, core->name, &error);
  json_decref (json);
  if (err != TROUPE_OK) {
    inquiry_refuse (core, self, &error);
    return;
  }
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REPORT);
  troupe_header_set_request (&header, self->request);
  answer_send (core, self->from, &header, packed);
  troupe_buffer_unref (&packed);
}

static bool
list (broker_core_t *core, inquiry_t *self, const ledger_result_t *result)
{
  if (result->outcome != LEDGER_OK) {
    inquiry_refuse_unanswered (core, self, result);
    return false;
  }
  json_t *listed = NULL;
  troupe_value_unpack (troupe_buffer_data (result->body), troupe_buffer_size (result->body), &listed, NULL);
  self->position = result->position;
  self->slot += result->position == 0;
  if (json_array_size (listed) == 0 && self->slot < LEDGER_SLOTS) {
    json_decref (listed);
    return true;
  }
  json_int_t position = (json_int_t)((uint64_t)self->slot << SLOT_SHIFT | self->position);
  json_t *more = self->slot < LEDGER_SLOTS ? json_integer (position) : NULL;
  inquiry_report (core, self, json_pack ("{s:o, s:o*}", kinds[self->of].listed, listed, "position", more));
  return false;
}

static inquiry_t *
find (const broker_core_t *core, uint64_t token)
{
  table_link_t *link = table_first (&core->inquiries, table_hash_number (token));
  for (; link != NULL; link = table_next (link)) {
    inquiry_t *self = LIST_ITEM (link, inquiry_t, by_token);
    if (self->token == token)
      return self;
  }
  return NULL;
}

void
inquiry_result (broker_core_t *core, const ledger_result_t *result)
{
  inquiry_t *self = find (core, result->token);
  if (self == NULL)
    return;
  if (kinds[self->of].tell (core, self, result))
    ask (core, self);
  else
    drop (core, self);
}

void
inquiry_clear (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->all_inquiries)) != NULL;)
    drop (core, LIST_ITEM (link, inquiry_t, in_core));
}
