// SPDX-License-Identifier: Apache-2.0
//
// Deaths under a call, and the dead letter that it leaves.
#include "ledger_rig.h"

#include "troupe/value.h"

static const char input[] = "\xa5hello"; // packed

static ledger_death_t
death_of (const char *instance)
{
  return (ledger_death_t){.instance = instance, .host = "host", .how = "its connection is gone", .deaths_max = 3};
}

// The attempt's instance died.
static const rig_result_t *
die (rig_t *rig, rig_broker_t *broker, troupe_id_t id, uint32_t attempt, const char *instance)
{
  ledger_death_t death = death_of (instance);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", id, attempt);
  retry.death = &death;
  retry.retention_ms = retry.letters_ms = 60 * 1000;
  retry.letters_max = 10;
  return rig_do (rig, broker, &retry);
}

static ledger_request_t
accept_of (rig_t *rig, troupe_id_t id, const char *service, bool actor)
{
  ledger_request_t accept = rig_accept ("s", id, service);
  (void)rig;
  accept.actor = actor;
  accept.body = rig_buffer (input, sizeof input - 1);
  return accept;
}

static void
kill_thrice (rig_t *rig, troupe_id_t id)
{
  static const char *const names[] = {"one", "two", "three"};
  for (uint32_t i = 0; i < 3; i++)
    die (rig, &rig->a, id, i + 1, names[i]);
}

static json_t *
unpacked (const rig_result_t *result)
{
  json_t *json = NULL;
  cr_assert_lt (result->body_size, sizeof result->body);
  cr_assert_eq (troupe_value_unpack (result->body, result->body_size, &json, NULL), TROUPE_OK);
  return json;
}

// The letters of the session's slot, a new list.
static json_t *
letters_of (rig_t *rig)
{
  ledger_request_t request = {.op = LEDGER_LETTERS, .slot = ledger_slot ("s")};
  cr_assert_eq (rig_do (rig, &rig->b, &request)->outcome, LEDGER_OK);
  cr_expect_eq (rig->b.last.position, 0);
  return unpacked (&rig->b.last);
}

static const char *
text_of (const json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

Test (ledger_letters, a_call_that_kills_three_instances_settles_and_leaves_a_letter)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  char text[TROUPE_ID_TEXT_SIZE];
  ledger_request_t accept = accept_of (rig, id, "tool/t", false), await = rig_simple (LEDGER_AWAIT, "s", id, 0);
  troupe_id_to_text (&id, text);
  rig_do (rig, &rig->a, &accept);
  rig_do (rig, &rig->b, &await);
  cr_expect_eq (die (rig, &rig->a, id, 1, "one")->outcome, LEDGER_OK);
  cr_expect_eq (die (rig, &rig->a, id, 1, "one")->outcome, LEDGER_OK, "made again");
  cr_expect_eq (rig->a.last.attempt, 2);
  cr_expect_eq (die (rig, &rig->a, id, 2, "two")->outcome, LEDGER_OK);
  cr_expect_eq (die (rig, &rig->a, id, 3, "three")->outcome, LEDGER_SETTLED, "%s", rig->a.last.why);
  cr_expect_eq (rig->a.last.status, TROUPE_STATUS_ERROR);
  cr_expect (rig_body_has (&rig->a.last, "service_died"));
  cr_expect_eq (rig->a.last.attempt, 3);
  cr_expect_eq (die (rig, &rig->a, id, 3, "three")->outcome, LEDGER_SETTLED, "made again");
  LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &id) == 1);

  json_t *letters = letters_of (rig);
  const json_t *letter = json_array_get (letters, 0), *deaths = json_object_get (letter, "deaths");
  cr_assert_eq (json_array_size (letters), 1);
  cr_expect_str_eq (text_of (letter, "id"), text);
  cr_expect_str_eq (text_of (letter, "session"), "s");
  cr_expect_str_eq (text_of (letter, "service"), "tool/t");
  cr_expect_str_eq (text_of (json_object_get (letter, "error"), "code"), "service_died");
  cr_expect_eq (json_integer_value (json_object_get (letter, "bytes")), sizeof input - 1);
  cr_expect_gt (json_integer_value (json_object_get (letter, "at")), 0);
  cr_assert_eq (json_array_size (deaths), 3);
  cr_expect_str_eq (text_of (json_array_get (deaths, 1), "instance"), "two");
  cr_expect_str_eq (text_of (json_array_get (deaths, 1), "how"), "its connection is gone");
  cr_expect_eq (json_integer_value (json_object_get (json_array_get (deaths, 2), "attempt")), 3);
  json_decref (letters);

  ledger_request_t show = rig_simple (LEDGER_LETTER, "s", id, 0);
  cr_expect_eq (rig_do (rig, &rig->a, &show)->outcome, LEDGER_OK);
  json_t *shown = unpacked (&rig->a.last);
  cr_expect_str_eq (json_string_value (json_array_get (shown, 1)), "hello");
  json_decref (shown);
  rig_stop (rig);
}

