// SPDX-License-Identifier: Apache-2.0
//
// Answers to results. An answer is a list: outcome, attempt, memory, deadline, ready, status, body, more, owner, epoch,
// inputs, news, hubs, stretch, said, then items. Every type is checked: the functions are ours, but the copy in Redis
// may be a newer one, and other programs can write to that Redis. An answer that doesn't fit is an error of the
// connection, never a guess.
//
// Texts are borrowed from the reply (hiredis terminates them); bodies are copied once, into buffers.

#include "broker/ledger_answer.h"

#include "broker/ledger_places.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

// The positions in an answer and in a call.
enum { OUTCOME, ATTEMPT, MEMORY, DEADLINE, READY, STATUS, BODY, MORE, OWNER, EPOCH, INPUTS, NEWS, HUBS, STRETCH, SAID, ITEMS };
enum {
  CALL_SESSION,
  CALL_ID,
  CALL_SERVICE,
  CALL_ACTOR,
  CALL_READY,
  CALL_ATTEMPT,
  CALL_FLAGS,
  CALL_DEADLINE,
  CALL_MEMORY,
  CALL_OWNER,
  CALL_EPOCH,
  CALL_INPUTS,
  CALL_NEWS,
  CALL_STRETCH,
  CALL_PATH,
  CALL_TRACE,
  CALL_BODY,
  CALL_MEMBERS
};

static const struct {
  const char *word;
  ledger_outcome_t outcome;
} outcomes[] = {
  {"ok", LEDGER_OK},
  {"known", LEDGER_KNOWN},
  {"pending", LEDGER_PENDING},
  {"settled", LEDGER_SETTLED},
  {"stale", LEDGER_STALE},
  {"unknown", LEDGER_UNKNOWN},
  {"overloaded", LEDGER_OVERLOADED},
  {"cycle", LEDGER_CYCLE},
  {"out_of_order", LEDGER_OUT_OF_ORDER},
};

static bool
is_text (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_STRING;
}

static bool
are_numbers (redisReply *const *elements, int first, int last)
{
  for (int i = first; i <= last; i++)
    if (elements[i]->type != REDIS_REPLY_INTEGER || elements[i]->integer < 0)
      return false;
  return true;
}

static const char *
text_or_null (const redisReply *reply)
{
  return reply->len > 0 ? reply->str : NULL;
}

// A text or nil becomes a buffer or NULL.
static troupe_err_t
read_body (troupe_buffer_t **out, const redisReply *reply)
{
  if (reply->type == REDIS_REPLY_NIL)
    return TROUPE_OK;
  return is_text (reply) ? troupe_buffer_new (out, reply->str, reply->len) : TROUPE_BAD_MESSAGE;
}

troupe_err_t
ledger_answer_call (ledger_call_t *out, const struct redisReply *reply)
{
  *out = (ledger_call_t){0};
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements < CALL_BODY)
    return TROUPE_BAD_MESSAGE;
  redisReply *const *element = reply->element;
  const redisReply *path = element[CALL_PATH];
  if (!is_text (element[CALL_SESSION]) || !is_text (element[CALL_ID]) || !is_text (element[CALL_SERVICE]) ||
      !are_numbers (element, CALL_ACTOR, CALL_MEMORY) || !is_text (element[CALL_OWNER]) ||
      !are_numbers (element, CALL_EPOCH, CALL_NEWS) || !ledger_places_stretch (&out->stretch, element[CALL_STRETCH]) ||
      !is_text (path) || !is_text (element[CALL_TRACE]) ||
      path->len % sizeof (troupe_id_t) != 0 || !troupe_id_of_text (&out->call, element[CALL_ID]->str))
    return TROUPE_BAD_MESSAGE;
  out->session = element[CALL_SESSION]->str;
  out->service = element[CALL_SERVICE]->str;
  out->actor = element[CALL_ACTOR]->integer != 0;
  out->ready = element[CALL_READY]->integer != 0;
  out->attempt = (uint32_t)element[CALL_ATTEMPT]->integer;
  out->flags = (uint32_t)element[CALL_FLAGS]->integer;
  out->deadline_ms = element[CALL_DEADLINE]->integer;
  out->memory = (uint32_t)element[CALL_MEMORY]->integer;
  out->owner = text_or_null (element[CALL_OWNER]);
  out->epoch = (uint64_t)element[CALL_EPOCH]->integer;
  out->inputs = (uint32_t)element[CALL_INPUTS]->integer;
  out->news = (uint32_t)element[CALL_NEWS]->integer;
  out->path = path->len > 0 ? (const troupe_id_t *)path->str : NULL;
  out->path_count = (uint32_t)(path->len / sizeof (troupe_id_t));
  out->trace = text_or_null (element[CALL_TRACE]);
  return reply->elements > CALL_BODY ? read_body (&out->body, element[CALL_BODY]) : TROUPE_OK;
}

