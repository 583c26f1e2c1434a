// SPDX-License-Identifier: Apache-2.0
//
// Members that hear without being called.
#include "hub_rig.h"

#define HEARS(rig, call, text) cr_expect_str_eq (hub_rig_heard (rig, call), text)

static const rig_result_t *
rouse_by (rig_t *rig, rig_broker_t *broker, troupe_id_t hub)
{
  ledger_request_t request = rig_simple (LEDGER_ROUSE, "s", hub, 0);
  request.deadline_ms = 60000;
  const rig_result_t *result = rig_do (rig, broker, &request);
  cr_assert_eq (result->outcome, LEDGER_OK, "%s", result->why);
  return result;
}

static size_t
roused (rig_t *rig, troupe_id_t hub)
{
  return rouse_by (rig, &rig->a, hub)->calls_count;
}

// The one observe call that there is to make for the hub.
static troupe_id_t
observe_call (rig_t *rig, troupe_id_t hub, const char *service)
{
  const rig_result_t *result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 1, "%zu, the first for %s", result->calls_count,
                result->calls_count > 0 ? result->calls[0].service : "nobody");
  const rig_call_t *call = &result->calls[0];
  cr_expect_str_eq (call->service, service);
  cr_expect (call->ready && call->actor && call->attempt == 1 && call->flags == TROUPE_FLAG_OBSERVE);
  cr_expect (call->body_size == 1 && call->deadline_ms > 0 && !result->more);
  return call->call;
}

static bool
named (const rig_result_t *result, troupe_id_t hub)
{
  for (size_t i = 0; i < result->hubs_count; i++)
    if (troupe_id_equal (&result->hubs[i].hub, &hub))
      return true;
  return false;
}

static const rig_result_t *
broadcast (rig_t *rig, troupe_id_t hub, const char *text)
{
  return hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS (text));
}

static const rig_result_t *
end (rig_t *rig, troupe_id_t call, troupe_status_t status)
{
  ledger_request_t request = rig_settle ("s", call, 1, "-");
  request.status = status;
  request.heard = status == TROUPE_STATUS_VALUE;
  const rig_result_t *result = rig_do (rig, &rig->a, &request);
  cr_assert_eq (result->outcome, LEDGER_OK);
  return result;
}

static const rig_result_t *
sweep_by (rig_t *rig, rig_broker_t *broker)
{
  ledger_request_t request = {.op = LEDGER_SWEEP, .slot = ledger_slot ("s")};
  return rig_do (rig, broker, &request);
}

Test (ledger_rousing, gives_each_idle_member_one_call_that_hears_all)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b"));
  cr_expect_eq (roused (rig, hub), 0, "nothing was said");
  troupe_id_t busy = hub_rig_say (rig, "agent/a", NULL, NULL);
  cr_expect (named (broadcast (rig, hub, "1"), hub));
  broadcast (rig, hub, "2");
  troupe_id_t first = observe_call (rig, hub, "agent/b");
  cr_expect_eq (roused (rig, hub), 0, "asked again, it changes nothing");
  broadcast (rig, hub, "3");
  cr_expect_eq (roused (rig, hub), 0, "it is busy");
  HEARS (rig, first, "12");
  troupe_id_t behind = hub_rig_say (rig, "agent/b", NULL, NULL);
  cr_expect_not (hub_rig_is_ready (rig, behind));
  cr_expect_eq (end (rig, first, TROUPE_STATUS_VALUE)->calls_count, 1, "the call behind it");
  HEARS (rig, behind, "3");
  cr_expect_not (named (end (rig, behind, TROUPE_STATUS_VALUE), hub));
  cr_expect (named (end (rig, busy, TROUPE_STATUS_VALUE), hub), "what came after its call");
  troupe_id_t second = observe_call (rig, hub, "agent/a");
  HEARS (rig, second, "123");
  cr_expect_not (named (end (rig, second, TROUPE_STATUS_VALUE), hub));
  troupe_id_t deaf = hub_rig_say (rig, "agent/a", NULL, NULL);
  broadcast (rig, hub, "4");
  observe_call (rig, hub, "agent/b");
  cr_expect (named (end (rig, deaf, TROUPE_STATUS_VALUE), hub));
  observe_call (rig, hub, "agent/a");
  rig_stop (rig);
}

