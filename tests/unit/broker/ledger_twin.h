// SPDX-License-Identifier: Apache-2.0
//
// The ledger and its model (tests/sim), which get the same requests by two brokers, "a" and "b". Each must say the
// same, and tell the same brokers the same.
#ifndef UNIT_BROKER_LEDGER_TWIN_H
#define UNIT_BROKER_LEDGER_TWIN_H

#include "ledger_rig.h"
#include "sim/ledger_model.h"

enum { TWIN_NOTICES_MAX = 256 };

typedef struct {
  ledger_link_t *link;
  rig_broker_t *broker;
  ledger_notice_kind_t kinds[TWIN_NOTICES_MAX];
  rig_call_t notices[TWIN_NOTICES_MAX];
  size_t notices_count;
} twin_pair_t;

typedef struct {
  rig_t *rig;
  ledger_model_t *model;
  twin_pair_t pairs[2];
  uint64_t seed; // for messages, with the step
  unsigned slot;
  unsigned step;
  bool answered;
  rig_result_t modelled;
  size_t heard, cycles, roused; // so much was heard, so many rings were refused, so many observe calls were made
} twin_t;

// There is one; a request that the two do differently fails the test.
extern twin_t twin;

// `session`: of all requests.
void twin_open (uint64_t seed, const char *session);
void twin_close (void);
// The store's history changes, and both begin a generation.
void twin_change_history (void);
// Broker `by`, 0 or 1, asks both.
void twin_perform (unsigned by, const ledger_request_t *request);

// -- Members that hear without being called (ledger_twin_rouse.c) ----------------------------------------------------

// Time passes: who failed to hear has rested, and no group's calls are waited for any more.
void twin_pass_time (void);
// Around a request of the op LEDGER_ROUSE: the model makes observe calls for the members in the order in which the
// ledger did, and then they get the ids that it gave them.
void twin_rouse_before (const ledger_request_t *request, const rig_result_t *real);
void twin_rouse_after (const rig_result_t *real);
// Whoever failed to hear rests until twin_pass_time; and no hub is forgotten in which somebody has something to hear.
void twin_rouse_check (void);

#endif
