// SPDX-License-Identifier: Apache-2.0
//
// What went wrong with a request, in Troupe's errors: from an HTTP status and the body that explains it, from an
// error of curl's, from an error object inside a stream.
#ifndef TROUPE_MODEL_FAILURE_H
#define TROUPE_MODEL_FAILURE_H

#include "model/provider.h"

enum { FAILURE_BODY_MAX = 64 * 1024 }; // of a body that explains an error; the rest is dropped

// The error of an HTTP status other than 2xx.
troupe_err_t failure_of_status (const troupe_model_t *model, long status, const char *body, size_t size,
                                unsigned retry_after_ms, troupe_error_t *error);
// The error of an error object that came with status 200: {"message", "type", "code"} or a text.
troupe_err_t failure_of_object (const troupe_model_t *model, const json_t *object, troupe_error_t *error);
// The error of a transfer that broke. `detail` is curl's own text; `begun`: bytes of the reply had come.
troupe_err_t failure_of_curl (const troupe_model_t *model, CURLcode result, const char *detail, bool begun,
                              troupe_error_t *error);
// Whether the same transfer may succeed later: not so with a certificate that isn't trusted, or a URL that is none.
bool failure_may_pass (CURLcode result);

// Makes an error ready to be shown: names the model as its object where it names none, and hides the secret.
void failure_finish (const troupe_model_t *model, troupe_error_t *error);

// The sentence in which a body explains an error, or its beginning: printable, at most `capacity` bytes with the NUL.
void failure_explain (const char *body, size_t size, char *out, size_t capacity);

#endif