Test (ledger_rousing, waits_for_no_entry)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b"));
  broadcast (rig, hub, "1");
  troupe_id_t slow = hub_rig_say (rig, "agent/a", NULL, &hub);
  broadcast (rig, hub, "2");
  troupe_id_t first = observe_call (rig, hub, "agent/b");
  HEARS (rig, first, "1");
  cr_expect_not (named (end (rig, first, TROUPE_STATUS_VALUE), hub));
  cr_expect_eq (roused (rig, hub), 0, "the entry before 2 is pending");
  cr_expect (named (end (rig, slow, TROUPE_STATUS_ERROR), hub), "it is void");
  const rig_result_t *result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 2, "a has not heard 2 either");
  size_t a = strcmp (result->calls[0].service, "agent/a") == 0 ? 0 : 1;
  troupe_id_t calls[] = {result->calls[a].call, result->calls[1 - a].call};
  HEARS (rig, calls[0], "12");
  HEARS (rig, calls[1], "2");
  rig_stop (rig);
}

// One mark is enough for an actor: perhaps that of a hub which lets it go before anybody looks.
Test (ledger_rousing, who_is_let_go_of_a_hub_is_told_of_another)
{
  enum { HUBS = 15 }; // any of them may be looked at first
  rig_t *rig = rig_start (NULL);
  troupe_id_t hubs[HUBS], other = hub_rig_open_live (rig, "", MEMBERS ("agent/a"));
  for (int i = 0; i < HUBS; i++) {
    hubs[i] = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b"));
    end (rig, hub_rig_say (rig, "agent/a", NULL, &hubs[i]), TROUPE_STATUS_VALUE);
    cr_expect (named (&rig->a.last, hubs[i]), "b can hear it");
  }
  troupe_id_t busy = hub_rig_say (rig, "agent/a", NULL, NULL);
  cr_expect (named (broadcast (rig, other, "1"), other));
  cr_expect_eq (roused (rig, other), 0, "it is busy");
  end (rig, busy, TROUPE_STATUS_VALUE);
  for (int i = 0; i < HUBS; i++)
    hub_rig_op (rig, LEDGER_HUB_CLOSE, &hubs[i], NULL, NULL);
  char command[128], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&other, id);
  snprintf (command, sizeof command, "ZSCORE troupe:{%02u}:rouse s|%s", ledger_slot ("s"), id);
  redisReply *mark = redis_run (&rig->redis, command);
  cr_expect (mark->type == REDIS_REPLY_STRING && strcmp (mark->str, "0") == 0, "what was said there is forgotten");
  freeReplyObject (mark);
  rig_stop (rig);
}

Test (ledger_rousing, follows_an_announcement_and_a_close)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "W", MEMBERS ("agent/a"));
  cr_expect (named (&rig->a.last, hub));
  troupe_id_t first = observe_call (rig, hub, "agent/a");
  broadcast (rig, hub, "1");
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  HEARS (rig, first, "W");
  cr_expect (named (end (rig, first, TROUPE_STATUS_VALUE), hub));
  troupe_id_t last = observe_call (rig, hub, "agent/a");
  HEARS (rig, last, "1");
  cr_expect_not (named (end (rig, last, TROUPE_STATUS_VALUE), hub));
  cr_expect_eq (roused (rig, hub), 0);
  redisReply *left = redis_run (&rig->redis, "KEYS troupe:{*}:[lr]*");
  cr_expect_eq (left->elements, 0, "log, live, readers, rouse");
  freeReplyObject (left);
  rig_stop (rig);
}

Test (ledger_rousing, leaves_those_alone_that_hear_when_they_are_called)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a"));
  cr_expect_eq (rig->a.last.hubs_count, 0);
  cr_expect_eq (broadcast (rig, hub, "1")->hubs_count, 0);
  cr_expect_eq (roused (rig, hub), 0);
  rig_stop (rig);
}

Test (ledger_rousing, is_made_up_for_by_a_sweep_when_a_broker_dies)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "W", MEMBERS ("agent/a"));
  cr_expect (named (sweep_by (rig, &rig->b), hub), "nobody asked");
  const rig_result_t *result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 1);
  troupe_id_t call = result->calls[0].call;
  cr_expect_not (named (sweep_by (rig, &rig->b), hub));
  ledger_request_t takeover = {.op = LEDGER_TAKEOVER, .slot = ledger_slot ("s"), .broker = "a"};
  result = rig_do (rig, &rig->b, &takeover);
  cr_assert_eq (result->calls_count, 1);
  cr_expect (troupe_id_equal (&result->calls[0].call, &call) && result->calls[0].attempt == 2);
  cr_expect_eq (result->calls[0].flags, TROUPE_FLAG_OBSERVE);
  rig_stop (rig);
}

