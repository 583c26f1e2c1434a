// SPDX-License-Identifier: Apache-2.0
//
// Sessions of a slot in which very many calls are open: which of them are a session's is looked for some at a time, so
// that Redis never stands still for all of them.
#include "session_rig.h"

enum { MANY = 10000, OTHERS = 3 }; // calls, and their sessions

// So many calls of other sessions are open in the slot, as far as that is looked at here.
static rig_t *
start (void)
{
  rig_t *rig = rig_start (NULL);
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "EVAL %s 0 %d %d",
                                    "for i = 1, ARGV[1] do redis.call ('ZADD', 'troupe:{52}:open', '9000000000000000', "
                                    "string.format ('other-%d|%036d', i % ARGV[2], i)) end return 1",
                                    MANY, OTHERS);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_INTEGER);
  freeReplyObject (reply);
  redisFree (client);
  return rig;
}

// -- Listing ---------------------------------------------------------------------------------------------------------

// The next step of a list; adds the open calls of those that it tells. Returns whether it was the last one.
static bool
list_on (rig_t *rig, uint64_t *position, json_int_t *open)
{
  ledger_request_t request = {.op = LEDGER_SESSIONS, .slot = ledger_slot ("s"), .position = *position};
  cr_assert_eq (rig_do (rig, &rig->b, &request)->outcome, LEDGER_OK, "%s", rig->b.last.why);
  json_t *list = NULL;
  cr_assert_eq (troupe_value_unpack (rig->b.last.body, rig->b.last.body_size, &list, NULL), TROUPE_OK);
  for (size_t i = 0; i < json_array_size (list); i++)
    *open += session_rig_number (json_array_get (list, i), "open");
  json_decref (list);
  *position = rig->b.last.position;
  return *position == 0;
}

Test (ledger_busy, sessions_are_counted_in_steps)
{
  rig_t *rig = start ();
  session_rig_accept (rig, "agent/alice");
  uint64_t position = 0;
  json_int_t open = 0;
  int steps = 1;
  while (!list_on (rig, &position, &open))
    steps++;
  cr_expect (steps >= 5 && steps < 20, "%d", steps);
  cr_expect_eq (open, MANY + 1);
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:closing"), 0);
  rig_stop (rig);
}

// Each list counts for itself, also if others are begun and left, and more than are kept.
Test (ledger_busy, lists_do_not_disturb_each_other)
{
  rig_t *rig = start ();
  enum { LISTS = 40 };
  uint64_t positions[LISTS] = {0}, late = 0;
  json_int_t open[LISTS] = {0}, opens = 0;
  for (int i = 0; i < LISTS; i++)
    cr_expect_not (list_on (rig, &positions[i], &open[i]));
  session_rig_accept (rig, "agent/alice");
  bool ended[LISTS] = {false}, late_ended = false;
  for (int step = 0, left = LISTS; left > 0 || !late_ended; step++) {
    cr_assert_lt (step, 40);
    for (int i = 0; i < LISTS; i++)
      if (!ended[i] && (ended[i] = list_on (rig, &positions[i], &open[i])))
        left--;
    if (!late_ended)
      late_ended = list_on (rig, &late, &opens);
  }
  for (int i = 0; i < LISTS; i++)
    cr_expect (open[i] >= MANY && open[i] <= MANY + 1, "%d: %d", i, (int)open[i]);
  cr_expect_eq (opens, MANY + 1);
  rig_stop (rig);
}

// -- Ending ----------------------------------------------------------------------------------------------------------

Test (ledger_busy, one_that_is_not_there_is_looked_for_in_steps)
{
  rig_t *rig = start ();
  int steps = 1;
  for (; session_rig_close (rig, "s", rig->a.last.position)->outcome == LEDGER_OK; steps++) {
    cr_assert (rig->a.last.more && rig->a.last.position > 0 && steps < 20);
    cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:closing troupe:{52}:sessions"), 0);
  }
  cr_expect_eq (rig->a.last.outcome, LEDGER_UNKNOWN);
  cr_expect_geq (steps, 5);
  rig_stop (rig);
}

// It doesn't say where to go on.
Test (ledger_busy, a_broker_of_revision_8_is_told_in_one_step)
{
  rig_t *rig = start ();
  static const char *const commands[] = {"FCALL troupe1_close 1 troupe:{52}:sessions s 60000",
                                         "FCALL troupe1_close 1 troupe:{52}:sessions other-1 60000"};
  static const char *const outcomes[] = {"unknown", "ok"};
  for (int i = 0; i < 2; i++) {
    redisReply *reply = redis_run (&rig->redis, commands[i]);
    cr_assert (reply->type == REDIS_REPLY_ARRAY && reply->elements > 8);
    cr_expect_str_eq (reply->element[0]->str, outcomes[i]);
    cr_expect_eq (reply->element[3]->integer, 0);
    freeReplyObject (reply);
  }
  rig_stop (rig);
}

