// SPDX-License-Identifier: Apache-2.0
//
// Everything that the core sends is encoded, decoded and kept in one list, in the order in which it left.

#include "sim/stage.h"

#include "sim/scarcity.h"

#include "troupe/loop.h"
#include "troupe/value.h"

#include <inttypes.h>
#include <stdlib.h>

const broker_limits_t stage_limits = {.message = 16 * 1024 * 1024,
                                      .open_calls = 100000,
                                      .open_bytes = 256 * 1024 * 1024,
                                      .mailbox = 1000,
                                      .attempts = 3,
                                      .deadline = 600000,
                                      .retention = 3600000,
                                      .heartbeat = 500,
                                      .lease = 2500};

static void
keep (stage_t *self, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body, bool more)
{
  stage_message_t *message = calloc (1, sizeof *message);
  if (message == NULL)
    abort ();
  message->to = to;
  message->more = more;
  message->size = troupe_header_encode (header, message->bytes, sizeof message->bytes);
  troupe_error_t error;
  if (message->size == 0 ||
      troupe_header_decode (&message->header, message->bytes, message->size, &error) != TROUPE_OK) {
    fprintf (stderr, "the core sends a bad header: %s\n", troupe_command_name (header->command));
    abort ();
  }
  message->body = troupe_buffer_ref (body);
  if (self->sent != NULL && !self->sent (self->context, message)) {
    troupe_buffer_unref (&message->body);
    free (message);
    return;
  }
  *self->last = message;
  self->last = &message->next;
}

static void
on_send (void *context, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body)
{
  scarcity_leave ();
  keep (context, to, header, body, false);
  scarcity_enter ();
}

static void
on_publish (void *context, const char *topic, const troupe_header_t *header, troupe_buffer_t *body, bool more)
{
  (void)topic;
  scarcity_leave ();
  keep (context, 0, header, body, more);
  scarcity_enter ();
}

static void
on_request (void *context, const ledger_request_t *request)
{
  scarcity_leave ();
  ledger_link_submit (((stage_t *)context)->link, request);
  scarcity_enter ();
}

static void
on_note (void *context, const broker_note_t *note)
{
  const stage_t *self = context;
  static int traced = -1; // by the environment, as a company's trace
  if (traced < 0)
    traced = getenv ("TROUPE_TRACE") != NULL;
  if (traced > 0)
    fprintf (stderr, "%" PRId64 " note %s %s %s\n", self->now, note->event, note->value1 != NULL ? note->value1 : "",
             note->value2 != NULL ? note->value2 : "");
}

void
stage_step (stage_t *self, const broker_event_t *event)
{
  scarcity_enter ();
  broker_core_step (self->core, event, self->now);
  scarcity_leave ();
}

static void
on_result (void *context, const ledger_result_t *result)
{
  stage_t *self = context;
  stage_step (self, &(broker_event_t){.kind = BROKER_RESULT, .result = result});
}

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  stage_t *self = context;
  stage_step (self, &(broker_event_t){.kind = BROKER_NOTICE, .notice = notice});
}

static stage_t *
make_stage (ledger_model_t *model, const char *name, const broker_limits_t *limits, int64_t now, bool guarded)
{
  stage_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    abort ();
  self->model = model;
  self->now = now;
  self->last = &self->first;
  self->link = ledger_model_connect (model, name, on_result, on_notice, self);
  broker_core_options_t options = {.name = name,
                                   .mesh = "m",
                                   .endpoint = "ipc://publish",
                                   .pid = 1,
                                   .guarded = guarded,
                                   .limits = limits != NULL ? *limits : stage_limits,
                                   .key = {{1, 2}},
                                   .outlet = {on_send, on_publish, on_request, on_note, self}};
  if (broker_core_new (&self->core, &options, now) != TROUPE_OK)
    abort ();
  return self;
}

stage_t *
stage_new (ledger_model_t *model, const char *name, const broker_limits_t *limits, int64_t now)
{
  return make_stage (model, name, limits, now, false);
}

stage_t *
stage_new_guarded (ledger_model_t *model, const char *name, const broker_limits_t *limits, int64_t now)
{
  return make_stage (model, name, limits, now, true);
}

static void
free_message (stage_message_t *message)
{
  if (message == NULL)
    return;
  troupe_buffer_unref (&message->body);
  free (message);
}

void
stage_forget (stage_t *self)
{
  while (self->first != NULL) {
    stage_message_t *message = self->first;
    self->first = message->next;
    free_message (message);
  }
  self->last = &self->first;
}

void
stage_destroy (stage_t **self_p)
{
  stage_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  broker_core_destroy (&self->core);
  ledger_link_close (&self->link);
  stage_forget (self);
  free_message (self->taken);
  free (self);
}

