// SPDX-License-Identifier: Apache-2.0
//
// What a simulated mesh holds, for its own files:
//
//   mesh.c         a run: its shape, its phases, its end           mesh_check.c   what must hold
//   mesh_clock.c   time and chance                                 mesh_call.c    calls and those who wait for them
//   mesh_line.c    messages between nodes and brokers              mesh_work.c    what instances do
//   mesh_connection.c   what they travel on                        mesh_mail.c     a request to the store, and its answer
//   mesh_broker.c  a broker's process                              mesh_fault.c   what goes wrong
//   mesh_node.c    a node's process                                mesh_flaw.c    mutations
//   mesh_store.c   a broker's way to the store                     mesh_hub*.c    hubs (mesh_hub.h)
//   mesh_plan.c    what a call's service is to do
#ifndef SIM_MESH_STATE_H
#define SIM_MESH_STATE_H

#include "broker/core.h"
#include "node/core.h"
#include "sim/ledger_model.h"
#include "sim/mesh.h"
#include "sim/mesh_clock.h"
#include "sim/mesh_hub.h"

enum {
  MESH_BROKERS_MAX = 3,
  MESH_CALLERS_MAX = 3,
  MESH_INSTANCES_MAX = 4,
  MESH_NODES_MAX = MESH_CALLERS_MAX + MESH_INSTANCES_MAX,
  MESH_SERVICES = 6,
  MESH_PLAIN = 4, // the first of them, which are called without a hub, too
  MESH_SESSIONS = 4,
  MESH_LASTING = 3, // the first of them; the last one is ended now and then, and has no hubs
  MESH_PROBES_AT_ONCE = 100, // more than are made, with what they call
  MESH_CREDIT_PLENTY = 100, // more than are under way of one service
  MESH_OFFERS_MAX = 128, // of one service at once on one connection

  MS = 1000, // in the clock's microseconds
};

#define MESH_NEVER INT64_MAX

typedef struct mesh_broker mesh_broker_t;
typedef struct mesh_node mesh_node_t;
typedef struct mesh_topic mesh_topic_t;
typedef struct mesh_mail mesh_mail_t;
typedef struct mesh_job mesh_job_t;
typedef struct mesh_wait mesh_wait_t;

typedef struct {
  const char *name;
  bool actor;
} mesh_service_t;
extern const mesh_service_t mesh_services[MESH_SERVICES + 1]; // the last one: operations on hubs
extern const char *const mesh_sessions[MESH_SESSIONS];

typedef enum {
#define MESH_CHECK(constant, name, sentence) MESH_CHECK_##constant,
#include "sim/mesh_check.def"
#undef MESH_CHECK
  MESH_CHECKS
} mesh_check_t;

// -- Connections -----------------------------------------------------------------------------------------------------

// One life of a connection; its index is the broker's number for it. Nothing is lost in the middle of it: what was sent
// arrives up to a moment, and nothing after that.
typedef struct {
  unsigned node, node_life, broker, generation;
  int64_t up_last, down_last;           // when the latest message arrives, to the broker and to the node
  int64_t up_end, down_end;             // until when messages arrive
  int64_t known_at;                     // when the broker's socket knows that it is gone
  unsigned credit[MESH_SERVICES];       // the largest that the instance ever gave here
  troupe_id_t offers[MESH_SERVICES][MESH_OFFERS_MAX];
  unsigned offers_count[MESH_SERVICES];
} mesh_connection_t;

// -- Processes -------------------------------------------------------------------------------------------------------

struct mesh_broker {
  mesh_t *mesh;
  unsigned index, life;
  char name[16];
  broker_core_t *core; // NULL: dead
  int64_t frozen_until, wake_at;
  uint64_t received, unsent, parts_full; // in this life, to be compared with what it counts

  ledger_link_t *link; // NULL: dead
  bool store_up, notices_due;
  ledger_notice_t met; // what it heard when it met the store last
  int64_t store_slow_until;
  int64_t performed_last, answered_last; // when the latest request is performed, and answered
  mesh_mail_t *first, **last;            // requests without an answer, oldest first
  mesh_mail_t *performing;
  uint64_t requests, lost; // in this life
};

struct mesh_node {
  mesh_t *mesh;
  unsigned index, life;
  bool caller;
  node_core_t *core; // NULL: dead
  int64_t frozen_until, wake_at;
  bool draining, drained;
  unsigned lines[MESH_BROKERS_MAX]; // the connection's number; 0: none
  int64_t cut_until[MESH_BROKERS_MAX];
  unsigned serves; // a bit for each service
  unsigned credit;
  unsigned running[MESH_SERVICES];
  mesh_job_t *jobs;
  uint64_t jobs_made;
  mesh_topic_t *topics; // that it is subscribed to
};

