// SPDX-License-Identifier: Apache-2.0
//
// A broker's core on a stage: a test plays its peers, and lets time and the store go on as it likes. Messages pass
// encoded, as they would over a socket.
//
//   stage_t *stage = stage_new (model, "broker-1", NULL);
//   stage_hello (stage, 1, "alice-1");
//   stage_register (stage, 1, "agent/alice", 4, true);
//   stage_call (stage, 2, &id, "agent/alice", "s", 0);
//   stage_settle_store (stage);                     // the store answers everything
//   cr_expect (stage_take (stage, 2, TROUPE_CMD_ACCEPTED) != NULL);
#ifndef SIM_STAGE_H
#define SIM_STAGE_H

#include "broker/core.h"
#include "sim/ledger_model.h"

// A message that the core sent.
typedef struct stage_message {
  struct stage_message *next;
  broker_connection_t to; // 0: published
  size_t size;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_t header; // of `bytes`
  troupe_buffer_t *body;
  bool more; // published as one message with the next
} stage_message_t;

typedef struct {
  broker_core_t *core;
  ledger_model_t *model;
  ledger_link_t *link;
  int64_t now;
  stage_message_t *first, **last; // sent and not taken yet
  stage_message_t *taken;         // the last one taken, until the next is
  // Sees each message before it is queued; false: it is not queued. May be NULL.
  bool (*sent) (void *context, const stage_message_t *message);
  void *context;
} stage_t;

extern const broker_limits_t stage_limits; // the configuration's defaults

// A broker with a link to the model, not up yet. `limits` NULL: stage_limits.
stage_t *stage_new (ledger_model_t *model, const char *name, const broker_limits_t *limits, int64_t now);
// The same, whose peers come with identities (broker_event_t).
stage_t *stage_new_guarded (ledger_model_t *model, const char *name, const broker_limits_t *limits, int64_t now);
void stage_destroy (stage_t **self_p);

// Any event. (Allocations fail here, and only here, when sim/scarcity.h is asked for that.)
void stage_step (stage_t *self, const broker_event_t *event);
// A message from a peer.
void stage_receive (stage_t *self, broker_connection_t from, const troupe_header_t *header, troupe_buffer_t *body);
void stage_unsent (stage_t *self, broker_connection_t to, troupe_command_t command, bool full);
// The store is there, and has answered all that it is asked for that.
void stage_up (stage_t *self);
// The same, and the first second is over.
void stage_ready (stage_t *self);
// Lets the store answer until nothing is left.
void stage_settle_store (stage_t *self);
// Time passes, in steps of what the core wants; the store answers at once.
void stage_advance (stage_t *self, int64_t ms);

// The oldest message to `to` of that command, taken out; NULL: none. Valid until the next is taken.
const stage_message_t *stage_take (stage_t *self, broker_connection_t to, troupe_command_t command);
// Drops everything that was sent.
void stage_forget (stage_t *self);
// The code of the error in a message's body.
troupe_err_t stage_error (const stage_message_t *message);
// Its body is these bytes.
bool stage_body_is (const stage_message_t *message, const char *text);
troupe_buffer_t *stage_text (const char *text);

// What peers usually say.
void stage_hello (stage_t *self, broker_connection_t from, const char *peer);
void stage_register (stage_t *self, broker_connection_t from, const char *service, unsigned credit, bool actor);
void stage_call (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *service,
                 const char *session, unsigned flags, int64_t deadline);
void stage_await (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *session);
void stage_settle (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *session,
                   unsigned attempt, const char *value);
void stage_part (stage_t *self, broker_connection_t from, const troupe_id_t *id, unsigned attempt, unsigned sequence);
void stage_cancel (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *session);
void stage_say (stage_t *self, broker_connection_t from, troupe_command_t command); // heartbeat, bye

// An id for tests: the same number, the same id.
troupe_id_t stage_id (unsigned number);

#endif
