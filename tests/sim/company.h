// SPDX-License-Identifier: Apache-2.0
//
// A company: brokers' cores, the nodes that talk to them, the network between and the store behind, all in virtual time
// and driven by one seed. Everything goes wrong that can: connections break with what was under way, instances and
// brokers die, some for ever, or stand still, the store breaks off, messages are repeated. What must hold is checked as
// it runs.
//
//   company_t *company = company_new (seed, 2);
//   company_run (company, 3000);   // steps, with faults
//   company_end (company);         // no more faults: everything must settle
//   if (company_fault (company)[0] != '\0') ...
//   company_destroy (&company);
#ifndef SIM_COMPANY_H
#define SIM_COMPANY_H

#include <stdint.h>

typedef struct company company_t;

company_t *company_new (uint64_t seed, unsigned brokers); // 1 to 3
void company_destroy (company_t **self_p);
void company_run (company_t *self, unsigned steps);
void company_end (company_t *self);
// What was found not to hold first; "": nothing.
const char *company_fault (const company_t *self);
// How many calls settled, for a look at whether the run was of use.
unsigned company_settled (const company_t *self);

#endif
