// SPDX-License-Identifier: Apache-2.0
//
// The form of a DictDialogAgent's replies: which keys, and what is said, remembered and passed on of them.
#ifndef TROUPE_AGENT_FORM_H
#define TROUPE_AGENT_FORM_H

#include "troupe/parse.h"

// The key that is its speaker's own, unless the settings say otherwise: remembered, and neither said nor passed on.
#define FORM_THOUGHT "thought"
// What is said, if it is among the keys.
#define FORM_SPEAK "speak"

// A parser (troupe/parse.h) for these keys: {"key": TYPE, ...} or ["key", ...]. `settings` may choose by to_content,
// to_memory and to_metadata. bad_config: the keys or a choice are wrong. no_memory.
troupe_err_t form_new (troupe_parser_t **out, const json_t *keys, const json_t *settings, troupe_error_t *error);

#endif
