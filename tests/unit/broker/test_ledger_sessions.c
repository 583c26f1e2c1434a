// SPDX-License-Identifier: Apache-2.0
//
// Sessions end: because somebody says so, or idle for long. Then nothing of them is left in Redis but outcomes, for
// their retention, and nobody can write there for them any more.
#include "hub_rig.h"

#include "troupe/value.h"

enum { RETENTION_MS = 60 * 1000 };

// The keys that have the session in their name.
static long long
keys_of (const rig_t *rig, const char *pattern)
{
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "KEYS %s", pattern);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_ARRAY);
  long long count = (long long)reply->elements;
  freeReplyObject (reply);
  redisFree (client);
  return count;
}

static troupe_id_t
accepted (rig_t *rig, const char *service)
{
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), service);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK, "%s", rig->a.last.why);
  return accept.call;
}

static const rig_result_t *
close_part (rig_t *rig, rig_broker_t *broker, const char *session)
{
  ledger_request_t request = {.op = LEDGER_CLOSE, .session = session, .retention_ms = RETENTION_MS};
  return rig_do (rig, broker, &request);
}

static int
end (rig_t *rig, const char *session)
{
  int steps = 0;
  do {
    cr_assert_eq (close_part (rig, &rig->a, session)->outcome, LEDGER_OK, "%s", rig->a.last.why);
    steps++;
  } while (rig->a.last.more);
  return steps;
}

static const rig_result_t *
settle_with_memory (rig_t *rig, troupe_id_t call, uint32_t attempt)
{
  static const uint32_t sizes[] = {2};
  ledger_request_t request = rig_settle ("s", call, attempt,
                                         "\xa1"
                                         "a");
  request.body = rig_buffer ("\xa1"
                             "a\xa1"
                             "m",
                             4);
  request.sizes = sizes;
  request.sizes_count = 1;
  return rig_do (rig, &rig->a, &request);
}

static const rig_result_t *
outcome_of (rig_t *rig, troupe_id_t call)
{
  ledger_request_t request = rig_simple (LEDGER_AWAIT, "s", call, 0);
  return rig_do (rig, &rig->b, &request);
}

static const rig_result_t *
sweep (rig_t *rig, int64_t idle_ms)
{
  ledger_request_t request = {
    .op = LEDGER_SWEEP, .slot = ledger_slot ("s"), .idle_ms = idle_ms, .retention_ms = RETENTION_MS};
  return rig_do (rig, &rig->b, &request);
}

static json_t *
listed (rig_t *rig)
{
  ledger_request_t request = {.op = LEDGER_SESSIONS, .slot = ledger_slot ("s")};
  cr_assert_eq (rig_do (rig, &rig->b, &request)->outcome, LEDGER_OK);
  json_t *json = NULL;
  cr_assert_eq (troupe_value_unpack (rig->b.last.body, rig->b.last.body_size, &json, NULL), TROUPE_OK);
  return json;
}

static json_int_t
number_of (const json_t *session, const char *key)
{
  return json_integer_value (json_object_get (session, key));
}

Test (ledger_sessions, one_that_ends_leaves_its_outcomes_only)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t done = accepted (rig, "agent/alice"), hub = hub_rig_open (rig, NULL, "!", MEMBERS ("agent/alice"));
  cr_expect_eq (settle_with_memory (rig, done, 1)->outcome, LEDGER_OK);
  troupe_id_t running = accepted (rig, "agent/alice"), waiting = accepted (rig, "agent/alice");
  troupe_id_t plain = accepted (rig, "tool/t"), said = hub_rig_say (rig, "agent/bob", NULL, &hub);
  ledger_request_t nested = rig_nested ("s", troupe_id_new (), "model/m", &running, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_OK);
  cr_expect_eq (keys_of (rig, "*memory:s|*"), 1);

  end (rig, "s");
  const troupe_id_t cancelled[] = {running, waiting, plain, said, nested.call};
  for (size_t i = 0; i < sizeof cancelled / sizeof *cancelled; i++) {
    LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_SETTLED, &cancelled[i]) > 0);
    cr_expect_eq (outcome_of (rig, cancelled[i])->status, TROUPE_STATUS_CANCELLED, "%zu", i);
  }
  cr_expect_eq (outcome_of (rig, done)->status, TROUPE_STATUS_VALUE, "late, and still there");
  cr_expect_eq (keys_of (rig, "*:s"), 0);
  cr_expect_eq (keys_of (rig, "*:s|*"), keys_of (rig, "*:call:s|*"));
  cr_expect_eq (keys_of (rig, "*:open"), 0);
  cr_expect_eq (keys_of (rig, "*:sessions"), 0);
  cr_expect_eq (close_part (rig, &rig->a, "s")->outcome, LEDGER_UNKNOWN, "made again");
  rig_stop (rig);
}

