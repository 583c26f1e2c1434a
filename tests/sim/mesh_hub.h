// SPDX-License-Identifier: Apache-2.0
//
// Hubs of a simulated mesh: what is done in them (mesh_hub_script.c makes it up, mesh_hub_play.c does it), and what
// must follow, worked out here a second time from the acceptances of calls alone: the logs (mesh_hub.c) and what each
// actor must have heard (mesh_hub_hear.c, mesh_hub_told.c). What the store's model says is only compared with that.
//
// A script is a list of steps that a caller or a task takes one after another:
//
//   {"op": "hub/open", "hub": 0, "members": [0, 1, 4], "messages": [7, 8], "auto": true}
//   {"op": "hub/add", "hub": 0, "members": [5]}   hub/delete  hub/broadcast  hub/auto ("on")  hub/renew  hub/close
//   a plan (mesh_plan.c) with "said": 1 (a bit for each hub in which it is said), "fan": 3 (0: none), "more": true (of
//   that group follow), "pipe": true (the next step doesn't wait for its value)
//
// Numbers of members are those of services; messages are numbers, which the plans of calls have too.
#ifndef SIM_MESH_HUB_H
#define SIM_MESH_HUB_H

#include "troupe/error.h"
#include "troupe/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  MESH_HUBS_AT_ONCE = 2, // that one script has open
  MESH_STAYS_MAX = 64,   // of one actor in one hub
};

typedef struct mesh_hub mesh_hub_t;

// How a call stands in a hub that its actor was in when it was accepted.
typedef struct {
  mesh_hub_t *hub;
  uint64_t at;    // it hears what stands up to there
  bool loose;     // it may hear less: it waits for nothing that is younger than its root
  uint64_t least; // of a loose one: but all up to there
} mesh_cut_t;

// What a call has to do with hubs; a part of each.
typedef struct {
  uint64_t sequence;        // of its acceptance; 0: it is not
  uint32_t under;           // of an operation: the last attempt of its parent that made it
  struct mesh_call *parent; // NULL: a caller's
  troupe_id_t hubs[MESH_HUBS_AT_ONCE], fan;
  unsigned hubs_count;
  json_t *op; // the step, of an operation; else NULL
  bool stands;
  uint64_t at; // where it stands among the hubs of its caller, for what is asked for it, too
  mesh_cut_t *cuts;
  unsigned cuts_count;
  bool refused; // it named a hub that was not there
} mesh_place_t;

typedef struct {
  uint64_t sequence;
  unsigned service, number; // MESH_SERVICES: broadcast. number: of what was said
  struct mesh_call *call;   // NULL: broadcast
  bool pending, filled;
} mesh_entry_t;

typedef struct {
  uint64_t from, to; // UINT64_MAX: is a member
} mesh_stay_t;

typedef struct {
  mesh_stay_t stays[MESH_STAYS_MAX];
  unsigned count;
  uint64_t heard; // up to there
  uint64_t told;  // likewise, without being called
  bool given_up;  // it failed to observe
} mesh_member_t;

// Calls of one caller that don't hear each other.
typedef struct mesh_fan {
  struct mesh_fan *next;
  troupe_id_t id;
  unsigned session;
  const struct mesh_call *parent;
  uint64_t at;
  int64_t since;
} mesh_fan_t;

struct mesh_hub {
  mesh_hub_t *next;
  troupe_id_t id;
  unsigned session;
  struct mesh_call *parent; // NULL: a caller's
  bool open, automatic;
  int64_t lease_us;   // of a caller's: until when
  int64_t quiet_us;   // since when it is closed, and all have spoken; 0: it isn't
  bool gone;          // given up: who has not heard it never will
  uint64_t gone_to;   // what was said up to there was given up, before it was opened again perhaps
  mesh_entry_t *entries;
  unsigned entries_count, pending;
  mesh_member_t *members; // of each service
};

#endif
