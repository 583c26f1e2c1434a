// SPDX-License-Identifier: Apache-2.0
//
// What a library before revision 9 stored is there after an upgrade: a call's fields were fields of its key, not packed
// into one, and a session's open calls were counted. What is stored now is made to look like that.
#include "ledger_rig.h"

#include "troupe/value.h"

enum { RETENTION_MS = 60 * 1000 };

static void
run_in_redis (const rig_t *rig, const char *script)
{
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "EVAL %s 0", script);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_INTEGER, "%s", reply != NULL ? reply->str : "");
  freeReplyObject (reply);
  redisFree (client);
}

// Makes every call what it would be.
static const char older_calls[] =
  "local function text (value)\n"
  "  return type (value) == 'number' and string.format ('%d', value) or value\n"
  "end\n"
  "for _, key in ipairs (redis.call ('KEYS', '*:call:*')) do\n"
  "  local v = redis.call ('HMGET', key, 'call', 'now', 'end', 'path', 'trace')\n"
  "  if v[1] then\n"
  "    local attempt, deadline, owner, service, actor, flags, default, sequence = cmsgpack.unpack (v[1])\n"
  "    if v[2] then attempt, deadline, owner = cmsgpack.unpack (v[2]) end\n"
  "    redis.call ('HSET', key, 'attempt', text (attempt), 'deadline', text (deadline), 'owner', owner,\n"
  "                'service', service, 'actor', actor and '1' or '0', 'flags', text (flags),\n"
  "                'default', text (default), 'sequence', text (sequence), 'path', v[4] or '',\n"
  "                'trace', v[5] or '')\n"
  "    if v[3] then\n"
  "      local status, winner = cmsgpack.unpack (v[3])\n"
  "      redis.call ('HSET', key, 'status', status, 'winner', text (winner))\n"
  "    end\n"
  "    redis.call ('HDEL', key, 'call', 'now', 'end')\n"
  "  end\n"
  "end\n"
  "return 1";

static troupe_id_t
accepted (rig_t *rig, const char *session, const char *service)
{
  ledger_request_t accept = rig_accept (session, troupe_id_new (), service);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK, "%s", rig->a.last.why);
  return accept.call;
}

static const rig_result_t *
settle (rig_t *rig, rig_broker_t *broker, troupe_id_t call, uint32_t attempt)
{
  ledger_request_t request = rig_settle ("s", call, attempt, "\xc0");
  return rig_do (rig, broker, &request);
}

static const rig_result_t *
outcome_of (rig_t *rig, const char *session, troupe_id_t call)
{
  ledger_request_t request = rig_simple (LEDGER_AWAIT, session, call, 0);
  return rig_do (rig, &rig->b, &request);
}

Test (ledger_older, its_calls_go_on_and_settle)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t running = accepted (rig, "s", "agent/alice"), waiting = accepted (rig, "s", "agent/alice");
  ledger_request_t nested = rig_nested ("s", troupe_id_new (), "tool/t", &running, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_OK);
  run_in_redis (rig, older_calls);
  cr_expect_eq (settle (rig, &rig->a, nested.call, 1)->outcome, LEDGER_OK);
  cr_expect_eq (settle (rig, &rig->a, running, 1)->outcome, LEDGER_OK);
  cr_assert_eq (rig->a.last.calls_count, 1, "the next one's turn");
  cr_expect (troupe_id_equal (&rig->a.last.calls[0].call, &waiting) && rig->a.last.calls[0].attempt == 1);
  cr_expect_eq (settle (rig, &rig->a, waiting, 1)->outcome, LEDGER_OK);
  cr_expect_eq (outcome_of (rig, "s", waiting)->status, TROUPE_STATUS_VALUE);
  rig_stop (rig);
}

Test (ledger_older, its_outcomes_are_known)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t done = accepted (rig, "s", "tool/t");
  cr_expect_eq (settle (rig, &rig->a, done, 1)->outcome, LEDGER_OK);
  run_in_redis (rig, older_calls);
  cr_expect_eq (outcome_of (rig, "s", done)->status, TROUPE_STATUS_VALUE);
  cr_expect_eq (settle (rig, &rig->a, done, 1)->outcome, LEDGER_OK, "made again");
  cr_expect_eq (settle (rig, &rig->a, done, 2)->outcome, LEDGER_SETTLED);
  ledger_request_t needs = rig_accept ("s", troupe_id_new (), "tool/u");
  needs.inputs = &done;
  needs.inputs_count = 1;
  needs.previous = done;
  cr_assert_eq (rig_do (rig, &rig->a, &needs)->outcome, LEDGER_OK);
  ledger_request_t inputs = rig_simple (LEDGER_INPUTS, "s", needs.call, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &inputs)->sizes_count, 1);
  rig_stop (rig);
}

