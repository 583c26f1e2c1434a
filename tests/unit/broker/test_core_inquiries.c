// SPDX-License-Identifier: Apache-2.0
//
// What all requests have in common that a broker passes on to the store: about dead letters, about sessions, and agents'
// about what they remember.

#include "core_rig.h"

TestSuite (core_inquiries, .init = core_rig_open_serving, .fini = core_rig_close);

// One of each, about something that isn't there.
static troupe_header_t
question (troupe_command_t command)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (1), again = stage_id (2);
  troupe_header_init (&header, command);
  troupe_header_set_request (&header, 1);
  if (command == TROUPE_CMD_LETTERS || command == TROUPE_CMD_SESSIONS)
    return header;
  troupe_header_set_session (&header, troupe_text ("elsewhere"));
  if (command == TROUPE_CMD_END)
    return header;
  troupe_header_set_call (&header, &id);
  if (command == TROUPE_CMD_RESEND)
    troupe_header_set_again (&header, &again);
  return header;
}

static const troupe_command_t commands[] = {TROUPE_CMD_LETTERS, TROUPE_CMD_LETTER,   TROUPE_CMD_RESEND,
                                            TROUPE_CMD_DISCARD, TROUPE_CMD_SESSIONS, TROUPE_CMD_END};
enum { COMMANDS = sizeof commands / sizeof *commands };

Test (core_inquiries, are_refused_when_the_store_is_away)
{
  ledger_link_break (stage->link, 0, stage->now);
  for (size_t i = 0; i < COMMANDS; i++) {
    troupe_err_t code;
    troupe_header_t header = question (commands[i]);
    cr_expect_null (core_rig_ask (&header, &code));
    cr_expect_eq (code, TROUPE_STORE_UNAVAILABLE, "%s", troupe_command_name (commands[i]));
  }
}

Test (core_inquiries, are_refused_when_it_goes_away_meanwhile)
{
  for (size_t i = 0; i < COMMANDS; i++) {
    troupe_header_t header = question (commands[i]);
    stage_receive (stage, CALLER, &header, NULL);
    ledger_link_break (stage->link, 1, stage->now);
    stage_up (stage);
    cr_expect_eq (core_rig_refused (CALLER), TROUPE_STORE_UNAVAILABLE, "%s", troupe_command_name (commands[i]));
  }
}

Test (core_inquiries, are_refused_with_what_the_store_says)
{
  for (size_t i = 0; i < COMMANDS; i++) {
    troupe_err_t code;
    troupe_header_t header = question (commands[i]);
    ledger_link_fail_next (stage->link, "OOM command not allowed");
    cr_expect_null (core_rig_ask (&header, &code));
    cr_expect_eq (code, TROUPE_STORE_UNAVAILABLE, "%s", troupe_command_name (commands[i]));
  }
}

Test (core_inquiries, positions_end_with_the_last_slot)
{
  static const troupe_command_t lists[] = {TROUPE_CMD_LETTERS, TROUPE_CMD_SESSIONS};
  for (size_t i = 0; i < 2; i++) {
    troupe_err_t code;
    troupe_header_t header = question (lists[i]);
    troupe_header_set_position (&header, (uint64_t)LEDGER_SLOTS << 32);
    cr_expect_null (core_rig_ask (&header, &code));
    cr_expect_eq (code, TROUPE_BAD_ARGUMENT);
    troupe_header_set_position (&header, (uint64_t)(LEDGER_SLOTS - 1) << 32);
    json_t *report = core_rig_ask (&header, &code);
    cr_expect_null (json_object_get (report, "position"), "it was the last slot");
    json_decref (report);
  }
}

// The caller asks so often; the store has yet to answer.
static void
ask_often (unsigned times)
{
  for (unsigned i = 0; i < times; i++) {
    troupe_header_t header = question (commands[i % COMMANDS]);
    troupe_header_set_request (&header, i);
    stage_receive (stage, CALLER, &header, NULL);
  }
}

Test (core_inquiries, a_thousand_are_enough)
{
  enum { TOO_MANY = 1001 };
  ask_often (TOO_MANY);
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (refused);
  cr_expect_eq (refused->header.request, TOO_MANY - 1);
  cr_expect_eq (stage_error (refused), TROUPE_OVERLOADED);
  cr_expect_not (core_rig_sent (CALLER, TROUPE_CMD_REFUSED));
  stage_settle_store (stage);
  cr_expect (core_rig_sent (CALLER, TROUPE_CMD_REPORT));
}

static void
read_often (unsigned number, unsigned times)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_RECALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_from (&header, 0);
  troupe_header_set_count (&header, 1);
  for (unsigned i = 0; i < times; i++) {
    troupe_header_set_request (&header, i);
    stage_receive (stage, INSTANCE, &header, NULL);
  }
}

Test (core_inquiries, nobody_keeps_an_agent_from_remembering)
{
  enum { ENOUGH = 1000, READS = 10 * 1000 };
  core_rig_call (1, "agent/alice");
  cr_expect_eq (core_rig_attempt (INSTANCE), 1);
  ask_often (ENOUGH);
  read_often (1, READS);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_OK);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OK);
  read_often (1, 1);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OVERLOADED);
  stage_settle_store (stage);
  for (unsigned i = 0; i < READS; i++)
    cr_assert (core_rig_sent (INSTANCE, TROUPE_CMD_RECALLED), "%u", i);
  read_often (1, 1);
  stage_settle_store (stage);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_RECALLED), "there is room again");
}