// -- Calls -----------------------------------------------------------------------------------------------------------

typedef struct {
  uint32_t attempt;
  unsigned node, life;
} mesh_offer_t;

// How a call ended in the store; a nested one may begin anew after an error that may pass.
typedef struct {
  troupe_status_t status;
  uint32_t winner;
  troupe_buffer_t *value;
} mesh_outcome_t;

enum { MESH_OUTCOMES_MAX = 8 };

typedef struct mesh_call {
  table_link_t by_id;
  troupe_id_t id;
  unsigned index, number; // `number` is what its value repeats
  unsigned service, session;
  bool nested, probe, is_volatile, cancelled;
  bool observes; // the store made it, for its actor to hear
  unsigned node, life; // of who made it
  int64_t made_at;     // microseconds
  int64_t deadline_ms; // from then; 0: none
  bool accepted;       // somebody heard so
  bool stray;          // an instance that lost its broker has told others that it runs it
  bool unsure;         // its caller gave it up before it was stored: its place in the order is open
  bool begun;          // in the store, its turn has come
  int64_t settled_at;  // in the store; 0: not
  int64_t lost_at;     // the store lost it, before it had settled; 0: not
  bool gone;           // the store lost it after that
  int64_t anew_at;     // after either, it was stored once more; 0: never
  mesh_outcome_t outcomes[MESH_OUTCOMES_MAX];
  unsigned outcomes_count;
  mesh_offer_t *offers;
  unsigned offers_count;
  mesh_place_t place;
} mesh_call_t;

// Somebody who waits for a call: the one who made it, or another who knows its id.
struct mesh_wait {
  mesh_call_t *call;
  mesh_node_t *node;
  unsigned life;
  mesh_job_t *job; // the call was made for it; NULL: by a caller
  troupe_placeholder_t *placeholder; // NULL: gone with its node, or with the task that it was made for
  bool awaits;                       // knows the id only
  bool refused;
  unsigned told;
  int64_t since;
  unsigned part_attempt, part_next;
};

// What the actor of a session remembers.
typedef struct {
  unsigned numbers[512];
  unsigned count;
} mesh_memory_t;

// -- The mesh --------------------------------------------------------------------------------------------------------

// Drawn from the seed.
typedef struct {
  unsigned brokers, callers, instances;
  unsigned calls;      // that callers make
  int64_t faults_us;   // how long things go wrong
  int64_t fault_every; // microseconds between them, about
  unsigned late;       // messages of 1000 that take long
  unsigned cancelled, awaited; // calls of 1000
  int64_t work_us;             // that a call takes at most
  unsigned credit, mailbox, attempts;
  bool rings;                  // actors consult each other
  bool gone;                   // a broker dies and stays away
  bool loses;                  // the store comes back empty, once
  unsigned scripts;            // in hubs, of callers
  unsigned ends;               // of the session that doesn't last
  int64_t hub_lease_ms;
  bool store_errors;
  bool publishes; // what is said in hubs reaches those who subscribe to it
  size_t page;    // messages that are heard at a time; 0: as many as the ledger gives
  int64_t retention_ms, spare_ms; // of closed hubs; 0: an hour, and a day
  unsigned live;  // a bit for each service: as an actor it hears without being called
} mesh_shape_t;

struct mesh {
  mesh_options_t options;
  mesh_clock_t clock;
  mesh_shape_t shape;
  ledger_model_t *model;
  mesh_memory_t memories[MESH_SESSIONS][MESH_SERVICES];
  troupe_buffer_t *mixed; // by a mutation
  model_hub_t *closed;    // likewise
  mesh_broker_t brokers[MESH_BROKERS_MAX];
  mesh_node_t nodes[MESH_NODES_MAX];
  mesh_connection_t *connections; // [0] is none
  unsigned connections_count, connections_capacity;
  mesh_call_t **calls;
  unsigned calls_count, numbers;
  table_t calls_by_id;
  mesh_wait_t **waits;
  unsigned waits_count;
  mesh_hub_t *hubs;
  mesh_fan_t *fans;
  struct mesh_play *plays;
  uint64_t ids;
  bool scriptless;    // the plan that is being made is for a session without hubs
  bool faults, gone; // gone: the last broker is, for good
  int64_t probed_at;  // MESH_NEVER: not yet
  int64_t calm_since; // microseconds; MESH_NEVER: not calm
  mesh_tally_t tally;
  char fault[512];
};

static inline int64_t
mesh_ms (const mesh_t *self)
{
  return self->clock.now / MS;
}

static inline unsigned
mesh_nodes (const mesh_t *self)
{
  return self->shape.callers + self->shape.instances;
}

