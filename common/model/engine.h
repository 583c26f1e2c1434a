// SPDX-License-Identifier: Apache-2.0
//
// The engine's inside: what model.c asks of it on the loop's thread, and what a run tells it on its own.
#ifndef TROUPE_MODEL_ENGINE_H
#define TROUPE_MODEL_ENGINE_H

#include "model/answer.h"

// The loop's thread. Takes an answer on: `body`, or `gather` and `prompt`, or `script` and `reply`, are set.
// overloaded, io (no thread): then it isn't taken.
troupe_err_t engine_submit (troupe_engine_t *self, troupe_answer_t *answer, troupe_error_t *error);
// Gives the caller's reference up; nothing is called for the answer any more.
void engine_drop (troupe_engine_t *self, troupe_answer_t *answer);
// What the answer pointed to is there, and its request is written: on with it. Or it isn't, and this is why.
void engine_go_on (troupe_engine_t *self, troupe_answer_t *answer);
void engine_refuse (troupe_answer_t *answer, const troupe_error_t *error);

// The engine's thread. The multi handle, made when it is first needed; NULL: libcurl doesn't start.
CURLM *engine_multi (troupe_engine_t *self);
// Text for the caller's part function.
void engine_pass (troupe_engine_t *self, troupe_answer_t *answer, const char *text, size_t size);
// The breaker of the answer's model opened or closed: the loop is to know.
void engine_tell (troupe_engine_t *self, troupe_answer_t *answer);
// What the answer points to is there: the loop is to write its request (model_go_on).
void engine_return (troupe_engine_t *self, troupe_answer_t *answer);
// The end, with a message (given up) or an error; gives the thread's reference up.
void engine_end (troupe_engine_t *self, troupe_answer_t *answer, json_t *message, const troupe_error_t *error);

#endif
