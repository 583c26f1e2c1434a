// SPDX-License-Identifier: Apache-2.0
//
// The order of a caller's calls in a session: who is whose PREVIOUS, and who is held back.
#ifndef NODE_ORDERING_H
#define NODE_ORDERING_H

#include "node/calling.h"

// A call that was just made joins the end of its row; a volatile one is in none. no_memory.
troupe_err_t node_ordering_enter (troupe_placeholder_t *self);
// It is known to be stored, or has ended: those that were held back behind it go on. Does nothing outside a row.
void node_ordering_leave (troupe_placeholder_t *self);
// The call before it in its row; NULL: none.
troupe_placeholder_t *node_ordering_previous (const troupe_placeholder_t *self);
// It was sent with PREVIOUS and refused as out_of_order.
void node_ordering_refused (troupe_placeholder_t *self);
// The node goes; no call is in a row any more.
void node_ordering_close (node_core_t *core);

#endif
