// SPDX-License-Identifier: Apache-2.0
//
// A node: a process's part in a mesh. It connects to every broker that it is told, serves services, and makes calls.
//
// The two halves:
//
//   Serving.  troupe_node_serve registers a service; each call to it arrives as a *task*: `serve (context, task)`. The
//             function owns the task and ends it, then or later, by troupe_task_reply or troupe_task_fail. What an
//             actor should remember of it (troupe_task_remember) is stored with the reply in one step, or not at all.
//   Calling.  troupe_node_call sends a call and returns its *placeholder* at once: a reply that may not exist yet. Its
//             functions are called as parts stream in and when it settles.
//
// Nested calls. A call may be made for a task (`parent`): it is then in the task's session, and ends with it: what
// has not settled when the task ends, however, is cancelled. What should outlive the task is called without a parent.
// The outcomes of nested calls are a journal. When this instance dies or stalls, the next attempt at the task's call
// runs from the beginning, and where it makes the same call again (the same service with an equal input, for the n-th
// time) it gets what was recorded, a value or a permanent error, at once, and nothing runs a second time. An error of
// the retryable class is not replayed: that call is made anew. So a task should derive what it asks from its input,
// its memory and earlier answers only; a clock or a new id in an input makes it another call. The id of such a call
// is a UUIDv8 (RFC 9562 section 5.8) made from parent, service, input, inputs and n, the same in each attempt: a tool
// that must not do a thing twice uses troupe_task_call as its idempotency key. A nested call that would wait for its
// own parent, directly or through others, settles as the error `cycle`.
//
// Accepted means stored: once a placeholder's state is TROUPE_CALL_STORED it will settle, whatever process dies.
// Before that it is not sent, refused or maybe (sent, and no answer yet); the node sends a call that is not answered
// again, to whichever broker is up, under the same id, which changes nothing if it had arrived.
//
// Order. The calls that a node makes in a session, and those that it makes for one task, are stored in the order in
// which they were made, without waiting for each other's answers, and also when brokers or messages are lost: an actor
// that gets two of them handles them in that order. A call that was refused holds up nobody. One with `wait` whose
// service isn't there yet holds up those that are made after it in the same session (or for the same task): they stay
// NOT_SENT or MAYBE until it is stored or has ended. Volatile calls are never stored, and have no order.
//
// Thread rule: a node and all that belongs to it is used on its loop's thread only. Other threads reach it by
// troupe_loop_post. Functions of the user's are never called from inside a function that the user calls, always from
// the loop.
//
//   static void echo (void *context, troupe_task_t *task)
//   {
//     troupe_task_reply (&task, json_incref ((json_t *) troupe_task_input (task)));
//   }
//   ...
//   troupe_node_new (&node, loop, &(troupe_node_options_t){ .name = "echo", .brokers = brokers }, &error);
//   troupe_node_serve (node, &(troupe_service_t){ .name = "tool/echo", .credit = 16, .serve = echo }, &error);
//   troupe_loop_run (loop);
#ifndef TROUPE_NODE_H
#define TROUPE_NODE_H

#include "troupe/heard.h"
#include "troupe/keys.h"
#include "troupe/loop.h"
#include "troupe/metric.h"
#include "troupe/wire.h"

typedef struct troupe_node troupe_node_t;
typedef struct troupe_task troupe_task_t;
typedef struct troupe_placeholder troupe_placeholder_t;

// -- The node --------------------------------------------------------------------------------------------------------

typedef struct {
  const char *mesh;           // the mesh's name: brokers of another one are not used. NULL: any mesh
  const char *name;           // begins the instance's id, which is unique: "alice" -> "alice-018f3c…"
  const char *const *brokers; // ZeroMQ endpoints of the mesh's brokers, preferred first, NULL-terminated; 1 to 16
  // What is shown to them; borrowed for the node's life. NULL: no key; to ipc endpoints a token, as troupe/keys.h says.
  const troupe_credentials_t *credentials;
} troupe_node_options_t;

// Connects in the background: a broker that isn't there yet is tried until it is. bad_argument (an endpoint that
// ZeroMQ rejects), no_memory, io.
troupe_err_t troupe_node_new (troupe_node_t **out, troupe_loop_t *loop, const troupe_node_options_t *options,
                              troupe_error_t *error);
