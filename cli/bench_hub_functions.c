// SPDX-License-Identifier: Apache-2.0
//
// What Redis alone can do for `troupe bench hub`: the Function accept of each broadcast, which writes the hub's log,
// made through the broker's own ledger as a broker makes it, pipelined, without any message between processes but
// Redis's. One member is in the hub, which hears nothing: nobody reads. So its log grows, and before it is full the next
// hub is opened.
#include "cli/bench_ledger.h"
#include "cli/bench_numbers.h"
#include "troupe/message.h"
#include "troupe/value.h"

enum {
  LEASE_MS = 30 * 1000, // as a broker's
  LOG = 4000            // of 10,000 entries that nobody has heard; at half of them even silent members are woken
};

typedef struct {
  bench_ledger_t end;
  troupe_buffer_t *body;
  uint32_t size;
  troupe_id_t hub;
  const char *session;
  int64_t start;
  uint64_t count, window, begun, ended; // broadcasts
  bool opened, running;
  troupe_error_t *error;
} hub_functions_t;

static void
submit (hub_functions_t *self, ledger_request_t *request)
{
  request->op = LEDGER_ACCEPT;
  request->session = self->session;
  request->default_deadline_ms = BENCH_LEDGER_DEADLINE_MS;
  request->mailbox_limit = BENCH_LEDGER_MAILBOX;
  request->retention_ms = self->end.retention_ms;
  request->lease_ms = LEASE_MS;
  ledger_submit (self->end.ledger, request);
}

enum { OPENED = 1, STORED }; // tokens of requests

static void
open_hub (hub_functions_t *self)
{
  const char *const members[] = {"agent/bench-nobody"};
  self->hub = troupe_id_new ();
  submit (
    self,
    &(ledger_request_t){
      .token = OPENED, .call = self->hub, .service = "hub/open", .hub_op = LEDGER_HUB_OPEN, .members = members, .members_count = 1});
}

static void
broadcast (hub_functions_t *self)
{
  if (self->begun > 0 && self->begun % LOG == 0)
    open_hub (self);
  self->begun++;
  submit (self, &(ledger_request_t){.token = STORED,
                                    .call = troupe_id_new (),
                                    .service = "hub/broadcast",
                                    .hub_op = LEDGER_HUB_BROADCAST,
                                    .hubs = &self->hub,
                                    .hubs_count = 1,
                                    .body = self->body,
                                    .sizes = &self->size,
                                    .sizes_count = 1});
}

static void
on_result (void *context, const ledger_result_t *result)
{
  hub_functions_t *self = context;
  if (result->outcome != LEDGER_SETTLED || result->status != TROUPE_STATUS_VALUE) {
    troupe_error_set (self->error, TROUPE_STORE_UNAVAILABLE, "redis", NULL, "accept ended with outcome %d: %s",
                      (int)result->outcome, result->why ? result->why : "not as expected");
    troupe_loop_stop (self->end.loop);
  } else if (result->token == OPENED) {
    if (!self->opened)
      bench_role_ready ();
    self->opened = true;
  } else if (++self->ended == self->count) {
    bench_numbers_tell (self->start, bench_numbers_now ());
  } else if (self->begun < self->count) {
    broadcast (self);
  }
}

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  hub_functions_t *self = context;
  if (notice->kind == LEDGER_NOTICE_UP && !self->opened)
    open_hub (self);
}

static void
on_word (void *context)
{
  hub_functions_t *self = context;
  if (self->running)
    return;
  self->running = true;
  self->start = bench_numbers_now ();
  while (self->begun < self->window && self->begun < self->count)
    broadcast (self);
}

// A message as a broker stores it.
static troupe_err_t
make_body (hub_functions_t *self, troupe_error_t *error)
{
  char text[BENCH_BODY + 1];
  troupe_message_t *message = NULL;
  bench_numbers_write (text, 1);
  troupe_err_t err = troupe_message_new (&message, "bench", TROUPE_ROLE_USER, text, error);
  json_t *json = err == TROUPE_OK ? troupe_message_to_json (message) : NULL;
  if (err == TROUPE_OK)
    err = json ? troupe_value_pack (json, &self->body, error)
               : troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  if (err == TROUPE_OK)
    self->size = (uint32_t)troupe_buffer_size (self->body);
  json_decref (json);
  troupe_message_unref (&message);
  return err;
}

static troupe_err_t
open_all (hub_functions_t *self, const json_t *parameters, troupe_error_t *error)
{
  troupe_err_t err = bench_role_text (&self->session, parameters, "agent", error);
  if (err == TROUPE_OK)
    err = make_body (self, error);
  if (err != TROUPE_OK)
    return err;
  self->count = (uint64_t)json_integer_value (json_object_get (parameters, "count"));
  self->window = (uint64_t)json_integer_value (json_object_get (parameters, "window"));
  return bench_ledger_open (&self->end, parameters, &(bench_ledger_outlet_t){on_word, on_result, on_notice, self},
                            error);
}

troupe_err_t
bench_hub_functions (const json_t *parameters, troupe_error_t *error)
{
  hub_functions_t self = {.error = error};
  troupe_err_t err = open_all (&self, parameters, error);
  error->code = err;
  if (err == TROUPE_OK && (err = troupe_loop_run (self.end.loop)) == TROUPE_OK)
    err = error->code;
  bench_ledger_close (&self.end);
  troupe_buffer_unref (&self.body);
  return err;
}