Test (ledger_sessions, what_ran_in_it_writes_nothing_any_more)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t late = accepted (rig, "agent/alice");
  end (rig, "s");
  cr_expect_eq (settle_with_memory (rig, late, 1)->outcome, LEDGER_SETTLED);
  ledger_request_t nested = rig_nested ("s", troupe_id_new (), "agent/bob", &late, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_STALE);
  cr_expect_eq (keys_of (rig, "*memory:*"), 0);
  troupe_id_t anew = accepted (rig, "agent/alice");
  cr_expect_eq (rig->a.last.memory, 0, "begun anew");
  cr_expect_eq (settle_with_memory (rig, late, 1)->outcome, LEDGER_SETTLED);
  cr_expect_eq (settle_with_memory (rig, anew, 1)->outcome, LEDGER_OK);
  accepted (rig, "agent/alice");
  cr_expect_eq (rig->a.last.memory, 1, "of the one that began anew");
  rig_stop (rig);
}

Test (ledger_sessions, a_large_one_ends_in_steps_and_accepts_nothing_meanwhile)
{
  rig_t *rig = rig_start (NULL);
  enum { CALLS = 150 };
  for (int i = 0; i < CALLS; i++) {
    char service[32];
    snprintf (service, sizeof service, "agent/a%d", i % 120);
    accepted (rig, i % 3 == 0 ? "agent/alice" : service);
  }
  for (int i = 0; i < CALLS; i++)
    accepted (rig, "tool/t");
  cr_assert_eq (close_part (rig, &rig->a, "s")->outcome, LEDGER_OK);
  cr_expect (rig->a.last.more);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OVERLOADED);
  cr_expect_str_eq (rig->b.last.why, "its session is being ended");
  ledger_request_t operation = hub_rig_call ("hub/op", NULL, NULL, 0);
  operation.hub_op = LEDGER_HUB_OPEN;
  operation.lease_ms = 30000;
  cr_expect_eq (rig_do (rig, &rig->b, &operation)->outcome, LEDGER_OVERLOADED);
  json_t *list = listed (rig);
  cr_expect (json_is_true (json_object_get (json_array_get (list, 0), "ending")));
  json_decref (list);
  int sweeps = 0;
  do
    cr_assert_eq (sweep (rig, 0)->outcome, LEDGER_OK, "%s", rig->b.last.why);
  while (rig->b.last.more && ++sweeps < 20);
  cr_expect_gt (sweeps, 0);
  cr_expect_eq (rig->b.last.inputs, 1, "has ended");
  cr_expect_eq (keys_of (rig, "*:s|*"), keys_of (rig, "*:call:s|*"));
  cr_expect_eq (keys_of (rig, "*:open"), 0);
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OK);
  rig_stop (rig);
}

// As if so many seconds had passed since its last call settled, of which a sweep takes notice.
static void
pass_time (rig_t *rig, int seconds)
{
  sweep (rig, 0);
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "ZINCRBY troupe:{%02u}:sessions %d s", ledger_slot ("s"), -seconds);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_STRING);
  freeReplyObject (reply);
  redisFree (client);
}

static json_int_t
idle_of (rig_t *rig)
{
  json_t *list = listed (rig);
  json_int_t idle = number_of (json_array_get (list, 0), "idle");
  json_decref (list);
  return idle;
}

