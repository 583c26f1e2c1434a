// SPDX-License-Identifier: Apache-2.0
//
// Brokers' leases, and what becomes of the calls of one whose lease has run out.
#include "ledger_rig.h"

// A session of slot 22.
#define SESSION "foo"
enum { SLOT = 22 };

static const rig_result_t *
renew (rig_t *rig, rig_broker_t *broker, int64_t lease_ms)
{
  ledger_request_t lease = {.op = LEDGER_LEASE, .lease_ms = lease_ms};
  return rig_do (rig, broker, &lease);
}

static int64_t
remaining (const rig_result_t *result, const char *name)
{
  for (size_t i = 0; i < result->brokers_count; i++)
    if (strcmp (result->brokers[i].name, name) == 0)
      return result->brokers[i].remaining_ms;
  cr_assert_fail ("%s isn't listed", name);
  return 0;
}

static ledger_request_t
take_over (const char *broker)
{
  return (ledger_request_t){.op = LEDGER_TAKEOVER, .slot = SLOT, .broker = broker};
}

Test (ledger_leases, everybody_sees_everybodys)
{
  rig_t *rig = rig_start (NULL);
  cr_expect_eq (renew (rig, &rig->a, 60000)->brokers_count, 1);
  cr_expect_eq (rig->a.last.lapsed_ms, 0, "a new one has not lapsed");
  const rig_result_t *result = renew (rig, &rig->b, 20);
  cr_expect_eq (result->outcome, LEDGER_OK);
  cr_expect_eq (result->brokers_count, 2);
  cr_expect (remaining (result, "a") > 50000 && remaining (result, "a") <= 60000);
  cr_expect_eq (remaining (result, "b"), 20);
  LOOP_UNTIL (rig->loop, remaining (renew (rig, &rig->a, 60000), "b") <= 0);
  cr_expect_eq (rig->a.last.lapsed_ms, 0);
  LOOP_UNTIL (rig->loop, remaining (renew (rig, &rig->a, 60000), "b") < -5);
  cr_expect_gt (renew (rig, &rig->b, 60000)->lapsed_ms, 5, "and who was away learns it");
  cr_expect_eq (renew (rig, &rig->b, 60000)->lapsed_ms, 0);
  rig_stop (rig);
}

Test (ledger_leases, one_whose_peers_lost_it_is_cut_short_if_it_is_silent)
{
  rig_t *rig = rig_start (NULL);
  renew (rig, &rig->b, 60000);
  ledger_request_t lease = {.op = LEDGER_LEASE, .lease_ms = 60000, .broker = "b", .silent_ms = 30000};
  cr_expect_gt (remaining (rig_do (rig, &rig->a, &lease), "b"), 50000, "it was heard of");
  lease.silent_ms = 10;
  LOOP_UNTIL (rig->loop, remaining (rig_do (rig, &rig->a, &lease), "b") <= 0);
  int64_t before = remaining (rig_do (rig, &rig->a, &lease), "b");
  cr_expect_leq (remaining (rig_do (rig, &rig->a, &lease), "b"), before, "once");
  lease.broker = "nobody";
  cr_expect_eq (rig_do (rig, &rig->a, &lease)->brokers_count, 2);
  lease.broker = "a";
  cr_expect_gt (remaining (rig_do (rig, &rig->a, &lease), "a"), 50000, "not itself");
  cr_expect_gt (renew (rig, &rig->b, 60000)->lapsed_ms, 0, "and learns it");
  rig_stop (rig);
}

