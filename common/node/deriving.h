// SPDX-License-Identifier: Apache-2.0
//
// The ids of the calls that a task makes: derived, so that the next attempt at the task makes calls of the same ids.
#ifndef NODE_DERIVING_H
#define NODE_DERIVING_H

#include "node/serving.h"

// How often a task made one call.
typedef struct {
  troupe_id_t key; // of service, input and inputs
  uint64_t count;
} node_derived_t;

void node_derived_init (troupe_task_t *task, const node_core_t *core);
void node_derived_close (troupe_task_t *task);
// The id of the call that call->parent makes. Once it is made, count it: (*derived)->count++. too_deep, bad_message
// ... (an input that can't be packed), too_large (the task has made too many different calls), no_memory.
troupe_err_t node_derive (const troupe_call_t *call, troupe_id_t *id, node_derived_t **derived, troupe_error_t *error);

#endif
