// SPDX-License-Identifier: Apache-2.0
//
// Calls without an answer: they go out again, to whichever broker is up, in their order, and end in any case.

#include "rig.h"

#include <string.h>

enum { MANY = 20 };

Test (unanswered, failover_keeps_the_order_and_awaits_what_is_stored)
{
  rig_t rig;
  troupe_placeholder_t *calls[MANY];
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 1);
  for (int i = 0; i < MANY; i++)
    calls[i] = rig_call (&rig, NULL, "agent/alice", 0);
  for (int i = 0; i < MANY; i++)
    rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (rig_quiet (&rig, 1));
  for (int i = 0; i < MANY; i += 3)
    rig_accepted (&rig, 0, troupe_placeholder_id (calls[i]));

  rig_disconnect (&rig, 0);
  for (int i = 0; i < MANY; i++) {
    rig_expect (&rig, 1, i % 3 == 0 ? TROUPE_CMD_AWAIT : TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (calls[i])));
    cr_assert (eq (int, rig.body == NULL, i % 3 == 0));
  }
  // And back, the second one being lost, in the same order again, old and new.
  rig_pass (&rig, 20, 2);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *late = rig_call (&rig, NULL, "agent/alice", 0);
  rig_expect (&rig, 1, TROUPE_CMD_CALL); // it stays where unanswered calls are
  rig_disconnect (&rig, 1);
  for (int i = 0; i <= MANY; i++) {
    rig_read (&rig, 0);
    cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (i < MANY ? calls[i] : late)));
  }
  for (int i = 0; i < MANY; i++)
    troupe_placeholder_destroy (&calls[i]);
  troupe_placeholder_destroy (&late);
  rig_close (&rig);
}

Test (unanswered, back_to_the_preferred_broker_once_nothing_is_unanswered)
{
  rig_t rig;
  rig_open (&rig, 2);
  rig_expect (&rig, 0, TROUPE_CMD_HELLO);
  rig_welcome (&rig, 1);
  troupe_placeholder_t *first = rig_call (&rig, NULL, "agent/alice", 0);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  rig_pass (&rig, 3000, 2); // no answer: hello again
  rig_welcome (&rig, 0);
  rig_accepted (&rig, 1, troupe_placeholder_id (first));
  troupe_placeholder_t *second = rig_call (&rig, NULL, "agent/alice", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (second)));
  troupe_placeholder_destroy (&first);
  troupe_placeholder_destroy (&second);
  rig_close (&rig);
}

Test (unanswered, a_resent_call_is_not_refused_lightly)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0); // restarted: alice hasn't registered yet
  unsigned tries = 0;
  while (probe.settled == 0) {
    rig_skip (&rig, 0);
    rig_refuse (&rig, 0, TROUPE_CMD_CALL, troupe_placeholder_id (placeholder), 0, TROUPE_UNKNOWN_SERVICE);
    rig_pass (&rig, 250, 1);
    rig_deliver (&rig);
    tries++;
    cr_assert (lt (uint, tries, 100));
  }
  cr_assert (ge (uint, tries, 20));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_SETTLED));
  cr_assert (eq (int, troupe_placeholder_error (placeholder)->code, TROUPE_UNKNOWN_SERVICE));
  cr_assert_not_null (strstr (troupe_placeholder_error (placeholder)->why, "isn't known"));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (unanswered, a_broker_that_forgets_a_call_is_asked_again)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 0);
  rig_skip (&rig, 0);
  unsigned again = 0;
  for (int i = 0; i < 40; i++) {
    rig_pass (&rig, 500, 1);
    while (!rig_quiet (&rig, 0)) {
      rig_read (&rig, 0);
      again += rig.header.command == TROUPE_CMD_CALL;
    }
  }
  cr_assert (ge (uint, again, 2));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

// `wait` is also for a broker that has not reached its store yet.
Test (unanswered, one_that_waits_is_sent_again_until_its_deadline)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_error_t error = {0};
  troupe_placeholder_t *placeholder = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_call_t call = {
    .service = "tool/echo", .deadline_ms = 2000, .wait = true, .settled = probe_settled, .context = &probe};
  cr_assert (eq (int, node_core_call (rig.core, &placeholder, &call, rig.now, &error), TROUPE_OK));
  unsigned sends = 0;
  while (probe.settled == 0) {
    while (!rig_quiet (&rig, 0)) {
      rig_read (&rig, 0);
      if (rig.header.command != TROUPE_CMD_CALL)
        continue;
      sends++;
      rig_refuse (&rig, 0, TROUPE_CMD_CALL, troupe_placeholder_id (placeholder), 0, TROUPE_STORE_UNAVAILABLE);
    }
    rig_pass (&rig, 10, 1);
    rig_deliver (&rig);
  }
  cr_assert (eq (long, (long)(rig.now - RIG_START), 2000));
  cr_assert (gt (uint, sends, 4));
  cr_assert (lt (uint, sends, 10));
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_DEADLINE));
  cr_assert_not_null (strstr (troupe_placeholder_error (placeholder)->why, "can't reach Redis"));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (unanswered, one_that_waits_without_a_deadline_does_not_wait_for_ever)
{
  rig_t rig;
  troupe_error_t error = {0};
  troupe_placeholder_t *placeholder = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_call_t call = {.service = "tool/echo", .wait = true};
  cr_assert (eq (int, node_core_call (rig.core, &placeholder, &call, rig.now, &error), TROUPE_OK));
  while (troupe_placeholder_state (placeholder) != TROUPE_CALL_REFUSED) {
    while (!rig_quiet (&rig, 0)) {
      rig_read (&rig, 0);
      if (rig.header.command == TROUPE_CMD_CALL)
        rig_refuse (&rig, 0, TROUPE_CMD_CALL, troupe_placeholder_id (placeholder), 0, TROUPE_OVERLOADED);
    }
    rig_pass (&rig, 250, 1);
    cr_assert (lt (long, (long)(rig.now - RIG_START), 601 * 1000));
  }
  cr_assert (ge (long, (long)(rig.now - RIG_START), 600 * 1000));
  cr_assert (eq (int, troupe_placeholder_error (placeholder)->code, TROUPE_OVERLOADED));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (unanswered, with_no_broker_a_call_without_deadline_is_refused_after_10_s)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_pass (&rig, 5000, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 0);
  rig_pass (&rig, 9900, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 0));
  rig_pass (&rig, 200, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  const troupe_error_t *error = troupe_placeholder_error (placeholder);
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_REFUSED));
  cr_assert (eq (int, error->code, TROUPE_UNAVAILABLE));
  cr_assert (gt (uint, error->retry_after_ms, 0));
  cr_assert_not_null (strstr (error->why, "ipc://one, ipc://two"));
  cr_assert_not_null (strstr (error->why, "not sent"));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (unanswered, with_no_broker_the_deadline_counts)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 30 * 1000);
  rig_pass (&rig, 29 * 1000, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 0));
  rig_pass (&rig, 1001, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_DEADLINE));
  cr_assert_not_null (strstr (troupe_placeholder_error (placeholder)->why, "never sent"));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (unanswered, a_stored_call_whose_broker_is_gone_ends_after_deadline_and_grace)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 1000);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_accepted (&rig, 0, troupe_placeholder_id (placeholder));
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 3400, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 0));
  rig_pass (&rig, 200, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert_not_null (strstr (troupe_placeholder_error (placeholder)->why, "stored"));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}