void *mesh_need (void *memory);
bool mesh_flawed (const mesh_t *self, mesh_flaw_t flaw);
void mesh_trace (const mesh_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

// mesh_check.c
void mesh_found (mesh_t *self, mesh_check_t check, const char *format, ...) __attribute__ ((format (printf, 3, 4)));
const char *mesh_id_text (const troupe_id_t *id); // short, for messages; of the last eight calls
json_t *mesh_check_unpack (const troupe_buffer_t *buffer, size_t size); // NULL: it is no value
bool mesh_check_open (const ledger_model_call_t *call);
void mesh_check_performed (mesh_t *self, const ledger_request_t *request, const ledger_result_t *result);
void mesh_check_told (mesh_t *self, mesh_wait_t *wait);
void mesh_check_offer (mesh_t *self, unsigned connection, const troupe_header_t *header);
void mesh_check_broker (mesh_broker_t *broker);
void mesh_check_broker_counters (mesh_broker_t *broker);
void mesh_check_node (mesh_node_t *node);
void mesh_check_rest (mesh_t *self, int64_t due, const char *who); // a core that was just woken
bool mesh_check_quiet (const mesh_t *self); // all that was stored has settled, and everybody has been told
void mesh_check_settled (mesh_t *self);     // that it is so
void mesh_check_order (mesh_t *self);       // of what callers made
void mesh_check_end (mesh_t *self);         // that nothing is left

// mesh_line.c
void mesh_line_send (mesh_node_t *node, unsigned broker, const node_frame_t *frame);
void mesh_line_answer (mesh_broker_t *broker, broker_connection_t to, const troupe_header_t *header,
                       troupe_buffer_t *body);

// mesh_publish.c
void mesh_publish (mesh_broker_t *broker, const troupe_header_t *header, troupe_buffer_t *body);
void mesh_publish_subscribe (mesh_node_t *node, unsigned broker); // to what its core wishes
void mesh_publish_node_died (mesh_node_t *node);

// mesh_connection.c
void mesh_connection_dial (mesh_node_t *node, unsigned broker, unsigned generation);
void mesh_connection_close (mesh_node_t *node, unsigned broker, bool flush);
void mesh_connection_break (mesh_node_t *node, unsigned broker); // below its socket
void mesh_connection_broker_died (mesh_broker_t *broker);
void mesh_connection_node_died (mesh_node_t *node);

// mesh_broker.c
void mesh_broker_start (mesh_broker_t *self);
void mesh_broker_kill (mesh_broker_t *self);
void mesh_broker_step (mesh_broker_t *self, const broker_event_t *event);
// Of a frozen one: what is happening is put off; true.
bool mesh_broker_frozen (mesh_broker_t *self);

// mesh_store.c
void mesh_store_introduce (mesh_broker_t *self); // once, in the order of their indexes
void mesh_store_connect (mesh_broker_t *self);
void mesh_store_up (mesh_broker_t *self);
void mesh_store_break (mesh_broker_t *self);
void mesh_store_close (mesh_broker_t *self); // its process died
void mesh_store_submit (mesh_broker_t *self, const ledger_request_t *request);

// mesh_node.c
void mesh_node_start (mesh_node_t *self);
void mesh_node_kill (mesh_node_t *self);
void mesh_node_tally (const mesh_node_t *self); // what it counted in this life
void mesh_node_step (mesh_node_t *self, const node_event_t *event);
void mesh_node_turn (mesh_node_t *self); // as an edge's loop does: time, functions, sockets, frames
bool mesh_node_frozen (mesh_node_t *self);
void mesh_node_wake (mesh_node_t *self);

// mesh_call.c
mesh_call_t *mesh_call_find (const mesh_t *self, const troupe_id_t *id); // NULL: none
// The store has made it.
mesh_call_t *mesh_call_observe (mesh_t *self, const ledger_model_call_t *stored);
void mesh_call_make (mesh_node_t *node, bool probe);
// What is said in the call of a plan, or of an operation's step, beside them.
typedef struct {
  unsigned session;
  const char *op; // NULL: the plan's service
  const json_t *step, *input;
  troupe_id_t hubs[MESH_HUBS_AT_ONCE], fan;
  unsigned hubs_count;
  bool more, probe;
} mesh_said_t;
// Of a caller. NULL: the node refuses it.
mesh_wait_t *mesh_call_say (mesh_node_t *node, const mesh_said_t *said);
// Of a task, `said` is NULL when it has nothing to do with hubs. NULL: the node refuses it.
mesh_wait_t *mesh_call_nested (mesh_node_t *node, mesh_job_t *job, troupe_task_t *task, const json_t *plan,
                               const mesh_said_t *said);
void mesh_call_await (mesh_node_t *node, mesh_call_t *call);
void mesh_call_cancel (mesh_t *self);
void mesh_call_forget (mesh_wait_t *wait); // waits no more
void mesh_call_node_died (mesh_node_t *node);
void mesh_call_free_all (mesh_t *self);
unsigned mesh_service_of (troupe_text_t name); // MESH_SERVICES: none

// mesh_plan.c: of a call that a caller (depth 0) or a task makes; `sound`: it ends with a value
json_t *mesh_plan (mesh_t *self, unsigned service, unsigned depth, bool sound);
json_t *mesh_plan_put (json_t *map, const char *name, json_t *value); // takes the value; returns the map

// mesh_hub.c
void mesh_hub_performed (mesh_t *self, const ledger_request_t *request); // before anything else is checked
mesh_hub_t *mesh_hub_of (const mesh_t *self, const troupe_id_t *id);     // NULL: none
bool mesh_hub_runs (const mesh_t *self);                                 // a caller's is open
bool mesh_hub_rouses (const mesh_t *self);  // the store will ask somebody to; also one that doesn't do that
void mesh_hub_check_end (mesh_t *self);
void mesh_hub_free_all (mesh_t *self);

// mesh_hub_told.c
bool mesh_hub_has_readers (const mesh_hub_t *hub); // somebody has yet to hear what was said
bool mesh_hub_unheard (const mesh_t *self);        // somebody has yet to hear without being called
void mesh_hub_check_group (mesh_t *self, const mesh_call_t *call); // that was just accepted

// mesh_hub_hear.c
// Whether a member has to hear the entry by a call with that cut.
bool mesh_hub_concerns (const mesh_hub_t *hub, unsigned service, const mesh_entry_t *entry, uint64_t cut);
void mesh_hub_stand (mesh_t *self, mesh_call_t *call, const ledger_model_call_t *stored);
void mesh_hub_check_turn (mesh_t *self, const mesh_call_t *call);
void mesh_hub_check_heard (mesh_t *self, const mesh_call_t *call, const json_t *value);
// Of nested calls that stand in hubs of the same root: whether `a` stands before.
bool mesh_hub_before (const mesh_call_t *a, const mesh_call_t *b);

// mesh_hub_script.c: of a caller (MESH_SERVICES), or of an actor's task
json_t *mesh_hub_script (mesh_t *self, unsigned service, unsigned depth, bool sound);

// mesh_hub_play.c
void mesh_hub_play (mesh_t *self, mesh_node_t *node, bool sound);
void mesh_hub_play_free_all (mesh_t *self);
// The step of a script; `id` is that of the task's call, or another one of the script's own.
bool mesh_hub_is_op (const json_t *step);
json_t *mesh_hub_input (const json_t *step, const troupe_id_t hubs[MESH_HUBS_AT_ONCE]);
void mesh_hub_fill (mesh_said_t *said, const json_t *step, const troupe_id_t hubs[MESH_HUBS_AT_ONCE],
                    const troupe_id_t *id);

// mesh_hub_flaw.c: as those of mesh_flaw.c
void mesh_hub_flaw_request (const mesh_t *self, ledger_request_t *request);
void mesh_hub_flaw_before (mesh_t *self, const ledger_request_t *request);
void mesh_hub_flaw_performed (mesh_t *self, const ledger_request_t *request);
void mesh_hub_flaw_after (const mesh_t *self, ledger_result_t *result);

// mesh_work.c
void mesh_work_serve (void *context, troupe_task_t *task);
void mesh_work_told (mesh_wait_t *wait);
void mesh_work_check_stopped (mesh_t *self);
void mesh_work_drop (mesh_node_t *node); // its process died

// mesh_flaw.c: of a request before it is sent, around its being performed, what the model holds after it, its result, a
// notice (true: it is lost)
void mesh_flaw_request (const mesh_t *self, ledger_request_t *request);
void mesh_flaw_before (mesh_t *self, const ledger_request_t *request);
void mesh_flaw_performed (mesh_t *self, const ledger_request_t *request);
void mesh_flaw_after (mesh_t *self, unsigned broker, const ledger_request_t *request, ledger_result_t *result);
bool mesh_flaw_notice (const mesh_t *self, const ledger_notice_t *notice);

// mesh_loss.c: everything in the store is gone; or only that attempts have begun
void mesh_loss (mesh_t *self);
void mesh_loss_of_attempts (mesh_t *self);
// A call that was lost is in the store: it is another one now.
void mesh_loss_found (const mesh_t *self, mesh_call_t *record);
// A node sends this call.
void mesh_loss_check_call (mesh_t *self, const void *header, size_t size);
// Whether who waits may be told so.
bool mesh_loss_tells (const mesh_t *self, const mesh_wait_t *wait, const troupe_error_t *error);

// mesh_fault.c
void mesh_fault_begin (mesh_t *self);
void mesh_fault_stop (mesh_t *self);

#endif
