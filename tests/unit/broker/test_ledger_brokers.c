// SPDX-License-Identifier: Apache-2.0
//
// Two brokers on one Redis: what each tells the other, also when the other is away.
#include "ledger_rig.h"

Test (ledger_brokers, the_next_call_goes_to_the_broker_that_offers_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t mine = troupe_id_new (), theirs = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", mine, "agent/alice");
  rig_do (rig, &rig->a, &accept);
  accept.call = theirs;
  accept.trace = "trace";
  accept.path = &mine;
  accept.path_count = 1;
  cr_expect_not (rig_do (rig, &rig->b, &accept)->ready);
  ledger_request_t settle = rig_settle ("s", mine, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->calls_count, 0);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == 1);
  const rig_call_t *call = &rig->b.notices[0];
  cr_expect_eq (rig->b.kinds[0], LEDGER_NOTICE_READY);
  cr_expect (troupe_id_equal (&call->call, &theirs));
  cr_expect_str_eq (call->session, "s");
  cr_expect_str_eq (call->service, "agent/alice");
  cr_expect_str_eq (call->trace, "trace");
  cr_expect (call->actor && call->ready && call->attempt == 1 && call->flags == 3 && call->path_count == 1);
  cr_expect (troupe_id_equal (&call->root, &mine));
  cr_expect (call->deadline_ms > 0);
  cr_expect_eq (rig->a.notices_count, 0);
  rig_stop (rig);
}

Test (ledger_brokers, a_caller_that_moved_hears_of_the_outcome)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_KNOWN);
  rig_do (rig, &rig->a, &settle);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == 1);
  cr_expect_eq (rig->b.kinds[0], LEDGER_NOTICE_SETTLED);
  rig_stop (rig);
}

Test (ledger_brokers, who_offers_it_hears_when_another_settles_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", id, 0);
  rig_do (rig, &rig->a, &accept);
  rig_do (rig, &rig->a, &await); // and so waits twice; one notice all the same
  rig_do (rig, &rig->b, &settle);
  LOOP_UNTIL (rig->loop, rig->a.notices_count == 1);
  cr_expect_eq (rig->a.kinds[0], LEDGER_NOTICE_SETTLED);
  rig_do (rig, &rig->a, &await);
  cr_expect_eq (rig->a.notices_count, 1);
  rig_stop (rig);
}

Test (ledger_brokers, a_retry_moves_the_call_and_its_first_broker_still_hears)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 2, "value");
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", id, 1);
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->b, &retry)->outcome, LEDGER_OK);
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = ledger_slot ("s")};
  cr_expect_eq (rig_do (rig, &rig->a, &recover)->calls_count, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &recover)->calls_count, 1);
  rig_do (rig, &rig->b, &settle);
  LOOP_UNTIL (rig->loop, rig->a.notices_count == 1);
  cr_expect_eq (rig->a.kinds[0], LEDGER_NOTICE_SETTLED);
  rig_stop (rig);
}

Test (ledger_brokers, notices_wait_for_a_broker_that_is_away)
{
  enum { CALLS = 250 }; // more than one batch
  rig_t *rig = rig_start (NULL);
  static troupe_id_t ids[CALLS];
  for (int i = 0; i < CALLS; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = rig_accept ("s", ids[i], "model/m"), await = rig_simple (LEDGER_AWAIT, "s", ids[i], 0);
    rig_do (rig, &rig->a, &accept);
    rig_do (rig, &rig->b, &await);
  }
  ledger_destroy (&rig->b.ledger);
  for (int i = 0; i < CALLS; i++) {
    ledger_request_t settle = rig_settle ("s", ids[i], 1, "value");
    rig_do (rig, &rig->a, &settle);
  }
  rig_open (rig, &rig->b, "b");
  LOOP_UNTIL (rig->loop, rig->b.notices_count == CALLS);
  for (int i = 0; i < CALLS; i++)
    cr_expect (troupe_id_equal (&rig->b.notices[i].call, &ids[i]), "%d", i);
  // And new ones after the inbox was emptied.
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  rig_do (rig, &rig->b, &accept);
  ledger_request_t settle = rig_settle ("s", accept.call, 1, "value");
  rig_do (rig, &rig->a, &settle);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == CALLS + 1);
  rig_stop (rig);
}

Test (ledger_brokers, a_sweep_finds_notices_whose_publication_was_lost)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("foo", id, "model/m");
  rig_do (rig, &rig->a, &accept);
  char text[TROUPE_ID_TEXT_SIZE], command[160];
  troupe_id_to_text (&id, text);
  snprintf (command, sizeof command, "XADD troupe:{22}:inbox:b * kind settled name foo|%s", text);
  redis_do (&rig->redis, command);
  ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = 22};
  rig_do (rig, &rig->b, &sweep);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == 1);
  rig_stop (rig);
}

// An inbox that nobody reads goes in the end; one that is read stays.
Test (ledger_brokers, the_inbox_of_a_broker_that_is_gone_goes_as_well)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new (), again = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
  char command[100];
  rig_do (rig, &rig->a, &accept);
  rig_do (rig, &rig->b, &accept);
  ledger_destroy (&rig->b.ledger);
  rig_do (rig, &rig->a, &settle);
  snprintf (command, sizeof command, "PTTL troupe:{%02u}:inbox:b", ledger_slot ("s"));
  long long left = redis_number (&rig->redis, command);
  cr_expect (left > 2 * 24 * 3600 * 1000LL && left <= 3 * 24 * 3600 * 1000LL, "%lld", left);

  rig_open (rig, &rig->b, "b");
  snprintf (command, sizeof command, "PEXPIRE troupe:{%02u}:inbox:b 100000", ledger_slot ("s"));
  redis_do (&rig->redis, command);
  accept.call = settle.call = again;
  rig_do (rig, &rig->a, &accept);
  rig_do (rig, &rig->b, &accept);
  size_t before = rig->b.notices_count;
  rig_do (rig, &rig->a, &settle);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == before + 1);
  snprintf (command, sizeof command, "PTTL troupe:{%02u}:inbox:b", ledger_slot ("s"));
  LOOP_UNTIL (rig->loop, redis_number (&rig->redis, command) > 100000);
  rig_stop (rig);
}
