// SPDX-License-Identifier: Apache-2.0
//
// Calls made for a task: their ids, under which attempt they go out, and how they end with it.

#include "rig.h"

#include <string.h>

static void
open_alice (rig_t *rig, probe_t *probe, unsigned brokers)
{
  rig_open (rig, brokers);
  for (unsigned i = 0; i < brokers; i++)
    rig_welcome (rig, i);
  rig_serve (rig, probe, "agent/alice", true, 8);
  for (unsigned i = 0; i < brokers; i++)
    rig_skip (rig, i);
}

static troupe_task_t *
task_of (rig_t *rig, probe_t *probe, const troupe_id_t *id, unsigned attempt)
{
  rig_offer (rig, 0, "agent/alice", id, attempt);
  rig_deliver (rig);
  cr_assert_not_null (probe->task);
  return probe->task;
}

static troupe_placeholder_t *
ask (rig_t *rig, probe_t *probe, troupe_task_t *task, const char *service, json_t *input, bool is_volatile)
{
  troupe_placeholder_t *placeholder = NULL;
  troupe_error_t error = {0};
  troupe_call_t call = {.service = service,
                        .input = input,
                        .parent = task,
                        .is_volatile = is_volatile,
                        .settled = probe == NULL ? NULL : probe_settled,
                        .context = probe};
  cr_assert (eq (int, node_core_call (rig->core, &placeholder, &call, rig->now, &error), TROUPE_OK));
  json_decref (input);
  return placeholder;
}

static void
refuse_stale (rig_t *rig, unsigned broker, const troupe_id_t *call, unsigned attempt)
{
  rig_refuse (rig, broker, TROUPE_CMD_CALL, call, attempt, TROUPE_STALE);
}

enum { CALLS = 5 };

// The calls of a run of the task `id`: twice the same one, an equal one built in another order, and two that differ.
static void
run (rig_t *rig, probe_t *probe, const troupe_id_t *id, unsigned attempt, troupe_id_t ids[CALLS])
{
  troupe_task_t *task = task_of (rig, probe, id, attempt);
  troupe_placeholder_t *calls[CALLS] = {
    ask (rig, NULL, task, "model/gpt", json_pack ("{s:i, s:s}", "a", 1, "b", "x"), false),
    ask (rig, NULL, task, "model/gpt", json_pack ("{s:i, s:s}", "a", 1, "b", "x"), false),
    ask (rig, NULL, task, "model/gpt", json_pack ("{s:s, s:i}", "b", "x", "a", 1), false),
    ask (rig, NULL, task, "tool/gpt", json_pack ("{s:i, s:s}", "a", 1, "b", "x"), false),
    ask (rig, NULL, task, "model/gpt", json_pack ("{s:i, s:s}", "a", 2, "b", "x"), false),
  };
  for (unsigned i = 0; i < CALLS; i++) {
    ids[i] = *troupe_placeholder_id (calls[i]);
    rig_expect (rig, 0, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&rig->header.call, &ids[i]));
    cr_assert (eq (ulong, rig->header.parent, attempt));
    cr_assert (troupe_id_equal (&rig->header.path[rig->header.path_count - 1], id));
    troupe_placeholder_destroy (&calls[i]);
  }
  troupe_task_reply (&task, json_null ());
  rig_expect (rig, 0, TROUPE_CMD_SETTLE);
}

Test (nesting, the_next_attempt_makes_the_same_calls)
{
  rig_t one, two;
  probe_t probe = {0};
  troupe_id_t task = {{1, 2, 3}}, other = {{4}}, first[CALLS], second[CALLS], third[CALLS];
  open_alice (&one, &probe, 1);
  open_alice (&two, &probe, 1);
  two.ids = 1000;
  run (&one, &probe, &task, 1, first);
  run (&two, &probe, &task, 2, second); // in another process
  run (&two, &probe, &other, 1, third);
  for (unsigned i = 0; i < CALLS; i++) {
    cr_assert (troupe_id_equal (&first[i], &second[i]));
    cr_assert (not(troupe_id_equal (&first[i], &third[i])));
    cr_assert (eq (int, first[i].bytes[6] >> 4, 8)); // version, variant
    cr_assert (eq (int, first[i].bytes[8] >> 6, 2));
    for (unsigned j = 0; j < i; j++)
      cr_assert (not(troupe_id_equal (&first[i], &first[j])));
  }
  rig_close (&one);
  rig_close (&two);
}

