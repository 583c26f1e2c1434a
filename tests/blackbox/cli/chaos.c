// SPDX-License-Identifier: Apache-2.0
//
// `troupe bench chaos`: that it finds what is wrong. Nothing is harmed here; instead, Redis is tampered with while the
// run goes on, and the checker must tell exactly that. (What it finds in a mesh that is harmed is for tests/chaos.)

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include "troupe/loop.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>

TestSuite (chaos, .init = place_enter, .fini = place_leave);

#define MEMORY "local key = redis.call ('KEYS', 'troupe:*:memory:chaos-1|agent/chaos')[1] "
#define HEARD "local key = redis.call ('KEYS', 'troupe:*:memory:chaos-hub-0|agent/chaos-hearer-2')[1] "
#define WITH_ENTRIES "if not key or redis.call ('LLEN', key) < 4 then return 'none' end "

static process_t *
start (void)
{
  return process_run ("troupe", "bench", "chaos", "--calls", "2000", "--messages", "100", "--seconds", "4",
                      "--no-faults", "--json", "--directory", ".");
}

// Runs a script in the run's Redis until that does something.
static void
tamper (const char *script)
{
  glob_t found = {0};
  bool done = false;
  int64_t until = troupe_loop_now () + DEADLINE_MS;
  while (!done) {
    cr_assert_lt (troupe_loop_now (), until, "there was nothing to tamper with");
    if (glob ("troupe-bench-*/chaos/redis.sock", 0, NULL, &found) != 0)
      continue;
    process_t *redis = process_run ("/usr/bin/env", "redis-cli", "-s", found.gl_pathv[0], "EVAL", script, "0");
    int status = process_wait (redis);
    done = status == 0 && strstr (process_output (redis), "done") != NULL;
    process_destroy (&redis);
    globfree (&found);
  }
}

static json_t *
report_of (process_t *process, int status)
{
  cr_expect_eq (process_wait (process), status, "%s", process_errors (process));
  json_t *report = json_loads (process_output (process), 0, NULL);
  cr_assert_not_null (report, "%s", process_output (process));
  return report;
}

static json_int_t
figure (const json_t *report, const char *name)
{
  return json_integer_value (json_object_get (report, name));
}

static void
expect_nothing_left (process_t **process_p)
{
  glob_t found = {0};
  process_destroy (process_p);
  place_await_empty ();
  cr_assert_eq (glob ("troupe-bench-*", 0, NULL, &found), GLOB_NOMATCH, "%s is left", found.gl_pathv[0]);
  globfree (&found);
}

// Tampers with a run. Its report must say `what` so many times, and none of the others; `others` ends with NULL.
static void
expect_found (const char *script, const char *what, json_int_t times, const char *const *others)
{
  process_t *process = start ();
  tamper (script);
  json_t *report = report_of (process, 1);
  cr_expect_eq (figure (report, what), times);
  for (; *others != NULL; others++)
    cr_expect_eq (figure (report, *others), 0, "%s", *others);
  json_decref (report);
  expect_nothing_left (&process);
}

#define NONE_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

Test (chaos, with_nothing_wrong_every_promise_holds)
{
  process_t *process = start ();
  json_t *report = report_of (process, 0);
  cr_expect_eq (figure (report, "made"), 2100);
  cr_expect_eq (figure (report, "accepted"), 2100);
  cr_expect_eq (figure (report, "settled"), 2100);
  cr_expect_eq (figure (report, "heard"), 300, "each message by three members of a hub");
  cr_expect_gt (figure (report, "payments"), 0);
  cr_expect_gt (figure (report, "cancelled"), 0);
  cr_expect_eq (figure (report, "reruns"), 0);
  cr_expect_eq (figure (report, "repeated"), 0);
  json_decref (report);
  expect_nothing_left (&process);
}

Test (chaos, finds_a_call_that_is_lost)
{
  expect_found (MEMORY WITH_ENTRIES "redis.call ('LPOP', key) return 'done'", "lost", 1,
                NONE_OF ("repeated", "invented", "twice"));
}

Test (chaos, finds_what_is_remembered_twice)
{
  expect_found (MEMORY WITH_ENTRIES "redis.call ('LPUSH', key, redis.call ('LINDEX', key, 0)) return 'done'",
                "repeated", 1, NONE_OF ("lost", "disordered"));
}

Test (chaos, finds_another_attempts_outcome)
{
  expect_found (MEMORY WITH_ENTRIES "local entry = cmsgpack.unpack (redis.call ('LINDEX', key, 0)) entry.v = 7 "
                                    "redis.call ('LSET', key, 0, cmsgpack.pack (entry)) return 'done'",
                "twice", 1, NONE_OF ("lost", "repeated"));
}

Test (chaos, finds_a_member_that_heard_in_another_order)
{
  expect_found (HEARD WITH_ENTRIES "local entry = redis.call ('LINDEX', key, 2) "
                                   "redis.call ('LSET', key, 2, redis.call ('LINDEX', key, 3)) "
                                   "redis.call ('LSET', key, 3, entry) return 'done'",
                "differing", 2, NONE_OF ("lost", "repeated"));
}

Test (chaos, leaves_nothing_when_it_is_interrupted)
{
  process_t *process = process_run ("troupe", "bench", "chaos", "--calls", "100000", "--directory", ".");
  process_expect_error (process, "kill|freeze");
  process_signal (process, SIGINT);
  process_expect_exit (process, 7);
  expect_nothing_left (&process);
}

Test (chaos, wrong_numbers_are_refused)
{
  static const char *const wrong[][2] = {{"--calls", "0"}, {"--seed", "x"}, {"--freeze", "0.1"}, {"--fsync", "never"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    process_t *process = process_run ("troupe", "bench", "chaos", wrong[i][0], wrong[i][1]);
    process_expect_exit (process, 2);
    process_destroy (&process);
  }
}
