// SPDX-License-Identifier: Apache-2.0
//
// What the ledger's model holds, for its own files. The steps have the names of broker/functions/*.lua, so that the two
// can be read side by side:
//
//   ledger_model.c           making, finding, describing; notices
//   ledger_model_turns.c     mailboxes, and who waits for whom
//   ledger_model_wants.c     who asks for room in mailboxes
//   ledger_model_accept.c    accept
//   ledger_model_settle.c    settle, what follows from it, await
//   ledger_model_letters.c   deaths, and dead letters
//   ledger_model_attempts.c  retry, claim, recall, inputs
//   ledger_model_brokers.c   sweep, recover, takeover, lease
//   ledger_model_hub.c       hubs
//   ledger_model_entries.c   what becomes of their logs
//   ledger_model_hear.c      hear
//   ledger_model_operate.c   operations on hubs
//   ledger_model_rouse.c     members that hear without being called
//   ledger_model_history.c   generations
//   ledger_model_sessions.c  sessions, and that they end
//   ledger_link.c            a broker's connection
#ifndef SIM_LEDGER_MODEL_STATE_H
#define SIM_LEDGER_MODEL_STATE_H

#include "sim/ledger_model.h"

enum { MODEL_BROKERS_MAX = 64, MODEL_BATCH = 100 };

typedef struct {
  char *session, *service, *owner;
  uint32_t entries;
  uint64_t epoch;
  unsigned failures; // to observe, one after another
  int64_t rest;      // until when it is not roused again
} model_actor_t;

typedef struct {
  char *name;
  bool kept;       // it has had actors or hubs since it began
  int64_t touched; // when the last of its calls settled
} model_session_t;

typedef struct model_notice {
  struct model_notice *next;
  ledger_notice_kind_t kind;
  troupe_id_t call;
} model_notice_t;

typedef struct model_group model_group_t;
typedef struct model_letter model_letter_t;

struct ledger_model {
  ledger_model_call_t **calls;
  size_t count, capacity;
  uint64_t sequence, asks;
  int64_t now; // of the present step
  model_actor_t **actors;
  size_t actors_count;
  model_session_t *sessions;
  size_t sessions_count;
  char *brokers[MODEL_BROKERS_MAX];
  int64_t leases[MODEL_BROKERS_MAX]; // until when; 0: none ever
  int64_t since;                     // when the generation began; 0: it lost nothing
  uint64_t met[MODEL_BROKERS_MAX];   // one more than the generation that it knows; 0: none
  unsigned brokers_count;
  model_notice_t *inboxes[MODEL_BROKERS_MAX];
  size_t violations;
  model_hub_t *hubs;
  model_group_t *groups;
  model_letter_t *letters; // the eldest first
  size_t letters_count;
  size_t page; // messages that one LEDGER_HEAR gives; 0: LEDGER_HEAR_MAX
  int64_t retention, spare; // of closed hubs: ledger_model_set_retention
};

// What a step fills besides the result, and lives until that was handed over.
typedef struct {
  ledger_call_t calls[MODEL_BATCH];
  ledger_broker_t brokers[MODEL_BROKERS_MAX];
  ledger_hub_t hubs[LEDGER_HUBS_MAX];
  ledger_said_t said[LEDGER_SAID_MAX];
  uint32_t sizes[LEDGER_INPUTS_MAX];
  troupe_buffer_t *body;
  char why[256];
} model_room_t;

// One step of one broker.
typedef struct {
  ledger_model_t *model;
  unsigned broker;
  const ledger_request_t *request;
  ledger_result_t *result;
  model_room_t *room;
  int64_t now;
} model_step_t;

void *model_need (void *memory);
troupe_buffer_t *model_bytes (const void *data, size_t size);
ledger_model_call_t *model_find (const ledger_model_t *self, const troupe_id_t *id);
model_actor_t *model_actor (ledger_model_t *self, const char *session, const char *service);
void model_free_call (ledger_model_call_t *call);
// Puts a new call at the end, and gives it its sequence.
void model_add (ledger_model_t *self, ledger_model_call_t *call);
void model_tell (ledger_model_t *self, unsigned broker, ledger_notice_kind_t kind, const ledger_model_call_t *call);
void model_describe (ledger_model_t *self, ledger_call_t *out, const ledger_model_call_t *call, int64_t now,
                     bool with_body);
// How an unsettled call stands; how a settled one ended.
void model_standing (model_step_t *step, ledger_outcome_t outcome, const ledger_model_call_t *call, bool ready);
void model_settled (model_step_t *step, const ledger_model_call_t *call);

// Whether it stands before the other one in their mailbox.
bool model_before (const ledger_model_call_t *a, const ledger_model_call_t *b);
bool model_unsettled (const ledger_model_call_t *call);
bool model_same_actor (const ledger_model_call_t *a, const ledger_model_call_t *b);
// The begun call of the actor that serves `of`; NULL: none.
ledger_model_call_t *model_running (const ledger_model_t *self, const ledger_model_call_t *of);
// Whose turn it is if its actor goes on, of the calls of the actor that serves `of`; NULL: nobody's.
ledger_model_call_t *model_first (const ledger_model_t *self, const ledger_model_call_t *of);
// The actor goes on with its next call, if it runs none; returns that, or NULL.
ledger_model_call_t *model_advance (ledger_model_t *self, const ledger_model_call_t *of, int64_t now);
void model_start (ledger_model_t *self, ledger_model_call_t *call, int64_t now);
// Whether `from` waits, itself or through others, for `goal`, or, when they are the same, for itself. `since`: when the
// goal began to ask for room; 0: it doesn't.
bool model_ring (const ledger_model_t *self, const ledger_model_call_t *goal, const ledger_model_call_t *from,
                 uint64_t since);

