// SPDX-License-Identifier: Apache-2.0

#include "rig.h"

#include <string.h>

static void
registered (rig_t *rig, unsigned broker, const char *name, unsigned credit)
{
  troupe_header_t header;
  rig_expect (rig, broker, TROUPE_CMD_REGISTER);
  cr_assert (troupe_text_equal (rig->header.service, name));
  cr_assert (eq (ulong, rig->header.credit, credit));
  troupe_header_init (&header, TROUPE_CMD_REGISTERED);
  troupe_header_set_service (&header, troupe_text (name));
  rig_say (rig, broker, &header, NULL);
}

static void
expect_grant (rig_t *rig, unsigned broker, unsigned credit)
{
  rig_expect (rig, broker, TROUPE_CMD_GRANT);
  cr_assert (eq (ulong, rig->header.credit, credit));
}

static void
confirm (rig_t *rig, unsigned broker, const troupe_id_t *call, unsigned attempt)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CONFIRMED);
  troupe_header_set_call (&header, call);
  troupe_header_set_attempt (&header, attempt);
  rig_say (rig, broker, &header, NULL);
}

static void
cancel (rig_t *rig, unsigned broker, const troupe_id_t *call, unsigned attempt)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, call);
  troupe_header_set_attempt (&header, attempt);
  rig_say (rig, broker, &header, NULL);
}

// A rig with one broker and agent/alice, an actor, registered there.
static void
open_alice (rig_t *rig, probe_t *probe)
{
  rig_open (rig, 1);
  rig_serve (rig, probe, "agent/alice", true, 8);
  rig_welcome (rig, 0);
  registered (rig, 0, "agent/alice", 8);
}

Test (serving, registers_with_flags_and_again_after_a_loss)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_ACTOR));
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  registered (&rig, 0, "tool/echo", 1);
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "agent/alice", 8);
  registered (&rig, 0, "tool/echo", 1);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (serving, credit_is_shared_among_the_brokers_that_are_up)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "agent/alice", true, 3);
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "agent/alice", 3);
  registered (&rig, 0, "tool/echo", 1);
  rig_welcome (&rig, 1);
  registered (&rig, 1, "agent/alice", 1);
  registered (&rig, 1, "tool/echo", 0); // there is no more
  expect_grant (&rig, 0, 2);
  rig_disconnect (&rig, 0);
  expect_grant (&rig, 1, 3);
  expect_grant (&rig, 1, 1);
  cr_assert (rig_quiet (&rig, 1));
  rig_close (&rig);
}

Test (serving, a_task_from_offer_to_confirmation)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 1));
  troupe_task_t *task = probe.task;
  cr_assert_str_eq (json_string_value (troupe_task_input (task)), "input");
  cr_assert_str_eq (troupe_task_session (task), "session-1");
  cr_assert_str_eq (troupe_task_service (task), "agent/alice");
  cr_assert (eq (uint, troupe_task_attempt (task), 1));
  cr_assert (eq (long, troupe_task_deadline (task), rig.now + 60 * 1000));
  cr_assert (eq (sz, troupe_task_memory_size (task), 3));
  cr_assert (troupe_task_streams (task));

  for (unsigned i = 0; i < 2; i++) {
    cr_assert (eq (int, troupe_task_part (task, json_string ("part")), TROUPE_OK));
    rig_expect (&rig, 0, TROUPE_CMD_PART);
    cr_assert (eq (ulong, rig.header.sequence, i));
  }
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HEARTBEAT);
  cr_assert (eq (ulong, rig.header.load, 1));
  cr_assert (eq (int, troupe_task_remember (task, json_string ("one")), TROUPE_OK));
  cr_assert (eq (int, troupe_task_remember (task, json_string ("three")), TROUPE_OK));
  troupe_task_reply (&task, json_string ("value"));
  cr_assert_null (task);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_VALUE));
  cr_assert (eq (uint, rig.header.sizes_count, 2));
  cr_assert (eq (uint, rig.header.sizes[0], 4));
  cr_assert (eq (uint, rig.header.sizes[1], 6));
  cr_assert (eq (sz, troupe_buffer_size (rig.body), 6 + 4 + 6));
  cr_assert (eq (int, memcmp (troupe_buffer_data (rig.body), "\xa5value\xa3one\xa5three", 16), 0));
  confirm (&rig, 0, &id, 1);
  confirm (&rig, 0, &id, 1);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 1));
  rig_pass (&rig, 10, 1);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (serving, an_outcome_without_confirmation_goes_out_again_anywhere)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "agent/alice", true, 8);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "agent/alice", 8);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  rig_disconnect (&rig, 0);
  troupe_task_reply (&probe.task, json_null ()); // nobody is up
  rig_welcome (&rig, 1);
  registered (&rig, 1, "agent/alice", 8);
  rig_expect (&rig, 1, TROUPE_CMD_SETTLE);
  rig_pass (&rig, 20, 2);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "agent/alice", 4);
  rig_expect (&rig, 1, TROUPE_CMD_GRANT);
  rig_disconnect (&rig, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_expect (&rig, 0, TROUPE_CMD_GRANT);
  confirm (&rig, 0, &id, 1);
  rig_pass (&rig, 60 * 1000, 1);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_SETTLES_RESENT), 1));
  rig_close (&rig);
}

