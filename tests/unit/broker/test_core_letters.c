// SPDX-License-Identifier: Apache-2.0
//
// What a broker does about calls under which instances die: who counts, and what peers are told of dead letters.

#include "core_rig.h"

#include <stdio.h>

enum { FIRST = 10 };

static void
open (void)
{
  broker_limits_t limits = stage_limits;
  limits.dead_letters = 10;
  limits.dead_retention = 60 * 1000;
  core_rig_open_with (&limits);
}

TestSuite (core_letters, .init = open, .fini = core_rig_close);

static void
instance (broker_connection_t connection, const char *name)
{
  stage_hello (stage, connection, name);
  stage_register (stage, connection, "tool/deadly", 4, false);
  stage_settle_store (stage);
}

// Offered to an instance of its own each time, it kills `times` of them.
static void
kill_instances (unsigned number, unsigned times)
{
  for (unsigned i = 0; i < times; i++) {
    broker_connection_t connection = FIRST + number * 10 + i;
    char name[32];
    snprintf (name, sizeof name, "mortal-%u-%u", number, i);
    instance (connection, name);
    if (i == 0)
      core_rig_call (number, "tool/deadly");
    cr_assert (core_rig_sent (connection, TROUPE_CMD_OFFER), "offer %u", i + 1);
    core_rig_lose (connection);
  }
}

// About a call's letter.
static json_t *
ask (troupe_command_t command, unsigned number, unsigned again, troupe_err_t *code)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number), new_id = stage_id (again);
  troupe_header_init (&header, command);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  if (command == TROUPE_CMD_RESEND)
    troupe_header_set_again (&header, &new_id);
  return core_rig_ask (&header, code);
}

static size_t
listed (void)
{
  return core_rig_listed (TROUPE_CMD_LETTERS, "letters");
}

Test (core_letters, three_deaths_leave_a_letter_that_is_listed_shown_and_discarded)
{
  troupe_err_t code;
  cr_expect_eq (listed (), 0);
  kill_instances (1, 3);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert_not_null (settled);
  cr_expect_eq (stage_error (settled), TROUPE_SERVICE_DIED);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_LETTERS_WRITTEN), 1);
  cr_expect_eq (listed (), 1);
  json_t *shown = ask (TROUPE_CMD_LETTER, 1, 0, &code);
  cr_expect_str_eq (json_string_value (json_object_get (json_object_get (shown, "letter"), "service")), "tool/deadly");
  cr_expect_not_null (json_object_get (shown, "input"));
  json_decref (shown);
  json_decref (ask (TROUPE_CMD_DISCARD, 1, 0, &code));
  cr_expect_eq (listed (), 0);
  cr_expect_null (ask (TROUPE_CMD_DISCARD, 1, 0, &code));
  cr_expect_eq (code, TROUPE_NOT_FOUND);
  cr_expect_null (ask (TROUPE_CMD_LETTER, 1, 0, &code));
  cr_expect_eq (code, TROUPE_NOT_FOUND);
}

Test (core_letters, a_letter_that_is_sent_again_is_offered_like_any_call)
{
  troupe_err_t code;
  kill_instances (1, 3);
  json_t *report = ask (TROUPE_CMD_RESEND, 1, 2, &code);
  cr_expect_str_eq (json_string_value (json_object_get (report, "session")), "s");
  json_decref (report);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
  instance (5, "immortal");
  const stage_message_t *offer = stage_take (stage, 5, TROUPE_CMD_OFFER);
  cr_assert_not_null (offer);
  troupe_id_t id = stage_id (2);
  cr_expect (troupe_id_equal (&offer->header.call, &id));
  cr_expect_eq (offer->header.attempt, 1);
  report = ask (TROUPE_CMD_RESEND, 1, 2, &code); // again: the same
  cr_expect_not_null (report);
  json_decref (report);
  core_rig_settle (5, 2, 1);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_null (ask (TROUPE_CMD_RESEND, 1, 3, &code));
  cr_expect_eq (code, TROUPE_NOT_FOUND);
}

// One that says bye in the middle was told to leave, or a supervisor would be blamed for calls.
Test (core_letters, instances_that_leave_do_not_count)
{
  kill_instances (1, 2);
  instance (7, "polite");
  cr_assert (core_rig_sent (7, TROUPE_CMD_OFFER));
  stage_say (stage, 7, TROUPE_CMD_BYE);
  stage_settle_store (stage);
  instance (8, "polite-2");
  cr_expect (core_rig_sent (8, TROUPE_CMD_OFFER));
  cr_expect_eq (ledger_model_letters (model), 0);
}

Test (core_letters, a_process_that_only_loses_its_connection_has_not_died_twice)
{
  instance (7, "flaky");
  core_rig_call (1, "tool/deadly");
  for (broker_connection_t connection = 7; connection < 14; connection++) {
    cr_assert (core_rig_sent (connection, TROUPE_CMD_OFFER));
    core_rig_lose (connection);
    instance (connection + 1, "flaky");
  }
  cr_expect_eq (ledger_model_letters (model), 0);
}

// A death is counted once, whatever becomes of the request that tells of it.
Test (core_letters, a_redis_that_is_lost_does_not_count)
{
  kill_instances (1, 1);
  for (int i = 0; i < 3; i++) {
    instance (20 + (broker_connection_t)i, "other");
    const stage_message_t *offer = stage_take (stage, 20 + (broker_connection_t)i, TROUPE_CMD_OFFER);
    cr_assert (i > 0 || offer != NULL);
    if (i == 0)
      stage_unsent (stage, 20, TROUPE_CMD_HEARTBEAT, false);
    ledger_link_break (stage->link, i == 1 ? 1 : 0, stage->now);
    stage_up (stage);
    stage_settle_store (stage);
  }
  cr_expect_eq (ledger_model_letters (model), 0);
  cr_expect_eq (broker_core_open_calls (stage->core), 1);
}

// What is stored nowhere can't be fenced.
Test (core_letters, a_volatile_call_can_not_be_one_that_runs_once)
{
  troupe_id_t id = stage_id (1);
  instance (5, "any");
  stage_call (stage, CALLER, &id, "tool/deadly", "s", TROUPE_FLAG_VOLATILE | TROUPE_FLAG_ONCE, 0);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_BAD_ARGUMENT);
  cr_expect_not (core_rig_sent (5, TROUPE_CMD_OFFER));
}
