// SPDX-License-Identifier: Apache-2.0

#include "rig.h"

#include <string.h>

Test (calling, accepted_parts_settled)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 1000);
  cr_assert (gt (uint, rig.woken, 0));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_NOT_SENT));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_MAYBE));
  cr_assert (eq (ulong, rig.header.deadline, 1000));
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_STREAM));
  cr_assert (troupe_text_equal (rig.header.service, "agent/alice"));
  cr_assert (troupe_text_equal (rig.header.session, troupe_placeholder_session (placeholder)));
  cr_assert (eq (sz, strlen (troupe_placeholder_session (placeholder)), 36));

  troupe_id_t id = *troupe_placeholder_id (placeholder);
  rig_accepted (&rig, 0, &id);
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_STORED));
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_PART);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_sequence (&header, 0);
  rig_say (&rig, 0, &header, json_string ("a"));
  rig_say (&rig, 0, &header, json_string ("again")); // repeated
  troupe_header_set_attempt (&header, 2);
  rig_say (&rig, 0, &header, json_string ("b"));
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_string ("done"));
  cr_assert (eq (uint, probe.parts + probe.settled, 0)); // only from the loop
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.parts, 2));
  cr_assert (eq (uint, probe.attempt, 2));
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert_str_eq (json_string_value (troupe_placeholder_value (placeholder)), "done");
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_VALUE));
  cr_assert (eq (int, troupe_placeholder_error (placeholder)->code, TROUPE_OK));

  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_string ("twice"));
  rig_accepted (&rig, 0, &id);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 2));
  troupe_placeholder_destroy (&placeholder);
  json_decref (probe.last);
  rig_close (&rig);
}

Test (calling, refused)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alcie", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_refuse (&rig, 0, TROUPE_CMD_CALL, troupe_placeholder_id (placeholder), 0, TROUPE_UNKNOWN_SERVICE);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_REFUSED));
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_ERROR));
  cr_assert (eq (int, troupe_placeholder_error (placeholder)->code, TROUPE_UNKNOWN_SERVICE));
  cr_assert_null (troupe_placeholder_value (placeholder));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

enum { MANY = 20 };

Test (calling, failover_keeps_the_order_and_awaits_what_is_stored)
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

Test (calling, back_to_the_preferred_broker_once_nothing_is_unanswered)
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

Test (calling, a_resent_call_is_not_refused_lightly)
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

Test (calling, with_no_broker_a_call_without_deadline_is_refused_after_10_s)
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

Test (calling, with_no_broker_the_deadline_counts)
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

Test (calling, a_stored_call_whose_broker_is_gone_ends_after_deadline_and_grace)
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

Test (calling, a_broker_that_forgets_a_call_is_asked_again)
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

Test (calling, cancel_before_and_after_sending)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t *unsent = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_placeholder_cancel (unsent);
  cr_assert (eq (uint, probe.settled, 0));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (int, troupe_placeholder_status (unsent), TROUPE_STATUS_CANCELLED));

  rig_welcome (&rig, 0);
  cr_assert (rig_quiet (&rig, 0));
  troupe_placeholder_t *sent = rig_call (&rig, &probe, "agent/alice", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  troupe_placeholder_cancel (sent);
  troupe_placeholder_cancel (sent);
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  cr_assert (troupe_header_has (&rig.header, TROUPE_F (SESSION)));
  cr_assert (rig_quiet (&rig, 0));
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  rig_settled (&rig, 0, troupe_placeholder_id (sent), TROUPE_STATUS_CANCELLED, NULL);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_placeholder_status (sent), TROUPE_STATUS_CANCELLED));
  cr_assert (eq (uint, probe.settled, 2));
  troupe_placeholder_destroy (&unsent);
  troupe_placeholder_destroy (&sent);
  rig_close (&rig);
}

Test (calling, await)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_error_t error = {0};
  troupe_placeholder_t *first = NULL, *second = NULL, *gone = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_id_t id = rig_id (&rig), other = rig_id (&rig);
  troupe_await_t await = {.id = &id, .session = "s", .settled = probe_settled, .context = &probe};
  cr_assert (eq (int, node_core_await (rig.core, &first, &await, rig.now, &error), TROUPE_OK));
  cr_assert (eq (int, node_core_await (rig.core, &second, &await, rig.now, &error), TROUPE_OK));
  await.id = &other;
  cr_assert (eq (int, node_core_await (rig.core, &gone, &await, rig.now, &error), TROUPE_OK));
  for (int i = 0; i < 3; i++)
    rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &other, 0, TROUPE_UNKNOWN_CALL);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &id, 0, TROUPE_STORE_UNAVAILABLE);
  rig_pass (&rig, 300, 1);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_integer (7));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 3));
  cr_assert (eq (int, troupe_placeholder_state (gone), TROUPE_CALL_REFUSED));
  cr_assert (eq (long, json_integer_value (troupe_placeholder_value (second)), 7));
  troupe_placeholder_destroy (&first);
  troupe_placeholder_destroy (&second);
  troupe_placeholder_destroy (&gone);
  rig_close (&rig);
}

