// SPDX-License-Identifier: Apache-2.0
//
// The ledger in memory: what broker/functions/ does in Redis, for tests and simulations that run the broker's core
// in virtual time. Any number of brokers share one model, each through a link of its own.
//
//   ledger_model_t *model = ledger_model_new ();
//   ledger_link_t *link = ledger_model_connect (model, "broker-1", on_result, on_notice, context);
//   ledger_link_submit (link, &request);
//   while (ledger_link_deliver (link, now)) {}     // performs one request, or hands one notice over
//
// A test's model: it aborts when there is no memory.
#ifndef SIM_LEDGER_MODEL_H
#define SIM_LEDGER_MODEL_H

#include "broker/ledger.h"

typedef struct ledger_model ledger_model_t;
typedef struct ledger_link ledger_link_t;

enum { LEDGER_MODEL_AWAITS_MAX = 32 }; // of one call: a simulation's make a few

// Up to which position of a hub's log something counts.
typedef struct model_hub model_hub_t;
typedef struct {
  model_hub_t *hub;
  uint64_t at;
} model_cut_t;
typedef struct {
  model_cut_t *cuts;
  size_t count;
} model_cuts_t;
// Where a call stands among the hubs of each opener (zero: those that no call opened).
typedef struct {
  troupe_id_t opener;
  uint64_t at;
} model_stand_t;
typedef struct {
  model_stand_t *stands;
  size_t count;
} model_scope_t;

// A call for which an attempt asks room in a mailbox, in vain until now.
typedef struct {
  troupe_id_t id;
  char *service;
  uint32_t attempt;
  uint64_t since, last; // when it asked first, and last: so many such calls had been refused
} model_want_t;

// One call as the model stores it, for checks.
typedef struct {
  troupe_id_t id;
  char *session, *service, *trace;
  bool actor;
  uint32_t flags, attempt, winner, base;
  int64_t deadline, default_deadline; // deadline: absolute, 0: none has started
  unsigned owner;                     // the number of its broker
  uint64_t era;                       // the generation in which its last attempt began; 0: in that of its acceptance
  uint64_t sequence, order;           // of acceptance; of its root's
  uint64_t rank[TROUPE_PATH_MAX];     // in a nested hub: the sequences from there on down to it
  uint32_t rank_count;                // 0: just its sequence
  bool anew;                          // it was here before, and failed
  bool opens;                         // it has opened a hub
  model_scope_t scope;                // see broker/functions/hubs.lua
  model_cuts_t clock;
  uint64_t waiters;                   // a bit for each broker
  troupe_status_t status;
  bool retryable;
  bool missing;   // not all inputs have settled
  uint32_t under; // the attempt of its parent (the last of its path) that made it; 0: not nested
  troupe_id_t *path, *inputs;
  uint32_t path_count, inputs_count;
  troupe_id_t awaits[LEDGER_MODEL_AWAITS_MAX];
  uint32_t awaits_count;
  model_want_t *wants; // those that asked last behind the others
  size_t wants_count;
  char **deaths; // instances that died under it
  unsigned deaths_count;
  troupe_buffer_t *body, *value;
} ledger_model_call_t;

ledger_model_t *ledger_model_new (void);
void ledger_model_destroy (ledger_model_t **self_p);
size_t ledger_model_count (const ledger_model_t *self);
// By the order of acceptance.
const ledger_model_call_t *ledger_model_at (const ledger_model_t *self, size_t index);
// NULL: it was never accepted.
const ledger_model_call_t *ledger_model_find (const ledger_model_t *self, const troupe_id_t *id);
// How many entries an actor remembers.
uint32_t ledger_model_memory (const ledger_model_t *self, const char *session, const char *service);
// On which instance an actor lives, by whose id; NULL: none yet.
const char *ledger_model_owner (const ledger_model_t *self, const char *session, const char *service);
// How many dead letters there are.
size_t ledger_model_letters (const ledger_model_t *self);
// How often an actor had two calls begun at once: 0 always.
size_t ledger_model_violations (const ledger_model_t *self);
// So many messages are given at a time to who hears, instead of the ledger's own bound.
void ledger_model_set_page (ledger_model_t *self, size_t messages);
// Closed hubs wait so long (ms) for those that have yet to hear, and their keys vanish so long after that should no
// sweep come by; 0: as long as the ledger's.
void ledger_model_set_retention (ledger_model_t *self, int64_t retention, int64_t spare);
// What the broker of this number hears when it meets the store.
ledger_notice_t model_met (ledger_model_t *self, unsigned broker);
// A new generation begins, as when a broker meets another history; or this one, if it is greater than the present one.
void ledger_model_begin_generation (ledger_model_t *self, uint64_t generation);
// When that was, in the time that ids carry (ms); 0: nobody had anything to lose then.
void ledger_model_set_since (ledger_model_t *self, int64_t ms);
// Forgets everything, and begins a generation: nobody's connection may be up.
void ledger_model_empty (ledger_model_t *self);
// Forgets a call, as a Redis that lost data.
void ledger_model_lose (ledger_model_t *self, const troupe_id_t *id);

// A broker's connection; at most 64 names, and one connection for each name at a time.
ledger_link_t *ledger_model_connect (ledger_model_t *self, const char *broker, ledger_result_fn *result,
                                     ledger_notice_fn *notice, void *context);
// Closes: requests that wait are forgotten.
void ledger_link_close (ledger_link_t **self_p);
// Copies the request; it waits its turn. When the link is down it ends as LEDGER_LOST.
void ledger_link_submit (ledger_link_t *self, const ledger_request_t *request);
// Up or down, with its notice.
void ledger_link_up (ledger_link_t *self);
// The connection breaks: the first `done` waiting requests take place, and all end as LEDGER_LOST.
void ledger_link_break (ledger_link_t *self, size_t done, int64_t now);
// Performs the oldest request, or hands over the oldest notice; false: there was nothing.
bool ledger_link_deliver (ledger_link_t *self, int64_t now);
size_t ledger_link_waiting (const ledger_link_t *self);
// The next request ends as LEDGER_FAILED with these words.
void ledger_link_fail_next (ledger_link_t *self, const char *why);

#endif
