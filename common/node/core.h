// SPDX-License-Identifier: Apache-2.0
//
// The core of a node: everything that it decides, as a state machine without sockets, clock or randomness. Whoever
// drives it (edge.c in a process, a simulator in virtual time)
//
//   - tells it what happened (node_core_step) and that time has come (a NODE_TICK, at node_core_due at the latest),
//   - brings each connection's socket to what node_core_wish asks for, and sends its frames,
//   - lets it call the user's functions (node_core_deliver), at a moment when no function of the user's is running.
//
// The user's verbs (troupe_node_call, troupe_task_reply ...) come in between; they only change state and queue.
#ifndef NODE_CORE_H
#define NODE_CORE_H

#include "node/outbox.h"
#include "troupe/node.h"

typedef struct node_core node_core_t;

enum {
  NODE_BROKERS_MAX = 16 // see troupe_node_options_t
};

typedef struct {
  const char *name;
  const char *const *brokers;
  troupe_buffer_t *hello;                // hello's body; a reference is taken
  troupe_id_t (*new_id) (void *context); // ids of calls and sessions, strictly growing
  void (*wake) (void *context);          // a verb queued something; may be NULL
  void *context;                         // of both
  const char *mesh;                      // NULL: any; at most TROUPE_NAME_MAX bytes
} node_core_options_t;

typedef enum {
  NODE_TICK,         // nothing but time
  NODE_RECEIVED,     // header and body, or a frame with both, from the connection's socket
  NODE_PUBLISHED,    // header and body from the connection's subscription
  NODE_CONNECTED,    // the transport below the connection's socket is there
  NODE_DISCONNECTED, // it broke
  NODE_NOT_OPENED,   // the socket could not be made
  NODE_TURNED_AWAY   // the broker, or what is there, doesn't take our key or token: error
} node_event_kind_t;

typedef struct {
  node_event_kind_t kind;
  unsigned broker;    // which connection
  const void *header; // the first frame's bytes; borrowed
  size_t header_size;
  troupe_buffer_t *body; // the second frame; borrowed; NULL: none, or empty
  const troupe_error_t *error; // borrowed
  troupe_buffer_t *frame; // a message's only frame, which becomes the body if that is in it; borrowed
} node_event_t;

// bad_argument (name, brokers), no_memory.
troupe_err_t node_core_new (node_core_t **out, const node_core_options_t *options, int64_t now, troupe_error_t *error);
// Tasks that the user holds stay valid without effect, placeholders too.
void node_core_destroy (node_core_t **self_p);

void node_core_step (node_core_t *self, const node_event_t *event, int64_t now);
// When a tick is due at the latest; TROUPE_LOOP_NEVER: only after something else happened.
int64_t node_core_due (const node_core_t *self);
// Calls at most `most` of the user's functions that are due. True when more are.
bool node_core_deliver (node_core_t *self, int64_t now, unsigned most);

// How a connection's socket should be. When `generation` differs from that of the socket at hand, it is to be closed
// (unsent frames dropped), and a new one made if `open`.
typedef struct {
  bool open;
  unsigned generation;
  const char *endpoint;
  const char *publish; // where to subscribe; NULL: not (yet)
  bool events;         // to what instances come and go; and to hubs: node_core_topic
} node_wish_t;

unsigned node_core_brokers (const node_core_t *self);
node_wish_t node_core_wish (const node_core_t *self, unsigned broker);
// The first frame that waits for this connection, NULL: none; and that it has been sent.
const node_frame_t *node_core_frame (const node_core_t *self, unsigned broker);
// The one after `frame`, which is one of them.
const node_frame_t *node_core_frame_after (const node_core_t *self, unsigned broker, const node_frame_t *frame);
// Whether the broker takes several messages in a frame ("troupe/run.h").
bool node_core_takes_runs (const node_core_t *self, unsigned broker);
void node_core_frame_sent (node_core_t *self, unsigned broker);

// What is to be subscribed to, or not any more, at a broker's publisher.
typedef struct {
  troupe_id_t hub; // its topic is "hub/<id>"
  bool on;
} node_topic_t;

// The next change for the broker's subscription, which counts as made; false: there is none.
bool node_core_topic (node_core_t *self, unsigned broker, node_topic_t *out);
// The subscription was closed, or is a new one, to which nothing was said yet.
void node_core_topics_forget (node_core_t *self, unsigned broker);

// Says bye on every connection, after which nothing more is sent or opened.
void node_core_leave (node_core_t *self);

// The user's verbs, as in node.h.
const char *node_core_instance (const node_core_t *self);
unsigned node_core_brokers_up (const node_core_t *self);
troupe_err_t node_core_health (const node_core_t *self, troupe_error_t *error);
bool node_core_broker_hangs (const node_core_t *self);
troupe_err_t node_core_can_work (const node_core_t *self, troupe_error_t *error);
void node_core_write_metrics (const node_core_t *self, troupe_metrics_t *metrics);
troupe_err_t node_core_serve (node_core_t *self, const troupe_service_t *service, troupe_error_t *error);
troupe_err_t node_core_describe (node_core_t *self, const char *service, const json_t *info, troupe_error_t *error);
void node_core_drain (node_core_t *self, troupe_drained_fn *drained, void *context);
troupe_err_t node_core_call (node_core_t *self, troupe_placeholder_t **out, const troupe_call_t *call, int64_t now,
                             troupe_error_t *error);
troupe_err_t node_core_await (node_core_t *self, troupe_placeholder_t **out, const troupe_await_t *await, int64_t now,
                              troupe_error_t *error);
troupe_err_t node_core_report (node_core_t *self, int64_t timeout_ms, troupe_reported_fn *reported, void *context,
                               int64_t now);
troupe_err_t node_core_letters (node_core_t *self, const troupe_letters_t *ask, int64_t timeout_ms,
                                troupe_reported_fn *reported, void *context, int64_t now);
troupe_err_t node_core_sessions (node_core_t *self, uint64_t position, int64_t timeout_ms, troupe_reported_fn *reported,
                                 void *context, int64_t now);
void node_core_stop_asking (node_core_t *self, const void *context);
troupe_err_t node_core_end_session (node_core_t *self, const char *session, int64_t timeout_ms,
                                    troupe_reported_fn *reported, void *context, int64_t now);
void node_core_on_event (node_core_t *self, troupe_event_fn *event, void *context);
// The options' context of the core that a placeholder belongs to; NULL once that is gone.
void *node_core_context_of (const troupe_placeholder_t *placeholder);

typedef enum {
#define NODE_COUNTER(constant, name, unit, meaning) NODE_COUNT_##constant,
#include "node/counters.def"
#undef NODE_COUNTER
  NODE_COUNTERS
} node_counter_t;

uint64_t node_core_counter (const node_core_t *self, node_counter_t counter);
const char *node_counter_name (node_counter_t counter);

#endif
