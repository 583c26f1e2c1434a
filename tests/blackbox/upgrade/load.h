// SPDX-License-Identifier: Apache-2.0
//
// A load that goes on by itself while the mesh under it is changed: lines of calls, each of one caller to one actor (or
// to a stateless service), of which so many are under way at any moment. Each must end with a value; an actor remembers
// the number of each, which at the end must be there once, and in its line's order. Now and then a line goes on with
// another actor.
#ifndef BLACKBOX_UPGRADE_LOAD_H
#define BLACKBOX_UPGRADE_LOAD_H

#include "blackbox/harness/stage.h"

enum {
  LOAD_LINES_MAX = 24,
  LOAD_DEPTH = 3,  // calls of a line that are under way
  LOAD_ACTOR = 300 // calls of a line to one actor: what those of three lines make it remember is read at once
};

typedef struct load load_t;

typedef struct {
  load_t *load;
  troupe_node_t *node;
  const char *service;
  char session[16];  // the beginning of its sessions' names
  const char *steps; // what a call's task does besides remembering its number
  bool is_volatile;
  unsigned number, made, done; // its own number; of its calls
} line_t;

struct load {
  line_t lines[LOAD_LINES_MAX];
  unsigned count, done, failed, again; // calls; again: by another attempt than the first
  bool over;
  char why[512]; // the first failure's
};

// Adds a line and makes its first calls.
void load_add (load_t *self, troupe_node_t *node, const char *service, const char *session, const char *steps);
void load_add_volatile (load_t *self, troupe_node_t *node, const char *service);
// Waits until so many more have ended; fails the test when one has failed.
void load_pass (load_t *self, stage_t *stage, unsigned more);
// Makes no more, and waits for those under way.
void load_end (load_t *self, stage_t *stage);
// What the actors of these sessions remember: every call of the lines to them once, each line's in its order.
void load_expect_memory (const load_t *self, stage_t *stage, troupe_node_t *node, const char *service,
                         const char *session);

#endif