Test (ledger_older, its_calls_are_made_again_retried_and_taken_over)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "tool/t");
  accept.trace = "trace";
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  run_in_redis (rig, older_calls);
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_KNOWN);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", accept.call, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->attempt, 2);
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = ledger_slot ("s")};
  cr_assert_eq (rig_do (rig, &rig->a, &recover)->calls_count, 1);
  cr_expect_eq (rig->a.last.calls[0].attempt, 2);
  cr_expect_str_eq (rig->a.last.calls[0].trace, "trace");
  run_in_redis (rig, older_calls);
  ledger_request_t takeover = {
    .op = LEDGER_TAKEOVER, .slot = ledger_slot ("s"), .broker = "a", .retention_ms = RETENTION_MS};
  cr_assert_eq (rig_do (rig, &rig->b, &takeover)->calls_count, 1);
  cr_expect_eq (rig->b.last.calls[0].attempt, 3);
  cr_expect_eq (settle (rig, &rig->a, accept.call, 2)->outcome, LEDGER_STALE);
  cr_expect_eq (settle (rig, &rig->b, accept.call, 3)->outcome, LEDGER_OK);
  rig_stop (rig);
}

// -- Sessions -------------------------------------------------------------------------------------------------------

static void
count_as_older (const rig_t *rig, const char *session, const char *score)
{
  char script[400];
  snprintf (script, sizeof script,
            "local now, OPEN, KEPT, ENDING = redis.call ('TIME')[1], 2 ^ 34, 2 ^ 33, 2 ^ 60\n"
            "redis.call ('ZADD', 'troupe:{%02u}:sessions', string.format ('%%d', %s), '%s') return 1",
            ledger_slot (session), score, session);
  run_in_redis (rig, script);
}

static const rig_result_t *
sweep (rig_t *rig)
{
  ledger_request_t request = {
    .op = LEDGER_SWEEP, .slot = ledger_slot ("s"), .idle_ms = 1000 * 1000, .retention_ms = RETENTION_MS};
  return rig_do (rig, &rig->b, &request);
}

// The name of a session of the slot of "s".
static void
name_in_slot (char name[32], int *from)
{
  do
    snprintf (name, 32, "other-%d", (*from)++);
  while (ledger_slot (name) != ledger_slot ("s"));
}

static json_int_t
number_of_first (rig_t *rig, const char *key)
{
  ledger_request_t request = {.op = LEDGER_SESSIONS, .slot = ledger_slot ("s")};
  json_t *list = NULL;
  cr_assert_eq (rig_do (rig, &rig->b, &request)->outcome, LEDGER_OK);
  cr_assert_eq (troupe_value_unpack (rig->b.last.body, rig->b.last.body_size, &list, NULL), TROUPE_OK);
  cr_assert_eq (json_array_size (list), 1);
  json_int_t number = json_integer_value (json_object_get (json_array_get (list, 0), key));
  json_decref (list);
  return number;
}

// One with an actor and two open calls, one with neither, and one that was being ended.
Test (ledger_older, its_sessions_were_counted)
{
  rig_t *rig = rig_start (NULL);
  char bare[32], ending[32];
  int n = 0;
  name_in_slot (bare, &n);
  name_in_slot (ending, &n);
  troupe_id_t first = accepted (rig, "s", "agent/alice"), second = accepted (rig, "s", "agent/alice");
  troupe_id_t last = accepted (rig, ending, "agent/bob");
  run_in_redis (rig, older_calls);
  count_as_older (rig, "s", "2 * OPEN + KEPT + now - 5000");
  count_as_older (rig, bare, "OPEN");
  count_as_older (rig, ending, "OPEN + KEPT + now - ENDING");
  cr_expect_eq (sweep (rig)->inputs, 1, "the last one");
  cr_expect_eq (outcome_of (rig, ending, last)->status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (number_of_first (rig, "open"), 2);
  cr_expect_eq (settle (rig, &rig->a, first, 1)->outcome, LEDGER_OK);
  cr_expect_eq (settle (rig, &rig->a, second, 1)->outcome, LEDGER_OK);
  cr_expect_eq (sweep (rig)->inputs, 0);
  cr_expect_lt (number_of_first (rig, "idle"), 500);
  count_as_older (rig, "s", "KEPT + now - 1000");
  cr_expect_eq (sweep (rig)->inputs, 1);
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:sessions troupe:{52}:closing"), 0);
  rig_stop (rig);
}

// Before sessions there were calls.
Test (ledger_older, calls_whose_session_is_not_known_harm_nobody)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t call = accepted (rig, "s", "agent/alice"), other = accepted (rig, "s", "agent/alice");
  run_in_redis (rig, "for _, k in ipairs (redis.call ('KEYS', '*:sessions')) do redis.call ('DEL', k) end return 1");
  cr_expect_eq (settle (rig, &rig->a, call, 1)->outcome, LEDGER_OK);
  ledger_request_t close = {.op = LEDGER_CLOSE, .session = "s", .retention_ms = RETENTION_MS};
  cr_expect_eq (rig_do (rig, &rig->a, &close)->outcome, LEDGER_OK);
  cr_expect_eq (outcome_of (rig, "s", other)->status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:sessions troupe:{52}:parts:s"), 0);
  rig_stop (rig);
}
