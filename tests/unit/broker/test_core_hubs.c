// SPDX-License-Identifier: Apache-2.0
//
// Hubs at the broker's door: which operations it takes, what it refuses with which words, and what instances are told
// of what their actors have to hear.

#include "sim/stage.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CALLER = 1, INSTANCE = 2 };

static ledger_model_t *model;
static stage_t *stage;

static void
open (void)
{
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", NULL, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (stage, INSTANCE, "agent/bob", 4, true);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  stage_forget (stage);
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_hubs, .init = open, .fini = close);

// -- What callers say -------------------------------------------------------------------------------------------------

static troupe_buffer_t *
pack (const char *json)
{
  troupe_buffer_t *body;
  json_t *value = json_loads (json, JSON_DECODE_ANY, NULL);
  cr_assert_not_null (value, "%s", json);
  cr_assert_eq (troupe_value_pack (value, &body, NULL), TROUPE_OK);
  json_decref (value);
  return body;
}

static troupe_header_t
call_header (const troupe_id_t *id, const char *service)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  return header;
}

static void
send (const troupe_header_t *header, const char *json)
{
  troupe_buffer_t *body = pack (json);
  stage_receive (stage, CALLER, header, body);
  troupe_buffer_unref (&body);
  stage_settle_store (stage);
}

static void
operate (unsigned number, const char *service, const char *json)
{
  troupe_id_t id = stage_id (number);
  troupe_header_t header = call_header (&id, service);
  send (&header, json);
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

// A call of a member, said in the hub.
static void
say (unsigned number, const char *service, unsigned hub, const troupe_id_t *fan)
{
  troupe_id_t id = stage_id (number), of = stage_id (hub);
  troupe_header_t header = call_header (&id, service);
  troupe_header_set_hubs (&header, &of, 1);
  if (fan != NULL)
    troupe_header_set_fan (&header, fan);
  send (&header, "null");
}

// The value of the operation that was settled; the caller's.
static json_t *
value (void)
{
  json_t *json = NULL;
  const stage_message_t *message = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert_not_null (message, "nothing has settled");
  cr_assert_eq (message->header.status, TROUPE_STATUS_VALUE);
  cr_assert_eq (
    troupe_value_unpack (troupe_buffer_data (message->body), troupe_buffer_size (message->body), &json, NULL),
    TROUPE_OK);
  return json;
}

static void
expect_hub (unsigned hub, size_t warnings)
{
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = stage_id (hub);
  troupe_id_to_text (&id, text);
  json_t *json = value ();
  cr_assert_str_eq (json_string_value (json_object_get (json, "hub")), text);
  cr_assert_eq (json_array_size (json_object_get (json, "warnings")), warnings);
  json_decref (json);
}

static void
expect_refused (troupe_err_t code, const char *why)
{
  json_t *json = NULL;
  const stage_message_t *message = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (message, "not refused: %s", why);
  cr_assert_eq (
    troupe_value_unpack (troupe_buffer_data (message->body), troupe_buffer_size (message->body), &json, NULL),
    TROUPE_OK);
  const char *said = json_string_value (json_object_get (json, "why"));
  cr_expect_eq (stage_error (message), code, "%s", said);
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

// -- Operations -------------------------------------------------------------------------------------------------------

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
  say (4, "agent/alice", 2, NULL);
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
  troupe_id_t id = stage_id (number);
  troupe_header_t header = call_header (&id, "hub/open");
  json_t *list = json_array (), *input = json_pack ("{s:[], s:[]}", "members", "announcement");
  for (unsigned i = 0; i < count; i++)
    json_array_append_new (list, json_loads (item, JSON_DECODE_ANY, NULL));
  json_object_set_new (input, key, list);
  troupe_buffer_t *body;
  cr_assert_eq (troupe_value_pack (input, &body, NULL), TROUPE_OK);
  stage_receive (stage, CALLER, &header, body);
  troupe_buffer_unref (&body);
  json_decref (input);
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
  troupe_id_t id = stage_id (1), other = stage_id (2);
  troupe_header_t header = call_header (&id, "hub/open");
  troupe_header_set_inputs (&header, &other, 1);
  send (&header, "{\"members\": []}");
  expect_refused (TROUPE_BAD_ARGUMENT, "takes no values of other calls");
  header = call_header (&id, "hub/open");
  troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  send (&header, "{\"members\": []}");
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

// -- Hearing ----------------------------------------------------------------------------------------------------------

static const stage_message_t *
offered (unsigned number)
{
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert_not_null (message, "call %u wasn't offered", number);
  cr_assert_eq (message->header.call.bytes[15], number);
  return message;
}

static uint64_t
news (const stage_message_t *offer)
{
  return troupe_header_has (&offer->header, TROUPE_F (NEWS)) ? offer->header.news : 0;
}

static void
hear (unsigned number, unsigned attempt, uint64_t position)
{
  troupe_id_t id = stage_id (number);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEAR);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_request (&header, 77);
  if (position > 0)
    troupe_header_set_position (&header, position);
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_settle_store (stage);
}

// What the call hears, as its contents; all of it must come at once.
static void
expect_heard (unsigned number, const char *first, const char *second)
{
  json_t *list = NULL;
  hear (number, 1, 0);
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_HEARD);
  cr_assert_not_null (message);
  cr_assert_eq (message->header.request, 77);
  cr_assert_eq (message->header.call.bytes[15], number);
  cr_assert_not (troupe_header_has (&message->header, TROUPE_F (POSITION)));
  cr_assert_eq (
    troupe_value_unpack (troupe_buffer_data (message->body), troupe_buffer_size (message->body), &list, NULL),
    TROUPE_OK);
  cr_assert_eq (json_array_size (list), (first != NULL) + (second != NULL));
  const char *const expected[] = {first, second};
  for (size_t i = 0; i < json_array_size (list); i++) {
    json_t *said = json_array_get (list, i);
    json_t *text = json_is_object (said) ? json_object_get (said, "content") : said;
    cr_expect_str_eq (json_string_value (text), expected[i]);
  }
  json_decref (list);
}

