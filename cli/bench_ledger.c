// SPDX-License-Identifier: Apache-2.0
//
// The broker's own ledger, in a process that is no broker: so what is measured is what a broker would ask of Redis.
#include "cli/bench_ledger.h"

troupe_err_t
bench_ledger_open (bench_ledger_t *self, const json_t *parameters, const bench_ledger_outlet_t *outlet,
                   troupe_error_t *error)
{
  const char *url;
  troupe_err_t err = bench_role_text (&url, parameters, "store", error);
  if (err != TROUPE_OK)
    return err;
  self->retention_ms = json_integer_value (json_object_get (parameters, "retention_ms"));
  err = troupe_loop_new (&self->loop);
  self->ear = (bench_role_ear_t){.loop = self->loop, .word = outlet->word, .context = outlet->context};
  if (err == TROUPE_OK)
    err = bench_role_listen (&self->ear);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "loop", NULL, "can't be made");
  return ledger_new (&self->ledger, self->loop,
                     &(ledger_options_t){.url = url,
                                         .broker = "bench-functions",
                                         .result = outlet->result,
                                         .notice = outlet->notice,
                                         .context = outlet->context},
                     error);
}

void
bench_ledger_close (bench_ledger_t *self)
{
  ledger_destroy (&self->ledger);
  troupe_loop_destroy (&self->loop);
}
