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
  size_t heard, cycles; // so much was heard, so many rings were refused
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

#endif
