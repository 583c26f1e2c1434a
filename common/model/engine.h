// SPDX-License-Identifier: Apache-2.0
//
// The engine's inside: what model.c asks of it on the loop's thread, and what a run tells it on its own.
#ifndef TROUPE_MODEL_ENGINE_H
#define TROUPE_MODEL_ENGINE_H

#include "model/answer.h"

// The loop's thread. Takes an answer on: `body`, or `script` and `reply`, are set. overloaded, io (no thread): then
// it isn't taken.
troupe_err_t engine_submit (troupe_engine_t *self, troupe_answer_t *answer, troupe_error_t *error);
// Gives the caller's reference up; nothing is called for the answer any more.
void engine_drop (troupe_engine_t *self, troupe_answer_t *answer);

// The engine's thread. The multi handle, made when it is first needed; NULL: libcurl doesn't start.
CURLM *engine_multi (troupe_engine_t *self);
// Text for the caller's part function.
void engine_pass (troupe_engine_t *self, troupe_answer_t *answer, const char *text, size_t size);
// The breaker of the answer's model opened or closed: the loop is to know.
void engine_tell (troupe_engine_t *self, troupe_answer_t *answer);
// The end, with a message (given up) or an error; gives the thread's reference up.
void engine_end (troupe_engine_t *self, troupe_answer_t *answer, json_t *message, const troupe_error_t *error);

#endif
