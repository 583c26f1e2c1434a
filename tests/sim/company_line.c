// SPDX-License-Identifier: Apache-2.0
//
// A line is one connection of a node to a broker: two queues, which break together. What a broker sends to a connection
// that is no more comes back to it as unsent, as from a ROUTER with MANDATORY.

#include "sim/company_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

const char *const company_services[SERVICES] = {"agent/a", "agent/b", "tool/t"};
const char *const company_sessions[SESSIONS] = {"s1", "s2", "s3"};

void __attribute__ ((format (printf, 2, 3))) company_found (company_t *self, const char *format, ...)
{
  if (self->fault[0] != '\0')
    return;
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (self->fault, sizeof self->fault, format, arguments);
  va_end (arguments);
}

void __attribute__ ((format (printf, 2, 3))) company_trace (const company_t *self, const char *format, ...)
{
  if (!self->traced)
    return;
  va_list arguments;
  va_start (arguments, format);
  fprintf (stderr, "%" PRId64 " ", self->now);
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
  va_end (arguments);
}

void
company_trace_message (const company_t *self, const char *how, broker_connection_t connection, unsigned broker,
                       const troupe_header_t *header)
{
  if (header->command == TROUPE_CMD_HEARTBEAT)
    return;
  bool with_call = troupe_header_has (header, TROUPE_F (CALL)),
       with_attempt = troupe_header_has (header, TROUPE_F (ATTEMPT));
  company_trace (self, "%s connection %" PRIu64 " broker %u: %s call %d attempt %d", how, connection, broker,
                 troupe_command_name (header->command), with_call ? (int)company_number (&header->call) : -1,
                 with_attempt ? (int)header->attempt : -1);
}

unsigned
company_number (const troupe_id_t *id)
{
  return (unsigned)id->bytes[14] << 8 | id->bytes[15];
}

// SplitMix64.
unsigned
company_dice (company_t *self, unsigned sides)
{
  self->random += 0x9e3779b97f4a7c15;
  return (unsigned)(table_hash_number (self->random) >> 33) % sides;
}

// -- The network -----------------------------------------------------------------------------------------------------

static void
queue_init (queue_t *queue)
{
  queue->first = NULL;
  queue->last = &queue->first;
}

static void
queue_push (queue_t *queue, const void *bytes, size_t size, troupe_buffer_t *body)
{
  packet_t *packet = calloc (1, sizeof *packet);
  if (packet == NULL)
    abort ();
  memcpy (packet->bytes, bytes, size);
  packet->size = size;
  packet->body = troupe_buffer_ref (body);
  *queue->last = packet;
  queue->last = &packet->next;
}

packet_t *
line_pop (queue_t *queue)
{
  packet_t *packet = queue->first;
  queue->first = packet->next;
  if (queue->first == NULL)
    queue->last = &queue->first;
  return packet;
}

void
line_free_packet (packet_t *packet)
{
  troupe_buffer_unref (&packet->body);
  free (packet);
}

static void
queue_clear (queue_t *queue)
{
  while (queue->first != NULL)
    line_free_packet (line_pop (queue));
}

static line_t *
line_of (company_t *self, unsigned broker, broker_connection_t connection)
{
  for (unsigned i = 0; i < NODES; i++)
    if (self->nodes[i].lines[broker].number == connection)
      return &self->nodes[i].lines[broker];
  return NULL;
}

void
line_hang_up (line_t *line)
{
  queue_clear (&line->to_broker);
  queue_clear (&line->to_node);
  *line = (line_t){0};
  queue_init (&line->to_broker);
  queue_init (&line->to_node);
}

void
line_say (node_t *node, unsigned broker, const troupe_header_t *header, const char *text)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body = text != NULL ? stage_text (text) : NULL;
  queue_push (&node->lines[broker].to_broker, bytes, troupe_header_encode (header, bytes, sizeof bytes), body);
  troupe_buffer_unref (&body);
}

