// SPDX-License-Identifier: Apache-2.0
//
// Hubs and nested calls: hubs that a call opens, what is asked on behalf of a member, and rings.
#include "hub_rig.h"

#define HEARS(rig, call, text) cr_expect_str_eq (hub_rig_heard (rig, call), text)

static const rig_result_t *
await_for (rig_t *rig, troupe_id_t call, troupe_id_t waiter)
{
  return rig_do (rig, &rig->a, &(ledger_request_t){.op = LEDGER_AWAIT, .session = "s", .call = call, .waiter = waiter});
}

static void
retry (rig_t *rig, troupe_id_t call, uint32_t attempt)
{
  ledger_request_t request = rig_simple (LEDGER_RETRY, "s", call, attempt);
  cr_assert_eq (rig_do (rig, &rig->a, &request)->outcome, LEDGER_OK);
}

Test (ledger_hub_nests, what_is_asked_for_a_member_stands_where_the_members_call_stands)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b", "agent/c"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub), second = hub_rig_say (rig, "agent/b", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1"));
  // a asks c, through a tool that is no member, and b, whose call waits for a's reply.
  troupe_id_t tool = hub_rig_say (rig, "tool/t", &first, NULL), inner = hub_rig_say (rig, "agent/c", &tool, NULL);
  HEARS (rig, inner, "W");
  hub_rig_settle (rig, inner, "-");
  troupe_id_t direct = hub_rig_say (rig, "agent/b", &first, NULL);
  HEARS (rig, direct, "W");
  hub_rig_settle (rig, direct, "-");
  hub_rig_settle (rig, tool, "-");
  hub_rig_settle (rig, first, "A");
  HEARS (rig, second, "A");
  HEARS (rig, hub_rig_say (rig, "agent/c", NULL, NULL), "not ready");
  hub_rig_settle (rig, second, "B");
  HEARS (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "B1");
  rig_stop (rig);
}

Test (ledger_hub_nests, what_is_said_after_a_call_is_not_heard_by_those_that_it_asks)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1"));
  troupe_id_t tool = hub_rig_say (rig, "tool/t", &first, NULL), inner = hub_rig_say (rig, "agent/b", &tool, NULL);
  HEARS (rig, inner, "W");
  hub_rig_settle (rig, inner, "-");
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "not ready");
  rig_stop (rig);
}

Test (ledger_hub_nests, in_a_nested_hub_too_what_is_asked_for_an_earlier_call_goes_first)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &flow, "W", MEMBERS ("agent/a", "agent/b", "agent/c"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", &flow, &hub), second = hub_rig_say (rig, "agent/b", &flow, &hub);
  troupe_id_t inner = hub_rig_say (rig, "agent/b", &first, NULL), deep = hub_rig_say (rig, "agent/c", &inner, NULL);
  HEARS (rig, inner, "W");
  HEARS (rig, deep, "W");
  hub_rig_settle (rig, deep, "-");
  hub_rig_settle (rig, inner, "-");
  cr_expect_not (hub_rig_is_ready (rig, second));
  hub_rig_settle (rig, first, "A");
  HEARS (rig, second, "A");
  hub_rig_settle (rig, second, "B");
  hub_rig_settle (rig, flow, "F");
  rig_stop (rig);
}

Test (ledger_hub_nests, a_hub_that_a_reply_opens_is_another_one)
{
  rig_t *rig = rig_start (NULL);
  hub_rig_twice = true;
  troupe_id_t outer = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &outer), second = hub_rig_say (rig, "agent/b", NULL, &outer);
  troupe_id_t inner = hub_rig_open (rig, &first, "1", MEMBERS ("agent/b", "agent/c"));
  troupe_id_t c = hub_rig_say (rig, "agent/c", &first, &inner), b = hub_rig_say (rig, "agent/b", &first, &inner);
  HEARS (rig, c, "1");
  cr_expect_not (hub_rig_is_ready (rig, b));
  hub_rig_settle (rig, c, "C");
  HEARS (rig, b, "W1C");
  hub_rig_settle (rig, b, "B");
  hub_rig_settle (rig, first, "A"); // closes the inner one
  HEARS (rig, second, "A");
  hub_rig_settle (rig, second, "-");
  ledger_request_t late = hub_rig_call ("agent/c", NULL, &inner, 1);
  cr_expect_eq (hub_rig_do (rig, &late)->outcome, LEDGER_SETTLED);
  cr_expect (rig_body_has (&rig->a.last, "unknown_hub"));
  troupe_id_t next = hub_rig_say (rig, "agent/c", NULL, NULL);
  HEARS (rig, next, "B");
  rig_stop (rig);
}