static void
settle (unsigned number, const char *text, uint64_t flags)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  char json[64];
  snprintf (json, sizeof json, "\"%s\"", text);
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  troupe_buffer_t *body = pack (json);
  stage_receive (stage, INSTANCE, &header, body);
  troupe_buffer_unref (&body);
  stage_settle_store (stage);
}

Test (core_hubs, a_member_is_offered_its_call_once_what_stands_before_it_is_there)
{
  operate (1, "hub/open",
           "{\"members\": [\"agent/alice\", \"agent/bob\"], \"announcement\": [{\"name\": \"host\", "
           "\"content\": \"Welcome\"}]}");
  say (2, "agent/alice", 1, NULL);
  say (3, "agent/bob", 1, NULL);
  cr_expect_eq (news (offered (2)), 1);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_OFFER), "bob waits for what alice says");
  expect_heard (2, "Welcome", NULL);
  settle (2, "I am Alice", TROUPE_FLAG_HEARD);
  cr_expect_eq (news (offered (3)), 2);
  expect_heard (3, "Welcome", "I am Alice");
  settle (3, "I am Bob", TROUPE_FLAG_HEARD);
  say (4, "agent/alice", 1, NULL);
  cr_expect_eq (news (offered (4)), 1, "she has heard the welcome, and doesn't hear herself");
  expect_heard (4, "I am Bob", NULL);
}

Test (core_hubs, what_was_not_heard_comes_again)
{
  operate (1, "hub/open",
           "{\"members\": [\"agent/alice\"], \"announcement\": [{\"name\": \"host\", \"content\": "
           "\"Welcome\"}]}");
  say (2, "agent/alice", 1, NULL);
  cr_expect_eq (news (offered (2)), 1);
  settle (2, "I slept", 0);
  say (3, "agent/alice", 1, NULL);
  cr_expect_eq (news (offered (3)), 1);
  expect_heard (3, "Welcome", NULL);
}

Test (core_hubs, a_group_runs_in_parallel)
{
  troupe_id_t fan = stage_id (99);
  open_hub (1);
  say (2, "agent/alice", 1, &fan);
  say (3, "agent/bob", 1, &fan);
  cr_expect_eq (news (offered (2)), 0);
  cr_expect_eq (news (offered (3)), 0);
  settle (2, "a", TROUPE_FLAG_HEARD);
  settle (3, "b", TROUPE_FLAG_HEARD);
  say (4, "agent/bob", 1, NULL);
  offered (4);
  expect_heard (4, "a", NULL);
}

Test (core_hubs, only_the_instance_that_runs_the_call_hears)
{
  open_hub (1);
  say (2, "agent/alice", 1, NULL);
  offered (2);
  hear (2, 7, 0);
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_assert_not_null (message);
  cr_expect_eq (stage_error (message), TROUPE_STALE);
  cr_expect_eq (message->header.of, TROUPE_CMD_HEAR);
  settle (2, "a", TROUPE_FLAG_HEARD);
  hear (2, 1, 0);
  message = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_assert_not_null (message);
  cr_expect_eq (stage_error (message), TROUPE_STALE);
}
