// SPDX-License-Identifier: Apache-2.0
//
// Leaving the mesh.
#ifndef NODE_DRAINING_H
#define NODE_DRAINING_H

#include "node/state.h"

// Looks whether all is done.
void node_drain_check (node_core_t *core);
int64_t node_drain_due (const node_core_t *core);
void node_drain_init (node_core_t *core);

#endif
