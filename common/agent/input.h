// SPDX-License-Identifier: Apache-2.0
//
// A call's input, read as messages.
#ifndef TROUPE_AGENT_INPUT_H
#define TROUPE_AGENT_INPUT_H

#include "troupe/message.h"
#include "troupe/wire.h"

enum {
  INPUT_MESSAGES_MAX = TROUPE_SIZES_MAX - 3 // all enter the memory with what was heard, the reply and the state
};

// *out: a new list of messages in their full JSON form. bad_message, too_large (too many), no_memory.
// Besides the forms that callers know (troupe/agent.h), {"messages": any of these, ...} with options for the type.
// `call` is the task's call, `root` the one that it is nested in, all the way up (itself, if it isn't).
troupe_err_t input_read (json_t **out, const json_t *input, const troupe_id_t *call, const troupe_id_t *root,
                         troupe_error_t *error);
// The object with the options; NULL: it has none.
const json_t *input_options (const json_t *input);

#endif
