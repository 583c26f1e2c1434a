// SPDX-License-Identifier: Apache-2.0
//
// There are no sockets: a frame that the core has queued is taken from it, decoded, and kept until the next is read.

#include "rig.h"

#include "troupe/log.h"

#include <string.h>

static troupe_id_t
next_id (void *context)
{
  rig_t *self = context;
  troupe_id_t id = {{0}};
  uint64_t number = ++self->ids;
  for (int i = 0; i < 8; i++)
    id.bytes[15 - i] = (uint8_t)(number >> 8 * i);
  return id;
}

troupe_id_t
rig_id (rig_t *self)
{
  return next_id (self);
}

static void
woken (void *context)
{
  ((rig_t *)context)->woken++;
}

void
rig_open (rig_t *self, unsigned brokers)
{
  static const char *const endpoints[] = {"ipc://one", "ipc://two", "ipc://three"};
  const char *chosen[4] = {NULL};
  troupe_error_t error = {0};
  *self = (rig_t){.now = RIG_START};
  troupe_log_init (&(troupe_log_options_t){.program = "unit-node", .level = TROUPE_LOG_OFF});
  for (unsigned i = 0; i < brokers; i++)
    chosen[i] = endpoints[i];
  node_core_options_t options = {"test", chosen, NULL, next_id, woken, self, "m"};
  cr_assert (eq (int, node_core_new (&self->core, &options, self->now, &error), TROUPE_OK));
  rig_pass (self, 0, 0);
}

void
rig_close (rig_t *self)
{
  node_core_destroy (&self->core);
  cr_assert_null (self->core);
  troupe_buffer_unref (&self->body);
}

// The next frame; most tests don't care that brokers are told of others that are lost.
static const node_frame_t *
next_frame (rig_t *self, unsigned broker)
{
  node_core_step (self->core, &(node_event_t){NODE_TICK}, self->now);
  for (const node_frame_t *frame; (frame = node_core_frame (self->core, broker)) != NULL;) {
    troupe_header_t header;
    bool decoded = troupe_header_decode (&header, frame->header, frame->header_size, NULL) == TROUPE_OK;
    if (self->hears_losses || !decoded || !troupe_header_has (&header, TROUPE_F (LOST)))
      return frame;
    node_core_frame_sent (self->core, broker);
  }
  return NULL;
}

bool
rig_quiet (rig_t *self, unsigned broker)
{
  return next_frame (self, broker) == NULL;
}

void
rig_read (rig_t *self, unsigned broker)
{
  troupe_error_t error = {0};
  const node_frame_t *frame = next_frame (self, broker);
  cr_assert_not_null (frame);
  memcpy (self->bytes, frame->header, frame->header_size);
  cr_assert (eq (int, troupe_header_decode (&self->header, self->bytes, frame->header_size, &error), TROUPE_OK));
  troupe_buffer_unref (&self->body);
  self->body = troupe_buffer_ref (frame->body);
  node_core_frame_sent (self->core, broker);
}

void
rig_expect (rig_t *self, unsigned broker, troupe_command_t command)
{
  rig_read (self, broker);
  cr_assert_str_eq (troupe_command_name (self->header.command), troupe_command_name (command));
}

void
rig_expect_past_heartbeats (rig_t *self, unsigned broker, troupe_command_t command)
{
  do
    rig_read (self, broker);
  while (self->header.command == TROUPE_CMD_HEARTBEAT);
  cr_assert_str_eq (troupe_command_name (self->header.command), troupe_command_name (command));
}

void
rig_skip (rig_t *self, unsigned broker)
{
  while (!rig_quiet (self, broker))
    node_core_frame_sent (self->core, broker);
}

void
rig_say (rig_t *self, unsigned broker, const troupe_header_t *header, json_t *body)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *buffer = NULL;
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert (gt (sz, size, 0));
  if (body != NULL)
    cr_assert (eq (int, troupe_value_pack (body, &buffer, NULL), TROUPE_OK));
  json_decref (body);
  node_event_t event = {NODE_RECEIVED, broker, bytes, size, buffer};
  node_core_step (self->core, &event, self->now);
  troupe_buffer_unref (&buffer);
}

void
rig_disconnect (rig_t *self, unsigned broker)
{
  node_core_step (self->core, &(node_event_t){NODE_DISCONNECTED, broker}, self->now);
}

void
rig_welcome (rig_t *self, unsigned broker)
{
  rig_welcome_as (self, broker, TROUPE_PROTOCOL_MINOR);
}

void
rig_welcome_as (rig_t *self, unsigned broker, unsigned minor)
{
  troupe_header_t header;
  rig_expect (self, broker, TROUPE_CMD_HELLO);
  troupe_header_init (&header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (&header, troupe_text (broker == 0 ? "broker-1" : "broker-2"));
  troupe_header_set_heartbeat (&header, RIG_HEARTBEAT);
  troupe_header_set_lease (&header, RIG_LEASE);
  troupe_header_set_limit (&header, 100 * 1000);
  troupe_header_set_endpoint (&header, troupe_text ("ipc://publish"));
  troupe_header_set_minor (&header, minor);
  rig_say (self, broker, &header, NULL);
}

static json_t *
error_json (troupe_err_t code)
{
  troupe_error_t error;
  troupe_error_set (&error, code, "object", "next", "why");
  return troupe_error_to_json (&error);
}

void
rig_settled (rig_t *self, unsigned broker, const troupe_id_t *call, troupe_status_t status, json_t *body)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLED);
  troupe_header_set_call (&header, call);
  troupe_header_set_status (&header, status);
  rig_say (self, broker, &header, status == TROUPE_STATUS_VALUE ? body : error_json (TROUPE_SERVICE_FAILED));
}

