// SPDX-License-Identifier: Apache-2.0
//
// Hubs that open, change, fill and end; and what is left of them.
#include "hub_rig.h"

#define HEARS(rig, call, text) cr_expect_str_eq (hub_rig_heard (rig, call), text)

// Keys of hubs; of an actor that heard, its own record stays.
static long
hub_keys (rig_t *rig)
{
  long count = 0;
  const char *const kinds[] = {"hub", "log", "said", "pending", "readers", "members", "waits", "fans", "hubs"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char command[64];
    snprintf (command, sizeof command, "KEYS troupe:{*}:%s*", kinds[i]);
    redisReply *reply = redis_run (&rig->redis, command);
    count += (long)reply->elements;
    freeReplyObject (reply);
  }
  return count;
}

static void
sweep (rig_t *rig)
{
  ledger_request_t request = {.op = LEDGER_SWEEP, .slot = ledger_slot ("s")};
  do
    cr_assert_eq (rig_do (rig, &rig->a, &request)->outcome, LEDGER_OK, "%s", rig->a.last.why);
  while (rig->a.last.more);
}

Test (ledger_hub_lives, an_operation_says_which_hub_and_warns)
{
  rig_t *rig = rig_start (NULL);
  hub_rig_twice = true;
  ledger_request_t open = hub_rig_call ("hub/open", NULL, NULL, 0);
  open.hub_op = LEDGER_HUB_OPEN;
  open.members = MEMBERS ("agent/a", "agent/new", "agent/a");
  open.members_count = 3;
  open.unknown = (const uint64_t[]){2};
  open.lease_ms = 30000;
  open.body = NULL;
  const rig_result_t *result = hub_rig_do (rig, &open);
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&open.call, id);
  cr_expect (result->outcome == LEDGER_SETTLED && result->status == TROUPE_STATUS_VALUE);
  cr_expect (rig_body_has (result, id) && rig_body_has (result, "agent/a is a member already"));
  cr_expect (rig_body_has (result, "agent/new is not known here"));
  result = hub_rig_op (rig, LEDGER_HUB_ADD, &open.call, NULL, MEMBERS ("agent/new", "agent/c"));
  cr_expect (rig_body_has (result, "agent/new is a member already") && !rig_body_has (result, "agent/c"));
  result = hub_rig_op (rig, LEDGER_HUB_DELETE, &open.call, NULL, MEMBERS ("agent/c", "agent/d"));
  cr_expect (rig_body_has (result, "agent/d is no member") && rig_body_has (result, id));
  cr_expect_not (rig_body_has (hub_rig_op (rig, LEDGER_HUB_RENEW, &open.call, NULL, NULL), "warnings"));
  troupe_id_t unknown = troupe_id_new ();
  result = hub_rig_op (rig, LEDGER_HUB_ADD, &unknown, NULL, MEMBERS ("agent/c"));
  cr_expect (result->status == TROUPE_STATUS_ERROR && rig_body_has (result, "unknown_hub"));
  rig_stop (rig);
}

Test (ledger_hub_lives, what_can_not_be_asked_is_refused)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t open = hub_rig_call ("hub/open", NULL, NULL, 0);
  open.hub_op = LEDGER_HUB_OPEN;
  cr_expect_eq (rig_do (rig, &rig->a, &open)->outcome, LEDGER_FAILED, "without a lease");
  open.lease_ms = 1;
  open.members_count = LEDGER_MEMBERS_MAX + 1;
  cr_expect_eq (rig_do (rig, &rig->a, &open)->outcome, LEDGER_FAILED);
  open.members_count = 0;
  open.sizes = (const uint32_t[]){4};
  open.sizes_count = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &open)->outcome, LEDGER_FAILED, "not the body's size");
  ledger_request_t close = hub_rig_call ("hub/close", NULL, NULL, 0);
  close.hub_op = LEDGER_HUB_CLOSE;
  close.lease_ms = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &close)->outcome, LEDGER_FAILED, "of no hub");
  ledger_request_t call = hub_rig_call ("agent/a", NULL, NULL, TROUPE_HUBS_MAX + 1);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_FAILED);
  rig_stop (rig);
}

Test (ledger_hub_lives, a_closed_hub_fills_is_heard_and_vanishes)
{
  rig_t *rig = rig_start (NULL);
  hub_rig_twice = true;
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hub), second = hub_rig_say (rig, "agent/b", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  cr_expect_eq (hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL)->status, TROUPE_STATUS_ERROR);
  hub_rig_settle (rig, first, "A");
  HEARS (rig, second, "WA");
  hub_rig_settle (rig, second, "B");
  cr_expect_gt (hub_keys (rig), 0, "a has not heard B");
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "");
  troupe_id_t last = hub_rig_say (rig, "agent/a", NULL, NULL);
  HEARS (rig, last, "B");
  hub_rig_settle (rig, last, "-");
  cr_expect_eq (hub_keys (rig), 0);
  rig_stop (rig);
}

