// SPDX-License-Identifier: Apache-2.0
//
// The ledger: two connections to Redis, and a queue of the requests between them and the core.
//
//   commands   everything but notices                up -> library there -> met -+
//   channel    subscribed to troupe:inbox:<broker>   up -------------------------+-> NOTICE_UP, read the whole inbox
//
// Invariants. Requests are sent only between NOTICE_UP and NOTICE_DOWN; others get LEDGER_LOST at the next turn.
// Every request has one entry in the queue, and every entry that was sent one callback of the store to come; both
// are in the order of ledger_submit, so an answer always belongs to the first entry that was sent.
//
// Failures. When either connection breaks, the other one's state is of no use alone (requests without notices would
// let callers wait for ever), so both must be up again before NOTICE_UP. An answer that means that this server
// can't serve, or that can't be read, breaks the connection too: its request and those behind it end as
// LEDGER_LOST, in order, and are made again later. All other errors of Redis are that request's alone
// (LEDGER_FAILED).

#include "broker/ledger.h"
#include "broker/ledger_answer.h"
#include "broker/ledger_command.h"
#include "broker/ledger_inbox.h"
#include "broker/ledger_library.h"
#include "broker/ledger_meeting.h"
#include "broker/ledger_queue.h"

#include "troupe/log.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  RESERVE = 4096 // requests a turn may make even when there is no memory for more
};

// How far a slot was read.
typedef struct {
  uint64_t of;                     // takeover: the broker whose calls
  char place[LEDGER_KEY_MAX + 32]; // a score and a call's name; "": at the beginning
} place_t;

struct ledger {
  troupe_loop_t *loop;
  ledger_result_fn *result;
  ledger_notice_fn *notice;
  void *context;
  char *broker;
  troupe_store_t *commands, *channel;
  ledger_library_t library;
  ledger_meeting_t meeting;
  ledger_inbox_t inbox;
  bool met, channel_up, up;
  place_t recovered[LEDGER_SLOTS], taken_over[LEDGER_SLOTS];
  ledger_queue_t queue;
  ledger_command_t command; // being made
  ledger_answer_t answer;   // being handed over
};

static place_t *
place_of (ledger_t *self, const ledger_pending_t *item)
{
  return item->op == LEDGER_RECOVER    ? &self->recovered[item->slot]
         : item->op == LEDGER_TAKEOVER ? &self->taken_over[item->slot]
                                       : NULL;
}

// -- Results --------------------------------------------------------------------------------------------------------

static void
hand_over_local (ledger_t *self, const ledger_pending_t *item)
{
  const ledger_result_t result = {
    .op = item->op, .token = item->token, .outcome = item->outcome, .why = item->why, .full = item->full};
  ledger_queue_pop (&self->queue);
  self->result (self->context, &result);
}

// Hands over what needs no answer, up to the first request that does.
static void
hand_over_locals (ledger_t *self)
{
  const ledger_pending_t *head;
  while ((head = ledger_queue_head (&self->queue)) != NULL && !head->sent)
    hand_over_local (self, &(ledger_pending_t){.op = head->op,
                                               .slot = head->slot,
                                               .token = head->token,
                                               .outcome = head->outcome,
                                               .why = head->why,
                                               .full = head->full});
}

static void
go_down (ledger_t *self)
{
  if (!self->up)
    return;
  self->up = false;
  self->notice (self->context, &(ledger_notice_t){.kind = LEDGER_NOTICE_DOWN});
}

static void
restart (ledger_t *self, const char *why)
{
  troupe_error_t error;
  go_down (self);
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "ledger", NULL, "%s", why);
  troupe_store_restart (self->commands, &error);
}

static void
note_progress (ledger_t *self, const ledger_pending_t *item)
{
  const ledger_answer_t *answer = &self->answer;
  place_t *place = place_of (self, item);
  if (place != NULL && answer->place != NULL) {
    place->of = item->of;
    snprintf (place->place, sizeof place->place, "%s", answer->result.more ? answer->place : "");
  }
  if (item->op == LEDGER_SWEEP && answer->inbox)
    ledger_inbox_read (&self->inbox, item->slot);
  // Another broker met it: its data were deleted, while the connections held.
  if (item->op == LEDGER_SWEEP && answer->result.epoch > self->meeting.generations[item->slot])
    restart (self, "the store's history has changed");
}

