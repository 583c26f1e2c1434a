// SPDX-License-Identifier: Apache-2.0
//
// Redis's answers as ledger results.
#ifndef BROKER_LEDGER_ANSWER_H
#define BROKER_LEDGER_ANSWER_H

#include "broker/ledger.h"

struct redisReply;

enum { LEDGER_BATCH = 100 }; // BATCH of functions/: the most calls in an answer

// A result with what it holds; the rest points into the reply.
typedef struct {
  ledger_result_t result;
  ledger_call_t calls[LEDGER_BATCH];
  ledger_broker_t brokers[LEDGER_BROKERS_MAX];
  ledger_hub_t hubs[LEDGER_HUBS_MAX];
  ledger_said_t said[LEDGER_SAID_MAX];
  uint32_t sizes[LEDGER_INPUTS_MAX];
  const char *place; // recover, takeover: how far it has come
  bool inbox;        // sweep: this broker's inbox of that slot holds something
} ledger_answer_t;

// Whether the error means that this server is of no use now (it loads its data, has become a replica, has lost the
// Functions), so that the request is to be made again once the connection is up again.
bool ledger_answer_unusable (const struct redisReply *reply);
// Fills `self`, but for the result's token. bad_message (not an answer of our functions), no_memory. What was
// filled is to be cleared in any case.
troupe_err_t ledger_answer_read (ledger_answer_t *self, ledger_op_t op, const struct redisReply *reply);
void ledger_answer_clear (ledger_answer_t *self);

// A call as `describe` of functions/calls.lua has it; `body` is a new buffer, or NULL.
troupe_err_t ledger_answer_call (ledger_call_t *out, const struct redisReply *reply);

#endif
