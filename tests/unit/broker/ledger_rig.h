// SPDX-License-Identifier: Apache-2.0
//
// A rig for the ledger's tests: a real Redis, one loop, and two brokers' ledgers, "a" and "b". What they hand over is
// copied and kept.
#ifndef UNIT_BROKER_LEDGER_RIG_H
#define UNIT_BROKER_LEDGER_RIG_H

#include "broker/ledger.h"
#include "fixture/redis.h"

enum { RIG_CALLS_MAX = 100, RIG_RESULTS_MAX = 2048, RIG_NOTICES_MAX = 1024 };

typedef struct {
  troupe_id_t call;
  char session[200], service[200], trace[130], owner[64];
  bool actor, ready;
  uint32_t attempt, flags, memory, path_count, inputs, news;
  ledger_stretch_t stretch;
  uint64_t epoch;
  troupe_id_t root; // the first of the path
  int64_t deadline_ms;
  size_t body_size; // SIZE_MAX: none
} rig_call_t;

typedef struct {
  ledger_op_t op;
  uint64_t token;
  ledger_outcome_t outcome;
  bool ready, more;
  uint32_t attempt, memory, news;
  uint64_t position;
  ledger_stretch_t stretch;
  size_t said_count;
  ledger_said_t said[LEDGER_SAID_MAX];
  int64_t deadline_ms;
  troupe_status_t status;
  char why[256], owner[64];
  uint64_t epoch;
  uint32_t inputs, input, sizes_count, sizes[LEDGER_INPUTS_MAX];
  int64_t lapsed_ms;
  size_t hubs_count;
  ledger_hub_t hubs[LEDGER_HUBS_MAX]; // without their sessions
  size_t brokers_count;
  struct {
    char name[64];
    int64_t remaining_ms;
  } brokers[LEDGER_BROKERS_MAX];
  char body[1024]; // its beginning
  size_t body_size;
  size_t calls_count;
  rig_call_t calls[RIG_CALLS_MAX];
} rig_result_t;

typedef struct {
  const char *name;
  ledger_t *ledger;
  bool up;
  int ups, downs, changes; // changes: of the store's history
  uint64_t generation;
  size_t results_count, notices_count; // of READY and SETTLED
  rig_result_t last;
  ledger_outcome_t outcomes[RIG_RESULTS_MAX];
  uint64_t tokens[RIG_RESULTS_MAX];
  ledger_notice_kind_t kinds[RIG_NOTICES_MAX];
  rig_call_t notices[RIG_NOTICES_MAX];
} rig_broker_t;

typedef struct {
  redis_server_t redis;
  troupe_loop_t *loop;
  rig_broker_t a, b;
} rig_t;

// A new rig whose brokers are up. `extra`: arguments for redis-server, or NULL. One at a time; it is static.
rig_t *rig_start (const char *const *extra);
void rig_stop (rig_t *self);
// Starts and waits for one broker of it; only starts it.
void rig_open (rig_t *self, rig_broker_t *broker, const char *name);
void rig_begin (rig_t *self, rig_broker_t *broker, const char *name);

// Makes a request and waits for its result.
const rig_result_t *rig_do (rig_t *self, rig_broker_t *broker, const ledger_request_t *request);

// Requests with what most tests want; returned by value, to be changed where a test wants something else.
ledger_request_t rig_accept (const char *session, troupe_id_t call, const char *service);
ledger_request_t rig_settle (const char *session, troupe_id_t call, uint32_t attempt, const char *value);
// A call that attempt `attempt` of `parent` makes.
ledger_request_t rig_nested (const char *session, troupe_id_t call, const char *service, const troupe_id_t *parent,
                             uint32_t attempt);
ledger_request_t rig_simple (ledger_op_t op, const char *session, troupe_id_t call, uint32_t attempt);
// Whether the text occurs in the result's body (the beginning of it).
bool rig_body_has (const rig_result_t *result, const char *text);
// How many notices of a kind came about a call.
int rig_notices (const rig_broker_t *broker, ledger_notice_kind_t kind, const troupe_id_t *call);
// A buffer that lives until the rig stops.
troupe_buffer_t *rig_buffer (const void *data, size_t size);

#endif
