// SPDX-License-Identifier: Apache-2.0
//
// JSON in bodies: of requests, and of replies.
#ifndef TROUPE_MODEL_BODY_H
#define TROUPE_MODEL_BODY_H

#include "model/provider.h"

// Appends a value as JSON; false: out of memory.
bool body_append (const json_t *value, bytes_t *out);
// Appends a request (given up, NULL when out of memory) to `body`.
troupe_err_t body_write (json_t *request, bytes_t *body, troupe_error_t *error);
// A reply, or a part of one, as an object. model_failed: it is something else.
troupe_err_t body_read (const troupe_model_t *model, const char *data, size_t size, json_t **out,
                        troupe_error_t *error);
// The reply lacks what it is for.
troupe_err_t body_lacks (const troupe_model_t *model, const char *what, troupe_error_t *error);

troupe_err_t body_no_memory (troupe_error_t *error);
// An object's member as text; "" when there is none.
const char *body_text (const json_t *object, const char *key);
// Adds a text of an object to bytes; nothing when it isn't text.
troupe_err_t body_add (bytes_t *out, const json_t *text, troupe_error_t *error);
// Takes a count of tokens, if it is one.
void body_count (int64_t *out, const json_t *value);

#endif
