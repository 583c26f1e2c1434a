// SPDX-License-Identifier: Apache-2.0
//
// Hubs: who hears what, and when a turn comes.
#include "hub_rig.h"

#define HEARS(rig, call, text) cr_expect_str_eq (hub_rig_heard (rig, call), text)

// Its mailbox goes on with that call, whose turn was made by the settling of another actor's: by a notice.
static void
becomes_ready (rig_t *rig, troupe_id_t call)
{
  LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_READY, &call) == 1);
  cr_expect (hub_rig_is_ready (rig, call));
}

static void
converse (rig_t *rig)
{
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b", "agent/c"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub), second = hub_rig_say (rig, "agent/b", NULL, &hub),
              third = hub_rig_say (rig, "agent/c", NULL, &hub), fourth = hub_rig_say (rig, "agent/a", NULL, &hub);
  cr_expect_not (hub_rig_is_ready (rig, second), "it hears the first one before");
  cr_expect_not (hub_rig_is_ready (rig, third));
  HEARS (rig, first, "W");
  hub_rig_settle (rig, first, "A");
  becomes_ready (rig, second);
  cr_expect_eq (rig->a.notices[rig->a.notices_count - 1].news, 2);
  cr_expect_not (hub_rig_is_ready (rig, third), "it waits for the second one too");
  cr_expect_not (hub_rig_is_ready (rig, fourth), "so does this one, which is the first of its mailbox now");
  HEARS (rig, second, "WA");
  hub_rig_settle (rig, second, "B");
  becomes_ready (rig, third);
  HEARS (rig, third, "WAB");
  hub_rig_settle (rig, third, "C");
  becomes_ready (rig, fourth);
  HEARS (rig, fourth, "BC");
  hub_rig_settle (rig, fourth, "D");
  troupe_id_t last = hub_rig_say (rig, "agent/c", NULL, &hub);
  HEARS (rig, last, "D");
  hub_rig_settle (rig, last, "E");
}

Test (ledger_hubs, what_one_says_the_others_hear_in_the_order_of_acceptance)
{
  rig_t *rig = rig_start (NULL);
  converse (rig);
  rig_stop (rig);
}

Test (ledger_hubs, requests_that_are_made_again_change_nothing)
{
  rig_t *rig = rig_start (NULL);
  hub_rig_twice = true;
  converse (rig);
  rig_stop (rig);
}

Test (ledger_hubs, all_of_it_lies_in_one_slot_of_a_cluster)
{
  char port[8];
  snprintf (port, sizeof port, "%d", 20000 + getpid () % 20000);
  rig_t *rig =
    rig_start ((const char *[]){"--cluster-enabled", "yes", "--cluster-port", port, "--bind", "127.0.0.1", NULL});
  converse (rig);
  rig_stop (rig);
}

Test (ledger_hubs, those_of_a_group_do_not_hear_each_other_not_even_the_late_one)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b", "agent/c", "agent/d"));
  troupe_id_t before = hub_rig_say (rig, "agent/d", NULL, &hub);
  ledger_request_t group[3];
  const char *const services[] = {"agent/a", "agent/b", "agent/c"};
  troupe_id_t fan = troupe_id_new ();
  for (int i = 0; i < 3; i++) {
    group[i] = hub_rig_call (services[i], NULL, &hub, 1);
    group[i].fan = fan;
  }
  for (int i = 0; i < 2; i++)
    cr_expect_not (hub_rig_do (rig, &group[i])->ready);
  hub_rig_settle (rig, before, "X");
  HEARS (rig, group[0].call, "X");
  HEARS (rig, group[1].call, "X");
  hub_rig_settle (rig, group[0].call, "A");
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("Y"));
  cr_expect (hub_rig_do (rig, &group[2])->ready, "it waits for none of them");
  HEARS (rig, group[2].call, "X");
  troupe_id_t after = hub_rig_say (rig, "agent/d", NULL, &hub);
  hub_rig_settle (rig, group[2].call, "C");
  cr_expect_not (hub_rig_is_ready (rig, after));
  hub_rig_settle (rig, group[1].call, "B");
  HEARS (rig, after, "ABYC");
  hub_rig_settle (rig, after, "D");
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, &hub), "AYCD");
  rig_stop (rig);
}

Test (ledger_hubs, one_that_fails_or_is_cancelled_leaves_a_void_and_stops_nobody)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b", "agent/c"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub), second = hub_rig_say (rig, "agent/b", NULL, &hub),
              third = hub_rig_say (rig, "agent/c", NULL, &hub);
  hub_rig_end (rig, second, 0, TROUPE_STATUS_CANCELLED); // while it waits for the first one
  cr_expect_not (hub_rig_is_ready (rig, third));
  hub_rig_end (rig, first, 1, TROUPE_STATUS_ERROR);
  becomes_ready (rig, third);
  cr_expect_eq (rig_notices (&rig->a, LEDGER_NOTICE_READY, &second), 0);
  HEARS (rig, third, "W");
  hub_rig_settle (rig, third, "C");
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, &hub), "WC");
  HEARS (rig, hub_rig_say (rig, "agent/a", NULL, &hub), "not ready");
  rig_stop (rig);
}

