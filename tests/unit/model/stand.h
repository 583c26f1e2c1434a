// SPDX-License-Identifier: Apache-2.0
//
// A loop, an engine and one model, and asks made of it.
#ifndef TROUPE_TESTS_MODEL_STAND_H
#define TROUPE_TESTS_MODEL_STAND_H

#include "model/provider.h"

typedef struct {
  troupe_loop_t *loop;
  troupe_engine_t *engine;
  troupe_model_t *model;
  unsigned open; // asks that haven't ended
} stand_t;

typedef struct {
  stand_t *stand;
  troupe_answer_t *answer;
  bytes_t text;            // of the parts
  unsigned parts, drop_at; // drop_at: the part at which it is dropped
  json_t *message;
  troupe_error_t error;
} ask_t;

// A model of that configuration (JSON text), which must be right.
void stand_start (stand_t *self, const char *config);
void stand_stop (stand_t *self);
// Asks with a text; `streams`: with a part function.
void stand_ask (stand_t *self, ask_t *ask, const char *text, bool streams, int64_t deadline);
// Asks with a value, given up.
void stand_ask_value (stand_t *self, ask_t *ask, json_t *input, bool streams, int64_t deadline);
// Runs the loop until every ask has ended.
void stand_run (stand_t *self);

// The text of its answer, which must be there.
const char *ask_content (const ask_t *self);
const json_t *ask_metadata (const ask_t *self, const char *key);
void ask_clear (ask_t *self);

#endif