// Without the flag, an actor still passes what it has nothing to hear of.
Test (ledger_hub_lives, one_whose_members_heard_only_themselves_vanishes)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a"));
  for (int i = 0; i < 3; i++) {
    ledger_request_t settle = rig_settle ("s", hub_rig_say (rig, "agent/a", NULL, &hub), 1, "A");
    cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  }
  char id[TROUPE_ID_TEXT_SIZE], command[128];
  troupe_id_to_text (&hub, id);
  snprintf (command, sizeof command, "ZSCORE troupe:{%02u}:readers:s|%s agent/a", ledger_slot ("s"), id);
  redisReply *cursor = redis_run (&rig->redis, command);
  cr_expect (cursor->type == REDIS_REPLY_STRING && strtoull (cursor->str, NULL, 10) % LEDGER_GENERATION_SIZE == 3, "%s",
             cursor->str);
  freeReplyObject (cursor);
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  cr_expect_eq (hub_keys (rig), 0);
  rig_stop (rig);
}

Test (ledger_hub_lives, one_with_nothing_to_hear_vanishes_at_once)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b"));
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  cr_expect_eq (hub_keys (rig), 0);
  hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t call = hub_rig_say (rig, "agent/a", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  cr_expect_gt (hub_keys (rig), 0);
  hub_rig_end (rig, call, 0, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (hub_keys (rig), 0);
  rig_stop (rig);
}

enum { MANY = LEDGER_MEMBERS_MAX };

static troupe_id_t
open_many (rig_t *rig)
{
  static char names[MANY][16];
  static const char *members[MANY + 1];
  for (int i = 0; i < MANY; i++) {
    snprintf (names[i], sizeof names[i], "agent/%d", i);
    members[i] = names[i];
  }
  return hub_rig_open (rig, NULL, "", members);
}

static bool
ended_as (rig_t *rig, ledger_request_t request, ledger_outcome_t outcome, const char *why)
{
  const rig_result_t *result = rig_do (rig, &rig->a, &request);
  cr_expect_eq (result->outcome, outcome, "%d", (int)result->outcome);
  return strstr (result->why, why) != NULL;
}

Test (ledger_hub_lives, very_many_members_wait_for_one_and_leave)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = open_many (rig);
  troupe_id_t first = hub_rig_say (rig, "agent/0", NULL, &hub);
  hub_rig_op (rig, LEDGER_HUB_AUTO_OFF, &hub, NULL, NULL);
  static troupe_id_t calls[2 * MANY];
  for (int i = 2; i < 2 * MANY; i++) {
    char name[16];
    snprintf (name, sizeof name, "agent/%d", i / 2);
    ledger_request_t call = hub_rig_call (name, NULL, &hub, 1);
    calls[i] = call.call;
    size_t before = rig->a.results_count;
    ledger_submit (rig->a.ledger, &call);
    LOOP_UNTIL (rig->loop, rig->a.results_count > before);
    cr_assert_eq (rig->a.last.outcome, LEDGER_OK);
    rig->a.results_count = 0;
  }
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  hub_rig_settle (rig, first, "A");
  sweep (rig);
  for (int i = 2; i < 2 * MANY; i += 2) {
    rig->a.results_count = rig->a.notices_count = 0;
    cr_assert (hub_rig_is_ready (rig, calls[i]), "%d", i);
    hub_rig_settle (rig, calls[i], "-");
    cr_assert (hub_rig_is_ready (rig, calls[i + 1]), "%d", i);
    hub_rig_settle (rig, calls[i + 1], "-");
  }
  sweep (rig);
  cr_expect_eq (hub_keys (rig), 0);
  rig_stop (rig);
}

Test (ledger_hub_lives, one_whose_opener_died_closes)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t open = hub_rig_call ("hub/open", NULL, NULL, 0);
  open.hub_op = LEDGER_HUB_OPEN;
  open.lease_ms = 300;
  open.members = MEMBERS ("agent/a", "agent/b");
  open.members_count = 2;
  open.body = NULL;
  cr_expect_eq (rig_do (rig, &rig->a, &open)->outcome, LEDGER_SETTLED);
  ledger_request_t call = hub_rig_call ("agent/a", NULL, &open.call, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
  sweep (rig);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_KNOWN);
  bool closed = false;
  LOOP_UNTIL (rig->loop, (sweep (rig), call = hub_rig_call ("agent/b", NULL, &open.call, 1),
                          closed = rig_do (rig, &rig->a, &call)->outcome == LEDGER_SETTLED,
                          closed || (hub_rig_end (rig, call.call, 0, TROUPE_STATUS_CANCELLED), false)));
  cr_expect (rig_body_has (&rig->a.last, "unknown_hub"));
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{27}:hubs"), 0);
  rig_stop (rig);
}