Test (ledger_hubs, what_was_not_said_to_be_heard_is_heard_again)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t call = hub_rig_say (rig, "agent/a", NULL, &hub);
  hub_rig_end (rig, call, 1, TROUPE_STATUS_ERROR);
  call = hub_rig_say (rig, "agent/a", NULL, &hub);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", call, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->news, 1);
  ledger_request_t stale = rig_settle ("s", call, 1, "A");
  stale.heard = true;
  cr_expect_eq (rig_do (rig, &rig->a, &stale)->outcome, LEDGER_STALE);
  ledger_request_t hear = rig_simple (LEDGER_HEAR, "s", call, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &hear)->outcome, LEDGER_STALE);
  hear.attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &hear)->body_size, 2, "a stale attempt moves nothing");
  ledger_request_t settle = rig_settle ("s", call, 2, "A");
  settle.heard = true;
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &hear)->outcome, LEDGER_STALE);
  call = hub_rig_say (rig, "agent/a", NULL, &hub);
  HEARS (rig, call, "");
  rig_stop (rig);
}

Test (ledger_hubs, only_members_hear_and_are_heard_and_only_while_they_are)
{
  rig_t *rig = rig_start (NULL);
  hub_rig_twice = true;
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t stranger = hub_rig_say (rig, "agent/x", NULL, &hub);
  HEARS (rig, stranger, "");
  hub_rig_settle (rig, stranger, "X");
  troupe_id_t pending = hub_rig_say (rig, "agent/a", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_DELETE, &hub, NULL, MEMBERS ("agent/a"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1"));
  troupe_id_t outside = hub_rig_say (rig, "agent/a", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_ADD, &hub, NULL, MEMBERS ("agent/c"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("2"));
  troupe_id_t other = hub_rig_say (rig, "agent/b", NULL, &hub), added = hub_rig_say (rig, "agent/c", NULL, &hub);
  cr_expect_not (hub_rig_is_ready (rig, other), "what a was asked before is still heard");
  HEARS (rig, pending, "W");
  hub_rig_settle (rig, pending, "A");
  HEARS (rig, outside, "");
  hub_rig_settle (rig, outside, "-");
  HEARS (rig, other, "WA12");
  hub_rig_settle (rig, other, "B");
  HEARS (rig, added, "2B");
  hub_rig_settle (rig, added, "C");
  hub_rig_op (rig, LEDGER_HUB_ADD, &hub, NULL, MEMBERS ("agent/a"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("3"));
  HEARS (rig, hub_rig_say (rig, "agent/a", NULL, &hub), "3");
  rig_stop (rig);
}

Test (ledger_hubs, one_that_left_hears_with_its_next_call_what_was_said_before)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t pending = hub_rig_say (rig, "agent/b", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_DELETE, &hub, NULL, MEMBERS ("agent/a"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1"));
  hub_rig_op (rig, LEDGER_HUB_ADD, &hub, NULL, MEMBERS ("agent/a"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("2"));
  hub_rig_op (rig, LEDGER_HUB_DELETE, &hub, NULL, MEMBERS ("agent/a"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("3"));
  troupe_id_t next = hub_rig_say (rig, "agent/a", NULL, NULL);
  cr_expect_not (hub_rig_is_ready (rig, next));
  hub_rig_settle (rig, pending, "B");
  HEARS (rig, next, "WB2");
  hub_rig_settle (rig, next, "A");
  HEARS (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "");
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{27}:hubs:s|agent/a"), 0);
  rig_stop (rig);
}

Test (ledger_hubs, without_auto_only_broadcasts_are_heard)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  hub_rig_op (rig, LEDGER_HUB_AUTO_OFF, &hub, NULL, NULL);
  hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, &hub), "A");
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1", "2"));
  hub_rig_op (rig, LEDGER_HUB_AUTO_ON, &hub, NULL, NULL);
  hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, &hub), "B");
  hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "C"); // names no hub
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "W12B");
  rig_stop (rig);
}

Test (ledger_hubs, what_is_said_in_two_is_heard_once_and_in_order)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hubs[] = {hub_rig_open (rig, NULL, "1", MEMBERS ("agent/a", "agent/b")),
                        hub_rig_open (rig, NULL, "2", MEMBERS ("agent/a", "agent/b"))};
  ledger_request_t both = hub_rig_call ("agent/a", NULL, hubs, 2);
  rig_do (rig, &rig->a, &both);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hubs[1], NULL, MEMBERS ("3"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hubs[0], NULL, MEMBERS ("4"));
  troupe_id_t call = hub_rig_say (rig, "agent/b", NULL, NULL);
  cr_expect_not (hub_rig_is_ready (rig, call));
  hub_rig_settle (rig, both.call, "A");
  becomes_ready (rig, call);
  ledger_request_t hear = rig_simple (LEDGER_HEAR, "s", call, 1);
  cr_expect_str_eq (rig_do (rig, &rig->a, &hear)->body, "\x95"
                                                        "12A34");
  hub_rig_settle (rig, call, "B");
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "");
  rig_stop (rig);
}

