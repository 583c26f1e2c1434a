// SPDX-License-Identifier: Apache-2.0
//
// A scene: a prompt as the rules of a rehearsal see it.
#ifndef TROUPE_MODEL_SCENE_H
#define TROUPE_MODEL_SCENE_H

#include "model/pattern.h"
#include "model/prompt.h"

#include <stdint.h>

typedef struct {
  const char *model, *agent; // agent: the model's name when nobody said who asks
  const char *name;          // who said the last message
  char *last;                // its text
  char *system;              // the text of the system messages
  char **earlier;            // what was said before by others than the agent, the latest first
  size_t earlier_count;
  unsigned turn;             // how many messages are users'
  uint64_t dice;             // from the seed, the agent and the prompt's texts, and nothing else
  found_t in_last, in_heard; // what the rule that fits found
} scene_t;

// False when out of memory. Borrows from `prompt`.
bool scene_set (scene_t *self, const prompt_t *prompt, const char *model, uint64_t seed);
void scene_clear (scene_t *self);
// A number that depends on the scene and on what it is for.
uint64_t scene_draw (const scene_t *self, uint64_t rule, uint64_t purpose);

#endif