// So that an instance of another version, or in another language, goes on where this one was: SHA-256 over 16 zero
// bytes and a one, "tool/echo", NUL, A0 (an empty text) and "0".
Test (nesting, an_id_as_the_bytes_say)
{
  rig_t rig;
  probe_t probe = {0};
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = {{0}};
  id.bytes[15] = 1;
  open_alice (&rig, &probe, 1);
  troupe_task_t *task = task_of (&rig, &probe, &id, 1);
  troupe_placeholder_t *call = ask (&rig, NULL, task, "tool/echo", json_string (""), false);
  troupe_id_to_text (troupe_placeholder_id (call), text);
  cr_assert_str_eq (text, "ee145e21-0362-8ef7-b996-765bf59aa845");
  troupe_placeholder_destroy (&call);
  troupe_task_reply (&task, json_null ());
  rig_close (&rig);
}

Test (nesting, a_call_goes_on_under_the_attempt_that_adopted_the_task)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  open_alice (&rig, &probe, 2);
  troupe_id_t id = rig_id (&rig);
  troupe_task_t *task = task_of (&rig, &probe, &id, 1);
  troupe_placeholder_t *call = ask (&rig, &child, task, "model/gpt", json_null (), false);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (ulong, rig.header.parent, 1));
  rig_offer (&rig, 1, "agent/alice", &id, 2); // the other broker took it over
  refuse_stale (&rig, 0, troupe_placeholder_id (call), 0);
  cr_assert (not(troupe_task_cancelled (task)));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (ulong, rig.header.parent, 2));
  // A late answer to the first send, when the broker says so.
  refuse_stale (&rig, 0, troupe_placeholder_id (call), 1);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_disconnect (&rig, 0);
  rig_expect (&rig, 1, TROUPE_CMD_GRANT);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  cr_assert (eq (ulong, rig.header.parent, 2));
  rig_settled (&rig, 1, troupe_placeholder_id (call), TROUPE_STATUS_VALUE, json_integer (1));
  rig_deliver (&rig);
  cr_assert (eq (uint, child.settled, 1));
  cr_assert (eq (int, troupe_placeholder_status (call), TROUPE_STATUS_VALUE));
  troupe_placeholder_destroy (&call);
  troupe_task_reply (&task, json_null ());
  rig_expect (&rig, 1, TROUPE_CMD_SETTLE);
  rig_close (&rig);
}

