// SPDX-License-Identifier: Apache-2.0
//
// Who waits for whom: the wait that would close a ring gets the error, and no other does.
#include "ledger_rig.h"

static troupe_id_t
accepted (rig_t *rig, const char *service)
{
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), service);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  return accept.call;
}

static const rig_result_t *
nested (rig_t *rig, troupe_id_t *call, const char *service, const troupe_id_t *parent, uint32_t attempt)
{
  *call = troupe_id_new ();
  ledger_request_t accept = rig_nested ("s", *call, service, parent, attempt);
  return rig_do (rig, &rig->a, &accept);
}

static const rig_result_t *
await_within (rig_t *rig, troupe_id_t call, troupe_id_t waiter)
{
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", call, 0);
  await.waiter = waiter;
  return rig_do (rig, &rig->a, &await);
}

static void
expect_cycle (const rig_result_t *result, const char *ring)
{
  cr_expect_eq (result->outcome, LEDGER_SETTLED, "%d", result->outcome);
  cr_expect_eq (result->status, TROUPE_STATUS_ERROR);
  cr_expect (rig_body_has (result, "cycle"));
  cr_expect (rig_body_has (result, ring), "%s", result->body);
}

Test (ledger_rings, an_agent_that_calls_itself_gets_an_error)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t root = accepted (rig, "agent/alice"), call;
  expect_cycle (nested (rig, &call, "agent/alice", &root, 1),
                "agent/alice waits for agent/alice");
  ledger_request_t again = rig_nested ("s", call, "agent/alice", &root, 1);
  expect_cycle (rig_do (rig, &rig->a, &again), "agent/alice");
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", call, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_SETTLED, "stored as any outcome");
  ledger_request_t settle = rig_settle ("s", root, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK, "and the caller goes on");
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:open troupe:{52}:mailbox:s|agent/alice"), 0);
  rig_stop (rig);
}

Test (ledger_rings, a_ring_through_others_is_found_and_named)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), bob, carol, call;
  cr_expect (nested (rig, &bob, "agent/bob", &alice, 1)->ready);
  cr_expect (nested (rig, &carol, "agent/carol", &bob, 1)->ready);
  expect_cycle (
    nested (rig, &call, "agent/alice", &carol, 1),
    "agent/alice waits for agent/bob, which waits for agent/carol, which waits for agent/alice");
  cr_expect_eq (nested (rig, &call, "model/m", &carol, 1)->outcome, LEDGER_OK, "anybody else may be called");
  rig_stop (rig);
}

// alice runs for one root and calls bob; bob runs for another and calls alice.
Test (ledger_rings, two_that_call_each_other)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), bob = accepted (rig, "agent/bob"), call;
  cr_expect_eq (nested (rig, &call, "agent/bob", &alice, 1)->outcome, LEDGER_OK, "it waits, as one may");
  expect_cycle (nested (rig, &call, "agent/alice", &bob, 1), "agent/bob");
  rig_stop (rig);
}

// bob runs and has called carol, who is busy with a call that awaits what alice is to say; alice's call to bob would
// wait for bob. The ring goes through a mailbox, a nested call and an awaited placeholder.
Test (ledger_rings, a_ring_through_a_placeholder)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), bob = accepted (rig, "agent/bob"),
              carol = accepted (rig, "agent/carol");
  troupe_id_t call;
  cr_expect_eq (nested (rig, &call, "agent/carol", &bob, 1)->outcome, LEDGER_OK);
  cr_expect_eq (await_within (rig, alice, carol)->outcome, LEDGER_PENDING);
  expect_cycle (nested (rig, &call, "agent/bob", &alice, 1), "agent/carol");
  rig_stop (rig);
}

Test (ledger_rings, an_await_that_would_close_a_ring_is_refused_and_changes_nothing)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), bob = accepted (rig, "agent/bob");
  cr_expect_eq (await_within (rig, bob, alice)->outcome, LEDGER_PENDING);
  for (int i = 0; i < 2; i++) {
    cr_expect_eq (await_within (rig, alice, bob)->outcome, LEDGER_CYCLE);
    cr_expect_str_eq (rig->a.last.why, "agent/bob waits for agent/alice, which waits for agent/bob");
  }
  cr_expect_eq (await_within (rig, bob, bob)->outcome, LEDGER_CYCLE);
  cr_expect_eq (await_within (rig, bob, alice)->outcome, LEDGER_PENDING, "the same again");
  ledger_request_t settle = rig_settle ("s", bob, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (await_within (rig, bob, alice)->outcome, LEDGER_SETTLED);
  cr_expect_eq (await_within (rig, alice, troupe_id_new ())->outcome, LEDGER_PENDING, "of a waiter that isn't stored");
  rig_stop (rig);
}

