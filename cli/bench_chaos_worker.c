// SPDX-License-Identifier: Apache-2.0
//
// A worker of `troupe bench chaos`: it is killed, frozen and started again at any moment, and writes on the board what
// it begins. Every attempt makes up a value of its own, so that the checker sees which attempt's outcome was stored,
// told and remembered.
//
//   agent/chaos           remembers the number with its value, and replies with it; for some numbers, it first lets
//                         tool/chaos-pay be paid, and then takes its time: what the journal holds of the payment must
//                         be the same for every attempt
//   tool/chaos-pay        a receipt, another one each time that it runs
//   agent/chaos-hearer-N  a member of hubs: remembers, in its order, what it hears and what it says
#include "cli/bench_chaos_board.h"
#include "cli/bench_chaos_cast.h"
#include "cli/bench_role.h"
#include "troupe/node.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  CREDIT = 1000,      // more than is ever in flight for one worker
  HOLD_MOST_MS = 100, // from a payment to the reply
  BROKERS_MAX = 16
};

typedef struct chaos_turn chaos_turn_t;

typedef struct {
  troupe_loop_t *loop;
  troupe_node_t *node;
  chaos_board_t board;
  uint64_t value;     // the last one that was made up
  bool forgets;       // remembers nothing (of a soak)
  chaos_turn_t *held; // those that take their time
} chaos_worker_t;

// What one attempt is about.
struct chaos_turn {
  chaos_turn_t *next;
  chaos_worker_t *worker;
  troupe_task_t *task;
  troupe_placeholder_t *payment;
  uint64_t caller, number;
  int64_t due; // held: when it replies
};

// Unlike any other one of any worker: 63 bits from the process, its start and a counter.
static uint64_t
make_value (chaos_worker_t *self)
{
  return ++self->value & INT64_MAX;
}

static uint64_t
number_of (const json_t *object, const char *name)
{
  return (uint64_t)json_integer_value (json_object_get (object, name));
}

static chaos_entry_t *
entry_of (chaos_worker_t *self, const json_t *input)
{
  return chaos_board_entry (&self->board, number_of (input, "c"), number_of (input, "n"));
}

static void
fail_input (troupe_task_t **task)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_BAD_ARGUMENT, "chaos", NULL, "this number is not on the board");
  troupe_task_fail (task, &error);
}

static json_t *
numbered (uint64_t caller, uint64_t number, uint64_t value)
{
  return json_pack ("{s:I, s:I, s:I}", "c", (json_int_t)caller, "n", (json_int_t)number, "v", (json_int_t)value);
}

// -- agent/chaos, tool/chaos-pay --------------------------------------------------------------------------------------

static void
end_turn (chaos_turn_t *turn, const troupe_error_t *error)
{
  chaos_worker_t *self = turn->worker;
  uint64_t value = make_value (self);
  troupe_placeholder_destroy (&turn->payment);
  if (error)
    troupe_task_fail (&turn->task, error);
  else {
    if (!self->forgets)
      troupe_task_remember (turn->task, numbered (turn->caller, turn->number, value));
    troupe_task_reply (&turn->task, numbered (turn->caller, turn->number, value));
  }
  free (turn);
}

// The first attempt that is told of the payment writes it down; later ones must be told the same.
static void
check_payment (chaos_worker_t *self, chaos_entry_t *entry, uint64_t paid)
{
  uint64_t before = 0;
  if (!entry || atomic_compare_exchange_strong (&entry->paid, &before, paid))
    return;
  atomic_fetch_add (before == paid ? &self->board.head->reused : &self->board.head->contradicted, 1);
}