Test (ledger_hubs, a_long_log_is_heard_in_parts)
{
  enum { MESSAGES = 2 * LEDGER_HEAR_MAX + 1 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b"));
  for (int i = 0; i < LEDGER_HEAR_MAX; i++) {
    hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1", "2"));
    hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, &hub), "A");
  }
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("3"));
  troupe_id_t call = hub_rig_say (rig, "agent/a", NULL, NULL);
  HEARS (rig, call, "3");
  hub_rig_end (rig, call, 0, TROUPE_STATUS_CANCELLED);
  call = hub_rig_say (rig, "agent/b", NULL, NULL);
  ledger_request_t hear = rig_simple (LEDGER_HEAR, "s", call, 0);
  size_t size = 0, parts = 0;
  do {
    const rig_result_t *result = rig_do (rig, &rig->a, &hear);
    cr_assert_eq (result->outcome, LEDGER_OK, "%s", result->why);
    cr_expect_eq (result->news, LEDGER_HEAR_MAX + MESSAGES);
    size += result->body_size - ((unsigned char)result->body[0] < 0xa0 ? 1 : 3);
    hear.position = result->position;
    parts++;
  } while (hear.position != 0 && parts < 10);
  cr_expect_eq (size, LEDGER_HEAR_MAX + MESSAGES);
  cr_expect_geq (parts, 3);
  rig_stop (rig);
}

// The hub stays open for that long; returns until when.
static long long
renewed (rig_t *rig, const troupe_id_t *hub, int64_t lease_ms)
{
  char id[TROUPE_ID_TEXT_SIZE], command[128];
  ledger_request_t renew = hub_rig_call ("hub/op", NULL, hub, 1);
  renew.hub_op = LEDGER_HUB_RENEW;
  renew.lease_ms = lease_ms;
  cr_assert_eq (rig_do (rig, &rig->a, &renew)->status, TROUPE_STATUS_VALUE);
  troupe_id_to_text (hub, id);
  snprintf (command, sizeof command, "HGET troupe:{%02u}:hub:s|%s lease", ledger_slot ("s"), id);
  redisReply *reply = redis_run (&rig->redis, command);
  cr_assert_eq (reply->type, REDIS_REPLY_STRING);
  long long until = strtoll (reply->str, NULL, 10);
  freeReplyObject (reply);
  return until;
}

// Whether the hub, renewed again a moment later, isn't written again.
static bool
is_left_alone (rig_t *rig, const troupe_id_t *hub)
{
  long long first = renewed (rig, hub, 60 * 1000);
  int64_t then = troupe_loop_now ();
  LOOP_UNTIL (rig->loop, troupe_loop_now () > then + 5);
  return renewed (rig, hub, 60 * 1000) == first;
}

// Each message to a hub renews its lease: many a second write it once.
Test (ledger_hubs, a_lease_is_renewed_when_it_falls_short)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a"));
  LOOP_UNTIL (rig->loop, is_left_alone (rig, &hub));
  long long before = renewed (rig, &hub, 60 * 1000);
  cr_expect_gt (renewed (rig, &hub, 90 * 1000), before);
  cr_expect_lt (renewed (rig, &hub, 30 * 1000), before, "its opener says a shorter one");
  rig_stop (rig);
}

// Whoever has left and has nothing to hear any more would hold up the trimming, and be asked to hear.
Test (ledger_hubs, who_has_left_is_let_go_when_what_is_to_come_is_void)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b", "agent/c"));
  troupe_id_t call = hub_rig_say (rig, "agent/b", NULL, &hub), other = hub_rig_say (rig, "agent/c", NULL, &hub);
  cr_assert_eq (hub_rig_op (rig, LEDGER_HUB_DELETE, &hub, NULL, MEMBERS ("agent/a"))->status, TROUPE_STATUS_VALUE);
  char command[128], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&hub, id);
  snprintf (command, sizeof command, "SISMEMBER troupe:{%02u}:live:s|%s agent/a", ledger_slot ("s"), id);
  hub_rig_end (rig, call, 1, TROUPE_STATUS_ERROR);
  cr_expect_eq (redis_number (&rig->redis, command), 1, "it has still to hear the other one");
  hub_rig_end (rig, other, 1, TROUPE_STATUS_ERROR);
  cr_expect_eq (redis_number (&rig->redis, command), 0);
  snprintf (command, sizeof command, "ZCARD troupe:{%02u}:readers:s|%s", ledger_slot ("s"), id);
  cr_expect_eq (redis_number (&rig->redis, command), 2);
  snprintf (command, sizeof command, "EXISTS troupe:{%02u}:hubs:s|agent/a", ledger_slot ("s"));
  cr_expect_eq (redis_number (&rig->redis, command), 0);
  rig_stop (rig);
}