static troupe_err_t
read_calls (ledger_answer_t *self, redisReply *const *items, size_t count)
{
  if (count > LEDGER_BATCH)
    return TROUPE_BAD_MESSAGE;
  self->result.calls = self->calls;
  for (size_t i = 0; i < count; i++) {
    self->result.calls_count = i + 1; // clears it also when only half of it was read
    troupe_err_t err = ledger_answer_call (&self->calls[i], items[i]);
    if (err != TROUPE_OK)
      return err;
  }
  return TROUPE_OK;
}

// -- Recall and inputs ----------------------------------------------------------------------------------------------

enum { LIST_HEAD_MAX = 5 };

// The head of a msgpack list; returns its size.
static size_t
put_list_head (unsigned char bytes[LIST_HEAD_MAX], size_t count)
{
  if (count < 16) {
    bytes[0] = (unsigned char)(0x90 | count);
    return 1;
  }
  if (count < 65536) {
    bytes[0] = 0xdc;
    bytes[1] = (unsigned char)(count >> 8);
    bytes[2] = (unsigned char)count;
    return 3;
  }
  bytes[0] = 0xdd;
  for (int i = 0; i < 4; i++)
    bytes[1 + i] = (unsigned char)(count >> (24 - 8 * i));
  return 5;
}

static void
free_joined (void *data, void *hint)
{
  (void)hint;
  free (data);
}

// The items, which are packed values, one after another behind `head`.
static troupe_err_t
join_items (ledger_answer_t *self, const unsigned char *head, size_t head_size, redisReply *const *items, size_t count)
{
  size_t size = head_size;
  for (size_t i = 0; i < count; i++) {
    if (!is_text (items[i]))
      return TROUPE_BAD_MESSAGE;
    size += items[i]->len;
  }
  unsigned char *bytes = malloc (size > 0 ? size : 1);
  if (bytes == NULL)
    return TROUPE_NO_MEMORY;
  memcpy (bytes, head, head_size);
  size_t filled = head_size;
  for (size_t i = 0; i < count; i++) {
    memcpy (bytes + filled, items[i]->str, items[i]->len);
    filled += items[i]->len;
  }
  troupe_err_t err = troupe_buffer_adopt (&self->result.body, bytes, filled, free_joined, NULL);
  if (err != TROUPE_OK)
    free (bytes);
  return err;
}

// Memory entries, or messages: behind a head they are a packed list.
static troupe_err_t
read_entries (ledger_answer_t *self, redisReply *const *items, size_t count)
{
  unsigned char head[LIST_HEAD_MAX];
  return join_items (self, head, put_list_head (head, count), items, count);
}

static troupe_err_t
read_messages (ledger_answer_t *self, redisReply *const *items, size_t count)
{
  self->result.position = (uint64_t)self->result.deadline_ms;
  self->result.deadline_ms = 0;
  return count <= LEDGER_HEAR_MAX ? read_entries (self, items, count) : TROUPE_BAD_MESSAGE;
}

static troupe_err_t
read_values (ledger_answer_t *self, redisReply *const *items, size_t count)
{
  if (count > LEDGER_INPUTS_MAX)
    return TROUPE_BAD_MESSAGE;
  for (size_t i = 0; i < count; i++)
    self->sizes[i] = (uint32_t)items[i]->len;
  self->result.sizes = self->sizes;
  self->result.sizes_count = (uint32_t)count;
  return join_items (self, (const unsigned char *)"", 0, items, count);
}

// -- Lease ----------------------------------------------------------------------------------------------------------

static troupe_err_t
read_brokers (ledger_answer_t *self, redisReply *const *items, size_t count)
{
  if (count > LEDGER_BROKERS_MAX)
    return TROUPE_BAD_MESSAGE;
  for (size_t i = 0; i < count; i++) {
    if (items[i]->type != REDIS_REPLY_ARRAY || items[i]->elements != 2 || !is_text (items[i]->element[0]) ||
        items[i]->element[1]->type != REDIS_REPLY_INTEGER)
      return TROUPE_BAD_MESSAGE;
    self->brokers[i] = (ledger_broker_t){items[i]->element[0]->str, items[i]->element[1]->integer};
  }
  self->result.brokers = self->brokers;
  self->result.brokers_count = count;
  self->result.lapsed_ms = self->result.deadline_ms;
  self->result.deadline_ms = 0;
  return TROUPE_OK;
}

// -- All ------------------------------------------------------------------------------------------------------------

bool
ledger_answer_unusable (const struct redisReply *reply)
{
  static const char *const beginnings[] = {"LOADING ", "READONLY ", "MASTERDOWN ", "NOREPLICAS ",
                                           "BUSY ",    "NOAUTH ",   "LOST ",       "REVISION ",
                                           "ERR Function not found"};
  if (reply->type != REDIS_REPLY_ERROR)
    return false;
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
    if (strncmp (reply->str, beginnings[i], strlen (beginnings[i])) == 0)
      return true;
  return false;
}