enum { DAY_MS = 24 * 3600 * 1000 };

// As if its time had passed.
static void
make_old (rig_t *rig, const troupe_id_t *hub)
{
  char id[TROUPE_ID_TEXT_SIZE], command[192];
  troupe_id_to_text (hub, id);
  snprintf (command, sizeof command, "HSET troupe:{%02u}:hub:s|%s ends 1", ledger_slot ("s"), id);
  redis_do (&rig->redis, command);
  snprintf (command, sizeof command, "ZADD troupe:{%02u}:hubs 1 s|%s", ledger_slot ("s"), id);
  redis_do (&rig->redis, command);
}

Test (ledger_hub_lives, what_is_not_heard_in_time_is_counted)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hub, NULL, MEMBERS ("1", "2"));
  troupe_id_t call = hub_rig_say (rig, "agent/a", NULL, NULL);
  hub_rig_settle (rig, call, "-");
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  sweep (rig);
  cr_expect_eq (rig->a.last.news, 0);
  make_old (rig, &hub);
  sweep (rig);
  cr_expect_eq (rig->a.last.news, 3, "of agent/b");
  cr_expect_eq (hub_keys (rig), 0);
  sweep (rig);
  cr_expect_eq (rig->a.last.news, 0);
  HEARS (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "");
  rig_stop (rig);
}

Test (ledger_hub_lives, a_log_is_bounded_in_bytes)
{
  enum { MIB = 1024 * 1024, BOUND = 64 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b"));
  static uint32_t size = 4 * MIB;
  char *text = malloc (size);
  cr_assert_not_null (text);
  memset (text, 'm', size);
  ledger_request_t speak = hub_rig_call ("hub/broadcast", NULL, &hub, 1);
  speak.hub_op = LEDGER_HUB_BROADCAST;
  speak.lease_ms = 30000;
  speak.sizes = &size;
  speak.sizes_count = 1;
  speak.body = rig_buffer (text, size);
  for (int i = 0; i < BOUND / 4; i++) {
    speak.call = troupe_id_new ();
    cr_assert_eq (rig_do (rig, &rig->a, &speak)->outcome, LEDGER_SETTLED, "%d %s", i, rig->a.last.why);
  }
  speak.call = troupe_id_new ();
  cr_expect (ended_as (rig, speak, LEDGER_OVERLOADED, "64 MiB"));
  cr_expect (ended_as (rig, hub_rig_call ("agent/a", NULL, &hub, 1), LEDGER_OVERLOADED, "64 MiB"));
  hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "-");
  hub_rig_settle (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "-");
  cr_expect (ended_as (rig, speak, LEDGER_SETTLED, ""), "all have heard all");
  free (text);
  rig_stop (rig);
}

Test (ledger_hub_lives, what_nobody_comes_to_hear_is_not_kept_for_ever)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "W", MEMBERS ("agent/a", "agent/b"));
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  char id[TROUPE_ID_TEXT_SIZE], command[128];
  troupe_id_to_text (&hub, id);
  const char *const kinds[] = {"hub", "log", "said", "readers", "members"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    snprintf (command, sizeof command, "PTTL troupe:{%02u}:%s:s|%s", ledger_slot ("s"), kinds[i], id);
    long left = redis_number (&rig->redis, command);
    cr_expect (left > DAY_MS + 3500000 && left <= DAY_MS + 3600000, "%s: %ld", kinds[i], left);
    snprintf (command, sizeof command, "DEL troupe:{%02u}:%s:s|%s", ledger_slot ("s"), kinds[i], id);
    redis_do (&rig->redis, command); // as if that time had passed
  }
  troupe_id_t call = hub_rig_say (rig, "agent/a", NULL, NULL);
  HEARS (rig, call, "");
  hub_rig_settle (rig, call, "-");
  hub_rig_settle (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "-");
  cr_expect_eq (hub_keys (rig), 0);
  rig_stop (rig);
}