// When the parent's present attempt began to ask for room for the call; 0: not yet.
uint64_t model_wanted_since (const ledger_model_call_t *parent, const troupe_id_t *id);
// It asks again. It has what it wants.
void model_note_wanted (ledger_model_t *self, ledger_model_call_t *parent, const troupe_id_t *id, const char *service);
void model_forget_wanted (ledger_model_call_t *parent, const troupe_id_t *id);
// Whether `b` holds the room that `a` waited for at that moment.
bool model_wants_room_of (const ledger_model_call_t *a, const ledger_model_call_t *b, uint64_t moment);

// A call that ends because of another one, or at once, with what follows; the value is packed here.
void model_end_along (ledger_model_t *self, ledger_model_call_t *call, troupe_status_t status, troupe_err_t code,
                      int64_t now);

// -- Hubs

// Where a call that was just created stands; unknown_hub, bad_argument: it ends so.
troupe_err_t model_hub_place (model_step_t *step, ledger_model_call_t *call, const ledger_model_call_t *parent);
// Whether the hub is there for a call of that parent.
troupe_err_t model_hub_check (const ledger_model_t *self, const troupe_id_t *id, const ledger_model_call_t *parent);
// The call is an operation; it settles.
void model_hub_operate (model_step_t *step, ledger_model_call_t *call, ledger_model_call_t *parent);
// A later attempt of the parent makes it again.
void model_hub_operate_again (model_step_t *step, ledger_model_call_t *parent);
// Whether its turn waits for an entry; whether that is the other one's.
bool model_hub_waits (const ledger_model_call_t *call);
bool model_hub_waits_for (const ledger_model_call_t *a, const ledger_model_call_t *b);
// The call has settled: its entries, its hubs.
void model_hub_leave (ledger_model_t *self, const ledger_model_call_t *call, int64_t now);
uint32_t model_hub_news (const ledger_model_call_t *call);
ledger_stretch_t model_hub_stretch (const ledger_model_call_t *call);
void model_hub_say_settled (model_step_t *step, const ledger_model_call_t *call);
// Its actor has heard all before it.
void model_hub_pass (ledger_model_call_t *call);
// Keys that nobody has swept away in time vanish.
void model_hub_expire (ledger_model_t *self, int64_t now);
void model_hub_sweep (ledger_model_t *self, unsigned slot, int64_t now);
void model_hub_free_all (ledger_model_t *self);
// Nothing is heard or said in the session's hubs any more, and nobody is in them.
void model_hub_end_session (ledger_model_t *self, const char *session);
// How many messages an actor with nothing to do can hear, up to the first pending entry of the hubs of each opener, and
// to groups of which more are to come; `call` gets the clock for that, unless it is NULL.
size_t model_hub_audible (ledger_model_t *self, const char *session, const char *service, ledger_model_call_t *call,
                          int64_t now);
// Says which hubs a broker is to ask to rouse for.
void model_rouse_report (model_step_t *step);
// An observe call has settled.
void model_rouse_rest (ledger_model_t *self, const ledger_model_call_t *call, bool heard, int64_t now);

// The call in the attempt that is asked for; NULL: the result says why not.
ledger_model_call_t *model_running_attempt (model_step_t *step);

void model_accept (model_step_t *step);
void model_settle (model_step_t *step);
void model_await (model_step_t *step);
void model_retry (model_step_t *step);
void model_letters (model_step_t *step);
void model_letter (model_step_t *step);
void model_resend (model_step_t *step);
void model_discard (model_step_t *step);
// Notes the death that the request tells of, if any. True: it was one too many, or the call may run only once, and it
// has settled.
bool model_bury (model_step_t *step, ledger_model_call_t *call);
void model_letters_free (ledger_model_t *self);
// The session has an actor or a hub; one of its calls has settled.
void model_session_keep (ledger_model_t *self, const char *name, int64_t now);
void model_session_touch (ledger_model_t *self, const char *name, int64_t now);
void model_sessions (model_step_t *step);
void model_close (model_step_t *step);
void model_sessions_sweep (model_step_t *step);
void model_sessions_free (ledger_model_t *self);
void model_claim (model_step_t *step);
void model_recall (model_step_t *step);
void model_inputs (model_step_t *step);
void model_hear (model_step_t *step);
void model_rouse (model_step_t *step);
void model_sweep (model_step_t *step);
void model_recover (model_step_t *step);
void model_takeover (model_step_t *step);
void model_lease (model_step_t *step);
void model_begin_attempt (ledger_model_t *self, ledger_model_call_t *call, unsigned broker);

// -- Generations

// The attempt behind which those of a new call count.
uint32_t model_first_base (const ledger_model_t *self, const troupe_id_t *id);
// The number of the call's attempt after `last`, which begins now.
uint32_t model_attempt_after (const ledger_model_t *self, ledger_model_call_t *call, uint32_t last);
// The number that follows it in a later generation.
uint32_t model_leap (uint32_t attempt);
// Whether a later generation has begun since the call's last attempt did.
bool model_is_over (const ledger_model_t *self, const ledger_model_call_t *call);
// The actor's turn begins.
void model_renew_epoch (ledger_model_t *self, const ledger_model_call_t *call);
// The first number of the generation in which its last attempt began.
uint64_t model_era (const ledger_model_call_t *call);
// The first number of the present generation.
uint64_t model_present (const ledger_model_t *self);

#endif