static void
on_answer (void *context, const struct redisReply *reply)
{
  ledger_t *self = context;
  hand_over_locals (self);
  ledger_pending_t item = *ledger_queue_head (&self->queue);
  troupe_err_t err = TROUPE_STORE_UNAVAILABLE;
  if (reply != NULL && ledger_answer_unusable (reply)) {
    restart (self, reply->str);
  } else if (reply != NULL) {
    err = ledger_answer_read (&self->answer, item.op, reply);
    if (err != TROUPE_OK)
      restart (self, err == TROUPE_NO_MEMORY ? "no memory for an answer" : "an answer that our functions don't give");
  }
  if (err != TROUPE_OK) {
    item.outcome = LEDGER_LOST;
    hand_over_local (self, &item);
  } else {
    ledger_queue_pop (&self->queue);
    self->answer.result.token = item.token;
    note_progress (self, &item);
    self->result (self->context, &self->answer.result);
  }
  if (reply != NULL)
    ledger_answer_clear (&self->answer);
  hand_over_locals (self);
}

static int64_t
prepare (void *context, int64_t now)
{
  ledger_t *self = context;
  (void)now;
  hand_over_locals (self);
  ledger_queue_reserve (&self->queue, RESERVE); // when it can't: there may be room, and there will be again
  return TROUPE_LOOP_NEVER;
}

// -- Requests -------------------------------------------------------------------------------------------------------

static bool
is_read (ledger_op_t op)
{
  return op == LEDGER_AWAIT || op == LEDGER_RECALL || op == LEDGER_INPUTS || op == LEDGER_ROUSE ||
         op == LEDGER_LETTERS || op == LEDGER_LETTER || op == LEDGER_SESSIONS;
}

// Sends it, or says in `item` what has come of it instead.
static void
send_request (ledger_t *self, const ledger_request_t *request, ledger_pending_t *item)
{
  item->outcome = LEDGER_LOST;
  if (!self->up)
    return;
  item->outcome = LEDGER_FAILED;
  if (self->queue.count >= LEDGER_READS_MAX ? request->op == LEDGER_ACCEPT || is_read (request->op)
                                            : self->queue.count >= LEDGER_ACCEPTS_MAX && request->op == LEDGER_ACCEPT) {
    item->why = "too many requests wait for Redis";
    item->full = true;
    return;
  }
  const place_t *place = place_of (self, item);
  item->why = ledger_command_of_request (&self->command, request, self->broker,
                                         place != NULL && place->of == item->of ? place->place : "");
  if (item->why != NULL)
    return;
  troupe_err_t err =
    troupe_store_command (self->commands, self->command.argc, self->command.argv, self->command.sizes, on_answer, self);
  item->sent = err == TROUPE_OK;
  if (err == TROUPE_STORE_UNAVAILABLE)
    item->outcome = LEDGER_LOST;
  else
    item->why = troupe_err_text (err);
}

// FNV-1a, 64 bits: names of brokers of one mesh don't meet in it.
static uint64_t
hash_of (const char *name)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325);
  for (; name != NULL && *name != '\0'; name++)
    hash = (hash ^ (unsigned char)*name) * UINT64_C (0x100000001b3);
  return hash;
}

void
ledger_submit (ledger_t *self, const ledger_request_t *request)
{
  ledger_pending_t item = {.op = request->op, .token = request->token};
  item.slot = (request->session != NULL ? ledger_slot (request->session) : request->slot) % LEDGER_SLOTS;
  if (request->op == LEDGER_TAKEOVER)
    item.of = hash_of (request->broker);
  if (!ledger_queue_reserve (&self->queue, 1)) {
    // The reserve of this turn is used up too. The call's deadline, or the caller's, ends what this leaves open.
    troupe_log (TROUPE_LOG_ERROR, "ledger request dropped: no memory", NULL);
    return;
  }
  send_request (self, request, &item);
  ledger_queue_push (&self->queue, &item);
  if (!item.sent)
    troupe_loop_again (self->loop);
}

