// SPDX-License-Identifier: Apache-2.0
//
// A request on its way to the store, and its answer on the way back.
#ifndef SIM_MESH_MAIL_H
#define SIM_MESH_MAIL_H

#include "sim/mesh_state.h"

typedef struct mesh_copy mesh_copy_t;

// One request; what has to outlive the core's step, for the checks and for the answer.
struct mesh_mail {
  mesh_mail_t *next;
  mesh_broker_t *broker;
  unsigned life;
  ledger_request_t request;
  ledger_result_t result;
  mesh_copy_t *copies;
  troupe_buffer_t *body, *value;
  const ledger_call_t *calls; // of the result, as it was
  size_t calls_count;
  bool performed, gone; // gone: answered as lost, or its broker died
};

mesh_mail_t *mesh_mail_new (mesh_broker_t *broker, const ledger_request_t *request);
void mesh_mail_free (void *thing);
// The result becomes the mail's.
void mesh_mail_keep (mesh_mail_t *mail, const ledger_result_t *result);

#endif
