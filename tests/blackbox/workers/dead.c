// SPDX-License-Identifier: Apache-2.0
//
// Calls that kill their workers, as the person meets them who has to deal with them: `troupe dead`.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (dead, .init = place_enter, .fini = place_leave, .timeout = 180);

// A verb of `troupe dead` to its end; its output, valid until the next one.
static const char *
dead (int status, const char *verb, const char *more)
{
  return process_output_of (status, (const char *const[]){"troupe", "dead", verb, more, NULL});
}

static json_t *
listed (void)
{
  json_t *letters = json_loads (dead (0, "list", "--json"), 0, NULL);
  cr_assert (json_is_array (letters));
  return letters;
}

static const char *
text_of (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

// Kills the worker once it runs the call.
static void
let_die (stage_t *stage, process_t **worker)
{
  STAGE_UNTIL (stage, process_said (*worker, "hold here"));
  stage_kill (worker);
}

static void
kill_and_start_broker (stage_t *stage)
{
  stage_kill (&stage->brokers[0]);
  stage_start_broker (stage, 0);
  process_expect_error (stage->brokers[0], "ready");
}

static void
kill_and_start_redis (stage_t *stage)
{
  stage_kill (&stage->redis);
  process_expect_error (stage->brokers[0], "store down");
  stage_start_redis (stage);
  process_expect_error (stage->brokers[0], "store up");
}

// The new broker has the call run on where it runs: so it sees that worker die.
static void
until_it_goes_on (stage_t *stage)
{
  STAGE_UNTIL (stage, stage_counter (stage, 0, "attempts_offered") == 1);
}

Test (dead, three_workers_count_and_what_else_dies_between_them_does_not)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  troupe_node_t *node = stage_node (&stage, "1");
  process_t *worker = stage_player (&stage, "first", "tool/x", 1);
  troupe_placeholder_t *call = stage_call (node, "tool/x", "one", "[['hold', 'here']]");
  let_die (&stage, &worker);
  worker = stage_player (&stage, "second", "tool/x", 1);
  STAGE_UNTIL (&stage, process_said (worker, "hold here")); // so the first death is noted
  kill_and_start_broker (&stage);
  until_it_goes_on (&stage);
  kill_and_start_redis (&stage);
  stage_kill (&worker);
  worker = stage_player (&stage, "third", "tool/x", 1);
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  kill_and_start_broker (&stage);
  until_it_goes_on (&stage);
  json_t *letters = listed ();
  cr_expect_eq (json_array_size (letters), 0, "two workers, two brokers and a Redis have died");
  json_decref (letters);
  stage_kill (&worker);
  stage_expect_error (&stage, &call, TROUPE_SERVICE_DIED, "3 instances died while they ran this call");

  letters = listed ();
  cr_assert_eq (json_array_size (letters), 1);
  const json_t *letter = json_array_get (letters, 0), *deaths = json_object_get (letter, "deaths");
  cr_expect_str_eq (text_of (letter, "service"), "tool/x");
  cr_expect_str_eq (text_of (letter, "session"), "one");
  cr_assert_eq (json_array_size (deaths), 3);
  static const char *const names[] = {"first-", "second-", "third-"};
  for (size_t i = 0; i < 3; i++)
    cr_expect_eq (strncmp (text_of (json_array_get (deaths, i), "instance"), names[i], strlen (names[i])), 0);
  json_decref (letters);
  stage_close (&stage);
}

Test (dead, a_letter_is_shown_and_sent_again)
{
  stage_t stage;
  stage_open (&stage, 1, "attempts: 1, heartbeat: 200ms, lease: 1s");
  process_t *worker = stage_player (&stage, "mortal", "tool/x", 1);
  troupe_placeholder_t *call = stage_call (stage_node (&stage, "1"), "tool/x", "one", "[['hold', 'here']]");
  let_die (&stage, &worker);
  stage_expect_error (&stage, &call, TROUPE_SERVICE_DIED, "troupe dead show|1 instances died");
  const char *table = dead (0, "list", NULL);
  cr_expect (text_matches (table, "ID +SERVICE +SESSION") && text_matches (table, "tool/x +one +1 "), "%s", table);
  json_t *letters = listed ();
  char *id = strdup (text_of (json_array_get (letters, 0), "id"));
  json_decref (letters);
  json_t *shown = json_loads (dead (0, "show", id + strlen (id) - 6), 0, NULL);
  cr_expect_str_eq (text_of (json_object_get (shown, "letter"), "id"), id);
  cr_expect_str_eq (json_string_value (json_array_get (json_array_get (json_object_get (shown, "input"), 0), 0)),
                    "hold");
  json_decref (shown);

  worker = stage_player (&stage, "immortal", "tool/x", 1);
  process_t *retry = process_run ("troupe", "dead", "retry", id);
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  letters = listed ();
  cr_expect_eq (json_array_size (letters), 0, "it is a call again");
  json_decref (letters);
  process_send (worker, "go here\n");
  process_expect_exit (retry, 0);
  cr_expect (text_matches (process_errors (retry), "^call [0-9a-f-]+ in session one\n"), "%s", process_errors (retry));
  cr_expect (text_matches (process_output (retry), "\"by\": *\"immortal"), "%s", process_output (retry));
  cr_expect_eq (stage_counter (&stage, 0, "letters_written"), 1);
  cr_expect_eq (stage_counter (&stage, 0, "letters_resent"), 1);
  dead (4, "show", id);
  dead (4, "retry", id);
  free (id);
  stage_close (&stage);
}

