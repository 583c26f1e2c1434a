// SPDX-License-Identifier: Apache-2.0
//
// Memory never runs out here: whoever calls this has left the scene.

#include "tests/unit/scarcity/answers.h"

troupe_header_t
answers_command (troupe_command_t of)
{
  troupe_header_t header;
  troupe_header_init (&header, of);
  return header;
}

static json_t *
message (const char *id, const char *text)
{
  return json_pack ("{s:s, s:s, s:s, s:s, s:i}", "id", id, "name", "bob", "role", "user", "content", text, "timestamp",
                    1);
}

static void
welcome (const answers_t *self)
{
  troupe_header_t header = answers_command (TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text (self->broker));
  troupe_header_set_heartbeat (&header, ANSWERS_HEARTBEAT);
  troupe_header_set_lease (&header, ANSWERS_LEASE);
  troupe_header_set_limit (&header, 100 * 1000);
  troupe_header_set_endpoint (&header, troupe_text (self->publish));
  self->say (self->context, &header, NULL);
}

void
answers_settle (const answers_t *self, const troupe_id_t *call, troupe_status_t status)
{
  troupe_header_t header = answers_command (TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, call);
  troupe_header_set_status (&header, status);
  self->say (self->context, &header,
             status == TROUPE_STATUS_VALUE ? message ("018f3c00-0000-7000-8000-000000000004", "I see.")
                                           : json_pack ("{s:s, s:s}", "code", "cancelled", "why", "so"));
}

static void
accept (const answers_t *self, const troupe_id_t *call)
{
  troupe_header_t header = answers_command (TROUPE_CMD_ACCEPTED);
  troupe_header_set_call (&header, call);
  self->say (self->context, &header, NULL);
  header = answers_command (TROUPE_CMD_PART);
  troupe_header_set_call (&header, call);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_sequence (&header, 0);
  self->say (self->context, &header, json_pack ("{s:s}", "text", "I"));
  answers_settle (self, call, TROUPE_STATUS_VALUE);
}

// The name of the service, of a question that names one.
static void
confirm_service (const answers_t *self, troupe_command_t of, const troupe_header_t *asked)
{
  troupe_header_t header = answers_command (of);
  header.service = asked->service;
  header.present |= TROUPE_F (SERVICE);
  self->say (self->context, &header, NULL);
}

static void
give_memory (const answers_t *self, const troupe_header_t *asked)
{
  bool memory = asked->command == TROUPE_CMD_RECALL;
  troupe_header_t header = answers_command (memory ? TROUPE_CMD_RECALLED : TROUPE_CMD_HEARD);
  troupe_header_set_request (&header, asked->request);
  troupe_header_set_call (&header, &asked->call);
  if (memory) {
    troupe_header_set_from (&header, asked->from);
    troupe_header_set_memory (&header, 3);
  }
  json_t *list = json_pack ("[o, o]", message ("018f3c00-0000-7000-8000-000000000001", "hi"),
                            message ("018f3c00-0000-7000-8000-000000000002", "Who is there?"));
  if (memory)
    json_array_append_new (list, message ("018f3c00-0000-7000-8000-000000000003", "I am"));
  self->say (self->context, &header, list);
}

void
answers_give (const answers_t *self, const troupe_header_t *asked)
{
  troupe_header_t header;
  switch (asked->command) {
  case TROUPE_CMD_HELLO:
    welcome (self);
    return;
  case TROUPE_CMD_REGISTER:
    confirm_service (self, TROUPE_CMD_REGISTERED, asked);
    return;
  case TROUPE_CMD_UNREGISTER:
    confirm_service (self, TROUPE_CMD_UNREGISTERED, asked);
    return;
  case TROUPE_CMD_CALL:
    accept (self, &asked->call);
    return;
  case TROUPE_CMD_AWAIT:
    answers_settle (self, &asked->call, TROUPE_STATUS_VALUE);
    return;
  case TROUPE_CMD_CANCEL:
    answers_settle (self, &asked->call, TROUPE_STATUS_CANCELLED);
    return;
  case TROUPE_CMD_SETTLE:
    header = answers_command (TROUPE_CMD_CONFIRMED);
    troupe_header_set_call (&header, &asked->call);
    troupe_header_set_attempt (&header, asked->attempt);
    self->say (self->context, &header, NULL);
    return;
  case TROUPE_CMD_RECALL:
  case TROUPE_CMD_HEAR:
    give_memory (self, asked);
    return;
  case TROUPE_CMD_STATUS:
    header = answers_command (TROUPE_CMD_REPORT);
    troupe_header_set_request (&header, asked->request);
    self->say (self->context, &header, json_pack ("{s:[]}", "services"));
    return;
  default:
    return;
  }
}
