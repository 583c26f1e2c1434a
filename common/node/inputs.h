// SPDX-License-Identifier: Apache-2.0
//
// Inputs: values of other calls that a call needs, where {"$input": n} stands in its own input.
#ifndef NODE_INPUTS_H
#define NODE_INPUTS_H

#include "node/calling.h"

// Before the call is made: its inputs and every reference to them. bad_argument; or what an input was refused for.
troupe_err_t node_inputs_check (const troupe_call_t *call, troupe_error_t *error);
// Is one of them not yet known to be stored, so that "unknown" is no last word?
bool node_inputs_under_way (const troupe_placeholder_t *self);
// What an offer's body holds: the input, with the values of its inputs in their places. bad_message.
troupe_err_t node_inputs_unpack (const troupe_header_t *offer, troupe_buffer_t *body, json_t **out,
                                 troupe_error_t *error);

// depending.c: from now on until the call is stored or has ended, the error that one of its inputs is refused for is
// its `cause`. no_memory.
troupe_err_t node_depending_enter (troupe_placeholder_t *self, troupe_placeholder_t *const *inputs, unsigned count);
void node_depending_leave (troupe_placeholder_t *self);
// It has ended by that error; those that need it do, too, if nothing can have come of it. NULL: by none.
void node_depending_ended (troupe_placeholder_t *self, const troupe_error_t *why, bool nothing_happened);
// Ends those that have a cause and are with no broker.
void node_depending_end_doomed (node_core_t *core);

#endif
