// SPDX-License-Identifier: Apache-2.0
//
// The inbox. Notices are in streams, so none is lost while this broker is away; a publication on the broker's
// channel says when a stream that was empty is so no longer. Reading on until an empty answer, and once more
// whenever the channel speaks, therefore misses nothing. (One XREAD BLOCK over all streams is no way: they lie in
// 64 slots, which a Redis Cluster refuses in one command.) A publication that gets lost between the nodes of a
// cluster is made up for by LEDGER_SWEEP, which looks into the inbox of its slot too.
//
// A notice leaves its stream with the question for those behind it, after it was handed over. When the connection
// breaks in between, it comes again: notices may repeat, and never get lost.

#include "broker/ledger_inbox.h"
#include "broker/ledger_answer.h"
#include "broker/ledger_command.h"

#include <hiredis/hiredis.h>
#include <string.h>

static void ask (ledger_inbox_slot_t *self);

static void
restart (ledger_inbox_t *self, const char *why)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "the broker's inbox", NULL, "%s", why);
  troupe_store_restart (self->store, &error);
}

static bool
hand_over (ledger_inbox_t *self, const redisReply *entry)
{
  if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING)
    return false;
  ledger_notice_t notice = {.kind = strcmp (entry->element[0]->str, "ready") == 0 ? LEDGER_NOTICE_READY
                                                                                  : LEDGER_NOTICE_SETTLED};
  if (ledger_answer_call (&notice.call, entry->element[1]) != TROUPE_OK)
    return false;
  self->notice (self->context, &notice);
  return true;
}

static bool
is_answer (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING &&
         reply->element[0]->len < LEDGER_STREAM_ID_MAX;
}

static void
on_answer (void *context, const struct redisReply *reply)
{
  ledger_inbox_slot_t *self = context;
  self->asking = false;
  if (reply == NULL)
    return;
  if (!is_answer (reply)) {
    restart (self->inbox, reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer of another form");
    return;
  }
  for (size_t i = 1; i < reply->elements; i++)
    if (!hand_over (self->inbox, reply->element[i])) {
      restart (self->inbox, "a notice of another form");
      return;
    }
  memcpy (self->last, reply->element[0]->str, reply->element[0]->len + 1);
  if (self->last[0] != '\0' || self->again)
    ask (self);
}

static void
ask (ledger_inbox_slot_t *self)
{
  ledger_command_t command;
  self->again = false;
  const char *why = ledger_command_of_inbox (&command, self->slot, self->inbox->broker, self->last);
  if (why != NULL) {
    restart (self->inbox, why);
    return;
  }
  troupe_err_t err =
    troupe_store_command (self->inbox->store, command.argc, command.argv, command.sizes, on_answer, self);
  self->asking = err == TROUPE_OK;
  if (err != TROUPE_OK && troupe_store_up (self->inbox->store))
    restart (self->inbox, troupe_err_text (err));
}

void
ledger_inbox_init (ledger_inbox_t *self, troupe_store_t *store, const ledger_options_t *options, const char *broker)
{
  *self = (ledger_inbox_t){store, broker, options->notice, options->context};
  for (unsigned slot = 0; slot < LEDGER_SLOTS; slot++) {
    self->slots[slot].inbox = self;
    self->slots[slot].slot = slot;
  }
}

void
ledger_inbox_read (ledger_inbox_t *self, unsigned slot)
{
  if (self->slots[slot].asking)
    self->slots[slot].again = true;
  else
    ask (&self->slots[slot]);
}

void
ledger_inbox_read_all (ledger_inbox_t *self)
{
  for (unsigned slot = 0; slot < LEDGER_SLOTS; slot++) {
    if (!self->slots[slot].asking)
      self->slots[slot].last[0] = '\0';
    ledger_inbox_read (self, slot);
  }
}

void
ledger_inbox_called (ledger_inbox_t *self, const char *data, size_t size)
{
  if (size != 2 || data[0] < '0' || data[0] > '9' || data[1] < '0' || data[1] > '9')
    return; // some other program publishes here
  unsigned slot = (unsigned)(data[0] - '0') * 10 + (unsigned)(data[1] - '0');
  if (slot < LEDGER_SLOTS)
    ledger_inbox_read (self, slot);
}