Test (ledger_hub_nests, a_hub_serves_only_the_call_that_opened_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t one = hub_rig_say (rig, "workflow/1", NULL, NULL), two = hub_rig_say (rig, "workflow/2", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &one, "", MEMBERS ("agent/a"));
  ledger_request_t call = hub_rig_call ("agent/a", &two, &hub, 1);
  cr_expect_eq (hub_rig_do (rig, &call)->outcome, LEDGER_SETTLED);
  cr_expect (rig->a.last.status == TROUPE_STATUS_ERROR && rig_body_has (&rig->a.last, "bad_argument"));
  cr_expect_eq (hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL)->status, TROUPE_STATUS_ERROR);
  cr_expect (rig_body_has (&rig->a.last, "bad_argument"));
  cr_expect_eq (hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, &one, NULL)->status, TROUPE_STATUS_VALUE);
  call = hub_rig_call ("agent/a", &one, &hub, 1);
  cr_expect_eq (hub_rig_do (rig, &call)->outcome, LEDGER_SETTLED);
  cr_expect (rig_body_has (&rig->a.last, "unknown_hub"));
  cr_expect (hub_rig_is_ready (rig, hub_rig_say (rig, "agent/a", NULL, NULL)), "nothing holds the actor");
  rig_stop (rig);
}

// Without a place of its own it hears what is there, but waits for nothing that came later than its root.
Test (ledger_hub_nests, what_older_work_asks_for_waits_for_nothing_younger)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = hub_rig_say (rig, "agent/a", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t young = hub_rig_say (rig, "agent/a", NULL, &hub), waits = hub_rig_say (rig, "agent/b", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1"));
  troupe_id_t asked = hub_rig_say (rig, "agent/b", &old, NULL);
  HEARS (rig, asked, "W");
  hub_rig_settle (rig, asked, "-");
  hub_rig_settle (rig, old, "-");
  HEARS (rig, young, "W");
  hub_rig_settle (rig, young, "A");
  HEARS (rig, waits, "A");
  rig_stop (rig);
}

// What a member is to hear before its own call stays unheard by what overtakes that in its mailbox.
Test (ledger_hub_nests, what_overtakes_a_call_hears_no_more_than_that)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = hub_rig_say (rig, "tool/t", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t runs = hub_rig_say (rig, "agent/a", NULL, NULL), waits = hub_rig_say (rig, "agent/a", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1"));
  troupe_id_t asked = hub_rig_say (rig, "agent/a", &old, NULL);
  hub_rig_end (rig, runs, 1, TROUPE_STATUS_ERROR);
  HEARS (rig, asked, "W");
  hub_rig_settle (rig, asked, "-");
  HEARS (rig, waits, "");
  hub_rig_settle (rig, waits, "A");
  HEARS (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "1");
  rig_stop (rig);
}

Test (ledger_hub_nests, a_ring_that_an_entry_closes_is_a_cycle)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b", "agent/c"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub), second = hub_rig_say (rig, "agent/b", NULL, &hub),
              third = hub_rig_say (rig, "agent/c", NULL, &hub);
  cr_expect_eq (await_for (rig, second, first)->outcome, LEDGER_CYCLE, "b's turn waits for what a says");
  cr_expect (strstr (rig->a.last.why, "agent/a waits for agent/b, which waits for agent/a") != NULL, "%s",
             rig->a.last.why);
  cr_expect_eq (await_for (rig, third, first)->outcome, LEDGER_CYCLE);
  cr_expect_eq (await_for (rig, first, second)->outcome, LEDGER_PENDING);
  hub_rig_settle (rig, first, "A");
  hub_rig_settle (rig, second, "B");
  HEARS (rig, third, "WAB");
  rig_stop (rig);
}

// A nested call that names a hub of its own, in which an entry waits for the caller's actor.
Test (ledger_hub_nests, a_nested_call_that_would_wait_for_its_own_root_is_a_cycle)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "agent/w", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &flow, "", MEMBERS ("agent/w", "agent/b"));
  ledger_request_t self = hub_rig_call ("agent/w", &flow, &hub, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &self)->outcome, LEDGER_SETTLED);
  cr_expect (rig->a.last.status == TROUPE_STATUS_ERROR && rig_body_has (&rig->a.last, "cycle"));
  HEARS (rig, hub_rig_say (rig, "agent/b", &flow, &hub), "");
  rig_stop (rig);
}

// In a full mailbox: what goes before those that wait there has room, and to wait for room is to wait for them.
Test (ledger_hub_nests, what_fills_a_mailbox_does_not_hold_up_what_it_waits_for)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &flow, "", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t first = hub_rig_say (rig, "agent/b", &flow, &hub);
  ledger_request_t waits = hub_rig_call ("agent/a", &flow, &hub, 1), full = hub_rig_call ("agent/a", &flow, &hub, 1);
  waits.mailbox_limit = full.mailbox_limit = 1;
  cr_assert_eq (rig_do (rig, &rig->a, &waits)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &full)->outcome, LEDGER_OVERLOADED);
  ledger_request_t asked = hub_rig_call ("agent/a", &first, NULL, 0);
  asked.mailbox_limit = 1;
  cr_expect (rig_do (rig, &rig->a, &asked)->ready, "it goes before the one that waits for b");
  hub_rig_settle (rig, asked.call, "-");
  hub_rig_settle (rig, first, "B");
  HEARS (rig, waits.call, "B");
  rig_stop (rig);
}

