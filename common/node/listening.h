// SPDX-License-Identifier: Apache-2.0
//
// The hubs that actors here are in, of which this node hears by subscription.
#ifndef NODE_LISTENING_H
#define NODE_LISTENING_H

#include "node/sayings.h"
#include "node/state.h"

struct node_hub {
  troupe_id_t id;
  node_list_t place; // in core->hubs_used, the one that was needed last at the end; or in core->hubs_left
  int64_t used_at;   // when an offer named it last
  sayings_t said;
  uint64_t generation; // the first number of the store's generation in which it was heard last
  bool comes;          // something was published since it is here: so what is missing may be on its way
  uint32_t subscribed; // a bit for each broker
  uint32_t offered;    // likewise: it has offered something that hears this hub
  uint32_t again;      // likewise: to be subscribed to once more
  node_list_t waiting; // recalls that wait for what is missing
  int64_t patience;    // ms: how long they do
  int64_t gave_up_at;  // when one was read from the log after all; 0: none was lately
  uint64_t gave_up;    // up to here
};

void node_listening_init (node_core_t *core, uint64_t seed);
void node_listening_close (node_core_t *core);
// A task hears this hub: from now on it is subscribed to.
void node_listening_offered (node_connection_t *from, const troupe_header_t *header);
// NULL: it is not listened to.
node_hub_t *node_listening_find (const node_core_t *core, const troupe_id_t *hub);
// Entries were published.
void node_listening_said (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
// A recall has waited in vain for what was said up to this position.
void node_listening_gave_up (node_core_t *core, node_hub_t *hub, uint64_t position);
void node_listening_tick (node_core_t *core);

#endif
