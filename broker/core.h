// SPDX-License-Identifier: Apache-2.0
//
// The broker's core: everything that a broker decides, as a state machine without sockets, clock or Redis.
//
//   broker_core_step (core, event, now) -> actions
//
// An event is something that happened: a peer's message, a message that could not be sent, a result or a notice of the
// ledger, time that passed. Actions leave through the outlet while the step runs: messages to peers, publications,
// requests to the ledger, notes for the log. The same events at the same times give the same actions, so a simulator
// drives a core in virtual time.
//
// The outlet's functions must not call the core: what follows from an action (it could not be sent, the ledger's
// result) is a later event.
//
// A failed allocation is an answer to somebody (`overloaded`, `no_memory`), never more than that.
#ifndef BROKER_CORE_H
#define BROKER_CORE_H

#include "broker/ledger.h"
#include "broker/line.h"
#include "broker/table.h"

#include "troupe/keys.h"
#include "troupe/log.h"

typedef struct broker_core broker_core_t;

// A peer's connection: the edge's number for it, never 0, never used again for another one.
typedef uint64_t broker_connection_t;

// The topic of what instances come and go; hubs have their own (saying.h).
#define BROKER_TOPIC_MESH "mesh"

typedef enum {
  BROKER_FRAME,   // a message came: connection, header, body or frame
  BROKER_UNSENT,  // a message could not be sent: connection, command, full
  BROKER_RESULT,  // the ledger answers: result
  BROKER_NOTICE,  // the ledger has news: notice
  BROKER_TIME,    // what broker_core_due gave has come
  BROKER_REVOKED, // whoever came with a key may not any more, or has other rights: user
  BROKER_STOP,    // the broker ends: says bye to its peers
} broker_event_kind_t;

// Everything an event points to is borrowed for the step; of a body the core takes a
// reference (troupe_buffer_keep if it holds it for long).
typedef struct {
  broker_event_kind_t kind;
  broker_connection_t connection;
  const void *header; // the first frame's bytes
  size_t header_size;
  troupe_buffer_t *body;  // the second frame; NULL: none, or empty
  troupe_buffer_t *frame; // a message's only frame, which becomes the body if that is in it
  bool bodiless;         // there was no memory to take the body
  const troupe_identity_t *identity; // of a hello: whose connection it is, if `guarded`; NULL: nobody's
  broker_line_t line;                // of a hello: the connection's
  const char *user;                  // as troupe_identity_user says
  troupe_command_t command;
  bool full; // the peer's queue is full; else the peer is not there
  const ledger_result_t *result;
  const ledger_notice_t *notice;
} broker_event_t;

// What is to be logged; names and values as troupe_log takes them, NULL: no more.
typedef struct {
  troupe_log_level_t level;
  const char *event;
  const char *name1, *value1, *name2, *value2;
} broker_note_t;

// Where actions go. What they are given is borrowed until they return; of a body they take a reference.
typedef struct {
  void (*send) (void *context, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body);
  // `more`: the next action is to publish once more to this topic, and both leave as one message.
  void (*publish) (void *context, const char *topic, const troupe_header_t *header, troupe_buffer_t *body, bool more);
  void (*request) (void *context, const ledger_request_t *request);
  void (*note) (void *context, const broker_note_t *note);
  void *context;
} broker_outlet_t;

// As limits.* of the configuration; times in milliseconds, sizes in bytes.
typedef struct {
  size_t message, open_calls, open_bytes, unread, unread_total;
  unsigned mailbox, attempts, dead_letters;
  int64_t deadline, retention, dead_retention, heartbeat, lease;
  int64_t session_idle; // as sessions.idle; 0: no session ends by itself
} broker_limits_t;

typedef struct {
  const char *name;     // copied
  const char *mesh;     // the mesh's name; copied; NULL: peers of any are welcome
  const char *endpoint; // where the broker publishes, for WELCOME; copied; NULL: nowhere
  int64_t pid;          // for the report
  bool guarded;         // connections have identities, and nobody comes without
  broker_limits_t limits;
  table_key_t key; // the secret of its tables; a simulator's is fixed
  broker_outlet_t outlet;
} broker_core_options_t;

// Everything that a broker counts, from the table.
typedef enum {
#define BROKER_COUNTER(constant, name, unit, sentence) BROKER_COUNT_##constant,
#include "broker/counter.def"
#undef BROKER_COUNTER
  BROKER_COUNTERS
} broker_counter_t;

// Everything that is bounded, from the table.
typedef enum {
#define BROKER_QUEUE(constant, name, unit, sentence) BROKER_QUEUE_##constant,
#include "broker/queue.def"
#undef BROKER_QUEUE
  BROKER_QUEUES
} broker_queue_t;

// no_memory.
troupe_err_t broker_core_new (broker_core_t **out, const broker_core_options_t *options, int64_t now);
void broker_core_destroy (broker_core_t **self_p);

// `now` never goes back.
void broker_core_step (broker_core_t *self, const broker_event_t *event, int64_t now);
// When it wants BROKER_TIME at the latest.
int64_t broker_core_due (const broker_core_t *self);
// Whether no request to the ledger is without a result: nothing more will come of itself.
bool broker_core_idle (const broker_core_t *self);

uint64_t broker_core_counter (const broker_core_t *self, broker_counter_t counter);
// For what the edge sees and the core doesn't.
void broker_core_count (broker_core_t *self, broker_counter_t counter);
void broker_core_drop (broker_core_t *self, broker_queue_t queue);
// How many bytes wait for connections.
void broker_core_note_unread (broker_core_t *self, size_t most, size_t total);
// How many calls, and bytes of their inputs, it holds.
size_t broker_core_open_calls (const broker_core_t *self);
size_t broker_core_open_bytes (const broker_core_t *self);

#endif
