// SPDX-License-Identifier: Apache-2.0
//
// Durations on the command line.
#include "cli/client.h"

#include <criterion/criterion.h>

static void
expect (const char *text, int64_t ms)
{
  int64_t got = 0;
  cr_assert_eq (client_parse_deadline (&got, text, NULL), TROUPE_OK, "%s", text);
  cr_assert_eq (got, ms, "%s", text);
}

Test (deadline, units)
{
  expect ("500ms", 500);
  expect ("30s", 30000);
  expect ("30", 30000);
  expect ("1.5s", 1500);
  expect ("2m", 120000);
  expect ("1h", 3600000);
  expect ("30d", INT64_C (2592000000));
}

Test (deadline, what_is_none)
{
  static const char *const wrong[] = {"", "s", "soon", "-1s", "0", "31d", "5 apples", "nan", "inf", "1e300d"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int64_t got = 0;
    troupe_error_t error = {0};
    cr_assert_eq (client_parse_deadline (&got, wrong[i], &error), TROUPE_BAD_ARGUMENT, "%s", wrong[i]);
    cr_assert_neq (error.next[0], '\0');
  }
}