Test (serving, an_offer_of_what_runs_is_adopted)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "agent/alice", 7); // the task takes the rest
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  cr_assert (eq (ulong, rig.header.attempt, 1));
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  expect_grant (&rig, 0, 8);
  rig_offer (&rig, 0, "agent/alice", &id, 1); // late
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 1));
  cr_assert (eq (uint, troupe_task_attempt (probe.task), 2));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.attempt, 2));
  // Offered once more before the confirmation came: the outcome goes out again under that attempt.
  rig_offer (&rig, 0, "agent/alice", &id, 3);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 2, TROUPE_STALE); // of the earlier attempt
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.attempt, 3));
  confirm (&rig, 0, &id, 3);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 1));
  rig_close (&rig);
}

// A task of alice's whose connection was lost and is there again; the broker was asked for the call.
static troupe_id_t
lose_task (rig_t *rig, probe_t *probe)
{
  open_alice (rig, probe);
  troupe_id_t id = rig_id (rig);
  rig_offer (rig, 0, "agent/alice", &id, 1);
  rig_deliver (rig);
  troupe_task_on_cancel (probe->task, probe_cancelled, probe);
  rig_disconnect (rig, 0);
  rig_pass (rig, 20, 0);
  rig_welcome (rig, 0);
  registered (rig, 0, "agent/alice", 7);
  rig_expect (rig, 0, TROUPE_CMD_AWAIT);
  cr_assert (troupe_id_equal (&rig->header.call, &id));
  return id;
}

Test (serving, a_lost_task_whose_call_has_ended_is_cancelled)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = lose_task (&rig, &probe);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_null ());
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  expect_grant (&rig, 0, 8);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (serving, a_lost_task_whose_call_is_unknown_is_cancelled_and_else_asked_for_again)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = lose_task (&rig, &probe);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &id, 0, TROUPE_STORE_UNAVAILABLE);
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HEARTBEAT);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &id, 0, TROUPE_UNKNOWN_CALL);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

// What the broker says then it says to one that waits: the task is its own again.
Test (serving, a_lost_task_that_is_offered_again_goes_on)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = lose_task (&rig, &probe);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_CANCELLED, NULL);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 0), "the broker that offered it says cancel");
  cancel (&rig, 0, &id, 2);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

Test (serving, a_stale_outcome_is_dropped)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 1, TROUPE_STALE);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_SETTLES_DROPPED), 1));
  rig_offer (&rig, 0, "agent/alice", &id, 2); // a new run
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 2));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 2, TROUPE_STORE_UNAVAILABLE);
  rig_pass (&rig, 300, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_close (&rig);
}

