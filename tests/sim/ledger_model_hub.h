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

struct model_hub {
  model_hub_t *next;
  troupe_id_t id, parent; // parent: zero: opened by no call
  char *session;
  bool open, automatic;
  int64_t lease; // until when; 0: with its parent
  int64_t retention; // ms for which a closed one waits for those that have yet to hear
  int64_t ends;      // until when that is; 0: it is open, or somebody has yet to speak, or all have heard all
  bool gone;         // they will not hear it any more
  bool ending;       // a mutation's: it was to end, before it was opened again
  model_entry_t *entries;
  size_t entries_count;
  model_member_t *members;
  size_t members_count;
};

// Calls that don't hear each other.
struct model_group {
  model_group_t *next;
  troupe_id_t id, opener;
  char *session;
  uint64_t cut;
  int64_t till; // until when more of them are waited for
};

model_hub_t *model_hub_find (const ledger_model_t *self, const troupe_id_t *id);
model_member_t *model_hub_member (const model_hub_t *hub, const char *service);
// Whether it is a member now.
bool model_hub_has (const model_hub_t *hub, const char *service);
// It may be closed, and nobody may have to speak in it any more: then its time begins, or is over.
void model_hub_tidy (model_hub_t *hub, int64_t now);
// Nobody is in it any more.
void model_hub_let_all_go (model_hub_t *hub);
// Whether there is, or may come to be, something for it to hear; else the hub has let it go.
bool model_hub_concerns (const model_hub_t *hub, const char *service);
// The step added an entry to its log; or what the call that it settled said did.
void model_hub_say (model_step_t *step, const model_hub_t *hub, uint64_t position);
// Whether the member has still to hear what stands at that place, or will, up to `cut`.
bool model_hub_hears (const model_hub_t *hub, const char *service, const model_entry_t *entry, uint64_t cut);
model_entry_t *model_hub_add_entry (model_hub_t *hub, uint64_t sequence, const char *service);

#endif