Test (ledger_sessions, an_idle_one_ends_and_one_with_an_open_call_does_not)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t first = accepted (rig, "agent/alice"), second = accepted (rig, "agent/alice");
  cr_expect_eq (settle_with_memory (rig, first, 1)->outcome, LEDGER_OK);
  pass_time (rig, 5000);
  cr_expect_eq (sweep (rig, 1000)->inputs, 0);
  cr_expect_eq (keys_of (rig, "*memory:s|*"), 1, "it has an open call");
  cr_expect_eq (sweep (rig, 1000)->inputs, 0, "and so counts as used");
  cr_expect_eq (idle_of (rig), 0);
  cr_expect_eq (settle_with_memory (rig, second, 1)->outcome, LEDGER_OK);
  pass_time (rig, 100);
  sweep (rig, 1000 * 1000);
  sweep (rig, 0);
  cr_expect_eq (keys_of (rig, "*memory:s|*"), 1, "not idle for so long");
  json_t *list = listed (rig);
  const json_t *session = json_array_get (list, 0);
  cr_expect_str_eq (json_string_value (json_object_get (session, "session")), "s");
  cr_expect (number_of (session, "open") == 0 && number_of (session, "parts") == 1);
  cr_expect (number_of (session, "idle") >= 100 && number_of (session, "idle") < 500);
  json_decref (list);
  cr_expect_eq (sweep (rig, 100 * 1000)->inputs, 1);
  cr_expect_eq (keys_of (rig, "*memory:*"), 0);
  cr_expect_eq (keys_of (rig, "*:sessions"), 0);
  rig_stop (rig);
}

// A call that was there before the session's first actor counts, too: whether it is open, and when it settles.
Test (ledger_sessions, a_call_from_before_its_first_actor_keeps_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t plain = accepted (rig, "tool/t"), actors = accepted (rig, "agent/alice");
  cr_expect_eq (settle_with_memory (rig, actors, 1)->outcome, LEDGER_OK);
  pass_time (rig, 5000);
  cr_expect_eq (sweep (rig, 1000 * 1000)->inputs, 0);
  pass_time (rig, 999);
  ledger_request_t settle = rig_settle ("s", plain, 1, "\xc0");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  pass_time (rig, 999);
  cr_expect_eq (sweep (rig, 1000 * 1000)->inputs, 0, "it has just settled");
  pass_time (rig, 1);
  cr_expect_eq (sweep (rig, 1000 * 1000)->inputs, 1);
  rig_stop (rig);
}

// So many calls of other sessions are open in the slot, as far as that is looked at here.
static void
fill_open (const rig_t *rig, int count)
{
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "EVAL %s 0 %d",
                                    "for i = 1, ARGV[1] do redis.call ('ZADD', 'troupe:{52}:open', '9000000000000000', "
                                    "string.format ('other|%036d', i)) end return 1",
                                    count);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_INTEGER);
  freeReplyObject (reply);
  redisFree (client);
}

// It is busy: nobody ends by being idle then, and who is ended is looked for in steps.
Test (ledger_sessions, a_slot_of_very_many_calls_is_looked_through_in_steps)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t actors = accepted (rig, "agent/alice");
  cr_expect_eq (settle_with_memory (rig, actors, 1)->outcome, LEDGER_OK);
  pass_time (rig, 5000);
  fill_open (rig, 50000);
  cr_expect_eq (sweep (rig, 1000 * 1000)->inputs, 0);
  cr_expect_not (rig->b.last.more);
  troupe_id_t plain = accepted (rig, "tool/t");
  int steps = end (rig, "s");
  cr_expect (steps >= 3 && steps < 10, "%d", steps);
  cr_expect_eq (outcome_of (rig, plain)->status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (keys_of (rig, "*:sessions") + keys_of (rig, "*:closing"), 0);
  actors = accepted (rig, "agent/alice");
  cr_expect_eq (settle_with_memory (rig, actors, 1)->outcome, LEDGER_OK);
  pass_time (rig, 5000);
  redis_do (&rig->redis, "DEL troupe:{52}:open");
  cr_expect_eq (sweep (rig, 1000 * 1000)->inputs, 1);
  rig_stop (rig);
}

