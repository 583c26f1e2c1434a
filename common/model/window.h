// SPDX-License-Identifier: Apache-2.0
//
// Cutting a history to a model's window.
#ifndef TROUPE_MODEL_WINDOW_H
#define TROUPE_MODEL_WINDOW_H

#include "model/prompt.h"
#include "model/ranks.h"

enum {
  WINDOW_REPLY_PART = 4,    // of the window is kept for the reply, unless max_tokens says how much: a quarter
  WINDOW_KNOWLEDGE_PART = 4 // of it at most is given to knowledge, so that it never drives the history out
};

// Leaves the oldest messages out until the rest fits, and knowledge that goes beyond its part, least relevant (last)
// first. System messages at the beginning, tools and the newest turn are never cut: too_large when these alone are
// too much. A turn is kept or left out whole, tool calls with their results. What was left out is noted: "messages"
// (how many), "knowledge" (how many), "tokens" (of what is sent), "counted" ("ranks" or "estimate").
troupe_err_t window_fit (prompt_t *prompt, size_t window, const ranks_t *ranks, troupe_error_t *error);

#endif