Test (ledger_hub_nests, waiting_for_room_may_close_a_ring)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = hub_rig_say (rig, "workflow/1", NULL, NULL), young = hub_rig_say (rig, "workflow/2", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &old, "", MEMBERS ("agent/a", "agent/d"));
  troupe_id_t runs = hub_rig_say (rig, "agent/d", &young, NULL);
  hub_rig_say (rig, "agent/d", &old, &hub); // waits for the one that runs
  ledger_request_t waits = hub_rig_call ("agent/a", &old, &hub, 1), asked = hub_rig_call ("agent/a", &runs, NULL, 0);
  waits.mailbox_limit = asked.mailbox_limit = 1;
  cr_assert_eq (rig_do (rig, &rig->a, &waits)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &asked)->outcome, LEDGER_SETTLED, "not overloaded until its deadline");
  cr_expect (rig->a.last.status == TROUPE_STATUS_ERROR && rig_body_has (&rig->a.last, "cycle"));
  rig_stop (rig);
}

Test (ledger_hub_nests, the_next_attempt_gets_the_same_hub_and_what_was_said)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &flow, "W", MEMBERS ("agent/a", "agent/b"));
  ledger_request_t first = hub_rig_call ("agent/a", &flow, &hub, 1), second = hub_rig_call ("agent/b", &flow, &hub, 1);
  rig_do (rig, &rig->a, &first);
  hub_rig_settle (rig, first.call, "A");
  rig_do (rig, &rig->a, &second);
  ledger_request_t fails = rig_settle ("s", second.call, 1, "!");
  fails.status = TROUPE_STATUS_ERROR;
  fails.retryable = true;
  rig_do (rig, &rig->a, &fails);
  retry (rig, flow, 1);
  first.parent_attempt = second.parent_attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &first)->outcome, LEDGER_SETTLED);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("?")); // no longer the caller's way: refused
  cr_expect_eq (rig->a.last.status, TROUPE_STATUS_ERROR);
  cr_expect_eq (rig_do (rig, &rig->a, &second)->outcome, LEDGER_OK, "what failed begins anew, with another entry");
  cr_expect_eq (rig->a.last.news, 2);
  ledger_request_t settle = rig_settle ("s", second.call, rig->a.last.attempt, "B");
  settle.heard = true;
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  ledger_request_t third = hub_rig_call ("agent/a", &flow, &hub, 1);
  third.parent_attempt = 2;
  cr_expect (rig_do (rig, &rig->a, &third)->ready);
  HEARS (rig, third.call, "B");
  rig_stop (rig);
}

Test (ledger_hub_nests, inputs_and_entries_are_waited_for_together)
{
  for (int order = 0; order < 2; order++) {
    rig_t *rig = rig_start (NULL);
    troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
    troupe_id_t said = hub_rig_say (rig, "agent/a", NULL, &hub), input = hub_rig_say (rig, "model/m", NULL, NULL);
    ledger_request_t call = hub_rig_call ("agent/b", NULL, &hub, 1);
    call.inputs = &input;
    call.inputs_count = 1;
    cr_expect_not (rig_do (rig, &rig->b, &call)->ready);
    troupe_id_t behind = hub_rig_say (rig, "agent/b", NULL, NULL);
    hub_rig_settle (rig, order == 0 ? said : input, "A");
    cr_expect_not (hub_rig_is_ready (rig, call.call));
    hub_rig_settle (rig, order == 0 ? input : said, "A");
    LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_READY, &call.call) == 1);
    HEARS (rig, call.call, "WA");
    cr_expect_not (hub_rig_is_ready (rig, behind));
    rig_stop (rig);
  }
}

Test (ledger_hub_nests, another_broker_goes_on_with_what_waits)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub), second = hub_rig_say (rig, "agent/b", NULL, &hub);
  ledger_request_t take = {.op = LEDGER_TAKEOVER, .slot = ledger_slot ("s"), .broker = "a"};
  const rig_result_t *taken = rig_do (rig, &rig->b, &take);
  cr_assert_eq (taken->calls_count, 2);
  cr_expect (troupe_id_equal (&taken->calls[1].call, &first) && taken->calls[1].news == 1);
  cr_expect (!taken->calls[0].ready && taken->calls[0].news == 0);
  ledger_request_t settle = rig_settle ("s", first, 2, "A");
  settle.heard = true;
  cr_expect_eq (rig_do (rig, &rig->b, &settle)->outcome, LEDGER_OK);
  LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_READY, &second) == 1);
  cr_expect_eq (rig->b.notices[rig->b.notices_count - 1].news, 2);
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = ledger_slot ("s")};
  const rig_result_t *recovered = rig_do (rig, &rig->b, &recover);
  cr_assert_eq (recovered->calls_count, 1);
  cr_expect_eq (recovered->calls[0].news, 2);
  rig_stop (rig);
}