void
line_say_hello (company_t *self, unsigned number, unsigned broker)
{
  char name[32];
  node_t *node = &self->nodes[number];
  snprintf (name, sizeof name, "node-%u-%u", number, node->generation);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (name));
  node->lines[broker].welcomed = false;
  line_say (node, broker, &header, NULL);
}

void
line_dial (company_t *self, unsigned number, unsigned broker)
{
  line_t *line = &self->nodes[number].lines[broker];
  line_hang_up (line);
  line->number = ++self->connections;
  company_trace (self, "node %u dials broker %u: connection %" PRIu64, number, broker, line->number);
  line->heard = line->beat = self->now;
  line_say_hello (self, number, broker);
}

call_record_t *
company_record (company_t *self, const troupe_id_t *id)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (troupe_id_equal (&self->calls[i].id, id))
      return &self->calls[i];
  abort ();
}

// -- What brokers send -----------------------------------------------------------------------------------------------

static unsigned
service_of (troupe_text_t name)
{
  unsigned service = 0;
  while (service < SERVICES - 1 && !troupe_text_equal (name, company_services[service]))
    service++;
  return service;
}

void
line_forget_offer (line_t *line, const troupe_id_t *call)
{
  for (unsigned s = 0; s < SERVICES; s++)
    for (unsigned i = 0; i < line->offered_count[s]; i++)
      if (troupe_id_equal (&line->offered[s][i], call))
        line->offered[s][i--] = line->offered[s][--line->offered_count[s]];
}

static void
check_credit (company_t *self, line_t *line, const troupe_header_t *header)
{
  unsigned service = service_of (header->service);
  line_forget_offer (line, &header->call);
  if (header->attempt > 1 && troupe_header_has (header, TROUPE_F (MEMORY)))
    return; // an actor's owner goes on with what it may run already, also without credit
  line->offered[service][line->offered_count[service]++] = header->call;
  if (line->offered_count[service] > CREDIT) {
    company_found (self, "more offers of %s than credit on connection %" PRIu64, company_services[service],
                   line->number);
    line->offered_count[service]--;
  }
}

typedef struct {
  company_t *company;
  unsigned broker;
} address_t;

static address_t addresses[BROKERS_MAX];

static bool
on_sent (void *context, const stage_message_t *message)
{
  const address_t *address = context;
  company_t *self = address->company;
  if (message->to == 0)
    return false;
  line_t *line = line_of (self, address->broker, message->to);
  if (line == NULL) {
    if (self->unsent_count < 64) {
      self->unsent[self->unsent_count].broker = address->broker;
      self->unsent[self->unsent_count].connection = message->to;
      self->unsent[self->unsent_count++].command = message->header.command;
    }
    return false;
  }
  if (message->header.command == TROUPE_CMD_OFFER)
    check_credit (self, line, &message->header);
  if (message->header.command == TROUPE_CMD_CANCEL)
    line_forget_offer (line, &message->header.call);
  queue_push (&line->to_node, message->bytes, message->size, message->body);
  return false;
}

void
line_tell_unsent (company_t *self)
{
  while (self->unsent_count > 0) {
    self->unsent_count--;
    stage_t *broker = self->brokers[self->unsent[self->unsent_count].broker];
    if (broker != NULL)
      stage_unsent (broker, self->unsent[self->unsent_count].connection, self->unsent[self->unsent_count].command,
                    false);
  }
}

void
line_start_broker (company_t *self, unsigned broker)
{
  char name[16];
  broker_limits_t limits = stage_limits;
  limits.attempts = 1000; // in a company so unlucky
  snprintf (name, sizeof name, "broker-%u", broker);
  addresses[broker] = (address_t){self, broker};
  self->brokers[broker] = stage_new (self->model, name, &limits, self->now);
  self->brokers[broker]->sent = on_sent;
  self->brokers[broker]->context = &addresses[broker];
  self->store_up[broker] = false;
}
