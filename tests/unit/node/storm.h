// SPDX-License-Identifier: Apache-2.0
//
// What the storm's parts know of each other.
#ifndef STORM_H
#define STORM_H

#include "node/list.h"
#include "rig.h"

enum {
  NODES = 3,
  BROKERS = 2,
  CALLS = 60,
  RECORDS = 8 * CALLS, // nested ones, and volatile ones that brokers forgot
  CREDIT = 3,
  STEP_MS = 10,
  STORM_MS = 40 * 1000,
  CALM_MS = 400 * 1000, // nothing may need longer than the longest patience of the node
  QUIET_MS = 10 * 1000, // no freeze lasts longer
  OFFER_PATIENCE_MS = 8000,
  SEEDS = 150,
};

// What the nodes serve: "front" asks "echo" twice for each task, with the same input.
typedef enum { ECHO, FRONT, SERVICES } service_t;
extern const char *const storm_services[SERVICES];

typedef struct {
  node_list_t place;
  int64_t at; // when it arrives
  bool copy;  // a repetition
  size_t header_size;
  unsigned char header[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body;
} mail_t;

typedef struct {
  node_list_t up, down; // mail to the broker, to the node
  unsigned generation;
  bool known; // to the broker
  bool serves[SERVICES];
  unsigned credit[SERVICES];
} wire_t;

typedef struct record record_t;

struct record {
  troupe_id_t id;
  char session[64];
  service_t service;
  troupe_buffer_t *input, *value;
  troupe_status_t status;
  bool accepted, waiters[BROKERS][NODES];
  record_t *parent; // NULL: none
  int owner;        // of a volatile one: the only broker that knows it; -1: it is stored
  bool lost;        // that broker forgot it
  uint32_t attempt;
  int node, broker; // who runs it; -1: nobody
  int64_t offered_at;
};

typedef struct storm storm_t;

typedef struct {
  storm_t *storm;
  node_core_t *core;
  troupe_task_t *tasks[RECORDS];
  unsigned tasks_count, fronts_count, drained;
} actor_t;

typedef struct {
  storm_t *storm;
  troupe_placeholder_t *placeholder;
  unsigned settled;
  bool is_volatile;
} client_t;

struct storm {
  unsigned seed, random;
  uint64_t ids;
  int64_t now, frozen_until[BROKERS];
  unsigned trouble; // of 1000 frames
  actor_t nodes[NODES];
  wire_t wires[NODES][BROKERS];
  record_t records[RECORDS];
  client_t clients[CALLS];
  unsigned records_count, clients_count;
};

bool storm_chance (storm_t *self, unsigned of_1000);
unsigned storm_pick (storm_t *self, unsigned count);

// Mail: lost, repeated and late as the storm has it.
void storm_post (storm_t *self, node_list_t *list, const void *header, size_t size, troupe_buffer_t *body);
mail_t *storm_arrived (storm_t *self, node_list_t *list);
void storm_drop_mail (node_list_t *list);

// The brokers.
void storm_broker_receive (storm_t *self, unsigned broker, unsigned node, const mail_t *mail);
void storm_broker_beat (storm_t *self);
void storm_broker_offer (storm_t *self);
void storm_broker_forget (storm_t *self, unsigned broker); // what it stores nowhere
record_t *storm_find (storm_t *self, const troupe_id_t *id, unsigned broker);

#endif
