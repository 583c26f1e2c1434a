// SPDX-License-Identifier: Apache-2.0
//
// Sessions end: because somebody says so, or idle for long. Then nothing of them is left in Redis but outcomes, for
// their retention, and nobody can write there for them any more.
#include "session_rig.h"

Test (ledger_sessions, one_that_ends_leaves_its_outcomes_only)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t done = session_rig_accept (rig, "agent/alice"),
              hub = hub_rig_open (rig, NULL, "!", MEMBERS ("agent/alice"));
  cr_expect_eq (session_rig_settle (rig, done, 1)->outcome, LEDGER_OK);
  troupe_id_t running = session_rig_accept (rig, "agent/alice"), waiting = session_rig_accept (rig, "agent/alice");
  troupe_id_t plain = session_rig_accept (rig, "tool/t"), said = hub_rig_say (rig, "agent/bob", NULL, &hub);
  ledger_request_t nested = rig_nested ("s", troupe_id_new (), "model/m", &running, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_OK);
  cr_expect_eq (session_rig_keys (rig, "*memory:s|*"), 1);

  session_rig_end (rig, "s");
  const troupe_id_t cancelled[] = {running, waiting, plain, said, nested.call};
  for (size_t i = 0; i < sizeof cancelled / sizeof *cancelled; i++) {
    LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_SETTLED, &cancelled[i]) > 0);
    cr_expect_eq (session_rig_outcome (rig, cancelled[i])->status, TROUPE_STATUS_CANCELLED, "%zu", i);
  }
  cr_expect_eq (session_rig_outcome (rig, done)->status, TROUPE_STATUS_VALUE, "late, and still there");
  cr_expect_eq (session_rig_keys (rig, "*:s"), 0);
  cr_expect_eq (session_rig_keys (rig, "*:s|*"), session_rig_keys (rig, "*:call:s|*"));
  cr_expect_eq (session_rig_keys (rig, "*:open"), 0);
  cr_expect_eq (session_rig_keys (rig, "*:sessions"), 0);
  cr_expect_eq (session_rig_close (rig, "s", 0)->outcome, LEDGER_UNKNOWN, "made again");
  rig_stop (rig);
}

Test (ledger_sessions, what_ran_in_it_writes_nothing_any_more)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t late = session_rig_accept (rig, "agent/alice");
  session_rig_end (rig, "s");
  cr_expect_eq (session_rig_settle (rig, late, 1)->outcome, LEDGER_SETTLED);
  ledger_request_t nested = rig_nested ("s", troupe_id_new (), "agent/bob", &late, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_STALE);
  cr_expect_eq (session_rig_keys (rig, "*memory:*"), 0);
  troupe_id_t anew = session_rig_accept (rig, "agent/alice");
  cr_expect_eq (rig->a.last.memory, 0, "begun anew");
  cr_expect_eq (session_rig_settle (rig, late, 1)->outcome, LEDGER_SETTLED);
  cr_expect_eq (session_rig_settle (rig, anew, 1)->outcome, LEDGER_OK);
  session_rig_accept (rig, "agent/alice");
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
    session_rig_accept (rig, i % 3 == 0 ? "agent/alice" : service);
  }
  for (int i = 0; i < CALLS; i++)
    session_rig_accept (rig, "tool/t");
  cr_assert_eq (session_rig_close (rig, "s", 0)->outcome, LEDGER_OK);
  cr_expect (rig->a.last.more);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OVERLOADED);
  cr_expect_str_eq (rig->b.last.why, "its session is being ended");
  ledger_request_t operation = hub_rig_call ("hub/op", NULL, NULL, 0);
  operation.hub_op = LEDGER_HUB_OPEN;
  operation.lease_ms = 30000;
  cr_expect_eq (rig_do (rig, &rig->b, &operation)->outcome, LEDGER_OVERLOADED);
  json_t *list = session_rig_list (rig);
  cr_expect (json_is_true (json_object_get (json_array_get (list, 0), "ending")));
  json_decref (list);
  int sweeps = 0;
  do
    cr_assert_eq (session_rig_sweep (rig, 0)->outcome, LEDGER_OK, "%s", rig->b.last.why);
  while (rig->b.last.more && ++sweeps < 20);
  cr_expect_gt (sweeps, 0);
  cr_expect_eq (rig->b.last.inputs, 1, "has ended");
  cr_expect_eq (session_rig_keys (rig, "*:s|*"), session_rig_keys (rig, "*:call:s|*"));
  cr_expect_eq (session_rig_keys (rig, "*:open"), 0);
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OK);
  rig_stop (rig);
}

static json_int_t
idle_of (rig_t *rig)
{
  json_t *list = session_rig_list (rig);
  json_int_t idle = session_rig_number (json_array_get (list, 0), "idle");
  json_decref (list);
  return idle;
}