void
rig_accepted (rig_t *self, unsigned broker, const troupe_id_t *call)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_ACCEPTED);
  troupe_header_set_call (&header, call);
  rig_say (self, broker, &header, NULL);
}

void
rig_refuse (rig_t *self, unsigned broker, troupe_command_t of, const troupe_id_t *call, unsigned attempt,
            troupe_err_t code)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, of);
  if (call != NULL)
    troupe_header_set_call (&header, call);
  if (attempt > 0)
    troupe_header_set_attempt (&header, attempt);
  rig_say (self, broker, &header, error_json (code));
}

void
rig_offer (rig_t *self, unsigned broker, const char *service, const troupe_id_t *call, unsigned attempt)
{
  troupe_header_t header;
  troupe_id_t root = {{7}};
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, call);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_deadline (&header, 60 * 1000);
  troupe_header_set_path (&header, &root, 1);
  troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  troupe_header_set_memory (&header, 3);
  rig_say (self, broker, &header, json_string ("input"));
}

void
rig_pass (rig_t *self, int64_t ms, unsigned alive)
{
  int64_t end = self->now + ms, beat = self->now;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  for (;;) {
    node_core_step (self->core, &(node_event_t){NODE_TICK}, self->now);
    if (self->now >= end)
      return;
    int64_t due = node_core_due (self->core);
    if (self->now >= beat) {
      for (unsigned i = 0; i < node_core_brokers (self->core); i++)
        if (alive & 1u << i)
          rig_say (self, i, &header, NULL);
      beat += RIG_HEARTBEAT;
    }
    due = due == TROUPE_LOOP_NEVER || due > beat ? beat : due;
    due = due <= self->now ? self->now + 1 : due;
    self->now = due > end ? end : due;
  }
}

void
rig_deliver (rig_t *self)
{
  while (node_core_deliver (self->core, self->now, 1))
    continue;
  node_core_step (self->core, &(node_event_t){NODE_TICK}, self->now);
}

troupe_placeholder_t *
rig_call (rig_t *self, probe_t *probe, const char *service, int64_t deadline_ms)
{
  troupe_error_t error = {0};
  troupe_placeholder_t *placeholder = NULL;
  json_t *input = json_string ("hello");
  troupe_call_t call = {.service = service,
                        .input = input,
                        .deadline_ms = deadline_ms,
                        .part = probe == NULL ? NULL : probe_part,
                        .settled = probe == NULL ? NULL : probe_settled,
                        .context = probe};
  cr_assert (eq (int, node_core_call (self->core, &placeholder, &call, self->now, &error), TROUPE_OK));
  json_decref (input);
  return placeholder;
}

void
rig_serve (rig_t *self, probe_t *probe, const char *name, bool actor, unsigned credit)
{
  troupe_error_t error = {0};
  troupe_service_t service = {.name = name, .actor = actor, .credit = credit, .serve = probe_serve, .context = probe};
  cr_assert (eq (int, node_core_serve (self->core, &service, &error), TROUPE_OK));
}

// -- Who serves ------------------------------------------------------------------------------------------------------

void
rig_registered (rig_t *self, unsigned broker, const char *name, unsigned credit)
{
  troupe_header_t header;
  rig_expect (self, broker, TROUPE_CMD_REGISTER);
  cr_assert (troupe_text_equal (self->header.service, name));
  cr_assert (eq (ulong, self->header.credit, credit));
  troupe_header_init (&header, TROUPE_CMD_REGISTERED);
  troupe_header_set_service (&header, troupe_text (name));
  rig_say (self, broker, &header, NULL);
}

void
rig_expect_grant (rig_t *self, unsigned broker, unsigned credit)
{
  rig_expect (self, broker, TROUPE_CMD_GRANT);
  cr_assert (eq (ulong, self->header.credit, credit));
}

// Says something of an attempt.
static void
say_of (rig_t *self, unsigned broker, troupe_command_t command, const troupe_id_t *call, unsigned attempt)
{
  troupe_header_t header;
  troupe_header_init (&header, command);
  troupe_header_set_call (&header, call);
  troupe_header_set_attempt (&header, attempt);
  rig_say (self, broker, &header, NULL);
}

void
rig_confirm (rig_t *self, unsigned broker, const troupe_id_t *call, unsigned attempt)
{
  say_of (self, broker, TROUPE_CMD_CONFIRMED, call, attempt);
}

void
rig_cancel (rig_t *self, unsigned broker, const troupe_id_t *call, unsigned attempt)
{
  say_of (self, broker, TROUPE_CMD_CANCEL, call, attempt);
}

void
rig_open_alice (rig_t *self, probe_t *probe)
{
  rig_open (self, 1);
  rig_serve (self, probe, "agent/alice", true, 8);
  rig_welcome (self, 0);
  rig_registered (self, 0, "agent/alice", 8);
}

troupe_id_t
rig_open_task (rig_t *self, probe_t *probe)
{
  rig_open_alice (self, probe);
  troupe_id_t id = rig_id (self);
  rig_offer (self, 0, "agent/alice", &id, 1);
  rig_deliver (self);
  return id;
}

void
rig_reconnect (rig_t *self)
{
  rig_disconnect (self, 0);
  rig_pass (self, 20, 0);
  rig_welcome (self, 0);
  rig_registered (self, 0, "agent/alice", 7); // the task takes the rest
  rig_expect (self, 0, TROUPE_CMD_AWAIT);
}
