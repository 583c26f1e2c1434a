// SPDX-License-Identifier: Apache-2.0
//
// A prompt: an ask's input, checked and taken apart, so that a provider needs to look for no mistakes but those of
// its own limits.
#ifndef TROUPE_MODEL_PROMPT_H
#define TROUPE_MODEL_PROMPT_H

#include "troupe/message.h"

#include <stddef.h>

typedef struct {
  troupe_message_t **messages; // at least one
  size_t count;
  json_t *tools;   // a list that isn't empty, or NULL; each has "name", and may have "description" and "parameters"
  json_t *options; // an object or NULL
  const char *agent; // who asks; "" if it isn't said
  json_t *input;   // what the above borrow from
} prompt_t;

// bad_message: the error's why begins with the member that is wrong ("messages[2].role: ...").
troupe_err_t prompt_of_input (prompt_t *out, const json_t *input, troupe_error_t *error);
void prompt_clear (prompt_t *self);

// Whether `name` is 1 to 64 of A-Z a-z 0-9 _ -: what providers take as a tool's or a participant's name.
bool prompt_name_fits (const char *name);

#endif
