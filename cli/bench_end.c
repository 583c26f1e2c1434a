// SPDX-License-Identifier: Apache-2.0
//
// What every end has to have before it can measure: a loop, a node that knows the brokers, and an ear for the words of
// the process that measures.
#include "cli/bench_end.h"

enum { BROKERS_MAX = 16 };

troupe_err_t
bench_end_open (bench_end_t *self, const json_t *parameters, const char *name, bench_role_word_fn *word, void *context,
                troupe_error_t *error)
{
  const char *brokers[BROKERS_MAX + 1];
  troupe_err_t err = bench_role_brokers (brokers, BROKERS_MAX + 1, parameters, error);
  if (err != TROUPE_OK)
    return err;
  err = troupe_loop_new (&self->loop);
  self->ear = (bench_role_ear_t){.loop = self->loop, .word = word, .context = context};
  if (err == TROUPE_OK)
    err = bench_role_listen (&self->ear);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "loop", NULL, "can't be made");
  return troupe_node_new (&self->node, self->loop, &(troupe_node_options_t){.name = name, .brokers = brokers}, error);
}

void
bench_end_close (bench_end_t *self)
{
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
}
