// SPDX-License-Identifier: Apache-2.0
//
// A mesh whose processes the test starts one by one, each with a health endpoint on a free port, and which nobody
// starts again.
#ifndef BLACKBOX_HEALTH_WARD_H
#define BLACKBOX_HEALTH_WARD_H

#include "blackbox/harness/stage.h"
#include "blackbox/health/page.h"

typedef struct {
  process_t *process;
  char url[PAGE_URL_SIZE];
} patient_t;

enum {
  WARD_READY_MS = 5000 // within which readiness follows what happened
};

// The configuration: broker b1, what `more` adds.
void ward_open (stage_t *stage, const char *more);
// troupe-broker, troupe-agent, troupe-model and --name.
void ward_start (patient_t *patient, const char *program, const char *name);
// SIGTERM; it must end well.
void ward_stop (patient_t *patient);
// Asks /readyz until it says `ready`, or not, and why; the test fails when that takes longer than WARD_READY_MS.
void ward_until (const patient_t *patient, bool ready, const char *why);

#endif