Test (ledger_sessions, an_idle_one_ends_and_one_with_an_open_call_does_not)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t first = session_rig_accept (rig, "agent/alice"), second = session_rig_accept (rig, "agent/alice");
  cr_expect_eq (session_rig_settle (rig, first, 1)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 5000);
  cr_expect_eq (session_rig_sweep (rig, 1000)->inputs, 0);
  cr_expect_eq (session_rig_keys (rig, "*memory:s|*"), 1, "it has an open call");
  cr_expect_eq (session_rig_sweep (rig, 1000)->inputs, 0, "and so counts as used");
  cr_expect_eq (idle_of (rig), 0);
  cr_expect_eq (session_rig_settle (rig, second, 1)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 100);
  session_rig_sweep (rig, 1000 * 1000);
  session_rig_sweep (rig, 0);
  cr_expect_eq (session_rig_keys (rig, "*memory:s|*"), 1, "not idle for so long");
  json_t *list = session_rig_list (rig);
  const json_t *session = json_array_get (list, 0);
  cr_expect_str_eq (json_string_value (json_object_get (session, "session")), "s");
  cr_expect (session_rig_number (session, "open") == 0 && session_rig_number (session, "parts") == 1);
  cr_expect (session_rig_number (session, "idle") >= 100 && session_rig_number (session, "idle") < 500);
  json_decref (list);
  cr_expect_eq (session_rig_sweep (rig, 100 * 1000)->inputs, 1);
  cr_expect_eq (session_rig_keys (rig, "*memory:*"), 0);
  cr_expect_eq (session_rig_keys (rig, "*:sessions"), 0);
  rig_stop (rig);
}

// A call that was there before the session's first actor counts, too: whether it is open, and when it settles.
Test (ledger_sessions, a_call_from_before_its_first_actor_keeps_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t plain = session_rig_accept (rig, "tool/t"), actors = session_rig_accept (rig, "agent/alice");
  cr_expect_eq (session_rig_settle (rig, actors, 1)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 5000);
  cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 0);
  session_rig_pass_time (rig, 999);
  ledger_request_t settle = rig_settle ("s", plain, 1, "\xc0");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  session_rig_pass_time (rig, 999);
  cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 0, "it has just settled");
  session_rig_pass_time (rig, 1);
  cr_expect_eq (session_rig_sweep (rig, 1000 * 1000)->inputs, 1);
  rig_stop (rig);
}

// Nothing is kept of sessions that are only names of calls.
Test (ledger_sessions, one_without_actors_and_hubs_is_gone_with_its_last_call)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t one = session_rig_accept (rig, "tool/t"), two = session_rig_accept (rig, "tool/t");
  json_t *list = session_rig_list (rig);
  cr_expect_eq (json_array_size (list), 1);
  cr_expect_eq (session_rig_number (json_array_get (list, 0), "open"), 2);
  json_decref (list);
  ledger_request_t settle = rig_settle ("s", one, 1, "\xc0");
  rig_do (rig, &rig->a, &settle);
  cr_expect_eq (session_rig_keys (rig, "*:sessions"), 0);
  list = session_rig_list (rig);
  cr_expect_eq (session_rig_number (json_array_get (list, 0), "open"), 1);
  json_decref (list);
  settle = rig_settle ("s", two, 1, "\xc0");
  rig_do (rig, &rig->a, &settle);
  list = session_rig_list (rig);
  cr_expect_eq (json_array_size (list), 0);
  json_decref (list);
  cr_expect_eq (session_rig_close (rig, "s", 0)->outcome, LEDGER_UNKNOWN);
  rig_stop (rig);
}

// Its calls are all that is to be found of it.
Test (ledger_sessions, one_without_actors_and_hubs_ends_in_steps_as_well)
{
  rig_t *rig = rig_start (NULL);
  for (int i = 0; i < 150; i++)
    session_rig_accept (rig, "tool/t");
  cr_assert_eq (session_rig_close (rig, "s", 0)->outcome, LEDGER_OK);
  cr_expect (rig->a.last.more);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "tool/t");
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OVERLOADED);
  cr_expect_str_eq (rig->b.last.why, "its session is being ended");
  cr_expect_eq (session_rig_end (rig, "s"), 1);
  cr_expect_eq (session_rig_keys (rig, "*:open"), 0);
  cr_expect_eq (session_rig_keys (rig, "*:sessions"), 0);
  cr_expect_eq (session_rig_keys (rig, "*:closing"), 0);
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OK);
  rig_stop (rig);
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
    count += session_rig_count (&rig->b.last);
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
  session_rig_end (rig, "[s]*");
  cr_expect_eq (session_rig_outcome (rig, other.call)->outcome, LEDGER_PENDING);
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "[s]*", own.call, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->status, TROUPE_STATUS_CANCELLED);
  rig_stop (rig);
}
