// SPDX-License-Identifier: Apache-2.0
//
// The gate. A message is asked in this order: does it decode, is it one that a broker takes, has its sender said hello,
// is its body within the limit, may its sender ask for that. What doesn't decode is answered a few times a connection,
// and counted.

#include "broker/frames.h"

#include "broker/accepting.h"
#include "broker/answer.h"
#include "broker/attempts.h"
#include "broker/awaiting.h"
#include "broker/ending.h"
#include "broker/inquiry.h"
#include "broker/leases.h"
#include "broker/peers.h"
#include "broker/recall.h"
#include "broker/registry.h"
#include "broker/report.h"
#include "broker/rights.h"
#include "broker/sessions.h"
#include "broker/settling.h"

enum { COMMANDS = 64 };

typedef void (handler_fn) (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);

static void
on_heartbeat (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)peer, (void)body; // that it came is most of what it says
  if (troupe_header_has (header, TROUPE_F (LOST)))
    leases_suspect (core, header->lost);
}

static void
on_bye (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)header, (void)body;
  peers_end (core, peer, "left", "it said bye");
}

static handler_fn *const handlers[COMMANDS] = {
  [TROUPE_CMD_HEARTBEAT] = on_heartbeat,        [TROUPE_CMD_BYE] = on_bye,
  [TROUPE_CMD_REGISTER] = registry_on_register, [TROUPE_CMD_UNREGISTER] = registry_on_unregister,
  [TROUPE_CMD_GRANT] = registry_on_grant,       [TROUPE_CMD_CALL] = accepting_on_call,
  [TROUPE_CMD_AWAIT] = awaiting_on_await,       [TROUPE_CMD_CANCEL] = ending_on_cancel,
  [TROUPE_CMD_PART] = attempts_on_part,         [TROUPE_CMD_SETTLE] = settling_on_settle,
  [TROUPE_CMD_RECALL] = recall_on_recall,       [TROUPE_CMD_STATUS] = report_on_status,
  [TROUPE_CMD_HEAR] = recall_on_recall,         [TROUPE_CMD_LETTERS] = inquiry_on_request,
  [TROUPE_CMD_LETTER] = inquiry_on_request,     [TROUPE_CMD_RESEND] = inquiry_on_request,
  [TROUPE_CMD_DISCARD] = inquiry_on_request,    [TROUPE_CMD_SESSIONS] = inquiry_on_request,
  [TROUPE_CMD_END] = sessions_on_end,
};

// [version, command, ...], a list of three or four; small numbers all.
unsigned
frames_command (const uint8_t *bytes, size_t size)
{
  bool plain = size >= 3 && (bytes[0] == 0x93 || bytes[0] == 0x94) && bytes[1] < 0x80 && bytes[2] < 0x80;
  return plain ? bytes[2] : 0;
}

static troupe_err_t
check_body (const broker_core_t *core, const troupe_header_t *header, const troupe_buffer_t *body,
            troupe_error_t *error)
{
  size_t size = troupe_buffer_size (body), limit = core->options.limits.message;
  if (size <= limit)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_TOO_LARGE, troupe_command_name (header->command),
                           "send files as URLs, or raise limits.message",
                           "the body has %zu bytes, at most %zu are taken", size, limit);
}

static void
refuse (broker_core_t *core, peer_t *peer, const troupe_header_t *header, const troupe_error_t *error)
{
  if (header->command == TROUPE_CMD_SETTLE)
    settling_refuse (core, peer, header, error);
  else
    answer_refuse (core, peer->connection, header->command, header, error);
}

static void
dispatch (broker_core_t *core, const broker_event_t *event, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error;
  if (header->command == TROUPE_CMD_HELLO) {
    peers_on_hello (core, event, header, body);
    return;
  }
  handler_fn *handler = (unsigned)header->command < COMMANDS ? handlers[header->command] : NULL;
  if (handler == NULL) {
    troupe_error_set (&error, TROUPE_BAD_FRAME, troupe_command_name (header->command), NULL,
                      "a broker doesn't take this command, it sends it");
    peers_on_garbage (core, event->connection, header->command, &error);
    return;
  }
  peer_t *peer = peers_find (core, event->connection);
  if (peer == NULL) {
    if (header->command != TROUPE_CMD_BYE)
      peers_on_stranger (core, event->connection);
    return;
  }
  peer->heard = core->now;
  if (event->bodiless) {
    answer_no_memory (core, troupe_command_name (header->command), &error);
    refuse (core, peer, header, &error);
  } else if (check_body (core, header, body, &error) != TROUPE_OK ||
             rights_check (core, peer, header, &error) != TROUPE_OK)
    refuse (core, peer, header, &error);
  else
    handler (core, peer, header, body);
}

// A command that only a later minor version has isn't garbage: its sender's release is ahead of this broker's.
static void
judge_unknown (const broker_core_t *core, const broker_event_t *event, unsigned command, troupe_error_t *error)
{
  const peer_t *peer = peers_find (core, event->connection);
  bool known = strcmp (troupe_command_name (command), "?") != 0;
  if (known || command == 0 || error->code != TROUPE_BAD_FRAME || peer == NULL || peer->minor <= TROUPE_PROTOCOL_MINOR)
    return;
  troupe_error_set (error, TROUPE_VERSION_MISMATCH, core->name, "upgrade the brokers first",
                    "the peer speaks version %d.%u of the protocol, this broker version %d.%d, which has no command %u",
                    TROUPE_PROTOCOL_VERSION, peer->minor, TROUPE_PROTOCOL_VERSION, TROUPE_PROTOCOL_MINOR, command);
}

void
frames_on_event (broker_core_t *core, const broker_event_t *event)
{
  troupe_header_t header;
  troupe_error_t error;
  troupe_buffer_t *body;
  core->counters[BROKER_COUNT_MESSAGES_IN]++;
  if (troupe_header_decode (&header, event->header, event->header_size, &error) != TROUPE_OK) {
    unsigned command = frames_command (event->header, event->header_size);
    judge_unknown (core, event, command, &error);
    peers_on_garbage (core, event->connection, command, &error);
  } else if (troupe_header_body (&header, event->frame, event->body, &body, &error) != TROUPE_OK) {
    peers_on_garbage (core, event->connection, header.command, &error);
  } else if (!core->stopped) {
    dispatch (core, event, &header, body);
  }
}
