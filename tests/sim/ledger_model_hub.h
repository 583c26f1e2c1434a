// SPDX-License-Identifier: Apache-2.0
//
// Hubs of the ledger's model, for its own files.
#ifndef SIM_LEDGER_MODEL_HUB_H
#define SIM_LEDGER_MODEL_HUB_H

#include "sim/ledger_model_state.h"

// A place in a log: pending; then filled, or void.
typedef struct {
  uint64_t sequence;
  char *service; // who says it; "": it was broadcast
  troupe_id_t call;
  bool pending;
  troupe_buffer_t *said;
} model_entry_t;

typedef struct {
  uint64_t from, to; // UINT64_MAX: still
} model_time_t;

typedef struct {
  char *service;
  uint64_t cursor; // up to where it has heard
  bool live;       // wants to hear at once
  model_time_t *times;
  size_t times_count;
} model_member_t;

typedef struct {
  troupe_id_t group;
  uint64_t cut;
} model_group_t;

struct model_hub {
  model_hub_t *next;
  troupe_id_t id, parent; // parent: zero: opened by no call
  char *session;
  bool open, automatic;
  int64_t lease; // until when; 0: with its parent
  model_entry_t *entries;
  size_t entries_count;
  model_member_t *members;
  size_t members_count;
  model_group_t *groups;
  size_t groups_count;
};

model_hub_t *model_hub_find (const ledger_model_t *self, const troupe_id_t *id);
model_member_t *model_hub_member (const model_hub_t *hub, const char *service);
// Whether it is a member now.
bool model_hub_has (const model_hub_t *hub, const char *service);
// What the opener, which closes it there, makes from now on stands there.
void model_hub_leave_place (ledger_model_call_t *opener, model_hub_t *hub, uint64_t at);
model_entry_t *model_hub_add_entry (model_hub_t *hub, uint64_t sequence, const char *service);

#endif
