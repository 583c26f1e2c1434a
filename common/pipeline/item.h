// SPDX-License-Identifier: Apache-2.0
//
// What flows through a machine, shared by counting: a value in JSON, a reply, or a list of such from a fan-out.
#ifndef PIPELINE_ITEM_H
#define PIPELINE_ITEM_H

#include "pipeline/machine.h"

typedef struct item item_t;
typedef struct frame frame_t;

struct item {
  unsigned refs;
  json_t *json; // the value; of a reply or a list once it is wanted
  void *reply;
  item_t **list;
  unsigned count;
};

struct machine {
  machine_world_t functions;
  void *world;
  frame_t *root;
  item_t *result;
  troupe_error_t error;
  bool failed;
  unsigned fans;
};

// The first error counts.
void machine_fail (machine_t *self, const troupe_error_t *error);
void machine_fail_memory (machine_t *self);

item_t *item_new (void); // NULL: out of memory
item_t *item_ref (item_t *item);
void item_unref (machine_t *self, item_t *item);
// Whether its value is there, in item->json; if it failed, so has the machine.
bool item_known (machine_t *self, item_t *item);

#endif