// -- Up and down ----------------------------------------------------------------------------------------------------

static void
go_up (ledger_t *self)
{
  if (self->up || !self->met || !self->channel_up)
    return;
  self->up = true;
  ledger_notice_t notice = {.kind = LEDGER_NOTICE_UP,
                            .changed = self->meeting.changed,
                            .generation = ledger_meeting_generation (&self->meeting)};
  self->meeting.changed = false;
  self->notice (self->context, &notice);
  ledger_inbox_read_all (&self->inbox);
}

static void
on_library (void *context)
{
  ledger_t *self = context;
  ledger_meeting_begin (&self->meeting);
}

static void
on_met (void *context)
{
  ledger_t *self = context;
  self->met = true;
  go_up (self);
}

static void
on_commands_state (void *context, bool up, const troupe_error_t *error)
{
  ledger_t *self = context;
  (void)error; // the store has logged it
  self->met = false;
  if (up)
    ledger_library_check (&self->library);
  else
    go_down (self);
}

static void
on_channel_state (void *context, bool up, const troupe_error_t *error)
{
  ledger_t *self = context;
  self->channel_up = up;
  if (up) {
    go_up (self);
  } else if (self->up) {
    go_down (self);
    troupe_store_restart (self->commands, error);
  }
}

static void
on_message (void *context, const char *data, size_t size)
{
  ledger_t *self = context;
  if (self->up)
    ledger_inbox_called (&self->inbox, data, size);
}

// -- Life -----------------------------------------------------------------------------------------------------------

static troupe_err_t
open_stores (ledger_t *self, const ledger_options_t *options, troupe_error_t *error)
{
  char channel[256];
  int size = snprintf (channel, sizeof channel, "troupe:inbox:%s", options->broker);
  if (size < 0 || (size_t)size >= sizeof channel)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, options->broker, NULL, "the broker's name is too long");
  troupe_store_options_t store = {.url = options->url,
                                  .password = options->password,
                                  .sentinel_password = options->sentinel_password,
                                  .context = self};
  store.state = on_commands_state;
  troupe_err_t err = troupe_store_new (&self->commands, self->loop, &store, error);
  if (err != TROUPE_OK)
    return err;
  store.state = on_channel_state;
  store.channel = channel;
  store.with = self->commands;
  store.message = on_message;
  return troupe_store_new (&self->channel, self->loop, &store, error);
}

troupe_err_t
ledger_new (ledger_t **out, troupe_loop_t *loop, const ledger_options_t *options, troupe_error_t *error)
{
  ledger_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "ledger", NULL, "no memory for the ledger");
  self->loop = loop;
  self->result = options->result;
  self->notice = options->notice;
  self->context = options->context;
  self->broker = strdup (options->broker);
  troupe_err_t err = TROUPE_OK;
  // Before those of the stores, so that what its results cause leaves in the same turn.
  if (self->broker == NULL || !ledger_queue_reserve (&self->queue, RESERVE) ||
      troupe_loop_add_prepare (loop, prepare, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "ledger", NULL, "no memory for the ledger");
  if (err == TROUPE_OK)
    err = open_stores (self, options, error);
  if (err != TROUPE_OK) {
    ledger_destroy (&self);
    return err;
  }
  self->library = (ledger_library_t){self->commands, on_library, self};
  self->meeting = (ledger_meeting_t){.store = self->commands, .met = on_met, .context = self};
  ledger_inbox_init (&self->inbox, self->commands, options, self->broker);
  *out = self;
  return TROUPE_OK;
}

static void
ignore_result (void *context, const ledger_result_t *result)
{
  (void)context;
  (void)result;
}

void
ledger_destroy (ledger_t **self_p)
{
  ledger_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  self->result = ignore_result; // the core is going as well
  troupe_loop_remove_prepare (self->loop, prepare, self);
  troupe_store_destroy (&self->channel);
  troupe_store_destroy (&self->commands);
  free (self->queue.items);
  free (self->broker);
  free (self);
}
