// SPDX-License-Identifier: Apache-2.0
//
// A call's input, read as messages.
#ifndef TROUPE_AGENT_INPUT_H
#define TROUPE_AGENT_INPUT_H

#include "troupe/message.h"
#include "troupe/wire.h"

enum {
  INPUT_MESSAGES_MAX = TROUPE_SIZES_MAX - 1 // all of them and the reply enter the memory with one call's outcome
};

// *out: a new list of messages in their full JSON form. bad_message, too_large (too many), no_memory.
// `call` is the task's call, `root` the one that it is nested in, all the way up (itself, if it isn't).
troupe_err_t input_read (json_t **out, const json_t *input, const troupe_id_t *call, const troupe_id_t *root,
                         troupe_error_t *error);

// The full JSON form of a message that lacks its id or its timestamp or both: they follow from the call's id (or the
// root's, see input.c) and `number`, which tells the messages of one call apart. `message` is an object, borrowed,
// and must not be changed afterwards.
troupe_err_t input_identify (json_t **out, json_t *message, const troupe_id_t *call, const troupe_id_t *root,
                             unsigned number, troupe_error_t *error);

#endif
