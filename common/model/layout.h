// SPDX-License-Identifier: Apache-2.0
//
// Layouts: how the history of several speakers becomes a model's prompt.
//
//   named   one message a turn, with its speaker's name beside it, for providers that have named messages
//   merged  the first system message, and everything else in one user's message: "## Conversation History", and a
//           "name: content" line for each message (as AgentScope does it for models that know two speakers only)
//   turns   one message a turn, with its role; when several users speak, each text begins with "name: "
//   text    all in one text, for endpoints that go on with a text: the system message, "## Conversation History", the
//           lines, and the name of who is to speak
//
// In the merged layout a history of one message is that message, and the tool calls and results at its end stay
// messages of their own: the model must see its calls in its own form to go on after them.
#ifndef TROUPE_MODEL_LAYOUT_H
#define TROUPE_MODEL_LAYOUT_H

#include "model/prompt.h"

typedef enum { LAYOUT_NAMED, LAYOUT_MERGED, LAYOUT_TURNS, LAYOUT_TEXT } layout_t;

bool layout_of_name (layout_t *out, const char *name);
const char *layout_name (layout_t layout);

// Lays the prompt's messages out anew.
troupe_err_t layout_apply (prompt_t *prompt, layout_t layout, troupe_error_t *error);

#endif
