// SPDX-License-Identifier: Apache-2.0
//
// Whether a model's server may be asked now: by the rate that it said it allows, and by how it answered lately. On the
// engine's thread.
#ifndef TROUPE_MODEL_GATE_H
#define TROUPE_MODEL_GATE_H

#include "model/answer.h"

// How long the ask has to wait for the rate; 0: its share is taken. rate_limited: the wait is longer than its deadline.
troupe_err_t gate_wait (troupe_answer_t *answer, int64_t now, int64_t *wait, troupe_error_t *error);
// model_unreachable: the server failed so often that it is left alone for a while. The answer may be the one that
// tries.
troupe_err_t gate_open (troupe_answer_t *answer, int64_t now, troupe_error_t *error);
// What the end of an attempt says about the server. Refusals and limits are answers too.
void gate_tell (troupe_answer_t *answer, troupe_err_t code, int64_t now);

#endif