Test (ledger_busy, one_that_has_only_calls_is_found_and_ends)
{
  rig_t *rig = start ();
  troupe_id_t call = session_rig_accept (rig, "tool/t");
  int steps = session_rig_end (rig, "s");
  cr_expect (steps >= 5 && steps < 30, "%d", steps);
  cr_expect_eq (session_rig_outcome (rig, call)->status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:closing troupe:{52}:sessions"), 0);
  cr_expect_eq (session_rig_close (rig, "s", 0)->outcome, LEDGER_OK);
  cr_expect_gt (rig->a.last.position, 0, "it is looked for");
  rig_stop (rig);
}

// Where it was is no place in the Redis that has come back.
Test (ledger_busy, the_end_begins_anew_when_redis_was_started_again)
{
  rig_t *rig = start ();
  troupe_id_t actors = session_rig_accept (rig, "agent/alice"), calls[50];
  cr_expect_eq (session_rig_settle (rig, actors, 1)->outcome, LEDGER_OK);
  for (int i = 0; i < 50; i++)
    calls[i] = session_rig_accept (rig, "tool/t");
  cr_assert_eq (session_rig_close (rig, "s", 0)->outcome, LEDGER_OK);
  cr_assert (rig->a.last.more && rig->a.last.position == 0);
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply =
    redisCommand (client, "HSET troupe:{52}:closing s %s", "16383 1"); // the last place, in another one
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_INTEGER);
  freeReplyObject (reply);
  redisFree (client);
  session_rig_end (rig, "s");
  for (int i = 0; i < 50; i++)
    cr_expect_eq (session_rig_outcome (rig, calls[i])->status, TROUPE_STATUS_CANCELLED, "%d", i);
  rig_stop (rig);
}

// -- Idle ones -------------------------------------------------------------------------------------------------------

// Sweeps for as long as the session is being looked for. Returns how many have ended.
static uint32_t
sweep_through (rig_t *rig)
{
  uint32_t ended = 0;
  int sweeps = 0;
  do {
    ended += session_rig_sweep (rig, 1000 * 1000)->inputs;
    cr_assert_lt (sweeps++, 30);
  } while (redis_number (&rig->redis, "EXISTS troupe:{52}:closing") == 1);
  cr_expect_geq (sweeps, 5);
  return ended;
}

Test (ledger_busy, an_idle_one_ends_and_one_with_an_open_call_does_not)
{
  rig_t *rig = start ();
  troupe_id_t actors = session_rig_accept (rig, "agent/alice"), plain = session_rig_accept (rig, "tool/t");
  cr_expect_eq (session_rig_settle (rig, actors, 1)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 5000);
  for (int i = 0; i < 20; i++)
    cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 0);
  cr_expect_eq (session_rig_outcome (rig, plain)->outcome, LEDGER_PENDING);
  ledger_request_t settle = rig_settle ("s", plain, 1, "\xc0");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 5000);
  cr_expect_eq (sweep_through (rig), 1);
  cr_expect_eq (session_rig_keys (rig, "*memory:*") + session_rig_keys (rig, "*:sessions"), 0);
  rig_stop (rig);
}

// The call will mostly stand where was looked before.
Test (ledger_busy, one_that_is_called_while_it_is_looked_for_is_not_idle)
{
  rig_t *rig = start ();
  troupe_id_t call = session_rig_accept (rig, "agent/alice");
  for (int round = 0; round < 6; round++) {
    cr_expect_eq (session_rig_settle (rig, call, 1)->outcome, LEDGER_OK);
    session_rig_pass_time (rig, 5000);
    for (int i = 0; i < 4; i++)
      cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 0);
    cr_assert_eq (redis_number (&rig->redis, "HEXISTS troupe:{52}:closing s"), 1);
    call = session_rig_accept (rig, "agent/alice");
    for (int i = 0; i < 8; i++)
      cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 0);
    cr_expect_eq (session_rig_outcome (rig, call)->outcome, LEDGER_PENDING);
  }
  cr_expect_eq (session_rig_keys (rig, "*memory:*"), 1);
  rig_stop (rig);
}

// Somebody ends it while it is looked for.
Test (ledger_busy, one_that_is_ended_while_it_is_looked_for_ends)
{
  rig_t *rig = start ();
  troupe_id_t actors = session_rig_accept (rig, "agent/alice"), plain = session_rig_accept (rig, "tool/t");
  cr_expect_eq (session_rig_settle (rig, actors, 1)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 5000);
  cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 0);
  session_rig_end (rig, "s");
  cr_expect_eq (session_rig_outcome (rig, plain)->status, TROUPE_STATUS_CANCELLED);
  cr_expect_eq (session_rig_keys (rig, "*memory:*") + session_rig_keys (rig, "*:sessions"), 0);
  cr_expect_eq (session_rig_keys (rig, "*:closing"), 0);
  rig_stop (rig);
}
