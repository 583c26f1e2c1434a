// SPDX-License-Identifier: Apache-2.0
//
// Tallies: how often each model's replies were right, mended or wrong, and what was mended, so that users see which
// model errs how.
//
//   {"model/gpt": {"replies": 12, "unchanged": 8, "mended": 3, "wrong": 1, "retries": 1,
//                  "repairs": {"quotes": 2, "fence": 1}}}
//
// Under "repairs" stands how many replies had each kind (repair.def). What didn't happen has no key. Counting
// never fails: out of memory, something isn't counted.
//
// Thread rule: one thread.
#ifndef TROUPE_TALLY_H
#define TROUPE_TALLY_H

#include "troupe/error.h"
#include "troupe/metric.h"

#include <jansson.h>

typedef struct troupe_tally troupe_tally_t;

typedef enum {
  TROUPE_TALLY_UNCHANGED, // a reply was right as it stood
  TROUPE_TALLY_MENDED,    // it was, once mended
  TROUPE_TALLY_WRONG,     // it could not be used
  TROUPE_TALLY_RETRY,     // so its model was asked again
  TROUPE_TALLY_HANDLED,   // or a fault handler decided
  TROUPE_TALLY_FAILED     // or that was it
} troupe_tally_event_t;

troupe_err_t troupe_tally_new (troupe_tally_t **out, troupe_error_t *error);
void troupe_tally_destroy (troupe_tally_t **self_p);

// Counts for a model. `repairs`: what was mended (or tried), a list of {"kind", ...}; NULL: nothing. A NULL self counts
// nothing.
void troupe_tally_count (troupe_tally_t *self, const char *model, troupe_tally_event_t event, const json_t *repairs);
// All of it, borrowed: an object by model; empty when nothing was counted.
const json_t *troupe_tally_json (const troupe_tally_t *self);
// The same as metrics (parse/tally.def), for the first 64 models. A NULL self adds nothing.
void troupe_tally_write_metrics (const troupe_tally_t *self, troupe_metrics_t *metrics);
// Logs a line for each model, with its totals. For when whoever counts ends. A NULL self logs nothing.
void troupe_tally_log (const troupe_tally_t *self);

#endif