// Nothing is kept of sessions that are only names of calls.
Test (ledger_sessions, one_without_actors_and_hubs_is_gone_with_its_last_call)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t one = accepted (rig, "tool/t"), two = accepted (rig, "tool/t");
  json_t *list = listed (rig);
  cr_expect_eq (json_array_size (list), 1);
  cr_expect_eq (number_of (json_array_get (list, 0), "open"), 2);
  json_decref (list);
  ledger_request_t settle = rig_settle ("s", one, 1, "\xc0");
  rig_do (rig, &rig->a, &settle);
  cr_expect_eq (keys_of (rig, "*:sessions"), 0);
  list = listed (rig);
  cr_expect_eq (number_of (json_array_get (list, 0), "open"), 1);
  json_decref (list);
  settle = rig_settle ("s", two, 1, "\xc0");
  rig_do (rig, &rig->a, &settle);
  list = listed (rig);
  cr_expect_eq (json_array_size (list), 0);
  json_decref (list);
  cr_expect_eq (close_part (rig, &rig->a, "s")->outcome, LEDGER_UNKNOWN);
  rig_stop (rig);
}

// Its calls are all that is to be found of it.
Test (ledger_sessions, one_without_actors_and_hubs_ends_in_steps_as_well)
{
  rig_t *rig = rig_start (NULL);
  for (int i = 0; i < 150; i++)
    accepted (rig, "tool/t");
  cr_assert_eq (close_part (rig, &rig->a, "s")->outcome, LEDGER_OK);
  cr_expect (rig->a.last.more);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "tool/t");
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OVERLOADED);
  cr_expect_str_eq (rig->b.last.why, "its session is being ended");
  cr_expect_eq (end (rig, "s"), 1);
  cr_expect_eq (keys_of (rig, "*:open"), 0);
  cr_expect_eq (keys_of (rig, "*:sessions"), 0);
  cr_expect_eq (keys_of (rig, "*:closing"), 0);
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OK);
  rig_stop (rig);
}

// How many there are in a page, of which the rig keeps the beginning.
static size_t
listed_in (const rig_result_t *page)
{
  const unsigned char *body = (const unsigned char *)page->body;
  return body[0] == 0xdc ? (size_t)body[1] << 8 | body[2] : body[0] & 0x0fu;
}

// Those with actors first, then those that only have calls.
Test (ledger_sessions, all_are_listed_by_pages)
{
  rig_t *rig = rig_start (NULL);
  enum { KEPT = 103, BARE = 205 };
  for (int i = 0, n = 0; i < KEPT + BARE; n++) {
    char name[32];
    snprintf (name, sizeof name, "other-%d", n);
    ledger_request_t accept = rig_accept (name, troupe_id_new (), i < KEPT ? "agent/alice" : "tool/t");
    if (ledger_slot (name) != ledger_slot ("s"))
      continue;
    cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
    i++;
  }
  ledger_request_t list = {.op = LEDGER_SESSIONS, .slot = ledger_slot ("s")};
  size_t pages = 0, count = 0;
  do {
    cr_assert_eq (rig_do (rig, &rig->b, &list)->outcome, LEDGER_OK);
    count += listed_in (&rig->b.last);
    list.position = rig->b.last.position;
  } while (++pages < 20 && list.position != 0);
  cr_expect_eq (count, KEPT + BARE);
  cr_expect_lt (pages, 20);
  rig_stop (rig);
}

// A session's name may hold what Redis takes for a pattern.
Test (ledger_sessions, only_its_own_calls_end)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t own = rig_accept ("[s]*", troupe_id_new (), "tool/t");
  ledger_request_t other = rig_accept ("s", troupe_id_new (), "tool/t");
  cr_assert_eq (rig_do (rig, &rig->a, &own)->outcome, LEDGER_OK);
  cr_assert_eq (rig_do (rig, &rig->a, &other)->outcome, LEDGER_OK);
  end (rig, "[s]*");
  cr_expect_eq (outcome_of (rig, other.call)->outcome, LEDGER_PENDING);
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "[s]*", own.call, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->status, TROUPE_STATUS_CANCELLED);
  rig_stop (rig);
}