Test (dead, letters_are_thrown_away)
{
  stage_t stage;
  stage_open (&stage, 1, "attempts: 1, heartbeat: 200ms, lease: 1s");
  troupe_node_t *node = stage_node (&stage, "1");
  for (int i = 0; i < 2; i++) {
    char session[16];
    snprintf (session, sizeof session, "s-%d", i); // letters of two slots
    process_t *worker = stage_player (&stage, "mortal", "tool/x", 1);
    troupe_placeholder_t *call = stage_call (node, "tool/x", session, "[['hold', 'here']]");
    let_die (&stage, &worker);
    stage_expect_error (&stage, &call, TROUPE_SERVICE_DIED, NULL);
  }
  json_t *letters = listed ();
  cr_expect_eq (json_array_size (letters), 2);
  dead (0, "drop", text_of (json_array_get (letters, 0), "id"));
  json_decref (letters);
  letters = listed ();
  cr_expect_eq (json_array_size (letters), 1);
  json_decref (letters);
  dead (0, "drop", "--all");
  letters = listed ();
  cr_expect_eq (json_array_size (letters), 0);
  json_decref (letters);
  dead (4, "drop", "00000000");
  dead (2, "drop", NULL);
  dead (2, "bury", NULL);
  cr_expect_eq (stage_counter (&stage, 0, "letters_discarded"), 2);
  stage_close (&stage);
}

// -- At most once ------------------------------------------------------------------------------------------------------

// Whether the worker dies, or the broker that knows where it runs: nobody else runs it.
Test (dead, a_call_that_may_run_once_fails_when_its_worker_dies)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  process_t *worker = stage_player (&stage, "first", "tool/x", 1);
  troupe_placeholder_t *call =
    stage_call_with (stage_node (&stage, "1"), &(troupe_call_t){.service = "tool/x", .session = "one", .once = true},
                     "[['hold', 'here']]");
  process_t *next = stage_player (&stage, "next", "tool/y", 1);
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  stage_kill (&worker);
  stage_expect_error (&stage, &call, TROUPE_SERVICE_DIED, "at most once");
  json_t *letters = listed ();
  cr_expect_eq (json_array_size (letters), 1);
  json_decref (letters);
  cr_expect_not (process_said (next, "run"));
  stage_close (&stage);
}

Test (dead, a_call_that_may_run_once_fails_when_its_broker_dies)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  process_t *worker = stage_player (&stage, "first", "tool/x", 1);
  troupe_node_t *left = stage_node (&stage, "1"), *right = stage_node (&stage, "2");
  troupe_placeholder_t *call =
    stage_call_with (left, &(troupe_call_t){.service = "tool/x", .session = "one", .once = true}, "[['hold', 'here']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  troupe_placeholder_t *awaited = stage_await_surely (&stage, right, troupe_placeholder_id (call), "one");
  stage_kill (&stage.brokers[0]);
  stage_expect_error (&stage, &awaited, TROUPE_SERVICE_DIED, "at most once");
  cr_expect_not (text_matches (process_output (worker), "run 2"), "%s", process_output (worker));
  troupe_placeholder_destroy (&call);
  stage_close (&stage);
}

Test (dead, a_call_that_may_run_once_has_its_reply_when_nothing_dies)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  stage_player (&stage, "first", "tool/x", 1);
  troupe_placeholder_t *call = stage_call_with (
    stage_node (&stage, "1"), &(troupe_call_t){.service = "tool/x", .session = "one", .once = true}, "[]");
  stage_expect_reply (&stage, &call, 1, "first");
  stage_close (&stage);
}
