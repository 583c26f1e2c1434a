// SPDX-License-Identifier: Apache-2.0
//
// Every outcome of every request about one call, and each request made twice.
#include "ledger_rig.h"

Test (ledger_calls, accept_stores_a_call_that_is_ready_at_once)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  accept.token = 77;
  const rig_result_t *result = rig_do (rig, &rig->a, &accept);
  cr_expect_eq (result->outcome, LEDGER_OK);
  cr_expect_eq (result->token, 77);
  cr_expect (result->ready);
  cr_expect_eq (result->attempt, 1);
  cr_expect_eq (result->memory, 0);
  cr_expect_eq (result->deadline_ms, 600000);
  rig_stop (rig);
}

Test (ledger_calls, accept_again_is_known_and_changes_nothing)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  accept.deadline_ms = 5000;
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  const rig_result_t *result = rig_do (rig, &rig->a, &accept);
  cr_expect_eq (result->outcome, LEDGER_KNOWN);
  cr_expect (result->ready, "this broker offers it");
  cr_expect_eq (result->attempt, 1);
  cr_expect (result->deadline_ms > 0 && result->deadline_ms <= 5000);
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_KNOWN);
  cr_expect_not (rig->b.last.ready, "the other one offers it");
  rig_stop (rig);
}

Test (ledger_calls, accept_of_a_settled_call_gives_its_outcome)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  const rig_result_t *result = rig_do (rig, &rig->b, &accept);
  cr_expect_eq (result->outcome, LEDGER_SETTLED);
  cr_expect_eq (result->status, TROUPE_STATUS_VALUE);
  cr_expect_str_eq (result->body, "value");
  rig_stop (rig);
}

Test (ledger_calls, a_settler_speaks_for_its_own_services)
{
  rig_t *rig = rig_start (NULL);
  static const char *const others[] = {"agent/alice\n", "\n", "model/*x\n", "modelXm\n", "model/m2\nmodel\n", "m\n"};
  static const char *const own[] = {"model/m\n", "agent/alice\nmodel/*\n", "*/m\n", NULL};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    troupe_id_t id = troupe_id_new ();
    ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
    rig_do (rig, &rig->a, &accept);
    for (size_t j = 0; j < sizeof others / sizeof *others; j++) {
      settle.serves = others[j];
      cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_STALE, "%s", others[j]);
    }
    settle.serves = own[i];
    cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK, "%s", own[i]);
    settle.serves = others[0];
    cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_STALE, "nor is it told what was settled");
  }
  rig_stop (rig);
}

Test (ledger_calls, settle_is_won_once_and_its_repetition_is_confirmed)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_UNKNOWN);
  rig_do (rig, &rig->a, &accept);
  ledger_request_t stale = rig_settle ("s", id, 2, "of another attempt");
  cr_expect_eq (rig_do (rig, &rig->a, &stale)->outcome, LEDGER_STALE);
  cr_expect_eq (rig->a.last.attempt, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK, "its confirmation may have been lost");
  ledger_request_t other = rig_settle ("s", id, 1, "of the same attempt, another value");
  cr_expect_eq (rig_do (rig, &rig->a, &other)->outcome, LEDGER_SETTLED);
  cr_expect_str_eq (rig->a.last.body, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &stale)->outcome, LEDGER_SETTLED);
  cr_expect_str_eq (rig->a.last.body, "value");
  ledger_request_t cancel = rig_settle ("s", id, 0, "cancelled");
  cancel.status = TROUPE_STATUS_CANCELLED;
  cr_expect_eq (rig_do (rig, &rig->b, &cancel)->outcome, LEDGER_SETTLED);
  cr_expect_eq (rig->b.last.status, TROUPE_STATUS_VALUE);
  cr_expect_eq (rig->b.last.attempt, 1);
  rig_stop (rig);
}

Test (ledger_calls, a_cancelled_call_refuses_its_attempt_and_other_cancellations)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "value");
  ledger_request_t cancel = rig_settle ("s", id, 0, "cancelled"), deadline = rig_settle ("s", id, 0, "too late");
  cancel.status = TROUPE_STATUS_CANCELLED;
  deadline.status = TROUPE_STATUS_DEADLINE;
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->a, &cancel)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &cancel)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->b, &deadline)->outcome, LEDGER_SETTLED);
  cr_expect_eq (rig->b.last.status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_SETTLED);
  cr_expect_str_eq (rig->a.last.body, "cancelled");
  rig_stop (rig);
}

