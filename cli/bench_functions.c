// SPDX-License-Identifier: Apache-2.0
//
// What Redis alone can do for us: the Functions *accept* and *settle* of each call, made through the broker's own
// ledger as a broker makes them, pipelined, without any message between processes but Redis's. A call is in flight from
// its accept to the answer of its settle.
#include "cli/bench_ledger.h"
#include "troupe/value.h"

#include <stdlib.h>

typedef struct {
  bench_load_t load;
  bench_ledger_t end;
  troupe_buffer_t *body;
  struct slot {
    troupe_id_t call;
    char session[BENCH_SESSION_MAX];
  } * slots;
  troupe_error_t *error;
  bool failed;
} functions_t;

static void
begin (functions_t *self, uint64_t slot)
{
  struct slot *at = &self->slots[slot];
  at->call = troupe_id_new ();
  bench_load_session (&self->load, at->session);
  ledger_submit (self->end.ledger, &(ledger_request_t){.op = LEDGER_ACCEPT,
                                                       .token = slot,
                                                       .session = at->session,
                                                       .call = at->call,
                                                       .service = BENCH_SERVICE,
                                                       .default_deadline_ms = BENCH_LEDGER_DEADLINE_MS,
                                                       .mailbox_limit = BENCH_LEDGER_MAILBOX,
                                                       .body = self->body});
}

static void
begin_all (void *context)
{
  functions_t *self = context;
  if (self->load.phase == BENCH_STANDING)
    bench_load_go (&self->load);
  for (uint64_t slot = 0; slot < self->load.in_flight; slot++)
    if (bench_load_begin (&self->load, slot))
      begin (self, slot);
}

static void
end (functions_t *self, uint64_t slot)
{
  if (bench_load_next (&self->load, slot))
    begin (self, slot);
  else if (bench_load_idle (&self->load))
    bench_load_tell (&self->load);
}

static void
settle (functions_t *self, uint64_t slot, uint32_t attempt)
{
  const struct slot *at = &self->slots[slot];
  ledger_submit (self->end.ledger, &(ledger_request_t){.op = LEDGER_SETTLE,
                                                       .token = slot,
                                                       .session = at->session,
                                                       .call = at->call,
                                                       .attempt = attempt,
                                                       .status = TROUPE_STATUS_VALUE,
                                                       .body = self->body,
                                                       .retention_ms = self->end.retention_ms});
}

static void
on_result (void *context, const ledger_result_t *result)
{
  functions_t *self = context;
  if (result->outcome == LEDGER_OK && result->op == LEDGER_ACCEPT && result->ready)
    settle (self, result->token, result->attempt);
  else if (result->outcome == LEDGER_OK && result->op == LEDGER_SETTLE)
    end (self, result->token);
  else {
    troupe_error_set (self->error, TROUPE_STORE_UNAVAILABLE, "redis", NULL, "%s ended with outcome %d: %s",
                      result->op == LEDGER_ACCEPT ? "accept" : "settle", (int)result->outcome,
                      result->why ? result->why : "not as expected");
    self->failed = true;
    troupe_loop_stop (self->end.loop);
  }
}

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  functions_t *self = context;
  if (notice->kind == LEDGER_NOTICE_UP && self->load.phase == BENCH_WARMING && self->load.begun == 0)
    begin_all (self);
}

static troupe_err_t
open_all (functions_t *self, const json_t *parameters, troupe_error_t *error)
{
  troupe_err_t err = bench_load_init (&self->load, parameters, error);
  if (err != TROUPE_OK)
    return err;
  self->slots = calloc (self->load.in_flight, sizeof *self->slots);
  json_t *text = json_string (bench_load_text ());
  err = self->slots && text ? troupe_value_pack (text, &self->body, error) : TROUPE_NO_MEMORY;
  json_decref (text);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "bench-role", NULL, "%s", troupe_err_text (err));
  return bench_ledger_open (&self->end, parameters, &(bench_ledger_outlet_t){begin_all, on_result, on_notice, self},
                            error);
}

troupe_err_t
bench_functions (const json_t *parameters, troupe_error_t *error)
{
  functions_t self = {.error = error};
  troupe_err_t err = open_all (&self, parameters, error);
  if (err == TROUPE_OK)
    err = troupe_loop_run (self.end.loop);
  if (self.failed)
    err = TROUPE_STORE_UNAVAILABLE;
  bench_ledger_close (&self.end);
  troupe_buffer_unref (&self.body);
  free (self.slots);
  bench_load_free (&self.load);
  return err;
}