Test (nesting, a_call_that_is_stale_tells_the_task)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  open_alice (&rig, &probe, 1);
  troupe_id_t id = rig_id (&rig);
  troupe_task_t *task = task_of (&rig, &probe, &id, 1);
  troupe_task_on_cancel (task, probe_cancelled, &probe);
  troupe_placeholder_t *call = ask (&rig, &child, task, "model/gpt", json_null (), false);
  troupe_placeholder_t *other = ask (&rig, &child, task, "model/gpt", json_integer (1), false);
  troupe_placeholder_t *forgotten = ask (&rig, &child, task, "model/gpt", json_integer (2), false), *twin = NULL;
  // The task awaits its own call once more: both stand in one row of the table.
  troupe_await_t await = {.id = troupe_placeholder_id (call), .parent = task};
  cr_assert (eq (int, node_core_await (rig.core, &twin, &await, rig.now, NULL), TROUPE_OK));
  rig_skip (&rig, 0);
  troupe_placeholder_destroy (&forgotten);
  troupe_placeholder_destroy (&twin);
  refuse_stale (&rig, 0, troupe_placeholder_id (call), 1);
  cr_assert (troupe_task_cancelled (task));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.cancelled, 1));
  cr_assert (eq (uint, child.settled, 2));
  cr_assert (eq (int, troupe_placeholder_error (call)->code, TROUPE_STALE));
  cr_assert (eq (int, troupe_placeholder_status (other), TROUPE_STATUS_CANCELLED));
  cr_assert (rig_quiet (&rig, 0));
  troupe_placeholder_destroy (&call);
  troupe_placeholder_destroy (&other);
  troupe_task_reply (&task, json_null ());
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (nesting, what_is_open_ends_with_the_task)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  open_alice (&rig, &probe, 1);
  troupe_id_t id = rig_id (&rig), foreign = rig_id (&rig);
  troupe_task_t *task = task_of (&rig, &probe, &id, 1);
  troupe_placeholder_t *call = ask (&rig, &child, task, "model/gpt", json_null (), false), *awaited = NULL;
  troupe_placeholder_t *free_one = ask (&rig, &child, task, "model/gpt", json_null (), true);
  troupe_await_t await = {.id = &foreign, .parent = task, .settled = probe_settled, .context = &child};
  cr_assert (eq (int, node_core_await (rig.core, &awaited, &await, rig.now, NULL), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_VOLATILE));
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  cr_assert (troupe_id_equal (&rig.header.waiter, &id));
  troupe_task_reply (&task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL); // nobody else looks after a volatile call
  cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (free_one)));
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_deliver (&rig);
  cr_assert (eq (uint, child.settled, 3));
  cr_assert (eq (int, troupe_placeholder_status (call), TROUPE_STATUS_CANCELLED));
  cr_assert (eq (int, troupe_placeholder_status (awaited), TROUPE_STATUS_CANCELLED));
  troupe_placeholder_destroy (&call);
  troupe_placeholder_destroy (&free_one);
  troupe_placeholder_destroy (&awaited);
  rig_close (&rig);
}

// The store takes the new attempt to await nothing, so it is told again; of no other call.
Test (nesting, a_task_that_goes_on_under_a_new_attempt_awaits_again)
{
  rig_t rig;
  probe_t probe = {0}, child = {0};
  open_alice (&rig, &probe, 1);
  troupe_id_t id = rig_id (&rig), other = rig_id (&rig);
  troupe_task_t *task = task_of (&rig, &probe, &id, 1);
  troupe_placeholder_t *call = ask (&rig, &child, task, "model/gpt", json_null (), false), *awaited = NULL;
  troupe_await_t await = {.id = &other, .parent = task, .settled = probe_settled, .context = &child};
  cr_assert (eq (int, node_core_await (rig.core, &awaited, &await, rig.now, NULL), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  rig_accepted (&rig, 0, troupe_placeholder_id (call));
  rig_offer (&rig, 0, "agent/alice", &id, 1); // the same again is nothing new
  cr_assert (rig_quiet (&rig, 0));
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  cr_assert (troupe_id_equal (&rig.header.call, &other));
  cr_assert (troupe_id_equal (&rig.header.waiter, &id));
  cr_assert (rig_quiet (&rig, 0));
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, &other, 0, TROUPE_CYCLE);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_placeholder_error (awaited)->code, TROUPE_CYCLE));
  troupe_task_reply (&task, json_null ());
  troupe_placeholder_destroy (&call);
  troupe_placeholder_destroy (&awaited);
  rig_close (&rig);
}

Test (nesting, in_the_parents_session_only)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_placeholder_t *call = NULL;
  open_alice (&rig, &probe, 1);
  troupe_id_t id = rig_id (&rig);
  troupe_task_t *task = task_of (&rig, &probe, &id, 1);
  troupe_call_t made = {.service = "model/gpt", .parent = task, .session = "another"};
  cr_assert (eq (int, node_core_call (rig.core, &call, &made, rig.now, NULL), TROUPE_BAD_ARGUMENT));
  made.session = "session-1";
  cr_assert (eq (int, node_core_call (rig.core, &call, &made, rig.now, NULL), TROUPE_OK));
  troupe_placeholder_destroy (&call);
  troupe_task_reply (&task, json_null ());
  rig_close (&rig);
}

