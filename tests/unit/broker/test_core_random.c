// SPDX-License-Identifier: Apache-2.0
//
// Companies in which everything goes wrong, from a seed that a failure prints. TROUPE_SEED runs one seed again,
// TROUPE_RUNS more of them.

#include "sim/company.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 4000, RUNS = 100, SEED = 20260 };

static unsigned
run (uint64_t seed, unsigned brokers)
{
  company_t *company = company_new (seed, brokers);
  company_run (company, STEPS);
  company_end (company);
  char fault[256];
  snprintf (fault, sizeof fault, "%s", company_fault (company));
  unsigned settled = company_settled (company);
  company_destroy (&company);
  cr_assert_eq (fault[0], '\0', "TROUPE_SEED=%llu, %u brokers: %s", (unsigned long long)seed, brokers, fault);
  return settled;
}

static void
run_all (unsigned brokers)
{
  const char *seed = getenv ("TROUPE_SEED"), *runs = getenv ("TROUPE_RUNS");
  uint64_t first = seed != NULL ? strtoull (seed, NULL, 10) : SEED;
  unsigned count = seed != NULL ? 1 : runs != NULL ? (unsigned)atoi (runs) : RUNS, settled = 0;
  for (unsigned i = 0; i < count; i++)
    settled += run (first + i, brokers);
  cr_expect_gt (settled, count * 10, "%u calls settled in %u runs: hardly a test", settled, count);
}

Test (core_random, one_broker, .timeout = 600)
{
  run_all (1);
}

Test (core_random, three_brokers, .timeout = 600)
{
  run_all (3);
}

Test (core_random, two_brokers, .timeout = 600)
{
  run_all (2);
}
