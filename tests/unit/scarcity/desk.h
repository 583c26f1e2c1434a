// SPDX-License-Identifier: Apache-2.0
//
// A broker at an endpoint, for one node at a time: it answers what it is asked (answers.h), offers what the test wants,
// and keeps how the last call ended. It is never short of memory: it is called outside of the scene.
#ifndef TESTS_UNIT_SCARCITY_DESK_H
#define TESTS_UNIT_SCARCITY_DESK_H

#include "troupe/wire.h"

#include <jansson.h>

typedef struct {
  void *zmq, *router, *publisher;
  char endpoint[64], publish[64];
  uint8_t route[64]; // of whoever said something last; route_size 0: nobody did
  size_t route_size;
  unsigned hellos, registered; // how many came, and since the last hello
  int64_t beat_at;
  // The last SETTLE.
  troupe_id_t call;
  troupe_status_t status; // NONE: there was none
  troupe_err_t code;      // of its error
  json_t *value;          // or its value
} desk_t;

void desk_open (desk_t *self, const char *folder);
void desk_close (desk_t *self);
// Reads and answers all that has come, and shows that it lives.
void desk_serve (desk_t *self);
// A call in session "s", of an actor that has something to hear and to remember. `input` is borrowed.
void desk_offer (desk_t *self, const char *service, const troupe_id_t *call, unsigned attempt, json_t *input);
// Publishes that somebody joined.
void desk_publish (desk_t *self);
// Whether that call has ended.
bool desk_settled (const desk_t *self, const troupe_id_t *call);

#endif