Test (ledger_leases, the_calls_of_a_lost_broker_go_on_with_another_one)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t running = troupe_id_new (), waiting = troupe_id_new (), ours = troupe_id_new ();
  ledger_request_t accept = rig_accept (SESSION, running, "agent/alice");
  accept.trace = "trace";
  rig_do (rig, &rig->b, &accept);
  accept = rig_accept (SESSION, waiting, "agent/alice");
  rig_do (rig, &rig->b, &accept);
  accept = rig_accept (SESSION, ours, "model/m");
  rig_do (rig, &rig->a, &accept);
  ledger_request_t claim = rig_simple (LEDGER_CLAIM, SESSION, running, 1);
  claim.instance = "alice-1";
  rig_do (rig, &rig->b, &claim);
  ledger_destroy (&rig->b.ledger);

  ledger_request_t takeover = take_over ("b");
  const rig_result_t *result = rig_do (rig, &rig->a, &takeover);
  cr_assert_eq (result->outcome, LEDGER_OK);
  cr_assert_eq (result->calls_count, 2);
  cr_expect_not (result->more);
  bool turned = troupe_id_equal (&result->calls[0].call, &waiting);
  const rig_call_t *first = &result->calls[turned], *second = &result->calls[!turned];
  cr_expect (troupe_id_equal (&first->call, &running) && first->ready && first->attempt == 2);
  cr_expect_str_eq (first->owner, "alice-1");
  cr_expect_str_eq (first->trace, "trace");
  cr_expect_eq (first->body_size, 5);
  cr_expect (troupe_id_equal (&second->call, &waiting) && !second->ready && second->attempt == 0);
  cr_expect_eq (rig_do (rig, &rig->a, &takeover)->calls_count, 0, "there is nothing left");
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = SLOT};
  cr_expect_eq (rig_do (rig, &rig->a, &recover)->calls_count, 3, "where it is when the answer was lost");

  // The lost one comes back: the attempt that it offered is over.
  rig_open (rig, &rig->b, "b");
  cr_expect_eq (rig_do (rig, &rig->b, &recover)->calls_count, 0);
  ledger_request_t settle = rig_settle (SESSION, running, 1, "late");
  cr_expect_eq (rig_do (rig, &rig->b, &settle)->outcome, LEDGER_STALE);
  ledger_request_t await = rig_simple (LEDGER_AWAIT, SESSION, running, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_PENDING);
  settle = rig_settle (SESSION, running, 2, "value");
  cr_assert_eq (rig_do (rig, &rig->a, &settle)->calls_count, 1);
  cr_expect (troupe_id_equal (&rig->a.last.calls[0].call, &waiting));
  LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &running) == 1);
  rig_stop (rig);
}

Test (ledger_leases, very_many_calls_are_taken_in_batches_by_whoever_is_first)
{
  enum { CALLS = 350 };
  rig_t *rig = rig_start (NULL);
  rig_broker_t third;
  rig_open (rig, &third, "c");
  for (int i = 0; i < 2 * CALLS; i++) {
    ledger_request_t accept = rig_accept (SESSION, troupe_id_new (), "model/m");
    accept.deadline_ms = 60000 + i % 7; // many have the same
    ledger_submit (i % 2 ? rig->b.ledger : third.ledger, &accept);
  }
  LOOP_UNTIL (rig->loop, rig->b.results_count == CALLS && third.results_count == CALLS);
  ledger_request_t first = take_over ("b"), second = take_over ("c");
  size_t found = 0, rounds = 0;
  do {
    found += rig_do (rig, &rig->a, &first)->calls_count;
    rounds++;
  } while (rig->a.last.more);
  cr_expect_eq (found, CALLS);
  do {
    found += rig_do (rig, &rig->a, &second)->calls_count;
    rounds++;
  } while (rig->a.last.more);
  ledger_request_t by_another = take_over ("a");
  do
    cr_expect_eq (rig_do (rig, &rig->a, &first)->calls_count, 0);
  while (rig->a.last.more);
  cr_expect_eq (found, 2 * CALLS);
  cr_expect_leq (rounds, 2 * (2 * CALLS / 100 + 1));
  size_t moved = 0;
  do
    moved += rig_do (rig, &third, &by_another)->calls_count;
  while (third.last.more);
  cr_expect_eq (moved, 2 * CALLS);
  cr_expect_eq (rig_do (rig, &rig->a, &by_another)->outcome, LEDGER_FAILED, "nobody takes over from itself");
  ledger_destroy (&third.ledger);
  rig_stop (rig);
}

// It may only have stood still: its callers still wait there.
Test (ledger_leases, a_broker_whose_calls_were_taken_hears_how_they_end)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept (SESSION, troupe_id_new (), "model/m");
  rig_do (rig, &rig->b, &accept);
  ledger_request_t takeover = take_over ("b");
  cr_assert_eq (rig_do (rig, &rig->a, &takeover)->calls_count, 1);
  ledger_request_t settle = rig_settle (SESSION, accept.call, 2, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &accept.call) == 1);
  rig_stop (rig);
}