Test (ledger_rousing, is_tried_again_after_a_while_when_observing_fails)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "W", MEMBERS ("agent/a"));
  troupe_id_t call = observe_call (rig, hub, "agent/a");
  cr_expect_not (named (end (rig, call, TROUPE_STATUS_ERROR), hub), "not at once");
  cr_expect_eq (roused (rig, hub), 0, "it rests");
  cr_expect_not (named (sweep_by (rig, &rig->a), hub));
  troupe_id_t real = hub_rig_say (rig, "agent/a", NULL, NULL);
  HEARS (rig, real, "W"); // a call of somebody's doesn't wait for that
  end (rig, real, TROUPE_STATUS_ERROR);
  LOOP_UNTIL (rig->loop, named (sweep_by (rig, &rig->a), hub));
  call = observe_call (rig, hub, "agent/a");
  HEARS (rig, call, "W");
  end (rig, call, TROUPE_STATUS_VALUE);
  broadcast (rig, hub, "1");
  observe_call (rig, hub, "agent/a");
  rig_stop (rig);
}

Test (ledger_rousing, goes_through_many_members_in_steps)
{
  enum { MANY = 250 };
  rig_t *rig = rig_start (NULL);
  static char names[MANY][16];
  const char *members[MANY + 1] = {NULL};
  for (int i = 0; i < MANY; i++) {
    snprintf (names[i], sizeof names[i], "agent/a%d", i);
    members[i] = names[i];
  }
  troupe_id_t hub = hub_rig_open_live (rig, "W", members);
  size_t count = 0, steps = 0;
  ledger_request_t request = rig_simple (LEDGER_ROUSE, "s", hub, 0);
  request.deadline_ms = 60000;
  do {
    const rig_result_t *result = rig_do (rig, &rig->a, &request);
    cr_assert_eq (result->outcome, LEDGER_OK, "%s", result->why);
    cr_assert_leq (result->calls_count, 100);
    count += result->calls_count;
    request.position = result->position;
    steps++;
  } while (rig->a.last.more);
  cr_expect_eq (count, MANY);
  cr_expect_leq (steps, 10);
  cr_expect_eq (sweep_by (rig, &rig->b)->hubs_count, 0);
  rig_stop (rig);
}

// Broadcasts of a hundred messages each.
static void
fill (rig_t *rig, troupe_id_t hub, int hundreds)
{
  static const char *texts[101];
  for (int i = 0; i < 100; i++)
    texts[i] = "x";
  for (int i = 0; i < hundreds; i++)
    hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, texts);
}

Test (ledger_rousing, lets_nobody_hold_up_the_trimming)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b"));
  fill (rig, hub, 50);
  cr_expect_eq (rig->a.last.hubs_count, 0, "5000 entries");
  fill (rig, hub, 2);
  const rig_result_t *result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 2);
  troupe_id_t calls[] = {result->calls[0].call, result->calls[1].call};
  cr_expect_eq (result->calls[0].news, 5200);
  end (rig, calls[0], TROUPE_STATUS_VALUE);
  end (rig, calls[1], TROUPE_STATUS_VALUE);
  fill (rig, hub, 49);
  cr_expect_eq (roused (rig, hub), 0);
  rig_stop (rig);
}

// The calls of a group (pipeline.fanout) come one after another, and a fast one may have settled before the last one is
// there: whom that is for must not have heard it.
Test (ledger_rousing, tells_nobody_what_a_group_says_before_the_last_one_of_it_is_called)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b", "agent/c"));
  ledger_request_t fast = hub_rig_call ("agent/a", NULL, &hub, 1), late = hub_rig_call ("agent/b", NULL, &hub, 1);
  fast.fan = late.fan = troupe_id_new ();
  fast.flags |= TROUPE_FLAG_MORE;
  broadcast (rig, hub, "1");
  cr_assert_eq (rig_do (rig, &rig->a, &fast)->outcome, LEDGER_OK);
  end (rig, fast.call, TROUPE_STATUS_VALUE);
  const rig_result_t *result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 2, "what was said before the group");
  troupe_id_t calls[] = {result->calls[0].call, result->calls[1].call};
  for (int i = 0; i < 2; i++) {
    HEARS (rig, calls[i], "1");
    end (rig, calls[i], TROUPE_STATUS_VALUE);
  }
  cr_expect_eq (roused (rig, hub), 0, "b may be called yet");
  result = rig_do (rig, &rig->a, &late);
  cr_assert_eq (result->outcome, LEDGER_OK);
  cr_expect (named (result, hub), "now all of the group are known");
  HEARS (rig, late.call, "");
  HEARS (rig, observe_call (rig, hub, "agent/c"), "-");
  cr_expect (named (end (rig, late.call, TROUPE_STATUS_VALUE), hub));
  result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 2, "each of the two what the other one said");
  troupe_id_t last[] = {result->calls[0].call, result->calls[1].call};
  for (int i = 0; i < 2; i++)
    HEARS (rig, last[i], "-");
  rig_stop (rig);
}

