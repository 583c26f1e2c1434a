// SPDX-License-Identifier: Apache-2.0
//
// Hubs at the broker's door: which operations it takes, and what it refuses with which words.

#include "core_rig.h"

#include <string.h>

TestSuite (core_hubs, .init = core_rig_open_serving, .fini = core_rig_close);

static void
operate (unsigned number, const char *service, const char *json)
{
  json_t *input = json_loads (json, JSON_DECODE_ANY, NULL);
  cr_assert_not_null (input, "%s", json);
  core_rig_operate (number, service, input);
  stage_settle_store (stage);
}

// With '#' for the hub of this number.
static void
operate_on (unsigned number, const char *service, unsigned hub, const char *json)
{
  char text[TROUPE_ID_TEXT_SIZE], whole[512];
  troupe_id_t id = stage_id (hub);
  troupe_id_to_text (&id, text);
  const char *at = strchr (json, '#');
  cr_assert_not_null (at);
  snprintf (whole, sizeof whole, "%.*s%s%s", (int)(at - json), json, text, at + 1);
  operate (number, service, whole);
}

static void
expect_hub (unsigned hub, size_t warnings)
{
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = stage_id (hub);
  troupe_id_to_text (&id, text);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert_not_null (settled, "nothing has settled");
  cr_assert_eq (settled->header.status, TROUPE_STATUS_VALUE);
  json_t *json = core_rig_json (settled);
  cr_assert_str_eq (json_string_value (json_object_get (json, "hub")), text);
  cr_assert_eq (json_array_size (json_object_get (json, "warnings")), warnings);
  json_decref (json);
}

static void
expect_refused (troupe_err_t code, const char *why)
{
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (refused, "not refused: %s", why);
  json_t *json = core_rig_json (refused);
  const char *said = json_string_value (json_object_get (json, "why"));
  cr_expect_eq (stage_error (refused), code, "%s", said);
  cr_expect (strstr (said, why), "\"%s\" doesn't say \"%s\"", said, why);
  json_decref (json);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

static void
open_hub (unsigned number)
{
  operate (number, "hub/open", "{\"members\": [\"agent/alice\", \"agent/bob\"]}");
  expect_hub (number, 0);
}

// An operation settles in the step that accepts it, but is no call that came again.
Test (core_hubs, operations_are_counted_as_accepted)
{
  open_hub (1);
  operate_on (2, "hub/add", 1, "{\"hub\": \"#\", \"members\": [\"agent/bob\"]}");
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_CALLS_ACCEPTED), 2);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_CALLS_REPEATED), 0);
}

Test (core_hubs, operations_settle_at_once)
{
  operate (1, "hub/open",
           "{\"members\": [\"agent/alice\"], \"auto\": false, \"announcement\": [{\"name\": \"host\", "
           "\"content\": \"Welcome\"}]}");
  cr_assert_not_null (stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED));
  expect_hub (1, 0);
  operate_on (2, "hub/add", 1, "{\"hub\": \"#\", \"members\": [\"agent/bob\"]}");
  expect_hub (1, 0);
  operate_on (3, "hub/broadcast", 1, "{\"hub\": \"#\", \"messages\": [{\"name\": \"host\", \"content\": \"a\"}]}");
  expect_hub (1, 0);
  operate_on (4, "hub/auto", 1, "{\"hub\": \"#\", \"on\": true}");
  expect_hub (1, 0);
  operate_on (5, "hub/delete", 1, "{\"hub\": \"#\", \"members\": [\"agent/bob\"]}");
  expect_hub (1, 0);
  operate_on (6, "hub/renew", 1, "{\"hub\": \"#\"}");
  expect_hub (1, 0);
  operate_on (7, "hub/close", 1, "{\"hub\": \"#\"}");
  expect_hub (1, 0);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  cr_expect_eq (ledger_model_count (model), 7);
}

Test (core_hubs, an_operation_that_is_sent_again_is_answered_again)
{
  open_hub (1);
  open_hub (1);
  cr_expect_eq (ledger_model_count (model), 1);
}

Test (core_hubs, members_that_nobody_serves_or_that_are_there_are_warned_of)
{
  operate (1, "hub/open", "{\"members\": [\"agent/alice\", \"agent/nobody\"]}");
  expect_hub (1, 1);
  operate_on (2, "hub/add", 1, "{\"hub\": \"#\", \"members\": [\"agent/alice\"]}");
  expect_hub (1, 1);
  operate_on (3, "hub/delete", 1, "{\"hub\": \"#\", \"members\": [\"agent/bob\"]}");
  expect_hub (1, 1);
}

Test (core_hubs, an_operation_on_a_hub_that_is_not_there_fails)
{
  operate_on (1, "hub/close", 9, "{\"hub\": \"#\"}");
  const stage_message_t *message = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert_not_null (message);
  cr_expect_eq (message->header.status, TROUPE_STATUS_ERROR);
  cr_expect_eq (stage_error (message), TROUPE_UNKNOWN_HUB);
  open_hub (2);
  operate_on (3, "hub/close", 2, "{\"hub\": \"#\"}");
  expect_hub (2, 0);
  troupe_id_t hub = stage_id (2);
  troupe_header_t header = core_rig_call_header (4, "agent/alice");
  troupe_header_set_hubs (&header, &hub, 1);
  core_rig_send (CALLER, &header, "\xc0");
  message = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert_not_null (message);
  cr_expect_eq (stage_error (message), TROUPE_UNKNOWN_HUB);
}

