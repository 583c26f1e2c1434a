// SPDX-License-Identifier: Apache-2.0
//
// What an ask points to, brought here for a model that takes bytes and no links. Planned and put in place on the loop's
// thread, whose the ask is; fetched on the engine's.
#ifndef TROUPE_MODEL_GATHER_H
#define TROUPE_MODEL_GATHER_H

#include "model/prompt.h"

#include <curl/curl.h>

enum { GATHER_LINKS_MAX = 32 }; // different ones in an ask

typedef struct gather gather_t;
struct troupe_model;
struct troupe_answer;

// The loop's thread. Whether a prompt may hold links of which its provider takes the bytes only.
bool gather_may (const struct troupe_model *model);
// Checks the prompt's media, links included. bad_message.
troupe_err_t gather_check (const struct troupe_model *model, const prompt_t *prompt, troupe_error_t *error);
// *out is NULL when nothing is to be fetched. bad_message: too many links.
troupe_err_t gather_plan (gather_t **out, const struct troupe_model *model, const prompt_t *prompt,
                          troupe_error_t *error);
// Instead of fetching: each link's place says what would stand there.
troupe_err_t gather_pretend (gather_t *self, troupe_error_t *error);
// Puts what was fetched where the links were. It must outlive the prompt.
troupe_err_t gather_put (gather_t *self, prompt_t *prompt, troupe_error_t *error);
void gather_destroy (gather_t **self_p);

// The engine's thread. Begins to fetch what is due: everything the first time, then what failed and is tried again.
// `answer` is what its handles are private to.
troupe_err_t gather_start (gather_t *self, struct troupe_answer *answer, CURLM *multi, int64_t now,
                           troupe_error_t *error);

typedef struct {
  CURL *easy; // is done
  CURLcode result;
  int64_t now;
  uint64_t random; // for a pause
} gather_event_t;

// One of its handles is done. An error is final: a link that failed and may be there another time is tried again as
// often, and after such pauses, as a request of the model's.
troupe_err_t gather_take (gather_t *self, CURLM *multi, const gather_event_t *event, troupe_error_t *error);
// Everything is here.
bool gather_whole (const gather_t *self);
// When a link is to be tried again, the first of them; INT64_MAX: none.
int64_t gather_due (const gather_t *self);
void gather_stop (gather_t *self, CURLM *multi);

#endif