// Says bye and closes. Tasks that the user still holds stay valid to end, without effect; placeholders must have been
// destroyed. The brokers offer unfinished calls to other instances.
void troupe_node_destroy (troupe_node_t **self_p);

troupe_loop_t *troupe_node_loop (troupe_node_t *self);
const char *troupe_node_instance (const troupe_node_t *self);
// How many brokers are connected and have welcomed us.
unsigned troupe_node_brokers_up (const troupe_node_t *self);
// Why no broker is up, as far as is known (version_mismatch, wrong_mesh or permission when one turned us away, else
// unavailable);
// TROUPE_OK if one is.
troupe_err_t troupe_node_health (const troupe_node_t *self, troupe_error_t *error);
// OK: it can do its work now: some broker is up at which each of its services is registered, and none that answers has
// yet to register them, so that another instance may end. Else as of health, or
// unavailable: it drains, or a broker hasn't registered (or has refused) a service; the error says which.
troupe_err_t troupe_node_ready (const troupe_node_t *self, troupe_error_t *error);
// Adds what it has counted, and how full its queues are.
void troupe_node_write_metrics (const troupe_node_t *self, troupe_metrics_t *metrics);
// No broker is up, but one takes our connection and says nothing: it was stopped, or hangs.
bool troupe_node_broker_hangs (const troupe_node_t *self);

// -- Serving ---------------------------------------------------------------------------------------------------------

typedef void (troupe_serve_fn) (void *context, troupe_task_t *task);

// When an actor hears what is said in its hubs (troupe/hub.h).
typedef enum {
  TROUPE_OBSERVES_CALLED, // with its next call only
  TROUPE_OBSERVES_LATE,   // that, and by a task of its own (troupe_task_observes) when it is thousands of messages behind
  TROUPE_OBSERVES_LIVE    // by such a task soon after it was said
} troupe_observes_t;

typedef struct {
  const char *name;   // "agent/alice"
  bool actor;         // calls of one session come one at a time, in order, and there is a memory per session
  unsigned credit;    // how many tasks at once, over all brokers: 1 to 1,000,000; what is offered beyond waits
  const json_t *info; // a description for `troupe ps` and other agents: an object, or NULL; borrowed
  troupe_observes_t observes; // bad_argument if it is no actor
  troupe_serve_fn *serve;
  void *context;
} troupe_service_t;

// Registers a service with every broker, now and whenever one comes back. bad_argument (name, credit), conflict
// (served here already), no_memory. A broker that refuses it is logged.
troupe_err_t troupe_node_serve (troupe_node_t *self, const troupe_service_t *service, troupe_error_t *error);

// Describes a service anew: what `troupe ps` shows changes with the next heartbeat. bad_argument (info is no object),
// not_found (it isn't served here), no_memory.
troupe_err_t troupe_node_describe (troupe_node_t *self, const char *service, const json_t *info, troupe_error_t *error);

// Stops taking calls; tasks that run go on. `drained (context)` is called once all have ended and their outcomes are
// confirmed, or no broker has been up for a lease. For SIGTERM.
typedef void (troupe_drained_fn) (void *context);
void troupe_node_drain (troupe_node_t *self, troupe_drained_fn *drained, void *context);

const troupe_id_t *troupe_task_call (const troupe_task_t *self);
const troupe_id_t *troupe_task_root (const troupe_task_t *self); // the call it is nested in, all the way up; or its own
const char *troupe_task_service (const troupe_task_t *self);
const char *troupe_task_session (const troupe_task_t *self);
const json_t *troupe_task_input (const troupe_task_t *self); // borrowed; checked to be a value, nothing more
unsigned troupe_task_attempt (const troupe_task_t *self);    // from 1; may grow while it runs
int64_t troupe_task_deadline (const troupe_task_t *self);    // on the loop's clock, TROUPE_LOOP_NEVER: none
bool troupe_task_streams (const troupe_task_t *self);        // somebody reads parts; may become true while it runs

