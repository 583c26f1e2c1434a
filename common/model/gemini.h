// SPDX-License-Identifier: Apache-2.0
//
// Gemini's replies, as provider_t's read and event.
#ifndef TROUPE_MODEL_GEMINI_H
#define TROUPE_MODEL_GEMINI_H

#include "model/provider.h"

troupe_err_t gemini_read (const troupe_model_t *model, const char *data, size_t size, reply_t *reply,
                          troupe_error_t *error);
troupe_err_t gemini_event (const troupe_model_t *model, const char *event, const char *data, size_t size,
                           reply_t *reply, troupe_error_t *error);

#endif