Test (serving, a_refused_outcome_becomes_an_error)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_remember (probe.task, json_string ("one")), TROUPE_OK));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 1, TROUPE_TOO_LARGE);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  cr_assert (eq (uint, rig.header.sizes_count, 0));
  rig_refuse (&rig, 0, TROUPE_CMD_SETTLE, &id, 1, TROUPE_TOO_LARGE);
  rig_pass (&rig, 100, 1);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (serving, what_is_too_large_becomes_an_error_at_once)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  char *large = malloc (200 * 1000);
  memset (large, 'x', 200 * 1000);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_part (probe.task, json_stringn (large, 200 * 1000)), TROUPE_TOO_LARGE));
  troupe_task_reply (&probe.task, json_stringn (large, 200 * 1000));
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  json_t *json = NULL;
  cr_assert (eq (int, troupe_value_unpack (troupe_buffer_data (rig.body), troupe_buffer_size (rig.body), &json, NULL),
                 TROUPE_OK));
  cr_assert_str_eq (json_string_value (json_object_get (json, "code")), "too_large");
  json_decref (json);
  free (large);
  rig_close (&rig);
}

Test (serving, cancel_reaches_the_task_and_its_calls)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_deliver (&rig);
  troupe_task_on_cancel (probe.task, probe_cancelled, &probe);
  troupe_placeholder_t *placeholder = NULL, *other = NULL;
  troupe_call_t call = {.service = "model/gpt",
                        .parent = probe.task,
                        .settled = probe_settled,
                        .context = &child,
                        .deadline_ms = 3600 * 1000};
  cr_assert (eq (int, node_core_call (rig.core, &placeholder, &call, rig.now, NULL), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (uint, rig.header.path_count, 2)); // the root and the task's call
  cr_assert (troupe_id_equal (&rig.header.path[1], &id));
  cr_assert (eq (ulong, rig.header.deadline, 60 * 1000));
  cr_assert (troupe_text_equal (rig.header.session, "session-1"));

  cancel (&rig, 0, &id, 1); // late
  cr_assert (not(troupe_task_cancelled (probe.task)));
  cancel (&rig, 0, &id, 2);
  cr_assert (troupe_task_cancelled (probe.task));
  cr_assert (rig_quiet (&rig, 0)); // the store cancels the call: the next attempt's one would have the same id
  cr_assert (eq (uint, probe.cancelled + child.settled, 0));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  cr_assert (eq (uint, child.settled, 1));
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_CANCELLED));
  cr_assert (eq (int, node_core_call (rig.core, &other, &call, rig.now, NULL), TROUPE_CANCELLED));

  // The same call again, as another attempt, while the user still has the old one.
  troupe_task_t *old = probe.task;
  rig_offer (&rig, 0, "agent/alice", &id, 3);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 2));
  troupe_task_reply (&old, json_null ());
  cr_assert (rig_quiet (&rig, 0)); // dropped
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (serving, a_task_cancelled_before_it_is_served_is_never_seen)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  cancel (&rig, 0, &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.served, 0));
  rig_close (&rig);
}

Test (serving, on_cancel_that_is_set_late_is_called_too)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  rig_refuse (&rig, 0, TROUPE_CMD_PART, &id, 1, TROUPE_STALE); // superseded
  troupe_task_on_cancel (probe.task, probe_cancelled, &probe);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_fail (&probe.task, &(troupe_error_t){.code = TROUPE_CANCELLED});
  rig_close (&rig);
}

Test (serving, a_deadline_that_nobody_enforces_cancels)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  troupe_task_on_cancel (probe.task, probe_cancelled, &probe);
  rig_pass (&rig, 61 * 1000, 1);
  cr_assert (not(troupe_task_cancelled (probe.task)));
  rig_pass (&rig, 2 * 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}

