// SPDX-License-Identifier: Apache-2.0
//
// A model without a network, what it would send, and what it makes of what a server answers.
#ifndef TROUPE_TESTS_MODEL_FIXTURE_H
#define TROUPE_TESTS_MODEL_FIXTURE_H

#include "model/provider.h"

// The model gpt of that configuration (JSON text), which must be right.
troupe_model_t *fixture_model (const char *config);
// JSON text, which must be right.
json_t *fixture_json (const char *text);
// Whether the two are equal; shows both when not. `got` is given up.
void fixture_expect (json_t *got, const char *wanted);

// The request for an ask (both JSON text) as a new object.
json_t *fixture_request (const char *config, const char *input, bool stream);
// The same as bytes of the caller's.
bytes_t fixture_body (const char *config, const char *input, bool stream);
// The ask is refused with that code, for a reason that holds `why`.
void fixture_refusal (const char *config, const char *input, troupe_err_t code, const char *why);

// What becomes of a reply: of a whole one, or of events (NULL-terminated). NULL: it is an error.
json_t *fixture_read (const char *config, const char *body, troupe_error_t *error);
json_t *fixture_play (const char *config, const char *const *events, troupe_error_t *error);

#endif
