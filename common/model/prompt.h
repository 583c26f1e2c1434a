// SPDX-License-Identifier: Apache-2.0
//
// A prompt: an ask's input, checked and taken apart, so that a provider needs to look for no mistakes but those of
// its own limits.
#ifndef TROUPE_MODEL_PROMPT_H
#define TROUPE_MODEL_PROMPT_H

#include "troupe/message.h"

#include <stddef.h>

typedef enum { TASK_CHAT, TASK_EMBEDDING, TASK_IMAGE, TASK_SPEECH, TASK_TRANSCRIPTION } model_task_t;

typedef struct {
  troupe_message_t **messages; // chat: at least one
  size_t count;
  json_t *tools;      // a list that isn't empty, or NULL; each has "name", and may have "description" and "parameters"
  json_t *options;    // an object or NULL
  json_t *parameters; // an object or NULL: portable ones, checked
  const json_t *format;    // the text "json", a JSON Schema, or NULL
  const json_t *knowledge; // a list of texts, or NULL
  const char *agent;       // who asks; "" if it isn't said
  json_t *texts;           // embedding: a list of texts; image and speech: of one
  const char *audio;       // transcription: a URL
  json_t *left_out;        // what of the ask wasn't sent: {"parameters": [...], "messages": 3, ...}
  json_t *input; // what the above borrow from, but the messages, `options`, `parameters`, `texts` and `left_out`
} prompt_t;

// The prompt of a chat. bad_message: the error's why begins with the member that is wrong ("messages[2].role: ...").
troupe_err_t prompt_of_input (prompt_t *out, const json_t *input, troupe_error_t *error);
// The prompt of any task.
troupe_err_t prompt_of_task (prompt_t *out, model_task_t task, const json_t *input, troupe_error_t *error);
void prompt_clear (prompt_t *self);

// Notes that something was left out: adds to the list `what`. `item` is given up. False: out of memory.
bool prompt_note (const prompt_t *self, const char *what, json_t *item);

// Whether `name` is 1 to 64 of A-Z a-z 0-9 _ -: what providers take as a tool's or a participant's name.
bool prompt_name_fits (const char *name);

#endif
