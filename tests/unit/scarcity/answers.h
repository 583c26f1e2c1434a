// SPDX-License-Identifier: Apache-2.0
//
// What a broker says to a node: each question has one answer, and every call a value.
#ifndef TESTS_UNIT_SCARCITY_ANSWERS_H
#define TESTS_UNIT_SCARCITY_ANSWERS_H

#include "troupe/wire.h"

#include <jansson.h>

enum { ANSWERS_HEARTBEAT = 500, ANSWERS_LEASE = 2500 };

// How it is said; `body` is given up, NULL: empty.
typedef void (answers_say_fn) (void *context, const troupe_header_t *header, json_t *body);

typedef struct {
  answers_say_fn *say;
  void *context;
  const char *broker;  // its name
  const char *publish; // where it publishes
} answers_t;

troupe_header_t answers_command (troupe_command_t of);
// A call's end: with a value, which says something as a model does, or as cancelled.
void answers_settle (const answers_t *self, const troupe_id_t *call, troupe_status_t status);
// Answers a message of a node's, if it is one that has an answer.
void answers_give (const answers_t *self, const troupe_header_t *asked);

#endif