Test (ledger_hub_lives, a_log_is_trimmed_and_bounded)
{
  enum { BOUND = 10000 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/a", "agent/b"));
  static uint32_t sizes[LEDGER_MESSAGES_MAX];
  char messages[LEDGER_MESSAGES_MAX];
  memset (messages, 'm', sizeof messages);
  for (int i = 0; i < LEDGER_MESSAGES_MAX; i++)
    sizes[i] = 1;
  ledger_request_t speak = hub_rig_call ("hub/broadcast", NULL, &hub, 1);
  speak.hub_op = LEDGER_HUB_BROADCAST;
  speak.lease_ms = 30000;
  speak.body = rig_buffer (messages, sizeof messages);
  speak.sizes = sizes;
  speak.sizes_count = LEDGER_MESSAGES_MAX;
  for (int i = 0; i < BOUND / LEDGER_MESSAGES_MAX; i++) {
    speak.call = troupe_id_new ();
    cr_assert_eq (rig_do (rig, &rig->a, &speak)->outcome, LEDGER_SETTLED);
  }
  speak.call = troupe_id_new ();
  cr_expect (ended_as (rig, speak, LEDGER_OVERLOADED, "is full"));
  ledger_request_t call = hub_rig_call ("agent/a", NULL, &hub, 1);
  cr_expect (ended_as (rig, call, LEDGER_OVERLOADED, "is full"));
  ledger_request_t await = {.op = LEDGER_AWAIT, .session = "s", .call = call.call};
  cr_expect_eq (rig_do (rig, &rig->a, &await)->outcome, LEDGER_UNKNOWN, "it was not stored");
  hub_rig_settle (rig, hub_rig_say (rig, "agent/b", NULL, NULL), "-"); // one has heard all
  cr_expect (ended_as (rig, speak, LEDGER_OVERLOADED, "is full"));
  hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "-"); // and the other
  cr_expect (ended_as (rig, speak, LEDGER_SETTLED, ""));
  for (int i = 0; i < 200; i++) {
    hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, &hub), "A");
    hub_rig_settle (rig, hub_rig_say (rig, "agent/b", NULL, &hub), "B");
  }
  char id[TROUPE_ID_TEXT_SIZE], command[128];
  troupe_id_to_text (&hub, id);
  snprintf (command, sizeof command, "HLEN troupe:{%02u}:said:s|%s", ledger_slot ("s"), id);
  cr_expect_lt (redis_number (&rig->redis, command), 10000 - 1000);
  rig_stop (rig);
}

Test (ledger_hub_lives, members_and_the_hubs_of_an_actor_are_bounded)
{
  enum { HUBS = 64 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t full = open_many (rig), hub = full;
  ledger_request_t add = hub_rig_call ("hub/add", NULL, &full, 1);
  add.hub_op = LEDGER_HUB_ADD;
  add.lease_ms = 30000;
  add.members = MEMBERS ("agent/one-more");
  add.members_count = 1;
  cr_expect (ended_as (rig, add, LEDGER_OVERLOADED, "members"));
  for (int i = 0; i < HUBS; i++)
    hub = hub_rig_open (rig, NULL, "", MEMBERS ("agent/busy"));
  ledger_request_t open = add;
  open.hub_op = LEDGER_HUB_OPEN;
  open.hubs_count = 0;
  open.call = troupe_id_new ();
  open.members = MEMBERS ("agent/busy");
  cr_expect (ended_as (rig, open, LEDGER_OVERLOADED, "agent/busy is in 64 hubs"));
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, NULL, NULL);
  cr_expect (ended_as (rig, open, LEDGER_SETTLED, ""));

  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  for (int i = 0; i < HUBS; i++)
    hub = hub_rig_open (rig, &flow, "", MEMBERS ("agent/a"));
  open = rig_nested ("s", troupe_id_new (), "hub/open", &flow, 1);
  open.hub_op = LEDGER_HUB_OPEN;
  cr_expect (ended_as (rig, open, LEDGER_OVERLOADED, "open hubs already"));
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, &flow, NULL);
  cr_expect (ended_as (rig, open, LEDGER_SETTLED, ""));
  rig_stop (rig);
}

Test (ledger_hub_lives, a_nested_one_closes_however_its_call_ends)
{
  rig_t *rig = rig_start (NULL);
  for (int i = 0; i < 2; i++) {
    troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
    troupe_id_t middle = hub_rig_say (rig, "workflow/w", &flow, NULL);
    troupe_id_t hub = hub_rig_open (rig, &middle, "W", MEMBERS ("agent/a", "agent/b"));
    troupe_id_t first = hub_rig_say (rig, "agent/a", &middle, &hub);
    hub_rig_say (rig, "agent/b", &middle, &hub); // cancelled with it
    troupe_id_t other = hub_rig_say (rig, "agent/b", NULL, NULL);
    HEARS (rig, first, "W");
    hub_rig_end (rig, i == 0 ? middle : flow, 0, i == 0 ? TROUPE_STATUS_CANCELLED : TROUPE_STATUS_DEADLINE);
    HEARS (rig, other, "W");
    hub_rig_settle (rig, other, "-");
    hub_rig_settle (rig, hub_rig_say (rig, "agent/a", NULL, NULL), "-");
    cr_expect_eq (hub_keys (rig), 0);
  }
  rig_stop (rig);
}
