// SPDX-License-Identifier: Apache-2.0
//
// What a DialogAgent puts to its model.
#ifndef TROUPE_AGENT_PROMPT_H
#define TROUPE_AGENT_PROMPT_H

#include "troupe/message.h"

// A new object, the input of a call to a model: {"messages": [the system prompt, memory ..., input ...], "agent":
// name}. NULL: out of memory. `system` may be NULL or empty: none.
json_t *prompt_build (const char *agent, const char *system, const json_t *memory, const json_t *input);

#endif