Test (ledger_rings, what_an_earlier_attempt_awaited_no_longer_counts)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), bob = accepted (rig, "agent/bob");
  cr_expect_eq (await_within (rig, bob, alice)->outcome, LEDGER_PENDING);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", alice, 1);
  rig_do (rig, &rig->a, &retry);
  cr_expect_eq (await_within (rig, alice, bob)->outcome, LEDGER_PENDING);
  cr_expect_eq (await_within (rig, bob, alice)->outcome, LEDGER_CYCLE);
  rig_stop (rig);
}

// alice called bob and lost its connection; it goes on under the next attempt, which doesn't make the call again. Who
// is before that call at bob then calls alice.
Test (ledger_rings, a_call_that_an_earlier_attempt_made_is_waited_for)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), bob = accepted (rig, "agent/bob"), call, back;
  cr_expect_eq (nested (rig, &call, "agent/bob", &alice, 1)->outcome, LEDGER_OK);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", alice, 1);
  rig_do (rig, &rig->a, &retry);
  expect_cycle (nested (rig, &back, "agent/alice", &bob, 1), "agent/alice");
  ledger_request_t again = rig_nested ("s", call, "agent/bob", &alice, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &again)->outcome, LEDGER_KNOWN, "what it called waits for bob as before");
  rig_stop (rig);
}

// Both mailboxes hold what goes before: two attempts whose calls find no room wait for each other, though none of their
// calls is stored.
static rig_t *
crowd (troupe_id_t *alice, troupe_id_t *bob)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = accepted (rig, "agent/carol"), call;
  *alice = accepted (rig, "agent/alice");
  *bob = accepted (rig, "agent/bob");
  cr_assert_eq (nested (rig, &call, "agent/alice", &old, 1)->outcome, LEDGER_OK);
  cr_assert_eq (nested (rig, &call, "agent/bob", &old, 1)->outcome, LEDGER_OK);
  return rig;
}

// It finds no room, and asks again and again.
static const rig_result_t *
crowded (rig_t *rig, const char *service, const troupe_id_t *parent, troupe_id_t call)
{
  ledger_request_t accept = rig_nested ("s", call, service, parent, 1);
  accept.flags |= TROUPE_FLAG_WAIT;
  accept.mailbox_limit = 1;
  return rig_do (rig, &rig->a, &accept);
}

// The last one to begin finds the ring, once the other has asked again.
Test (ledger_rings, two_that_wait_for_room_with_each_other)
{
  troupe_id_t alice, bob, first = troupe_id_new (), second = troupe_id_new ();
  rig_t *rig = crowd (&alice, &bob);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  expect_cycle (crowded (rig, "agent/alice", &bob, second),
                "agent/bob waits for agent/alice, which waits for agent/bob");
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  rig_stop (rig);
}

Test (ledger_rings, who_asks_for_room_for_several_calls_waits_for_each)
{
  troupe_id_t alice, bob, call, first = troupe_id_new (), second = troupe_id_new (), third = troupe_id_new ();
  rig_t *rig = crowd (&alice, &bob);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, third)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (nested (rig, &call, "tool/t", &alice, 1)->outcome, LEDGER_OK);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  expect_cycle (crowded (rig, "agent/alice", &bob, second),
                "agent/bob waits for agent/alice, which waits for agent/bob");
  rig_stop (rig);
}

// A node that has several brokers to ask doesn't tell each that it waits.
Test (ledger_rings, who_asks_again_waits_for_room_whatever_it_says)
{
  troupe_id_t alice, bob, first = troupe_id_new (), second = troupe_id_new ();
  rig_t *rig = crowd (&alice, &bob);
  ledger_request_t call = rig_nested ("s", first, "agent/bob", &alice, 1);
  call.flags &= ~(uint32_t)TROUPE_FLAG_WAIT;
  call.mailbox_limit = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OVERLOADED);
  expect_cycle (crowded (rig, "agent/alice", &bob, second),
                "agent/bob waits for agent/alice, which waits for agent/bob");
  rig_stop (rig);
}