// Called once, from the loop, when the task should stop: cancelled, past its deadline, or superseded. The user still
// ends the task (the outcome is dropped). Calls made with it as `parent` have settled as cancelled.
typedef void (troupe_cancelled_fn) (void *context, troupe_task_t *task);
void troupe_task_on_cancel (troupe_task_t *self, troupe_cancelled_fn *cancelled, void *context);
bool troupe_task_cancelled (const troupe_task_t *self);

// Streams a piece of the reply to whoever reads along; dropped when nobody does. `part` is given up in any case. A
// reader gets all parts from the first on, or none: one that comes late, and everybody after this instance was given
// the call under a new attempt number, gets the earlier ones again, as long as they are less than 1 MiB. So stream
// the whole of the reply or nothing.
troupe_err_t troupe_task_part (troupe_task_t *self, json_t *part);

// How many entries the actor's memory held when this task was offered, and the entries from `from` on, at most `count`
// (1 to 65536): `recalled (context, task, entries, error)`, where `entries` is a list of the receiver's, or NULL with
// the error. Entries never change, so what was read once may be kept.
size_t troupe_task_memory_size (const troupe_task_t *self);
typedef void (troupe_recalled_fn) (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *error);
troupe_err_t troupe_task_recall (troupe_task_t *self, size_t from, size_t count, troupe_recalled_fn *recalled,
                                 void *context);
// Adds an entry to what the reply stores in the actor's memory, in order; at most TROUPE_SIZES_MAX a task. Given up in
// any case. bad_argument: not an actor's.
troupe_err_t troupe_task_remember (troupe_task_t *self, json_t *entry);

// Whether nothing is asked of the actor but to hear what was said: there is no input (it is null), and nobody reads its
// value. Only services that say so (troupe_service_t) get such tasks.
bool troupe_task_observes (const troupe_task_t *self);
// What the actor has to hear before it replies: what was said in its hubs (troupe/hub.h) before this call, and it has
// not heard yet. At most that many messages; 0: nothing.
size_t troupe_task_news (const troupe_task_t *self);
// Brings them all: `heard (context, task, messages, error)`, where `messages` is a list of the receiver's in the order
// in which they were said, or NULL with the error. When the task is then ended by a reply, the actor has heard them:
// that is stored with the reply and with what it remembers. Otherwise its next task brings them again.
typedef void (troupe_heard_fn) (void *context, troupe_task_t *task, json_t *messages, const troupe_error_t *error);
troupe_err_t troupe_task_hear (troupe_task_t *self, troupe_heard_fn *heard, void *context);
// The same, as they came: `heard (context, task, messages, error)`, where `messages` is the receiver's.
typedef void (troupe_heard_packed_fn) (void *context, troupe_task_t *task, troupe_heard_t *messages,
                                       const troupe_error_t *error);
troupe_err_t troupe_task_hear_packed (troupe_task_t *self, troupe_heard_packed_fn *heard, void *context);

// Ends the task with a value (given up), or an error. Remembered entries are stored with either: to store none with an
// error, add none. Calls made for it that have not settled are cancelled. When this task's call is nested, an error of
// the retryable class (troupe/error.def) is tried again by the next attempt of its parent; others are final.
void troupe_task_reply (troupe_task_t **self_p, json_t *value);
void troupe_task_fail (troupe_task_t **self_p, const troupe_error_t *error);

// -- Calling ---------------------------------------------------------------------------------------------------------

typedef enum {
  TROUPE_CALL_NOT_SENT, // no broker has it
  TROUPE_CALL_MAYBE,    // sent; no answer yet
  TROUPE_CALL_REFUSED,  // a broker said no: nothing happened
  TROUPE_CALL_STORED,   // it will settle; a volatile call stays MAYBE instead
  TROUPE_CALL_SETTLED
} troupe_call_state_t;

// From the loop: a streamed piece (borrowed). When `attempt` differs from the last one's, the reply starts over.
typedef void (troupe_part_fn) (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part);
// From the loop, once: the call settled or was refused, or its deadline passed with no broker to ask.
typedef void (troupe_settled_fn) (void *context, troupe_placeholder_t *placeholder);

