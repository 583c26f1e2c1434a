// SPDX-License-Identifier: Apache-2.0
//
// How a conversation looks: who speaks, in a colour of its own on a terminal, replies growing as they are streamed;
// plain text or JSON lines elsewhere.
#ifndef CLI_SPEECH_H
#define CLI_SPEECH_H

#include "troupe/error.h"

typedef struct {
  bool interactive; // a person reads: names, and parts as they come
  bool json;
  bool colour;
  const char *speaker; // borrowed
  unsigned attempt;
  char *streamed; // what was shown of the reply
  size_t size;
  bool inside; // the cursor stands behind it
} speech_t;

void speech_init (speech_t *self, const char *speaker, bool interactive, bool json);
// A piece of a streamed reply. One of another attempt, or that says `again`, begins the reply again.
void speech_part (speech_t *self, unsigned attempt, bool again, const char *text);
// The whole reply: shows what was not streamed.
void speech_reply (speech_t *self, json_t *message);
// There is no reply.
void speech_failure (speech_t *self, const troupe_error_t *error);
// What somebody asks the user: an agent's input (a message, a list of them, text, or null).
void speech_question (speech_t *self, json_t *input);
// Something else is going to be printed: ends the line.
void speech_pause (speech_t *self);
void speech_free (speech_t *self);

#endif