static void
on_paid (void *context, troupe_placeholder_t *placeholder)
{
  chaos_turn_t *turn = context;
  chaos_entry_t *entry = chaos_board_entry (&turn->worker->board, turn->caller, turn->number);
  bool paid = troupe_placeholder_status (placeholder) == TROUPE_STATUS_VALUE;
  troupe_error_t error = *troupe_placeholder_error (placeholder);
  if (!paid) {
    end_turn (turn, &error);
    return;
  }
  check_payment (turn->worker, entry, number_of (troupe_placeholder_value (placeholder), "v"));
  turn->due = troupe_loop_now () + (int64_t)(turn->number * 7 % HOLD_MOST_MS);
  turn->next = turn->worker->held;
  turn->worker->held = turn;
  troupe_loop_again (turn->worker->loop);
}

// Those whose time has come reply. (One that was cancelled meanwhile replies without effect.)
static int64_t
end_held (void *context, int64_t now)
{
  chaos_worker_t *self = context;
  int64_t due = TROUPE_LOOP_NEVER;
  for (chaos_turn_t **at = &self->held; *at;) {
    chaos_turn_t *turn = *at;
    if (turn->due <= now) {
      *at = turn->next;
      end_turn (turn, NULL);
      continue;
    }
    due = due == TROUPE_LOOP_NEVER || turn->due < due ? turn->due : due;
    at = &turn->next;
  }
  return due;
}

static troupe_err_t
pay (chaos_turn_t *turn, troupe_error_t *error)
{
  json_t *input = numbered (turn->caller, turn->number, 0);
  troupe_call_t call = {
    .service = CHAOS_TOOL, .input = input, .parent = turn->task, .wait = true, .settled = on_paid, .context = turn};
  troupe_err_t err = input ? troupe_node_call (turn->worker->node, &turn->payment, &call, error)
                           : troupe_error_set (error, TROUPE_NO_MEMORY, CHAOS_TOOL, NULL, "out of memory");
  json_decref (input);
  return err;
}

static void
serve_call (void *context, troupe_task_t *task)
{
  chaos_worker_t *self = context;
  const json_t *input = troupe_task_input (task);
  chaos_entry_t *entry = entry_of (self, input);
  chaos_turn_t *turn = entry ? calloc (1, sizeof *turn) : NULL;
  if (!turn) {
    fail_input (&task);
    return;
  }
  atomic_fetch_add (&entry->runs, 1);
  *turn =
    (chaos_turn_t){.worker = self, .task = task, .caller = number_of (input, "c"), .number = number_of (input, "n")};
  troupe_error_t error;
  if (turn->number % CHAOS_PAYS_EVERY != 0)
    end_turn (turn, NULL);
  else if (pay (turn, &error) != TROUPE_OK)
    end_turn (turn, &error);
}

static void
serve_pay (void *context, troupe_task_t *task)
{
  chaos_worker_t *self = context;
  const json_t *input = troupe_task_input (task);
  chaos_entry_t *entry = entry_of (self, input);
  if (!entry) {
    fail_input (&task);
    return;
  }
  atomic_fetch_add (&entry->pays, 1);
  troupe_task_reply (&task, numbered (number_of (input, "c"), number_of (input, "n"), make_value (self)));
}

// -- agent/chaos-hearer-N ---------------------------------------------------------------------------------------------

// "caller number", in a message.
static json_t *
read_message (const json_t *message)
{
  unsigned long long caller, number;
  const char *text = json_string_value (json_object_get (message, "content"));
  if (!text || sscanf (text, "%llu %llu", &caller, &number) != 2)
    return json_null (); // the checker finds it
  return json_pack ("{s:I, s:I}", "c", (json_int_t)caller, "n", (json_int_t)number);
}

static void
say (troupe_task_t *task)
{
  const json_t *input = troupe_task_input (task);
  uint64_t caller = number_of (input, "c"), number = number_of (input, "n");
  if (!json_is_object (input)) {
    troupe_task_reply (&task, json_null ());
    return;
  }
  json_t *reply =
    json_pack ("{s:s, s:o, s:I}", "name", "chaos", "content",
               json_sprintf ("%llu %llu", (unsigned long long)caller, (unsigned long long)number), "v", (json_int_t)1);
  troupe_task_reply (&task, reply);
}