typedef struct {
  const char *service;
  const json_t *input;   // borrowed
  const char *session;   // NULL: the parent's (no other one is possible with it), the inputs', or a new one
  troupe_task_t *parent; // NULL: none
  int64_t deadline_ms;   // from now; 0: the parent's, or the broker's default once its turn comes
  // For a service that isn't there yet: wait for it until the deadline instead of failing at once; also for the store,
  // and for room in a full queue. One broker keeps it meanwhile; every few seconds (5, at last 20) the others are asked
  // whether the service has found them.
  bool wait;
  // Calls of the same session whose values this one needs, at most TROUPE_INPUTS_MAX; borrowed. Where the map
  // {"$input": n} stands in `input`, at any depth, the service finds the value of inputs[n]. The call keeps its place
  // in an actor's mailbox and runs once all have settled; if one settles otherwise than by a value, so does this
  // call.
  troupe_placeholder_t *const *inputs;
  unsigned inputs_count;
  // Hubs (troupe/hub.h) of the session, opened for the same parent, in which the reply is said if the service is a
  // member; at most TROUPE_HUBS_MAX; borrowed.
  const troupe_id_t *hubs;
  unsigned hubs_count;
  // A group of calls that run in parallel and don't hear each other: each of its actors hears what stood in its hubs
  // before the first of the group was accepted. An id of the caller's (in a task: one that a repeated attempt makes
  // again); NULL: none; borrowed.
  const troupe_id_t *fan;
  // Others of the group are to be called yet: until the last one is there (or for 30 s), nobody who hears without being
  // called hears what the first ones say.
  bool more;
  // Nothing of it is stored: cheaper, and lost when this process or all brokers die. A volatile call never becomes
  // STORED; when its broker dies, or says nothing for 5 s, this node sends it again, so it may run twice, also when it
  // has just settled and only the answer was lost. For services without memory only (refused as bad_argument by an
  // actor's). Calls made for a volatile call's task are volatile too, and not journaled. Nobody else can await it.
  bool is_volatile;
  // It runs at most once, for what must not happen twice: when its instance is lost, or the broker that offered it to
  // one, it fails as service_died, and whoever made it has to find out whether it took effect. Otherwise it would run
  // again. Not for a volatile one (bad_argument).
  bool once;
  troupe_part_fn *part;       // NULL: no streaming
  troupe_settled_fn *settled; // NULL: poll by troupe_placeholder_state or wait
  void *context;
} troupe_call_t;

// *out is the caller's. bad_argument (service name, session, deadline, inputs of another session or volatile ones, a
// reference beyond them, hubs of a volatile call), what an input was refused for, too_large (also: more than 100,000
// different calls for one task), too_deep (also of nested calls), bad_message, overloaded (more than 100,000 calls of
// this node are open), cancelled (the parent is), no_memory. One whose input is refused later is refused, too, with
// that one's error.
// A call that ends while no broker is up says in its error how far it had got: never sent, sent without an answer, or
// stored. Without a deadline it is refused as unavailable after 10 s without a broker (or, if it had been sent, settles
// as that error; once stored, after 10 minutes). A nested call that a broker refuses because the task's attempt is over
// settles as `stale`, and the task is cancelled.
troupe_err_t troupe_node_call (troupe_node_t *self, troupe_placeholder_t **out, const troupe_call_t *call,
                               troupe_error_t *error);

typedef struct {
  const troupe_id_t *id;
  const char *session;        // the call's; NULL: the parent's
  troupe_task_t *parent;      // the task that waits; NULL: none
  troupe_part_fn *part;       // NULL: no streaming
  troupe_settled_fn *settled; // NULL: poll by troupe_placeholder_state or wait
  void *context;
} troupe_await_t;

// The placeholder of a call that somebody else made, or that this process made in an earlier life. It is refused as
// unknown_call when there is none (any more). With `parent`, it ends as cancelled when the task does (the awaited call
// goes on), and if that call, in the same session, waits for the task, itself or through others, it is refused as
// `cycle`. bad_argument (no session), overloaded, cancelled (the parent is), no_memory.
troupe_err_t troupe_node_await (troupe_node_t *self, troupe_placeholder_t **out, const troupe_await_t *await,
                                troupe_error_t *error);
// Forgets it; the call goes on. Settles nothing, calls nothing.
void troupe_placeholder_destroy (troupe_placeholder_t **self_p);

