// SPDX-License-Identifier: Apache-2.0

#include "model/retry.h"
#include "troupe/loop.h"

#include <criterion/criterion.h>
#include <limits.h>

enum { NOW = 1445412480 }; // Wed, 21 Oct 2015 07:28:00 GMT

Test (retry, reads_retry_after)
{
  cr_assert_eq (retry_after ("120", NOW), 120000);
  cr_assert_eq (retry_after ("1.5 ", NOW), 1500);
  cr_assert_eq (retry_after ("0", NOW), 0);
  cr_assert_eq (retry_after ("Wed, 21 Oct 2015 07:28:30 GMT", NOW), 30000);
  cr_assert_eq (retry_after ("Wednesday, 21-Oct-15 07:28:30 GMT", NOW), 30000);
  cr_assert_eq (retry_after ("Wed Oct 21 07:28:30 2015", NOW), 30000);
  cr_assert_eq (retry_after ("Wed, 21 Oct 2015 07:27:00 GMT", NOW), 0);
  cr_assert_eq (retry_after ("soon", NOW), 0);
  cr_assert_eq (retry_after ("", NOW), 0);
  cr_assert_eq (retry_after ("-5", NOW), 0);
  cr_assert_eq (retry_after ("nan", NOW), 0);
  cr_assert_eq (retry_after ("1e99", NOW), UINT_MAX);
  cr_assert_eq (retry_after_ms ("250"), 250);
  cr_assert_eq (retry_after_ms ("x"), 0);
}

Test (retry, is_due_before_the_deadline_only)
{
  cr_assert_eq (retry_due (100, 50, 151), 150);
  cr_assert_eq (retry_due (100, 50, 150), 0);
  cr_assert_eq (retry_due (100, RETRY_AFTER_MAX_MS, TROUPE_LOOP_NEVER), 100 + RETRY_AFTER_MAX_MS);
  cr_assert_eq (retry_due (100, RETRY_AFTER_MAX_MS + 1, TROUPE_LOOP_NEVER), 0);
}

Test (retry, pauses_grow_to_a_cap_and_keep_to_retry_after)
{
  static const int64_t most[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
  for (unsigned attempt = 1; attempt <= 8; attempt++) {
    cr_assert_eq (retry_pause (RETRY_BASE_MS, attempt, 0, 0), 0);
    cr_assert_eq (retry_pause (RETRY_BASE_MS, attempt, 0, (uint64_t)most[attempt - 1]), most[attempt - 1]);
    cr_assert_eq (retry_pause (RETRY_BASE_MS, attempt, 0, (uint64_t)most[attempt - 1] + 1), 0);
    cr_assert_eq (retry_pause (RETRY_BASE_MS, attempt, 2000, 0), 2000);
  }
  cr_assert_eq (retry_pause (RETRY_BASE_MS, UINT_MAX, UINT_MAX, 30000), (int64_t)UINT_MAX + 30000);
}
