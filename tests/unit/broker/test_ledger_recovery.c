// SPDX-License-Identifier: Apache-2.0
//
// What a broker finds again after it was away, and deadlines that nobody else watches.
#include "ledger_rig.h"

// A session of slot 22.
#define SESSION "foo"
enum { SLOT = 22 };

Test (ledger_recovery, everything_of_an_open_call_comes_back)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t ids[3], path[2] = {troupe_id_new (), troupe_id_new ()};
  for (int i = 0; i < 3; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = rig_accept (SESSION, ids[i], "agent/alice");
    accept.path = path;
    accept.path_count = 2;
    accept.trace = i == 0 ? NULL : "trace";
    accept.deadline_ms = 60000;
    accept.body = rig_buffer ("inputs", (size_t)i + 1);
    rig_do (rig, &rig->a, &accept);
  }
  ledger_request_t settle = rig_settle (SESSION, ids[0], 1, "value");
  rig_do (rig, &rig->a, &settle);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, SESSION, ids[1], 1);
  rig_do (rig, &rig->a, &retry);
  ledger_destroy (&rig->a.ledger);
  rig_open (rig, &rig->a, "a");

  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = SLOT};
  const rig_result_t *result = rig_do (rig, &rig->a, &recover);
  cr_assert_eq (result->outcome, LEDGER_OK);
  cr_assert_eq (result->calls_count, 2);
  cr_expect_not (result->more);
  const rig_call_t *running = &result->calls[0], *waiting = &result->calls[1];
  cr_expect (troupe_id_equal (&running->call, &ids[1]) && running->ready && running->attempt == 2);
  cr_expect (troupe_id_equal (&waiting->call, &ids[2]) && !waiting->ready && waiting->attempt == 0);
  cr_expect_eq (running->body_size, 2);
  cr_expect_eq (waiting->body_size, 3);
  cr_expect_str_eq (waiting->trace, "trace");
  cr_expect_eq (waiting->path_count, 2);
  cr_expect (troupe_id_equal (&waiting->root, &path[0]));
  cr_expect (waiting->deadline_ms > 0 && waiting->deadline_ms <= 60000);
  cr_expect_eq (waiting->flags, 3);
  recover.slot = SLOT + 1;
  cr_expect_eq (rig_do (rig, &rig->a, &recover)->calls_count, 0);
  rig_stop (rig);
}

Test (ledger_recovery, many_calls_come_in_batches_in_the_order_of_acceptance)
{
  enum { CALLS = 250 };
  rig_t *rig = rig_start (NULL);
  static troupe_id_t ids[CALLS];
  for (int i = 0; i < CALLS; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = rig_accept (SESSION, ids[i], "model/m");
    ledger_submit (rig->a.ledger, &accept);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count == CALLS);
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = SLOT};
  for (int round = 0; round < 2; round++) { // and again from the beginning
    int found = 0, batches = 0;
    do {
      rig_do (rig, &rig->a, &recover);
      for (size_t i = 0; i < rig->a.last.calls_count; i++)
        cr_expect (troupe_id_equal (&rig->a.last.calls[i].call, &ids[found++]));
      batches++;
    } while (rig->a.last.more);
    cr_expect_eq (found, CALLS);
    cr_expect_eq (batches, 3);
  }
  rig_stop (rig);
}

Test (ledger_recovery, large_inputs_come_a_few_at_a_time)
{
  rig_t *rig = rig_start (NULL);
  size_t size = 3 * 1024 * 1024;
  char *large = calloc (1, size);
  for (int i = 0; i < 3; i++) {
    ledger_request_t accept = rig_accept (SESSION, troupe_id_new (), "model/m");
    accept.body = rig_buffer (large, size);
    rig_do (rig, &rig->a, &accept);
  }
  free (large);
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = SLOT};
  for (int i = 0; i < 3; i++) {
    rig_do (rig, &rig->a, &recover);
    cr_expect_eq (rig->a.last.calls_count, 1);
    cr_expect_eq (rig->a.last.calls[0].body_size, size);
    cr_expect_eq (rig->a.last.more, i < 2);
  }
  rig_stop (rig);
}

Test (ledger_recovery, a_sweep_finds_what_is_late_and_nothing_else)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t late = troupe_id_new (), later = troupe_id_new ();
  ledger_request_t accept = rig_accept (SESSION, later, "agent/alice");
  rig_do (rig, &rig->a, &accept);
  accept.call = late; // it waits in the mailbox, and its own deadline runs
  accept.deadline_ms = 20;
  rig_do (rig, &rig->a, &accept);
  ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = SLOT};
  LOOP_UNTIL (rig->loop, rig_do (rig, &rig->b, &sweep)->calls_count > 0);
  const rig_result_t *result = &rig->b.last;
  cr_assert_eq (result->calls_count, 1);
  cr_expect (troupe_id_equal (&result->calls[0].call, &late));
  cr_expect_str_eq (result->calls[0].session, SESSION);
  cr_expect_not (result->calls[0].ready);
  cr_expect_not (result->more);
  ledger_request_t settle = rig_settle (SESSION, late, 0, "too late");
  settle.status = TROUPE_STATUS_DEADLINE;
  cr_expect_eq (rig_do (rig, &rig->b, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->b, &sweep)->calls_count, 0);
  LOOP_UNTIL (rig->loop, rig->a.notices_count == 1);
  rig_stop (rig);
}

Test (ledger_recovery, a_sweep_of_very_many_goes_on)
{
  enum { CALLS = 150 };
  rig_t *rig = rig_start (NULL);
  for (int i = 0; i < CALLS; i++) {
    ledger_request_t accept = rig_accept (SESSION, troupe_id_new (), "model/m");
    accept.deadline_ms = 1;
    ledger_submit (rig->a.ledger, &accept);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count == CALLS);
  ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = SLOT};
  int settled = 0;
  LOOP_UNTIL (rig->loop, rig_do (rig, &rig->a, &sweep)->calls_count == RIG_CALLS_MAX);
  cr_expect (rig->a.last.more);
  while (rig->a.last.op == LEDGER_SWEEP && rig->a.last.calls_count > 0) {
    rig_result_t found = rig->a.last;
    for (size_t i = 0; i < found.calls_count; i++) {
      ledger_request_t settle = rig_settle (SESSION, found.calls[i].call, 0, "");
      settle.status = TROUPE_STATUS_DEADLINE;
      settled += rig_do (rig, &rig->a, &settle)->outcome == LEDGER_OK;
    }
    rig_do (rig, &rig->a, &sweep);
  }
  cr_expect_eq (settled, CALLS);
  rig_stop (rig);
}