// Neither a broker's death, nor an instance that only lost its connection, counts.
Test (ledger_letters, only_instances_count_and_each_once)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = accept_of (rig, id, "tool/t", false);
  ledger_request_t over = {.op = LEDGER_TAKEOVER, .slot = ledger_slot ("s"), .broker = "a"};
  rig_do (rig, &rig->a, &accept);
  for (uint32_t attempt = 1; attempt <= 5; attempt++)
    cr_expect_eq (die (rig, &rig->a, id, attempt, "one")->outcome, LEDGER_OK, "the same instance, %u", attempt);
  cr_expect_eq (rig_do (rig, &rig->b, &over)->calls_count, 1);
  over.broker = "b";
  cr_expect_eq (rig_do (rig, &rig->a, &over)->calls_count, 1);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", id, 8);
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_OK, "who ran it is not known");
  cr_expect_eq (die (rig, &rig->a, id, 9, "two")->outcome, LEDGER_OK);
  cr_expect_eq (die (rig, &rig->a, id, 10, "three")->outcome, LEDGER_SETTLED);
  rig_stop (rig);
}

// The turn of an actor goes on, and a call that needs this one's value ends.
Test (ledger_letters, what_waits_for_it_goes_on)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new (), next = troupe_id_new (), user = troupe_id_new ();
  ledger_request_t first = accept_of (rig, id, "agent/a", true), second = accept_of (rig, next, "agent/a", true);
  ledger_request_t third = accept_of (rig, user, "tool/t", false);
  third.inputs = &id;
  third.inputs_count = 1;
  rig_do (rig, &rig->a, &first);
  rig_do (rig, &rig->a, &second);
  rig_do (rig, &rig->a, &third);
  kill_thrice (rig, id);
  LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_READY, &next) == 1);
  LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_SETTLED, &user) == 1);
  rig_stop (rig);
}

Test (ledger_letters, a_letter_is_sent_again_once_as_a_new_call)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new (), again = troupe_id_new ();
  ledger_request_t accept = accept_of (rig, id, "tool/t", false), resend = rig_simple (LEDGER_RESEND, "s", id, 0);
  resend.again = again;
  resend.default_deadline_ms = 5000;
  resend.mailbox_limit = 10;
  resend.retention_ms = 60 * 1000;
  rig_do (rig, &rig->a, &accept);
  kill_thrice (rig, id);
  for (int i = 0; i < 2; i++) { // made again it says the same
    cr_expect_eq (rig_do (rig, &rig->b, &resend)->outcome, LEDGER_OK);
    cr_assert_eq (rig->b.last.calls_count, 1);
    const rig_call_t *made = &rig->b.last.calls[0];
    cr_expect (troupe_id_equal (&made->call, &again));
    cr_expect_str_eq (made->service, "tool/t");
    cr_expect (made->ready && made->attempt == 1 && made->body_size == sizeof input - 1);
    cr_expect (made->deadline_ms > 0 && made->deadline_ms <= 5000);
  }
  json_t *letters = letters_of (rig);
  cr_expect_eq (json_array_size (letters), 0);
  json_decref (letters);
  // It kills again: its letter tells of which call it was made.
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&id, text);
  static const char *const names[] = {"one", "two", "three"};
  for (uint32_t i = 0; i < 3; i++)
    die (rig, &rig->b, again, i + 1, names[i]);
  letters = letters_of (rig);
  cr_expect_str_eq (text_of (json_array_get (letters, 0), "again"), text);
  json_decref (letters);
  ledger_request_t other = resend;
  other.again = troupe_id_new ();
  cr_expect_eq (rig_do (rig, &rig->b, &other)->outcome, LEDGER_UNKNOWN);
  rig_stop (rig);
}

static size_t
keys_of_letters (const rig_t *rig)
{
  redisReply *keys = redis_run (&rig->redis, "KEYS *letter:*");
  size_t count = keys->elements;
  freeReplyObject (keys);
  return count;
}

Test (ledger_letters, letters_are_thrown_away_and_bounded)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t ids[12];
  for (size_t i = 0; i < 12; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = accept_of (rig, ids[i], "tool/t", false);
    rig_do (rig, &rig->a, &accept);
    kill_thrice (rig, ids[i]);
    cr_expect_eq (rig->a.last.inputs, i >= 10 ? 1 : 0, "letters dropped for this one");
    usleep (2000); // their order is that of time, in ms
  }
  cr_expect_eq (keys_of_letters (rig), 10);
  ledger_request_t show = rig_simple (LEDGER_LETTER, "s", ids[0], 0),
                   discard = rig_simple (LEDGER_DISCARD, "s", ids[11], 0);
  cr_expect_eq (rig_do (rig, &rig->a, &show)->outcome, LEDGER_UNKNOWN);
  cr_expect_eq (rig_do (rig, &rig->a, &discard)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &discard)->outcome, LEDGER_UNKNOWN);
  cr_expect_eq (keys_of_letters (rig), 9);
  rig_stop (rig);
}