void
stage_receive (stage_t *self, broker_connection_t from, const troupe_header_t *header, troupe_buffer_t *body)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  if (size == 0)
    abort ();
  broker_event_t event = {.kind = BROKER_FRAME, .connection = from, .header = bytes, .header_size = size, .body = body};
  stage_step (self, &event);
}

void
stage_unsent (stage_t *self, broker_connection_t to, troupe_command_t command, bool full)
{
  broker_event_t event = {.kind = BROKER_UNSENT, .connection = to, .command = command, .full = full};
  stage_step (self, &event);
}

void
stage_up (stage_t *self)
{
  ledger_link_up (self->link);
  stage_settle_store (self);
}

void
stage_ready (stage_t *self)
{
  stage_up (self);
  stage_advance (self, 1000);
}

void
stage_settle_store (stage_t *self)
{
  while (ledger_link_deliver (self->link, self->now)) {
  }
}

void
stage_advance (stage_t *self, int64_t ms)
{
  int64_t end = self->now + ms;
  stage_settle_store (self);
  for (int64_t due; (due = broker_core_due (self->core)) != TROUPE_LOOP_NEVER && due <= end;) {
    self->now = due > self->now ? due : self->now;
    stage_step (self, &(broker_event_t){.kind = BROKER_TIME});
    stage_settle_store (self);
  }
  self->now = end;
}

const stage_message_t *
stage_take (stage_t *self, broker_connection_t to, troupe_command_t command)
{
  stage_message_t **at = &self->first;
  while (*at != NULL && ((*at)->to != to || (*at)->header.command != command))
    at = &(*at)->next;
  stage_message_t *message = *at;
  if (message == NULL)
    return NULL;
  *at = message->next;
  if (*at == NULL)
    self->last = at;
  free_message (self->taken);
  self->taken = message;
  return message;
}

troupe_err_t
stage_error (const stage_message_t *message)
{
  json_t *json = NULL;
  troupe_error_t error = {0};
  if (troupe_value_unpack (troupe_buffer_data (message->body), troupe_buffer_size (message->body), &json, NULL) ==
      TROUPE_OK)
    troupe_error_of_json (&error, json);
  json_decref (json);
  return error.code;
}

bool
stage_body_is (const stage_message_t *message, const char *text)
{
  return troupe_buffer_size (message->body) == strlen (text) &&
         memcmp (troupe_buffer_data (message->body), text, strlen (text)) == 0;
}

troupe_buffer_t *
stage_text (const char *text)
{
  troupe_buffer_t *buffer = NULL;
  if (troupe_buffer_new (&buffer, text, strlen (text)) != TROUPE_OK)
    abort ();
  return buffer;
}

// -- What peers usually say ------------------------------------------------------------------------------------------

void
stage_hello (stage_t *self, broker_connection_t from, const char *peer)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (peer));
  stage_receive (self, from, &header, NULL);
}

void
stage_register (stage_t *self, broker_connection_t from, const char *service, unsigned credit, bool actor)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_credit (&header, credit);
  if (actor)
    troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR);
  stage_receive (self, from, &header, NULL);
}

void
stage_call (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *service, const char *session,
            unsigned flags, int64_t deadline)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text (session));
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  if (deadline != 0)
    troupe_header_set_deadline (&header, (uint64_t)deadline);
  troupe_buffer_t *body = stage_text ("input");
  stage_receive (self, from, &header, body);
  troupe_buffer_unref (&body);
}

void
stage_await (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *session)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, id);
  troupe_header_set_session (&header, troupe_text (session));
  stage_receive (self, from, &header, NULL);
}

void
stage_settle (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *session, unsigned attempt,
              const char *value)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, id);
  troupe_header_set_session (&header, troupe_text (session));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  troupe_buffer_t *body = stage_text (value);
  stage_receive (self, from, &header, body);
  troupe_buffer_unref (&body);
}

void
stage_part (stage_t *self, broker_connection_t from, const troupe_id_t *id, unsigned attempt, unsigned sequence)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_PART);
  troupe_header_set_call (&header, id);
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_sequence (&header, sequence);
  troupe_buffer_t *body = stage_text ("part");
  stage_receive (self, from, &header, body);
  troupe_buffer_unref (&body);
}

void
stage_cancel (stage_t *self, broker_connection_t from, const troupe_id_t *id, const char *session)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, id);
  if (session != NULL)
    troupe_header_set_session (&header, troupe_text (session));
  stage_receive (self, from, &header, NULL);
}

void
stage_say (stage_t *self, broker_connection_t from, troupe_command_t command)
{
  troupe_header_t header;
  troupe_header_init (&header, command);
  stage_receive (self, from, &header, NULL);
}

troupe_id_t
stage_id (unsigned number)
{
  troupe_id_t id = {{0x01, 0x9a}};
  for (int i = 0; i < 4; i++)
    id.bytes[12 + i] = (uint8_t)(number >> (8 * (3 - i)));
  return id;
}
