// SPDX-License-Identifier: Apache-2.0
//
// Criterion runs each test in a process of its own, so there is one broker and one ledger a process: tests read better
// for not handing them around.

#include "core_rig.h"

#include "troupe/value.h"

ledger_model_t *model;
stage_t *stage;

void
core_rig_open_alone (const broker_limits_t *limits)
{
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", limits, 1000);
  stage_ready (stage);
}

void
core_rig_open_with (const broker_limits_t *limits)
{
  core_rig_open_alone (limits);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_forget (stage);
}

void
core_rig_open (void)
{
  core_rig_open_with (NULL);
}

void
core_rig_reopen (const broker_limits_t *limits)
{
  core_rig_close ();
  core_rig_open_with (limits);
}

static void
serve (void)
{
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (stage, INSTANCE, "agent/bob", 4, true);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
}

void
core_rig_open_serving (void)
{
  core_rig_open ();
  serve ();
  stage_forget (stage);
}

void
core_rig_close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

void
core_rig_call (unsigned number, const char *service)
{
  troupe_id_t id = stage_id (number);
  stage_call (stage, CALLER, &id, service, "s", 0, 0);
  stage_settle_store (stage);
}

void
core_rig_settle (broker_connection_t from, unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (stage, from, &id, "s", attempt, "value");
  stage_settle_store (stage);
}

void
core_rig_send (broker_connection_t from, const troupe_header_t *header, const char *body)
{
  troupe_buffer_t *buffer = body != NULL ? stage_text (body) : NULL;
  stage_receive (stage, from, header, buffer);
  troupe_buffer_unref (&buffer);
  stage_settle_store (stage);
}

void
core_rig_lose (broker_connection_t connection)
{
  stage_unsent (stage, connection, TROUPE_CMD_HEARTBEAT, false);
  stage_settle_store (stage);
}

void
core_rig_reconnect (void)
{
  core_rig_lose (INSTANCE);
  stage_hello (stage, INSTANCE, "instance-2");
  serve ();
  stage_settle_store (stage);
}

void
core_rig_nested (unsigned number, const char *service, unsigned parent, unsigned attempt)
{
  troupe_header_t header = core_rig_call_header (number, service);
  troupe_id_t id = stage_id (parent);
  troupe_header_set_path (&header, &id, 1);
  troupe_header_set_parent (&header, attempt);
  core_rig_send (INSTANCE, &header, "input");
}

json_t *
core_rig_ask (troupe_header_t *header, troupe_err_t *code)
{
  enum { REQUEST = 7 };
  troupe_header_set_request (header, REQUEST);
  core_rig_send (CALLER, header, NULL);
  const stage_message_t *answer = stage_take (stage, CALLER, TROUPE_CMD_REPORT);
  *code = TROUPE_OK;
  if (answer != NULL) {
    cr_expect_eq (answer->header.request, REQUEST);
    return core_rig_json (answer);
  }
  answer = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (answer);
  cr_expect (answer->header.of == (unsigned)header->command && answer->header.request == REQUEST);
  *code = stage_error (answer);
  return NULL;
}

size_t
core_rig_listed (troupe_command_t command, const char *name)
{
  size_t count = 0;
  uint64_t position = 0;
  do {
    troupe_err_t code;
    troupe_header_t header;
    troupe_header_init (&header, command);
    if (position > 0)
      troupe_header_set_position (&header, position);
    json_t *report = core_rig_ask (&header, &code);
    cr_assert_eq (code, TROUPE_OK);
    count += json_array_size (json_object_get (report, name));
    position = (uint64_t)json_integer_value (json_object_get (report, "position"));
    json_decref (report);
  } while (position > 0);
  return count;
}

troupe_header_t
core_rig_call_header (unsigned number, const char *service)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  return header;
}

troupe_header_t
core_rig_settle_header (unsigned number, unsigned attempt, troupe_status_t status)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_status (&header, status);
  return header;
}

void
core_rig_operate (unsigned number, const char *service, json_t *input)
{
  troupe_buffer_t *body = NULL;
  troupe_header_t header = core_rig_call_header (number, service);
  cr_assert_eq (troupe_value_pack (input, &body, NULL), TROUPE_OK);
  json_decref (input);
  stage_receive (stage, CALLER, &header, body);
  troupe_buffer_unref (&body);
}

bool
core_rig_sent (broker_connection_t to, troupe_command_t command)
{
  return stage_take (stage, to, command) != NULL;
}

unsigned
core_rig_offered (broker_connection_t to)
{
  const stage_message_t *offer = stage_take (stage, to, TROUPE_CMD_OFFER);
  return offer != NULL ? offer->header.call.bytes[15] : 0;
}

uint64_t
core_rig_attempt (broker_connection_t to)
{
  const stage_message_t *offer = stage_take (stage, to, TROUPE_CMD_OFFER);
  return offer != NULL ? offer->header.attempt : 0;
}

troupe_err_t
core_rig_refused (broker_connection_t to)
{
  const stage_message_t *refused = stage_take (stage, to, TROUPE_CMD_REFUSED);
  return refused != NULL ? stage_error (refused) : TROUPE_OK;
}

json_t *
core_rig_json (const stage_message_t *message)
{
  json_t *json = NULL;
  cr_assert_not_null (message);
  cr_assert_eq (
    troupe_value_unpack (troupe_buffer_data (message->body), troupe_buffer_size (message->body), &json, NULL),
    TROUPE_OK);
  return json;
}
