// SPDX-License-Identifier: Apache-2.0

#include "model/breaker.h"

#include <criterion/criterion.h>

Test (breaker, opens_after_failures_in_a_row)
{
  breaker_t breaker = {0};
  int64_t wait;
  for (int i = 0; i < BREAKER_FAILURES - 1; i++)
    cr_assert_not (breaker_failure (&breaker, false, 0));
  cr_assert_not (breaker_success (&breaker));
  for (int i = 0; i < BREAKER_FAILURES - 1; i++)
    cr_assert_not (breaker_failure (&breaker, false, 0));
  cr_assert (breaker_allows (&breaker, 0, &wait));
  cr_assert (breaker_failure (&breaker, false, 1000));
  cr_assert_not (breaker_allows (&breaker, 1001, &wait));
  cr_assert_eq (wait, BREAKER_FIRST_MS - 1);
}

Test (breaker, lets_one_try_and_closes_when_it_succeeds)
{
  breaker_t breaker = {0};
  int64_t wait, now = 0;
  for (int i = 0; i < BREAKER_FAILURES; i++)
    breaker_failure (&breaker, false, now);
  now += BREAKER_FIRST_MS;
  cr_assert (breaker_allows (&breaker, now, &wait));
  cr_assert_not (breaker_allows (&breaker, now, &wait));
  cr_assert (wait > 0);
  cr_assert (breaker_failure (&breaker, true, now)); // open for twice as long
  cr_assert_not (breaker_allows (&breaker, now + 2 * BREAKER_FIRST_MS - 1, &wait));
  now += 2 * BREAKER_FIRST_MS;
  cr_assert (breaker_allows (&breaker, now, &wait));
  breaker_abandon (&breaker); // nobody waits for it any more: another may try
  cr_assert (breaker_allows (&breaker, now, &wait));
  cr_assert (breaker_success (&breaker));
  cr_assert (breaker_allows (&breaker, now, &wait));
  cr_assert (breaker_allows (&breaker, now, &wait));
}

Test (breaker, is_not_prolonged_by_old_attempts_nor_for_ever)
{
  breaker_t breaker = {0};
  int64_t wait, now = 0;
  for (int i = 0; i < BREAKER_FAILURES; i++)
    breaker_failure (&breaker, false, now);
  cr_assert_not (breaker_failure (&breaker, false, now + 4000));
  cr_assert (breaker_allows (&breaker, now + BREAKER_FIRST_MS, &wait));
  for (int i = 0; i < 10; i++) {
    breaker_failure (&breaker, true, now);
    now = breaker.until;
    cr_assert (breaker_allows (&breaker, now, &wait));
  }
  cr_assert_eq (breaker.pause, BREAKER_LONGEST_MS);
}