// Whether it asks again nobody knows; so as long as it hasn't, it may have given up.
Test (ledger_rings, who_has_given_up_does_not_wait_for_room)
{
  troupe_id_t alice, bob, second = troupe_id_new ();
  rig_t *rig = crowd (&alice, &bob);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, troupe_id_new ())->outcome, LEDGER_OVERLOADED);
  for (int i = 0; i < 3; i++)
    cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, troupe_id_new ())->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED, "that is another one");
  rig_stop (rig);
}

Test (ledger_rings, what_an_earlier_attempt_wanted_room_for_is_over)
{
  troupe_id_t alice, bob, first = troupe_id_new (), second = troupe_id_new ();
  rig_t *rig = crowd (&alice, &bob);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  ledger_request_t lost = rig_simple (LEDGER_RETRY, "s", alice, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &lost)->attempt, 2);
  cr_expect_eq (crowded (rig, "agent/alice", &bob, second)->outcome, LEDGER_OVERLOADED);
  rig_stop (rig);
}

// It is accepted, and waits; who wants room finds the ring when it asks again, if it does.
Test (ledger_rings, a_call_is_not_refused_for_one_that_wants_room)
{
  troupe_id_t alice, bob, call, first = troupe_id_new ();
  rig_t *rig = crowd (&alice, &bob);
  cr_expect_eq (crowded (rig, "agent/bob", &alice, first)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (nested (rig, &call, "agent/alice", &bob, 1)->outcome, LEDGER_OK);
  expect_cycle (crowded (rig, "agent/bob", &alice, first),
                "agent/alice waits for agent/bob, which waits for agent/alice");
  rig_stop (rig);
}

Test (ledger_rings, room_in_the_mailbox_of_its_own_actor)
{
  troupe_id_t alice, bob;
  rig_t *rig = crowd (&alice, &bob);
  expect_cycle (crowded (rig, "agent/alice", &alice, troupe_id_new ()), "agent/alice waits for agent/alice");
  rig_stop (rig);
}

// A call that overtakes another makes that one wait for it.
Test (ledger_rings, a_ring_by_overtaking)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = accepted (rig, "agent/alice");
  accepted (rig, "agent/bob"); // runs
  troupe_id_t young = accepted (rig, "agent/bob");
  ledger_request_t call = rig_nested ("s", troupe_id_new (), "agent/bob", &old, 1);
  call.inputs = &young;
  call.inputs_count = 1;
  expect_cycle (rig_do (rig, &rig->a, &call), "agent/bob waits for agent/bob");
  rig_stop (rig);
}

Test (ledger_rings, an_input_that_waits_for_the_parent)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t alice = accepted (rig, "agent/alice"), behind = accepted (rig, "agent/alice");
  ledger_request_t call = rig_nested ("s", troupe_id_new (), "model/m", &alice, 1);
  call.inputs = &behind;
  call.inputs_count = 1;
  expect_cycle (rig_do (rig, &rig->a, &call), "agent/alice");
  rig_stop (rig);
}

// A thousand calls in each of three mailboxes: the search ends, in time that nobody notices.
Test (ledger_rings, a_long_way_round_is_walked_in_time)
{
  enum { CALLS = 600 };
  rig_t *rig = rig_start (NULL);
  const char *const names[] = {"agent/a", "agent/b", "agent/c"};
  troupe_id_t first[3], call;
  for (int i = 0; i < 3; i++)
    first[i] = accepted (rig, names[i]);
  for (int i = 0; i < 3 * CALLS; i++) {
    ledger_request_t accept = rig_accept ("s", troupe_id_new (), names[i % 3]);
    ledger_submit (rig->a.ledger, &accept);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count == 3 * CALLS + 3);
  ledger_request_t last[2];
  for (int i = 0; i < 2; i++) { // a awaits the last of b, b the last of c
    last[i] = rig_accept ("s", troupe_id_new (), names[i + 1]);
    rig_do (rig, &rig->a, &last[i]);
    cr_expect_eq (await_within (rig, last[i].call, first[i])->outcome, LEDGER_PENDING);
  }
  int64_t began = troupe_loop_now ();
  cr_expect_eq (nested (rig, &call, "agent/a", &first[2], 1)->status, TROUPE_STATUS_ERROR);
  cr_expect_lt (troupe_loop_now () - began, 200, "%d ms", (int)(troupe_loop_now () - began));
  rig_stop (rig);
}
