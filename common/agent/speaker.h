// SPDX-License-Identifier: Apache-2.0
//
// What every agent that speaks with a model has: its system prompt, its model, and how that is asked.
#ifndef TROUPE_AGENT_SPEAKER_H
#define TROUPE_AGENT_SPEAKER_H

#include "troupe/agent.h"

enum { SPEAKER_SERVICE_MAX = 192 }; // the wire's limit of a service's name

typedef struct {
  char *prompt;                          // the system prompt; may be empty
  char service[SPEAKER_SERVICE_MAX + 1]; // "model/gpt"
  json_t *fallback;                      // names of models that are asked when that one can't answer; or NULL
} speaker_t;

// From the agent's settings: "prompt", "model" and "fallback". bad_config (no name of a model), no_memory.
troupe_err_t speaker_open (speaker_t *self, const char *agent, const json_t *settings, troupe_error_t *error);
void speaker_close (speaker_t *self);

// The metadata of an answer for the turn's reply, a new reference: if another model gave it, they say "instead_of" and
// "answered_by", as those of a model with a fallback of its own do. NULL: it has none.
json_t *speaker_metadata (const speaker_t *self, const troupe_turn_t *turn, const json_t *answer);
// Asks the model for the turn; `input` is given up, NULL: out of memory. What can't be asked fails the turn: false.
bool speaker_ask (const speaker_t *self, troupe_turn_t *turn, json_t *input, bool stream, troupe_answered_fn *answered,
                  void *context);
// Ends the turn with an error about the agent and the model that it asked last.
void speaker_fail (const speaker_t *self, troupe_turn_t *turn, const troupe_error_t *why);

#endif
