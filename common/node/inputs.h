// SPDX-License-Identifier: Apache-2.0
//
// Inputs: values of other calls that a call needs, where {"$input": n} stands in its own input.
#ifndef NODE_INPUTS_H
#define NODE_INPUTS_H

#include "node/calling.h"

// Before the call is made: its inputs and every reference to them. bad_argument, unknown_call (an input was refused).
troupe_err_t node_inputs_check (const troupe_call_t *call, troupe_error_t *error);
// Is one of them not yet known to be stored, so that "unknown" is no last word?
bool node_inputs_under_way (const troupe_placeholder_t *self);
// What an offer's body holds: the input, with the values of its inputs in their places. bad_message.
troupe_err_t node_inputs_unpack (const troupe_header_t *offer, troupe_buffer_t *body, json_t **out,
                                 troupe_error_t *error);

#endif
