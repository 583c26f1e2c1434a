// SPDX-License-Identifier: Apache-2.0

#include "model/quota.h"

#include <criterion/criterion.h>
#include <string.h>

// Names and values, by turns.
static const char *
look_up (const void *context, const char *name)
{
  for (const char *const *pair = context; *pair; pair += 2)
    if (strcmp (pair[0], name) == 0)
      return pair[1];
  return NULL;
}

static quota_t
told (const char *const *headers)
{
  quota_t quota;
  quota_init (&quota);
  quota_read (&quota, look_up, headers, 1000, 1700000000);
  return quota;
}

#define REQUESTS(left, full, reset)                                                                                    \
  told ((const char *const[]){"x-ratelimit-remaining-requests", left, "x-ratelimit-limit-requests", full,              \
                              "x-ratelimit-reset-requests", reset, NULL})

Test (quota, knows_nothing_at_first)
{
  quota_t quota = told ((const char *const[]){NULL});
  cr_assert_eq (quota_wait (&quota, 1000000, 1000), 0);
  quota_spend (&quota, 1000000, 1000);
  cr_assert_eq (quota_wait (&quota, 1000000, 1000), 0);
}

// 60 a minute: when none is left there is room for one after a second, not after a minute.
Test (quota, waits_until_there_is_room_for_one)
{
  quota_t quota = REQUESTS ("0", "60", "1m0s");
  cr_assert_eq (quota_wait (&quota, 0, 1000), 1001);
  cr_assert_eq (quota_wait (&quota, 0, 1500), 501);
  cr_assert_eq (quota_wait (&quota, 0, 2001), 0);
  cr_assert_eq (quota_wait (&quota, 0, 61001), 0);
  quota = REQUESTS ("1", "60", "59s");
  cr_assert_eq (quota_wait (&quota, 0, 1000), 0);
}

// What was sent since the server told is counted: asks go one after the other then.
Test (quota, counts_what_goes_out)
{
  quota_t quota = REQUESTS ("2", "60", "58s");
  int64_t now = 1000;
  for (int i = 0; i < 60; i++) {
    now += quota_wait (&quota, 0, now);
    cr_assert_eq (quota_wait (&quota, 0, now), 0);
    quota_spend (&quota, 0, now);
  }
  cr_assert (now > 1000 + 56 * 1000 && now < 1000 + 60 * 1000, "%lld", (long long)now);
}

Test (quota, counts_tokens_too)
{
  quota_t quota = told ((const char *const[]){"x-ratelimit-remaining-tokens", "500", "x-ratelimit-limit-tokens", "1000",
                                              "x-ratelimit-reset-tokens", "500ms", NULL});
  cr_assert_eq (quota_wait (&quota, 500, 1000), 0);
  cr_assert_eq (quota_wait (&quota, 600, 1000), 101);
  cr_assert_eq (quota_wait (&quota, 9999999, 1000), 501); // more than there can be: when it is full
}

Test (quota, reads_every_way_to_say_when)
{
  static const struct {
    const char *text;
    int64_t ms;
  } cases[] = {{"1s", 1000},
               {"6m0s", 360000},
               {"20ms", 20},
               {"1.5s", 1500},
               {"12", 12000},
               {"1m2.5s", 62500},
               {"oops", 0},
               {"-1s", 0},
               {"", 0},
               {"1w", 0},
               {"2023-11-14T22:13:21Z", 1000},
               {"2023-11-14T22:13:19Z", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    quota_t quota = REQUESTS ("0", "10", cases[i].text);
    cr_assert_eq (quota.requests.reset_ms, cases[i].ms, "%s: %lld", cases[i].text, (long long)quota.requests.reset_ms);
  }
  quota_t quota =
    told ((const char *const[]){"anthropic-ratelimit-requests-remaining", "0", "anthropic-ratelimit-requests-limit",
                                "50", "anthropic-ratelimit-requests-reset", "2023-11-14T22:14:10Z", NULL});
  cr_assert_eq (quota_wait (&quota, 0, 1000), 1001); // 50 s for 50
}

Test (quota, isnt_waited_for_all_day)
{
  quota_t quota = REQUESTS ("0", "1", "23h");
  cr_assert_eq (quota_wait (&quota, 0, 1000), 0);
  quota = REQUESTS ("garbage", "1", "1s");
  cr_assert_eq (quota_wait (&quota, 0, 1000), 0);
}