Test (ledger_letters, none_are_kept_where_none_are_wanted)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_death_t death = death_of ("one");
  death.deaths_max = 1;
  ledger_request_t accept = accept_of (rig, id, "tool/t", false), retry = rig_simple (LEDGER_RETRY, "s", id, 1);
  retry.death = &death;
  retry.retention_ms = 1000;
  rig_do (rig, &rig->a, &accept);
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_SETTLED);
  json_t *letters = letters_of (rig);
  cr_expect_eq (json_array_size (letters), 0);
  json_decref (letters);
  rig_stop (rig);
}

// What its inputs were is gone.
Test (ledger_letters, a_letter_whose_inputs_are_gone_stays)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t source = troupe_id_new (), id = troupe_id_new ();
  ledger_request_t first = accept_of (rig, source, "tool/t", false), second = accept_of (rig, id, "tool/t", false);
  ledger_request_t settle = rig_settle ("s", source, 1, "\xa1x");
  char command[200], text[TROUPE_ID_TEXT_SIZE];
  second.inputs = &source;
  second.inputs_count = 1;
  rig_do (rig, &rig->a, &first);
  rig_do (rig, &rig->a, &settle);
  rig_do (rig, &rig->a, &second);
  kill_thrice (rig, id);
  troupe_id_to_text (&source, text);
  snprintf (command, sizeof command, "DEL troupe:{%02u}:call:s|%s", ledger_slot ("s"), text);
  redis_do (&rig->redis, command);
  ledger_request_t resend = rig_simple (LEDGER_RESEND, "s", id, 0);
  resend.again = troupe_id_new ();
  resend.mailbox_limit = 10;
  resend.retention_ms = 1000;
  cr_expect_eq (rig_do (rig, &rig->a, &resend)->outcome, LEDGER_STALE);
  json_t *letters = letters_of (rig);
  cr_expect_eq (json_array_size (letters), 1);
  json_decref (letters);
  rig_stop (rig);
}

// However it was lost: there is nobody who could know whether it took effect.
Test (ledger_letters, a_call_that_may_run_once_is_not_run_again)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t lost = troupe_id_new (), taken = troupe_id_new (), waiting = troupe_id_new ();
  ledger_request_t first = accept_of (rig, lost, "agent/a", true), second = accept_of (rig, waiting, "agent/a", true);
  ledger_request_t third = accept_of (rig, taken, "tool/t", false);
  ledger_request_t over = {.op = LEDGER_TAKEOVER, .slot = ledger_slot ("s"), .broker = "a", .retention_ms = 60 * 1000};
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", lost, 1), await = rig_simple (LEDGER_AWAIT, "s", taken, 0);
  first.flags = second.flags = third.flags = TROUPE_FLAG_ONCE;
  retry.retention_ms = retry.letters_ms = over.letters_ms = 60 * 1000;
  retry.letters_max = over.letters_max = 10;
  rig_do (rig, &rig->a, &first);
  rig_do (rig, &rig->a, &second);
  rig_do (rig, &rig->a, &third);
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_SETTLED);
  cr_expect (rig_body_has (&rig->a.last, "at most once"));
  LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_READY, &waiting) == 1);
  // That one has its turn by now, and may run; the third, too: neither is given to the other broker.
  cr_expect_eq (rig_do (rig, &rig->b, &over)->calls_count, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_SETTLED);
  cr_expect (rig_body_has (&rig->b.last, "at most once"));
  json_t *letters = letters_of (rig);
  cr_expect_eq (json_array_size (letters), 3);
  json_decref (letters);
  rig_stop (rig);
}

// Nobody was offered it yet.
Test (ledger_letters, a_call_that_may_run_once_is_taken_over_while_it_waits)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t running = troupe_id_new (), waiting = troupe_id_new ();
  ledger_request_t first = accept_of (rig, running, "agent/a", true),
                   second = accept_of (rig, waiting, "agent/a", true);
  ledger_request_t over = {.op = LEDGER_TAKEOVER, .slot = ledger_slot ("s"), .broker = "a", .retention_ms = 60 * 1000};
  second.flags = TROUPE_FLAG_ONCE;
  rig_do (rig, &rig->a, &first);
  rig_do (rig, &rig->a, &second);
  cr_expect_eq (rig_do (rig, &rig->b, &over)->calls_count, 2);
  rig_stop (rig);
}