Test (calling, a_forgotten_call_is_sent_all_the_same)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_id_t id = *troupe_placeholder_id (placeholder);
  troupe_placeholder_destroy (&placeholder);
  cr_assert_null (placeholder);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_accepted (&rig, 0, &id);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_null ());
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 0));
  rig_close (&rig);
}

static void
destroy_own (void *context, troupe_placeholder_t *placeholder)
{
  troupe_placeholder_t **own = context;
  cr_assert (eq (ptr, *own, placeholder));
  troupe_placeholder_destroy (own);
}

Test (calling, a_function_may_destroy_its_placeholder)
{
  rig_t rig;
  json_t *input = json_null ();
  troupe_placeholder_t *placeholder = NULL;
  troupe_call_t call = {.service = "agent/alice", .input = input, .settled = destroy_own, .context = &placeholder};
  rig_open (&rig, 1);
  cr_assert (eq (int, node_core_call (rig.core, &placeholder, &call, rig.now, NULL), TROUPE_OK));
  troupe_placeholder_cancel (placeholder);
  rig_deliver (&rig);
  cr_assert_null (placeholder);
  rig_close (&rig);
}

Test (calling, what_is_checked_first)
{
  rig_t rig;
  char name[200], *large = malloc (200 * 1000);
  troupe_error_t error = {0};
  troupe_placeholder_t *placeholder = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  memset (name, 'x', sizeof name);
  name[sizeof name - 1] = '\0';
  memset (large, 'x', 200 * 1000);
  json_t *input = json_stringn (large, 200 * 1000);
  const struct {
    troupe_call_t call;
    troupe_err_t err;
  } cases[] = {
    {{.service = NULL}, TROUPE_BAD_ARGUMENT},
    {{.service = "alice"}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .session = ""}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .session = "a b"}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .session = name}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .deadline_ms = -1}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .input = input}, TROUPE_TOO_LARGE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert (eq (int, node_core_call (rig.core, &placeholder, &cases[i].call, rig.now, &error), cases[i].err));
  cr_assert_not_null (strstr (error.why, "200005"));
  cr_assert_not_null (strstr (error.why, "100000"));
  cr_assert_null (placeholder);
  json_decref (input);
  free (large);
  rig_close (&rig);
}

Test (calling, open_calls_are_bounded)
{
  rig_t rig;
  enum { MOST = 100 * 1000 };
  troupe_error_t error = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t **all = calloc (MOST, sizeof (troupe_placeholder_t *)), *one = NULL;
  troupe_call_t call = {.service = "agent/alice"};
  for (int i = 0; i < MOST; i++)
    all[i] = rig_call (&rig, NULL, "agent/alice", 0);
  cr_assert (eq (int, node_core_call (rig.core, &one, &call, rig.now, &error), TROUPE_OVERLOADED));
  cr_assert (gt (uint, error.retry_after_ms, 0));
  rig_welcome (&rig, 0);
  for (int i = 0; i < MOST; i++) {
    if (i % 1000 == 0)
      rig_pass (&rig, 0, 1);
    rig_expect (&rig, 0, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (all[i])));
  }
  for (int i = 0; i < MOST; i++)
    troupe_placeholder_destroy (&all[i]);
  free (all);
  rig_close (&rig);
}

Test (calling, placeholders_may_outlive_the_node)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *open = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_placeholder_t *settled = rig_call (&rig, &probe, "agent/alice", 0);
  rig_skip (&rig, 0);
  rig_settled (&rig, 0, troupe_placeholder_id (settled), TROUPE_STATUS_VALUE, json_null ());
  rig_close (&rig);
  troupe_placeholder_cancel (open);
  troupe_placeholder_destroy (&open);
  troupe_placeholder_destroy (&settled);
  cr_assert (eq (uint, probe.settled, 0));
}

// `wait` is also for a broker that has not reached its store yet.
Test (calling, one_that_waits_is_sent_again_until_its_deadline)
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

Test (calling, one_that_waits_without_a_deadline_does_not_wait_for_ever)
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