Test (serving, recall)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 0, probe_recalled, &probe), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, troupe_task_recall (probe.task, 1, 2, probe_recalled, &probe), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  cr_assert (eq (ulong, rig.header.from, 1));
  cr_assert (eq (ulong, rig.header.count, 2));
  // The connection is lost before the answer; after the next offer it is asked again.
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "agent/alice", 7);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  expect_grant (&rig, 0, 8);
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  cr_assert (eq (ulong, rig.header.attempt, 2));
  troupe_header_init (&header, TROUPE_CMD_RECALLED);
  troupe_header_set_request (&header, rig.header.request);
  troupe_header_set_call (&header, &id);
  troupe_header_set_from (&header, 1);
  troupe_header_set_memory (&header, 3);
  rig_say (&rig, 0, &header, json_pack ("[s, s]", "b", "c"));
  rig_say (&rig, 0, &header, json_pack ("[s, s]", "b", "c"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 2));
  // Nobody answers: an error in the end, and one at once with the cancellation.
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  rig_pass (&rig, 31 * 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 2));
  cr_assert (eq (int, probe.code, TROUPE_UNAVAILABLE));
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  cancel (&rig, 0, &id, 2);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 3));
  cr_assert (eq (int, probe.code, TROUPE_CANCELLED));
  troupe_task_reply (&probe.task, json_null ());
  json_decref (probe.last);
  rig_close (&rig);
}

// The answer to what an attempt asked that is over says nothing of the one that goes on.
Test (serving, a_recall_refused_under_an_earlier_attempt)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  uint64_t request = rig.header.request;
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  for (int late = 1; late >= 0; late--) {
    troupe_header_init (&header, TROUPE_CMD_REFUSED);
    troupe_header_set_of (&header, TROUPE_CMD_RECALL);
    troupe_header_set_call (&header, &id);
    troupe_header_set_request (&header, late ? request : rig.header.request);
    rig_say (&rig, 0, &header, json_pack ("{s:s, s:s}", "code", "stale", "why", "another attempt"));
    cr_assert (eq (int, troupe_task_cancelled (probe.task), !late));
  }
  troupe_task_reply (&probe.task, json_null ());
  rig_deliver (&rig);
  json_decref (probe.last);
  rig_close (&rig);
}

static void
expect_behind_heartbeats (rig_t *rig, troupe_command_t command)
{
  do
    rig_read (rig, 0);
  while (rig->header.command == TROUPE_CMD_HEARTBEAT);
  cr_assert (eq (int, rig->header.command, command));
}

// A task whose call is accepted doesn't fail because Redis is away for a minute: it couldn't even tell.
Test (serving, a_recall_waits_for_the_store)
{
  enum { REFUSALS = 12 };
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  for (unsigned i = 0; i < REFUSALS; i++) {
    expect_behind_heartbeats (&rig, TROUPE_CMD_RECALL);
    troupe_header_init (&header, TROUPE_CMD_REFUSED);
    troupe_header_set_of (&header, TROUPE_CMD_RECALL);
    troupe_header_set_call (&header, &id);
    troupe_header_set_request (&header, rig.header.request);
    rig_say (&rig, 0, &header, json_pack ("{s:s, s:s}", "code", "store_unavailable", "why", "it is away"));
    rig_pass (&rig, 4500, 1);
    rig_deliver (&rig);
  }
  cr_assert (eq (uint, probe.recalled, 0));
  expect_behind_heartbeats (&rig, TROUPE_CMD_RECALL);
  troupe_header_init (&header, TROUPE_CMD_RECALLED);
  troupe_header_set_request (&header, rig.header.request);
  troupe_header_set_call (&header, &id);
  troupe_header_set_from (&header, 0);
  troupe_header_set_memory (&header, 1);
  rig_say (&rig, 0, &header, json_pack ("[s]", "a"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 1));
  troupe_task_reply (&probe.task, json_null ());
  json_decref (probe.last);
  rig_close (&rig);
}