Test (ledger_calls, await_is_pending_until_settled)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 1, "");
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", id, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_UNKNOWN);
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_PENDING);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_PENDING);
  rig_do (rig, &rig->a, &settle);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == 1);
  cr_expect_eq (rig->b.kinds[0], LEDGER_NOTICE_SETTLED);
  cr_expect (troupe_id_equal (&rig->b.notices[0].call, &id));
  cr_expect_str_eq (rig->b.notices[0].session, "s");
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_SETTLED);
  cr_expect_eq (rig->b.last.body_size, 0, "an empty value");
  cr_expect_eq (rig->a.notices_count, 0, "who settles knows");
  rig_stop (rig);
}

Test (ledger_calls, retry_begins_one_more_attempt_and_only_one)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), settle = rig_settle ("s", id, 2, "value");
  ledger_request_t first = rig_simple (LEDGER_RETRY, "s", id, 1), second = rig_simple (LEDGER_RETRY, "s", id, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &first)->outcome, LEDGER_UNKNOWN);
  accept.deadline_ms = 5000;
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->a, &second)->outcome, LEDGER_STALE);
  cr_expect_eq (rig_do (rig, &rig->a, &first)->outcome, LEDGER_OK);
  cr_expect_eq (rig->a.last.attempt, 2);
  cr_expect (rig->a.last.deadline_ms > 0 && rig->a.last.deadline_ms <= 5000);
  cr_expect_eq (rig_do (rig, &rig->a, &first)->outcome, LEDGER_OK, "made again");
  cr_expect_eq (rig->a.last.attempt, 2);
  cr_expect_eq (rig_do (rig, &rig->b, &first)->outcome, LEDGER_STALE, "another broker's");
  ledger_request_t stale = rig_settle ("s", id, 1, "of the lost attempt");
  cr_expect_eq (rig_do (rig, &rig->a, &stale)->outcome, LEDGER_STALE);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &second)->outcome, LEDGER_SETTLED);
  cr_expect_str_eq (rig->a.last.body, "value");
  rig_stop (rig);
}

Test (ledger_calls, what_cannot_be_stored_fails_with_why)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  char session[600];
  memset (session, 'x', sizeof session - 1);
  session[sizeof session - 1] = '\0';
  ledger_request_t accept = rig_accept (session, id, "model/m");
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_FAILED);
  cr_expect_not_null (strstr (rig->a.last.why, "too long"), "%s", rig->a.last.why);

  accept.session = "s";
  rig_do (rig, &rig->a, &accept);
  ledger_request_t settle = rig_settle ("s", id, 1, "value");
  settle.sizes = (const uint32_t[]){3, 3};
  settle.sizes_count = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_FAILED);
  cr_expect_not_null (strstr (rig->a.last.why, "larger"), "%s", rig->a.last.why);
  settle.sizes_count = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_FAILED);
  cr_expect_not_null (strstr (rig->a.last.why, "no actor"), "%s", rig->a.last.why);
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", id, 0);
  cr_expect_eq (rig_do (rig, &rig->a, &await)->outcome, LEDGER_PENDING, "nothing was done");
  rig_stop (rig);
}

Test (ledger_calls, a_settled_call_keeps_no_input_and_expires)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("foo", id, "model/m"), settle = rig_settle ("foo", id, 1, "a value");
  settle.retention_ms = 30;
  rig_do (rig, &rig->a, &accept);
  char text[TROUPE_ID_TEXT_SIZE], command[160];
  troupe_id_to_text (&id, text);
  snprintf (command, sizeof command, "HSTRLEN troupe:{22}:call:foo|%s body", text);
  cr_expect_eq (redis_number (&rig->redis, command), 5);
  ledger_request_t keep = settle;
  keep.retention_ms = 100000;
  rig_do (rig, &rig->a, &keep);
  cr_expect_eq (redis_number (&rig->redis, command), 7, "the value in the input's place");
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{22}:open"), 0);

  troupe_id_t other = troupe_id_new ();
  accept.call = settle.call = other;
  rig_do (rig, &rig->a, &accept);
  rig_do (rig, &rig->a, &settle);
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "foo", other, 0);
  LOOP_UNTIL (rig->loop, rig_do (rig, &rig->a, &await)->outcome == LEDGER_UNKNOWN);
  rig_stop (rig);
}
