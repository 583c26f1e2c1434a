// SPDX-License-Identifier: Apache-2.0
//
// What a broker does when somebody ends a session, or asks which there are.

#include "sim/stage.h"

#include "troupe/value.h"

#include <criterion/criterion.h>

enum { CALLER = 1, WORKER = 5 };

static ledger_model_t *model;
static stage_t *stage;

static void
open (void)
{
  broker_limits_t limits = stage_limits;
  limits.session_idle = 100 * 1000;
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", &limits, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, WORKER, "worker-1");
  stage_register (stage, WORKER, "agent/a", 8, true);
  stage_settle_store (stage);
  stage_forget (stage);
}

static void
close (void)
{
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_sessions, .init = open, .fini = close);

static void
send (troupe_command_t command, const char *session)
{
  troupe_header_t header;
  troupe_header_init (&header, command);
  troupe_header_set_request (&header, 7);
  if (session != NULL)
    troupe_header_set_session (&header, troupe_text (session));
  stage_receive (stage, CALLER, &header, NULL);
}

// The answer's map (the caller's), or NULL and the error's code.
static json_t *
ask (troupe_command_t command, const char *session, troupe_err_t *code)
{
  json_t *json = NULL;
  send (command, session);
  stage_settle_store (stage);
  const stage_message_t *answer = stage_take (stage, CALLER, TROUPE_CMD_REPORT);
  *code = TROUPE_OK;
  if (answer != NULL) {
    cr_expect_eq (answer->header.request, 7);
    cr_assert_eq (
      troupe_value_unpack (troupe_buffer_data (answer->body), troupe_buffer_size (answer->body), &json, NULL),
      TROUPE_OK);
    return json;
  }
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (refused);
  cr_expect (refused->header.of == (unsigned)command && refused->header.request == 7);
  *code = stage_error (refused);
  return NULL;
}

static bool
end (const char *session)
{
  troupe_err_t code;
  json_t *json = ask (TROUPE_CMD_END, session, &code);
  bool ended = json_is_true (json_object_get (json, "ended"));
  cr_expect_eq (code, TROUPE_OK);
  json_decref (json);
  return ended;
}

static size_t
listed (void)
{
  troupe_err_t code;
  json_t *json = ask (TROUPE_CMD_SESSIONS, NULL, &code);
  size_t count = json_array_size (json_object_get (json, "sessions"));
  json_decref (json);
  return count;
}

static void
call (unsigned number, const char *session)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, "agent/a", session, 0, 0);
  stage_settle_store (stage);
}

// Whoever waits is told, and who runs it.
Test (core_sessions, what_is_under_way_in_one_that_ends_is_cancelled)
{
  call (1, "s");
  call (2, "s");
  call (3, "other");
  troupe_id_t ids[] = {stage_id (1), stage_id (2), stage_id (3)};
  cr_expect (end ("s"));
  for (int i = 0; i < 2; i++) {
    const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
    cr_assert_not_null (settled);
    cr_expect_eq (settled->header.status, TROUPE_STATUS_CANCELLED);
    cr_expect (!troupe_id_equal (&settled->header.call, &ids[2]));
  }
  const stage_message_t *stop = stage_take (stage, WORKER, TROUPE_CMD_CANCEL);
  cr_assert_not_null (stop);
  cr_expect (troupe_id_equal (&stop->header.call, &ids[0]));
  cr_expect_eq (broker_core_open_calls (stage->core), 1, "the other session's");
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SESSIONS_ENDED), 1);

  stage_settle (stage, WORKER, &ids[0], "s", 1, "late");
  stage_settle_store (stage);
  cr_expect_eq (ledger_model_memory (model, "s", "agent/a"), 0);
  cr_expect_not (end ("s"), "it is gone");
  stage_forget (stage);
  call (4, "s");
  cr_expect_not_null (stage_take (stage, WORKER, TROUPE_CMD_OFFER), "begun anew");
}

Test (core_sessions, they_are_listed)
{
  cr_expect_eq (listed (), 0);
  call (1, "s");
  cr_expect_eq (listed (), 1);
  cr_expect (end ("s"));
  cr_expect_eq (listed (), 0);
}

Test (core_sessions, idle_ones_end_by_themselves)
{
  troupe_id_t id = stage_id (1);
  call (1, "s");
  call (2, "busy");
  stage_settle (stage, WORKER, &id, "s", 1, "value");
  stage_settle_store (stage);
  stage_advance (stage, 90 * 1000);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SESSIONS_IDLE), 0, "not for so long");
  stage_advance (stage, 20 * 1000);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SESSIONS_IDLE), 1);
  cr_expect_eq (broker_core_open_calls (stage->core), 1, "the other one has an open call");
}

Test (core_sessions, questions_are_refused_when_the_store_is_away)
{
  troupe_err_t code;
  call (1, "s");
  ledger_link_break (stage->link, 0, stage->now);
  stage_forget (stage);
  cr_expect_null (ask (TROUPE_CMD_END, "s", &code));
  cr_expect_eq (code, TROUPE_STORE_UNAVAILABLE);
  cr_expect_null (ask (TROUPE_CMD_SESSIONS, NULL, &code));
  cr_expect_eq (code, TROUPE_STORE_UNAVAILABLE);
  stage_up (stage);
  send (TROUPE_CMD_END, "s"); // and it goes away while it does that
  ledger_link_break (stage->link, 1, stage->now);
  stage_settle_store (stage);
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (refused);
  cr_expect_eq (stage_error (refused), TROUPE_STORE_UNAVAILABLE);
}

Test (core_sessions, a_thousand_questions_are_enough)
{
  enum { TOO_MANY = 1001 };
  for (int i = 0; i < TOO_MANY; i++)
    send (TROUPE_CMD_END, "s");
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (refused);
  cr_expect_eq (stage_error (refused), TROUPE_OVERLOADED);
  cr_expect_null (stage_take (stage, CALLER, TROUPE_CMD_REFUSED));
  stage_settle_store (stage);
  cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_REPORT));
}