static void
remember_said (chaos_worker_t *self, troupe_task_t *task)
{
  const json_t *input = troupe_task_input (task);
  if (json_is_object (input) && !self->forgets)
    troupe_task_remember (task, numbered (number_of (input, "c"), number_of (input, "n"), 1));
}

static void
on_heard (void *context, troupe_task_t *task, json_t *messages, const troupe_error_t *error)
{
  chaos_worker_t *self = context;
  size_t i;
  json_t *message;
  if (error) {
    troupe_task_fail (&task, error);
    return;
  }
  json_array_foreach (messages, i, message) {
    if (!self->forgets)
      troupe_task_remember (task, read_message (message));
  }
  json_decref (messages);
  remember_said (self, task);
  say (task);
}

static void
serve_hearer (void *context, troupe_task_t *task)
{
  chaos_worker_t *self = context;
  const json_t *input = troupe_task_input (task);
  chaos_entry_t *entry = json_is_object (input) ? entry_of (self, input) : NULL;
  if (entry)
    atomic_fetch_add (&entry->runs, 1);
  if (troupe_task_news (task) == 0) {
    remember_said (self, task);
    say (task);
  } else if (troupe_task_hear (task, on_heard, self) != TROUPE_OK) {
    troupe_error_t error;
    troupe_error_set (&error, TROUPE_NO_MEMORY, "chaos", NULL, "can't hear");
    troupe_task_fail (&task, &error);
  }
}

// -- The process ------------------------------------------------------------------------------------------------------

static troupe_err_t
serve_all (chaos_worker_t *self, troupe_error_t *error)
{
  troupe_service_t service = {
    .name = CHAOS_AGENT, .actor = true, .credit = CREDIT, .serve = serve_call, .context = self};
  troupe_err_t err = troupe_node_serve (self->node, &service, error);
  service.name = CHAOS_TOOL;
  service.actor = false;
  service.serve = serve_pay;
  if (err == TROUPE_OK)
    err = troupe_node_serve (self->node, &service, error);
  service.actor = true;
  service.observes = TROUPE_OBSERVES_LIVE;
  service.serve = serve_hearer;
  for (unsigned i = 0; i < CHAOS_HEARERS && err == TROUPE_OK; i++) {
    char name[CHAOS_NAME_MAX];
    snprintf (name, sizeof name, CHAOS_HEARER "%u", i + 1);
    service.name = name;
    err = troupe_node_serve (self->node, &service, error);
  }
  return err;
}

static uint64_t
first_value (void)
{
  struct timespec time;
  clock_gettime (CLOCK_REALTIME, &time);
  return ((uint64_t)getpid () << 48) ^ ((uint64_t)time.tv_sec << 32) ^ ((uint64_t)time.tv_nsec << 2);
}

troupe_err_t
bench_chaos_worker (const json_t *parameters, troupe_error_t *error)
{
  chaos_worker_t self = {.value = first_value (), .forgets = json_is_true (json_object_get (parameters, "forgets"))};
  const char *brokers[BROKERS_MAX + 1];
  troupe_err_t err = bench_role_brokers (brokers, BROKERS_MAX + 1, parameters, error);
  if (err == TROUPE_OK)
    err = chaos_board_open (&self.board, CHAOS_BOARD, error);
  if (err == TROUPE_OK && (err = troupe_loop_new (&self.loop)) != TROUPE_OK)
    troupe_error_set (error, err, "loop", NULL, "can't be made");
  if (err == TROUPE_OK)
    err = troupe_node_new (&self.node, self.loop, &(troupe_node_options_t){.name = "chaos-worker", .brokers = brokers},
                           error);
  if (err == TROUPE_OK && troupe_loop_add_prepare (self.loop, end_held, &self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  if (err == TROUPE_OK)
    err = serve_all (&self, error);
  if (err == TROUPE_OK)
    err = troupe_loop_run (self.loop);
  troupe_node_destroy (&self.node);
  troupe_loop_destroy (&self.loop);
  chaos_board_close (&self.board);
  return err;
}