const troupe_id_t *troupe_placeholder_id (const troupe_placeholder_t *self);
const char *troupe_placeholder_session (const troupe_placeholder_t *self);
troupe_call_state_t troupe_placeholder_state (const troupe_placeholder_t *self);
troupe_status_t troupe_placeholder_status (const troupe_placeholder_t *self); // NONE until settled or refused
// The value, borrowed; NULL unless the status is VALUE.
const json_t *troupe_placeholder_value (const troupe_placeholder_t *self);
// The error; its code is TROUPE_OK unless it was refused or settled otherwise than by a value.
const troupe_error_t *troupe_placeholder_error (const troupe_placeholder_t *self);
// Asks for cancellation; it settles as cancelled, or as it did before. No effect once settled.
void troupe_placeholder_cancel (troupe_placeholder_t *self);
// Runs the loop until it settles or is refused. deadline: not within `timeout_ms` (-1: no bound); it goes on.
// cancelled: the loop was asked to stop meanwhile. unavailable: the node is gone. Don't use it from a function that
// the loop called (bad_argument).
troupe_err_t troupe_placeholder_wait (troupe_placeholder_t *self, int64_t timeout_ms);

// -- Looking ---------------------------------------------------------------------------------------------------------

// What each broker reports (see docs/reference/protocol.md, report). `reported (context, list)` once, from the loop:
// a list with one map per configured broker, {"broker", "endpoint", "up": bool, ...}, borrowed; brokers that don't
// answer within `timeout_ms` have up false and an "error".
typedef void (troupe_reported_fn) (void *context, const json_t *reports);
troupe_err_t troupe_node_report (troupe_node_t *self, int64_t timeout_ms, troupe_reported_fn *reported, void *context);

// Dead letters: calls that settled as service_died because as many instances died under them as limits.attempts says.
typedef enum {
  TROUPE_LETTERS_LIST,    // {"letters": [...], "position": there may be more from there on; absent: that was all}
  TROUPE_LETTERS_SHOW,    // {"letter": {...}, "input"}
  TROUPE_LETTERS_RESEND,  // makes the call `again` of it, and throws it away: {"call", "session"}
  TROUPE_LETTERS_DISCARD, // throws it away: {}
} troupe_letters_op_t;

typedef struct {
  troupe_letters_op_t op;
  uint64_t position;        // list; 0: from the beginning
  const char *session;      // the others: whose letter
  const troupe_id_t *call;  // likewise
  const troupe_id_t *again; // resend: the id of the new call (troupe_id_new); the same one, when it is asked again
} troupe_letters_t;

// Asks a broker that is up; `reported (context, list)` as above, with its answer alone, as docs/reference/protocol.md
// has it. unavailable: none is up. bad_argument, overloaded, no_memory.
troupe_err_t troupe_node_letters (troupe_node_t *self, const troupe_letters_t *ask, int64_t timeout_ms,
                                  troupe_reported_fn *reported, void *context);

// Sessions that have actors, hubs or calls that have not settled: {"sessions": [{"session", "open", "parts", "idle",
// "ending"}, ...], "position": there may be more from there on; absent: that was all}. Otherwise like
// troupe_node_letters.
troupe_err_t troupe_node_sessions (troupe_node_t *self, uint64_t position, int64_t timeout_ms,
                                   troupe_reported_fn *reported, void *context);
// Ends a session: its calls that have not settled are cancelled, its hubs are closed, and what its actors remember is
// forgotten. (Volatile calls in it are cancelled at the brokers that this node is connected to, which are all of the
// mesh but those that are down.) The answer, when that is done, is {"session", "ended": false when there was no such
// session}. Calls that are made in it from then on begin it anew. Otherwise like troupe_node_letters; asking again
// changes nothing.
troupe_err_t troupe_node_end_session (troupe_node_t *self, const char *session, int64_t timeout_ms,
                                      troupe_reported_fn *reported, void *context);
// What was asked with this context, by any of the above, isn't answered any more.
void troupe_node_stop_asking (troupe_node_t *self, const void *context);

// Calls `event (context, service, instance, event)` for each instance that joins, leaves or is lost, from each broker.
typedef void (troupe_event_fn) (void *context, const char *service, const char *instance, const json_t *event);
troupe_err_t troupe_node_on_event (troupe_node_t *self, troupe_event_fn *event, void *context, troupe_error_t *error);

#endif
