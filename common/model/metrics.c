// SPDX-License-Identifier: Apache-2.0
//
// What a served model has counted, and whether its server may be asked now.
//
// A server that fails again and again is left alone for a while (breaker.h). The model is not ready as long as that
// lasts, unless another one is asked instead; then it is, since the next ask tries.

#include "model/provider.h"

#include <inttypes.h>

static const troupe_metric_t rows[] = {
#define MODEL_COUNTER(constant, name, unit, sentence)                                                                  \
  {"troupe_model_" name "_total", TROUPE_METRIC_COUNTER, sentence, {NULL}},
#include "model/metrics.def"
#undef MODEL_COUNTER
};

static const troupe_metric_t failures = {
  "troupe_model_failures_total", TROUPE_METRIC_COUNTER, "Asks that failed, by the error's code.", {"code"}};
static const troupe_metric_t circuit = {"troupe_model_circuit_open",
                                        TROUPE_METRIC_GAUGE,
                                        "1 while its server is left alone because it failed again and again, else 0.",
                                        {NULL}};

void
model_count (troupe_model_t *self, model_counter_t counter, uint64_t more)
{
  atomic_fetch_add_explicit (&self->counters[counter], more, memory_order_relaxed);
}

// What it took, as the answer says it.
static void
count_tokens (troupe_model_t *self, const json_t *message)
{
  const json_t *usage = json_object_get (json_object_get (message, "metadata"), "usage");
  json_int_t in = json_integer_value (json_object_get (usage, "input_tokens"));
  json_int_t out = json_integer_value (json_object_get (usage, "output_tokens"));
  model_count (self, MODEL_COUNT_INPUT_TOKENS, in > 0 ? (uint64_t)in : 0);
  model_count (self, MODEL_COUNT_OUTPUT_TOKENS, out > 0 ? (uint64_t)out : 0);
}

void
model_count_end (troupe_model_t *self, const json_t *message, troupe_err_t code)
{
  if (!message) {
    self->failures[code < TROUPE_ERR_COUNT ? code : TROUPE_INTERNAL]++;
    return;
  }
  model_count (self, MODEL_COUNT_ANSWERS, 1);
  count_tokens (self, message);
}

static bool
left_alone (const troupe_model_t *self)
{
  return troupe_loop_now () < self->left_alone_until;
}

void
troupe_model_write_metrics (const troupe_model_t *self, troupe_metrics_t *metrics)
{
  for (size_t i = 0; i < MODEL_COUNTERS; i++)
    troupe_metrics_add (metrics, &rows[i], atomic_load_explicit (&self->counters[i], memory_order_relaxed));
  for (size_t code = 0; code < TROUPE_ERR_COUNT; code++)
    if (self->failures[code])
      troupe_metrics_add_labelled (metrics, &failures, troupe_err_name ((troupe_err_t)code), NULL,
                                   self->failures[code]);
  troupe_metrics_add (metrics, &circuit, left_alone (self));
}

troupe_err_t
troupe_model_ready (const troupe_model_t *self, troupe_error_t *error)
{
  if (!left_alone (self) || json_array_size (model_key (self, "fallback")))
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_MODEL_UNREACHABLE, self->object, "see what its server says",
                           "%s fails again and again, and is left alone for %" PRId64 " ms", self->shown_url,
                           self->left_alone_until - troupe_loop_now ());
}