static troupe_id_t
open_live_in (rig_t *rig, const troupe_id_t *parent, const char *const *members)
{
  static const uint64_t all[] = {UINT64_MAX};
  ledger_request_t request = hub_rig_call ("hub/op", parent, NULL, 0);
  request.hub_op = LEDGER_HUB_OPEN;
  request.lease_ms = 30000;
  request.live = all;
  request.members = members;
  while (members[request.members_count] != NULL)
    request.members_count++;
  cr_assert_eq (rig_do (rig, &rig->a, &request)->outcome, LEDGER_SETTLED);
  return request.call;
}

static const rig_result_t *
end_attempt (rig_t *rig, troupe_id_t call, uint32_t attempt, bool well)
{
  ledger_request_t request = rig_settle ("s", call, attempt, "-");
  request.status = well ? TROUPE_STATUS_VALUE : TROUPE_STATUS_ERROR;
  request.heard = well;
  request.retryable = true;
  const rig_result_t *result = rig_do (rig, &rig->a, &request);
  cr_assert_eq (result->outcome, LEDGER_OK);
  return result;
}

static void
make (rig_t *rig, ledger_request_t *request, uint32_t parent_attempt)
{
  request->parent_attempt = parent_attempt;
  cr_assert_eq (rig_do (rig, &rig->a, request)->outcome, LEDGER_OK);
}

// The first call of a group failed, and so did the attempt that made it, before it made the others. The next one makes
// them all.
Test (ledger_rousing, tells_nobody_what_a_call_of_a_group_says_that_began_anew_before_the_others_are_called)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  troupe_id_t hub = open_live_in (rig, &flow, MEMBERS ("agent/a", "agent/b", "agent/c"));
  ledger_request_t fast = hub_rig_call ("agent/a", &flow, &hub, 1), late = hub_rig_call ("agent/b", &flow, &hub, 1);
  fast.fan = late.fan = troupe_id_new ();
  fast.flags |= TROUPE_FLAG_MORE;
  make (rig, &fast, 1);
  end_attempt (rig, fast.call, 1, false);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", flow, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_OK);
  make (rig, &fast, 2);
  end_attempt (rig, fast.call, 2, true);
  cr_expect_eq (roused (rig, hub), 0, "b may be called yet");
  make (rig, &late, 2);
  HEARS (rig, late.call, "");
  HEARS (rig, observe_call (rig, hub, "agent/c"), "-");
  rig_stop (rig);
}

// They all are there already, and are not made again if they ended well.
Test (ledger_rousing, waits_for_no_others_of_a_group_when_its_first_call_begins_anew)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  troupe_id_t hub = open_live_in (rig, &flow, MEMBERS ("agent/a", "agent/b", "agent/c"));
  ledger_request_t first = hub_rig_call ("agent/a", &flow, &hub, 1), last = hub_rig_call ("agent/b", &flow, &hub, 1);
  first.fan = last.fan = troupe_id_new ();
  first.flags |= TROUPE_FLAG_MORE;
  make (rig, &first, 1);
  make (rig, &last, 1);
  end_attempt (rig, last.call, 1, true);
  end_attempt (rig, first.call, 1, false);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", flow, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_OK);
  make (rig, &first, 2);
  cr_expect (named (end_attempt (rig, first.call, 2, true), hub));
  const rig_result_t *result = rouse_by (rig, &rig->a, hub);
  cr_assert_eq (result->calls_count, 3, "each what others have said");
  cr_expect_eq (result->calls[0].news + result->calls[1].news + result->calls[2].news, 4);
  rig_stop (rig);
}