Test (core_hubs, an_input_that_is_wrong_is_refused_and_says_why)
{
  static const struct {
    const char *service, *input;
    troupe_err_t code;
    const char *why;
  } wrong[] = {
    {"hub/sing", "{}", TROUPE_UNKNOWN_SERVICE, "no such operation"},
    {"hub/open", "[]", TROUPE_BAD_ARGUMENT, "no map"},
    {"hub/open", "null", TROUPE_BAD_ARGUMENT, "no map"},
    {"hub/open", "{}", TROUPE_BAD_ARGUMENT, "\"members\" is a list"},
    {"hub/open", "{\"members\": \"agent/alice\"}", TROUPE_BAD_ARGUMENT, "\"members\" is a list"},
    {"hub/open", "{\"members\": [1]}", TROUPE_BAD_ARGUMENT, "not a service's name"},
    {"hub/open", "{\"members\": [\"alice\"]}", TROUPE_BAD_ARGUMENT, "not a service's name"},
    {"hub/open", "{\"members\": [\"tool/echo\"]}", TROUPE_BAD_ARGUMENT, "no actor"},
    {"hub/open", "{\"members\": [], \"auto\": 1}", TROUPE_BAD_ARGUMENT, "true or false"},
    {"hub/open", "{\"members\": [], \"announcement\": \"Hi\"}", TROUPE_BAD_ARGUMENT, "lists of messages"},
    {"hub/open", "{\"members\": [], \"announcement\": [\"Hi\"]}", TROUPE_BAD_MESSAGE, "no message"},
    {"hub/open", "{\"members\": [], \"announcement\": [{\"name\": \"a\"}]}", TROUPE_BAD_MESSAGE, "content"},
    {"hub/add", "{\"members\": []}", TROUPE_BAD_ARGUMENT, "no id of a hub"},
    {"hub/add", "{\"hub\": \"x\", \"members\": []}", TROUPE_BAD_ARGUMENT, "no id of a hub"},
    {"hub/add", "{\"hub\": 5, \"members\": []}", TROUPE_BAD_ARGUMENT, "no id of a hub"},
  };
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    operate (i + 1, wrong[i].service, wrong[i].input);
    expect_refused (wrong[i].code, wrong[i].why);
  }
  operate_on (50, "hub/delete", 1, "{\"hub\": \"#\"}");
  expect_refused (TROUPE_BAD_ARGUMENT, "\"members\" is a list");
  operate_on (51, "hub/broadcast", 1, "{\"hub\": \"#\"}");
  expect_refused (TROUPE_BAD_ARGUMENT, "lists of messages");
  operate_on (52, "hub/auto", 1, "{\"hub\": \"#\"}");
  expect_refused (TROUPE_BAD_ARGUMENT, "true or false");
  cr_expect_eq (ledger_model_count (model), 0, "nothing was stored");
}

static void
operate_with_many (unsigned number, const char *key, const char *item, unsigned count)
{
  json_t *list = json_array (), *input = json_pack ("{s:[], s:[]}", "members", "announcement");
  for (unsigned i = 0; i < count; i++)
    json_array_append_new (list, json_loads (item, JSON_DECODE_ANY, NULL));
  json_object_set_new (input, key, list);
  core_rig_operate (number, "hub/open", input);
  stage_settle_store (stage);
}

Test (core_hubs, too_many_members_or_messages_are_refused)
{
  operate_with_many (1, "members", "\"agent/alice\"", 1001);
  expect_refused (TROUPE_TOO_LARGE, "1001 members; at most 1000");
  operate_with_many (2, "announcement", "{\"name\": \"host\", \"content\": \"a\"}", 1001);
  expect_refused (TROUPE_TOO_LARGE, "1001 messages");
  operate_with_many (3, "announcement", "{\"name\": \"host\", \"content\": \"a\"}", 1000);
  expect_hub (3, 0);
}

Test (core_hubs, an_operation_is_neither_volatile_nor_depends_on_other_calls)
{
  static const char no_members[] = "\x81\xa7members\x90";
  troupe_id_t other = stage_id (2);
  troupe_header_t header = core_rig_call_header (1, "hub/open");
  troupe_header_set_inputs (&header, &other, 1);
  core_rig_send (CALLER, &header, no_members);
  expect_refused (TROUPE_BAD_ARGUMENT, "takes no values of other calls");
  header = core_rig_call_header (1, "hub/open");
  troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  core_rig_send (CALLER, &header, no_members);
  expect_refused (TROUPE_BAD_ARGUMENT, "volatile");
}

Test (core_hubs, nobody_serves_the_kind_hub)
{
  stage_register (stage, INSTANCE, "hub/open", 4, false);
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_assert_not_null (message);
  cr_expect_neq (stage_error (message), TROUPE_OK);
  open_hub (1);
}