static void
offer_as (rig_t *rig, const troupe_id_t *id, uint64_t flags, uint64_t epoch)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_flags (&header, flags);
  if (epoch > 0)
    troupe_header_set_epoch (&header, epoch);
  rig_say (rig, 0, &header, json_null ());
  rig_deliver (rig);
}

Test (nesting, an_outcome_says_its_epoch_and_whether_it_may_pass)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe, 1);
  static const struct {
    troupe_err_t code;
    uint64_t flags;
  } cases[] = {{TROUPE_RATE_LIMITED, TROUPE_FLAG_RETRYABLE}, {TROUPE_MODEL_REFUSED, 0}};
  for (unsigned i = 0; i < 2; i++) {
    troupe_id_t id = rig_id (&rig);
    troupe_error_t error = {.code = cases[i].code};
    offer_as (&rig, &id, 0, i == 0 ? 7 : 0);
    troupe_task_fail (&probe.task, &error);
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
    cr_assert (eq (ulong, troupe_header_has (&rig.header, TROUPE_F (FLAGS)) ? rig.header.flags : 0, cases[i].flags));
    cr_assert (eq (int, troupe_header_has (&rig.header, TROUPE_F (EPOCH)), i == 0));
    cr_assert (i > 0 || rig.header.epoch == 7);
  }
  rig_close (&rig);
}

Test (nesting, calls_of_a_volatile_task_are_volatile)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe, 1);
  troupe_id_t id = rig_id (&rig);
  offer_as (&rig, &id, TROUPE_FLAG_VOLATILE, 0);
  troupe_placeholder_t *call = ask (&rig, NULL, probe.task, "model/gpt", json_null (), false);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_VOLATILE));
  cr_assert (not(troupe_header_has (&rig.header, TROUPE_F (PARENT)))); // another broker may not know the task
  cr_assert (eq (int, troupe_placeholder_id (call)->bytes[0], 0));     // not derived
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_VOLATILE));
  troupe_placeholder_destroy (&call);
  rig_close (&rig);
}

Test (nesting, a_volatile_call_goes_to_another_broker)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 1);
  troupe_placeholder_t *call = ask (&rig, &probe, NULL, "tool/echo", json_string ("hello"), true);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_VOLATILE));
  rig_accepted (&rig, 0, troupe_placeholder_id (call));
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_MAYBE)); // nothing stores it
  rig_disconnect (&rig, 0);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  cr_assert (eq (int, memcmp (troupe_buffer_data (rig.body), "\xa5hello", 6), 0));
  rig_accepted (&rig, 1, troupe_placeholder_id (call));
  rig_settled (&rig, 1, troupe_placeholder_id (call), TROUPE_STATUS_VALUE, json_null ());
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  troupe_placeholder_destroy (&call);

  // Once it is accepted, one that nobody waits for is done with.
  call = ask (&rig, NULL, NULL, "tool/echo", json_null (), true);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  troupe_id_t id = *troupe_placeholder_id (call);
  troupe_placeholder_destroy (&call);
  rig_accepted (&rig, 1, &id);
  rig_disconnect (&rig, 1);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (nesting, a_cancel_names_the_attempt_that_wants_it)
{
  rig_t rig;
  probe_t probe = {0};
  open_alice (&rig, &probe, 1);
  const troupe_id_t id = rig_id (&rig);
  troupe_task_t *task = task_of (&rig, &probe, &id, 3);
  troupe_placeholder_t *stored = ask (&rig, NULL, task, "tool/echo", json_null (), false);
  troupe_placeholder_t *unstored = ask (&rig, NULL, task, "tool/echo", json_null (), true);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  troupe_placeholder_cancel (stored);
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  cr_assert (eq (ulong, rig.header.parent, 3));
  troupe_placeholder_cancel (unstored);
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  cr_assert (not (troupe_header_has (&rig.header, TROUPE_F (PARENT))));
  troupe_placeholder_destroy (&stored);
  troupe_placeholder_destroy (&unstored);
  troupe_task_reply (&task, json_null ());
  rig_close (&rig);
}