// A caller that took one broker for lost sent the call to another one, too.
Test (serving, a_volatile_call_of_two_brokers_holds_the_credit_of_one)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "tool/echo", false, 4);
  for (unsigned broker = 0; broker < 2; broker++)
    rig_welcome (&rig, broker);
  troupe_id_t id = rig_id (&rig);
  const unsigned attempts[][2] = {{0, 1}, {1, 2}, {0, 1}}; // broker, attempt: the last one is of the first broker's again
  for (size_t i = 0; i < 3; i++) {
    troupe_header_t header;
    rig_skip (&rig, 0);
    rig_skip (&rig, 1);
    troupe_header_init (&header, TROUPE_CMD_OFFER);
    troupe_header_set_service (&header, troupe_text ("tool/echo"));
    troupe_header_set_call (&header, &id);
    troupe_header_set_session (&header, troupe_text ("s"));
    troupe_header_set_attempt (&header, attempts[i][1]);
    troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
    rig_say (&rig, attempts[i][0], &header, json_null ());
    rig_deliver (&rig);
    if (i == 0)
      continue;
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
    cr_assert (eq (ulong, rig.header.attempt, 1));
    cr_assert (eq (int, (int)rig.header.status, TROUPE_STATUS_ERROR));
  }
  cr_assert (eq (uint, probe.served, 1));
  rig_skip (&rig, 1);
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 1, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.attempt, 2));
  rig_close (&rig);
}

Test (serving, offers_beyond_reason_are_declined)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  rig_welcome (&rig, 0);
  registered (&rig, 0, "tool/echo", 1);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "tool/other", &id, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  for (int i = 0; i < 30; i++) {
    id = rig_id (&rig);
    rig_offer (&rig, 0, "tool/echo", &id, 1);
  }
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_OFFERS_DECLINED), 11));
  rig_close (&rig);
}

Test (serving, what_a_service_must_be)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  json_t *list = json_array ();
  const struct {
    troupe_service_t service;
    troupe_err_t err;
  } cases[] = {
    {{.name = "echo", .credit = 1, .serve = probe_serve}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 0, .serve = probe_serve}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 2000 * 1000, .serve = probe_serve}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 1}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/a", .credit = 1, .serve = probe_serve, .info = list}, TROUPE_BAD_ARGUMENT},
    {{.name = "tool/echo", .credit = 1, .serve = probe_serve}, TROUPE_CONFLICT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert (eq (int, node_core_serve (rig.core, &cases[i].service, NULL), cases[i].err));
  json_decref (list);
  rig_close (&rig);
}

Test (serving, tasks_may_outlive_the_node)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig), queued = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  rig_offer (&rig, 0, "agent/alice", &queued, 1);
  rig_close (&rig);
  cr_assert (troupe_task_cancelled (probe.task));
  cr_assert_str_eq (troupe_task_service (probe.task), "agent/alice");
  cr_assert (eq (int, troupe_task_part (probe.task, json_null ()), TROUPE_OK));
  troupe_task_reply (&probe.task, json_null ());
}

// -- Draining --------------------------------------------------------------------------------------------------------

Test (draining, waits_for_tasks_and_for_unregistered)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  node_core_drain (rig.core, probe_drained, &probe);
  rig_expect (&rig, 0, TROUPE_CMD_UNREGISTER);
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  troupe_header_init (&header, TROUPE_CMD_UNREGISTERED);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  rig_say (&rig, 0, &header, NULL);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 0));
  confirm (&rig, 0, &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 1));
  rig_expect (&rig, 0, TROUPE_CMD_BYE);
  rig_pass (&rig, 10 * 1000, 0);
  cr_assert (not(node_core_wish (rig.core, 0).open));
  rig_close (&rig);
}

Test (draining, with_no_broker_it_is_over_after_a_lease)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 1);
  rig_deliver (&rig);
  troupe_task_reply (&probe.task, json_null ());
  rig_disconnect (&rig, 0);
  node_core_drain (rig.core, probe_drained, &probe);
  rig_pass (&rig, RIG_LEASE - 1, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 0));
  rig_pass (&rig, 2, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 1));
  rig_close (&rig);
}