static bool
read_outcome (ledger_answer_t *self, const redisReply *word)
{
  for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
    if (strcmp (outcomes[i].word, word->str) == 0) {
      self->result.outcome = outcomes[i].outcome;
      return true;
    }
  return false;
}

static void
read_head (ledger_answer_t *self, redisReply *const *element)
{
  ledger_result_t *result = &self->result;
  result->attempt = (uint32_t)element[ATTEMPT]->integer;
  result->memory = (uint32_t)element[MEMORY]->integer;
  result->deadline_ms = element[DEADLINE]->integer;
  result->status = (troupe_status_t)element[STATUS]->integer;
  result->news = (uint32_t)element[NEWS]->integer;
  result->more = element[MORE]->integer != 0;
  result->owner = text_or_null (element[OWNER]);
  result->epoch = (uint64_t)element[EPOCH]->integer;
  result->older = result->outcome == LEDGER_UNKNOWN && result->more;
  if (result->outcome == LEDGER_UNKNOWN)
    result->input = (uint32_t)element[INPUTS]->integer;
  else
    result->inputs = (uint32_t)element[INPUTS]->integer;
  if (result->op == LEDGER_SWEEP)
    self->inbox = element[READY]->integer != 0;
  else
    result->ready = element[READY]->integer != 0;
}

static bool
is_answer (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements >= ITEMS && is_text (reply->element[OUTCOME]) &&
         are_numbers (reply->element, ATTEMPT, STATUS) && are_numbers (reply->element, MORE, MORE) &&
         is_text (reply->element[OWNER]) && are_numbers (reply->element, EPOCH, NEWS) &&
         is_text (reply->element[STRETCH]) &&
         reply->element[STATUS]->integer <= TROUPE_STATUS_DEADLINE;
}

// What stands in the body's place, by what the answer is.
static troupe_err_t
read_text (ledger_answer_t *self, const redisReply *reply)
{
  bool slot = self->result.op == LEDGER_RECOVER || self->result.op == LEDGER_TAKEOVER;
  bool why = self->result.outcome == LEDGER_CYCLE ||
             (self->result.outcome == LEDGER_OVERLOADED && reply->type != REDIS_REPLY_NIL);
  if (!slot && !why)
    return read_body (&self->result.body, reply);
  if (!is_text (reply))
    return TROUPE_BAD_MESSAGE;
  if (why)
    self->result.why = reply->str;
  else
    self->place = reply->str;
  return TROUPE_OK;
}

static troupe_err_t
read_items (ledger_answer_t *self, redisReply *const *items, size_t count)
{
  bool good = self->result.outcome == LEDGER_OK;
  if (self->result.op == LEDGER_RECALL && good)
    return read_entries (self, items, count);
  if (self->result.op == LEDGER_HEAR && good)
    return read_messages (self, items, count);
  if ((self->result.op == LEDGER_LETTERS || self->result.op == LEDGER_LETTER || self->result.op == LEDGER_SESSIONS) &&
      good)
    return read_messages (self, items, count);
  if (self->result.op == LEDGER_INPUTS && good)
    return read_values (self, items, count);
  if (self->result.op == LEDGER_LEASE)
    return read_brokers (self, items, count);
  if (self->result.op == LEDGER_ROUSE || self->result.op == LEDGER_CLOSE) {
    self->result.position = (uint64_t)self->result.deadline_ms;
    self->result.deadline_ms = 0;
  }
  return read_calls (self, items, count);
}

troupe_err_t
ledger_answer_read (ledger_answer_t *self, ledger_op_t op, const struct redisReply *reply)
{
  self->result = (ledger_result_t){.op = op};
  self->place = NULL;
  self->inbox = false;
  if (reply->type == REDIS_REPLY_ERROR) {
    self->result.outcome = LEDGER_FAILED;
    self->result.why = reply->str;
    return TROUPE_OK;
  }
  if (!is_answer (reply) || !read_outcome (self, reply->element[OUTCOME]))
    return TROUPE_BAD_MESSAGE;
  read_head (self, reply->element);
  troupe_err_t err = read_text (self, reply->element[BODY]);
  if (err == TROUPE_OK)
    err = ledger_places_hubs (self, reply->element[HUBS]);
  if (err == TROUPE_OK && !ledger_places_stretch (&self->result.stretch, reply->element[STRETCH]))
    err = TROUPE_BAD_MESSAGE;
  if (err == TROUPE_OK)
    err = ledger_places_said (self, reply->element[SAID]);
  return err == TROUPE_OK ? read_items (self, reply->element + ITEMS, reply->elements - ITEMS) : err;
}

void
ledger_answer_clear (ledger_answer_t *self)
{
  troupe_buffer_unref (&self->result.body);
  for (size_t i = 0; i < self->result.calls_count; i++)
    troupe_buffer_unref (&self->calls[i].body);
  self->result.calls_count = 0;
}
