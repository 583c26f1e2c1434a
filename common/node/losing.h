// SPDX-License-Identifier: Apache-2.0
//
// Tasks whose broker is gone, and that no other has offered again.
#ifndef NODE_LOSING_H
#define NODE_LOSING_H

#include "node/state.h"

// The connection is gone: what was asked there has no answer. Call it once its tasks know that they have no broker.
void node_losing_lost (node_connection_t *connection);
// Asks for those that nobody was asked for yet, if a broker is up.
void node_losing_ask (node_core_t *core);
// A broker is up that may offer them: it is told of all.
void node_losing_welcomed (node_connection_t *to);
// A broker says that the call has settled, or that it can't tell. True: a task runs it here.
bool node_losing_settled (node_core_t *core, const troupe_id_t *call);
bool node_losing_refused (node_core_t *core, const troupe_id_t *call, const troupe_error_t *error);

#endif