Test (draining, with_no_broker_and_nothing_to_confirm_it_is_over_at_once)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe);
  rig_disconnect (&rig, 0);
  node_core_drain (rig.core, probe_drained, &probe);
  rig_pass (&rig, 0, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.drained, 1));
  rig_close (&rig);
}

// -- Asking ----------------------------------------------------------------------------------------------------------

Test (asking, reports_of_all_brokers)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  cr_assert (eq (int, node_core_report (rig.core, 1000, probe_reported, &probe, rig.now), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_STATUS);
  troupe_header_init (&header, TROUPE_CMD_REPORT);
  troupe_header_set_request (&header, rig.header.request);
  rig_say (&rig, 0, &header, json_pack ("{s:i}", "open_calls", 3));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 0));
  rig_pass (&rig, 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.reported, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 2));
  const json_t *up = json_array_get (probe.last, 0), *down = json_array_get (probe.last, 1);
  cr_assert (eq (ptr, json_object_get (up, "up"), json_true ()));
  cr_assert_str_eq (json_string_value (json_object_get (up, "broker")), "broker-1");
  cr_assert (eq (long, json_integer_value (json_object_get (up, "open_calls")), 3));
  cr_assert (eq (ptr, json_object_get (down, "up"), json_false ()));
  cr_assert_str_eq (json_string_value (json_object_get (down, "endpoint")), "ipc://two");
  cr_assert (gt (sz, json_object_size (json_object_get (down, "error")), 0));
  json_decref (probe.last);
  cr_assert (eq (int, node_core_report (rig.core, 1000, probe_reported, &probe, rig.now), TROUPE_OK)); // dropped
  rig_close (&rig);
}

Test (asking, events)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_header_t header;
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  cr_assert_null (node_core_wish (rig.core, 0).publish);
  node_core_on_event (rig.core, probe_event, &probe);
  cr_assert_str_eq (node_core_wish (rig.core, 0).publish, "ipc://publish");
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  json_t *json = json_pack ("{s:s, s:s}", "event", "joined", "broker", "broker-1");
  cr_assert (eq (int, troupe_value_pack (json, &body, NULL), TROUPE_OK));
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  node_event_t event = {NODE_PUBLISHED, 0, bytes, size, body};
  for (int i = 0; i < 3; i++)
    node_core_step (rig.core, &event, rig.now);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.events, 3));
  cr_assert (json_equal (probe.last, json));
  node_core_step (rig.core, &event, rig.now);
  json_decref (json);
  json_decref (probe.last);
  troupe_buffer_unref (&body);
  rig_close (&rig);
}

// Often within a heartbeat: once with the next one, with what it says then; also to a broker that comes back.
Test (serving, describes_itself_anew_with_a_heartbeat)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_error_t error;
  open_alice (&rig, &probe);
  json_t *info = json_pack ("{s:i}", "mood", 1);
  cr_assert (eq (int, node_core_describe (rig.core, "agent/alice", info, &error), TROUPE_OK));
  json_object_set_new (info, "mood", json_integer (2));
  cr_assert (eq (int, node_core_describe (rig.core, "agent/alice", info, &error), TROUPE_OK));
  rig_skip (&rig, 0);
  rig_pass (&rig, RIG_HEARTBEAT, 1);
  unsigned told = 0;
  while (!rig_quiet (&rig, 0)) {
    json_t *said = NULL;
    rig_read (&rig, 0);
    if (rig.header.command != TROUPE_CMD_REGISTER)
      continue;
    told++;
    cr_assert (eq (int, troupe_value_unpack (troupe_buffer_data (rig.body), troupe_buffer_size (rig.body), &said, &error),
                   TROUPE_OK));
    cr_assert (json_equal (said, info));
    json_decref (said);
  }
  cr_assert (eq (uint, told, 1));
  cr_assert (eq (int, node_core_describe (rig.core, "agent/bob", info, &error), TROUPE_NOT_FOUND));
  cr_assert (eq (int, node_core_describe (rig.core, "agent/alice", json_null (), &error), TROUPE_BAD_ARGUMENT));
  json_decref (info);
  rig_close (&rig);
}
