// SPDX-License-Identifier: Apache-2.0
//
// The core's frame: making it, passing events on, time, and the queue of the user's functions that are due.
//
// The user's functions run only in node_core_deliver, one after the other, and may call every verb meanwhile. A verb
// never calls back: it changes state, and queues frames and further functions. So no function here has to expect that
// the ground moves while it works.

#include "node/asking.h"
#include "node/calling.h"
#include "node/draining.h"
#include "node/events.h"
#include "node/listening.h"
#include "node/serving.h"
#include "troupe/run.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

static const char *const counter_names[] = {
#define NODE_COUNTER(constant, name, unit, meaning) name,
#include "node/counters.def"
#undef NODE_COUNTER
};

const char *
node_counter_name (node_counter_t counter)
{
  return counter_names[counter];
}

uint64_t
node_core_counter (const node_core_t *self, node_counter_t counter)
{
  return self->counters[counter];
}

void
node_core_count (node_core_t *self, node_counter_t counter)
{
  self->counters[counter]++;
}

void
node_core_ready (node_core_t *self, node_ready_t *ready)
{
  if (node_list_empty (&ready->place))
    node_list_append (&self->ready, &ready->place);
}

void
node_core_wake (node_core_t *self)
{
  if (self->options.wake != NULL)
    self->options.wake (self->options.context);
}

// -- Making ----------------------------------------------------------------------------------------------------------

static bool
name_valid (const char *name)
{
  size_t size = name == NULL ? 0 : strlen (name);
  if (size < 1 || size > TROUPE_NAME_MAX)
    return false;
  for (size_t i = 0; i < size; i++)
    if (name[i] <= ' ' || name[i] > '~')
      return false;
  return true;
}

static troupe_err_t
check_options (const node_core_options_t *options, troupe_error_t *error)
{
  unsigned count = 0;
  if (!name_valid (options->name))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "node", "choose a name like \"alice\"",
                             "its name is not 1 to %d printable characters without spaces", TROUPE_NAME_MAX);
  if (options->mesh != NULL && (*options->mesh == '\0' || strlen (options->mesh) > TROUPE_NAME_MAX))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, options->name, "leave it out for any mesh",
                             "the mesh's name is not 1 to %d bytes long", TROUPE_NAME_MAX);
  while (options->brokers != NULL && count <= NODE_BROKERS_MAX && options->brokers[count] != NULL)
    count++;
  if (count < 1 || count > NODE_BROKERS_MAX)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, options->name, "name the endpoint of at least one broker",
                             "a node has 1 to %d brokers", NODE_BROKERS_MAX);
  return TROUPE_OK;
}

static troupe_err_t
pack_last_words (node_core_t *self)
{
  troupe_error_t words;
  troupe_error_set (&words, TROUPE_NO_MEMORY, self->instance, "give the service more memory, or less credit",
                    "the reply could not be packed: out of memory");
  json_t *json = troupe_error_to_json (&words);
  troupe_err_t err = json == NULL ? TROUPE_NO_MEMORY : troupe_value_pack (json, &self->last_words, NULL);
  json_decref (json);
  return err;
}

static troupe_err_t
fill (node_core_t *self, int64_t now)
{
  char id_text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = self->options.new_id (self->options.context);
  uint64_t seed;
  memcpy (&seed, id.bytes + TROUPE_ID_SIZE - sizeof seed, sizeof seed);
  troupe_id_to_text (&id, id_text);
  snprintf (self->instance, sizeof self->instance, "%s-%s", self->options.name, id_text);
  if (self->options.mesh != NULL)
    snprintf (self->mesh, sizeof self->mesh, "%s", self->options.mesh);
  self->options.mesh = NULL;
  node_table_init (&self->calls, seed);
  node_table_init (&self->tasks, ~seed);
  node_table_init (&self->rows, seed);
  node_listening_init (self, ~seed);
  for (const char *const *endpoint = self->options.brokers; *endpoint != NULL; endpoint++) {
    unsigned index = self->connections_count++;
    troupe_err_t err = node_connection_init (&self->connections[index], self, index, *endpoint, now);
    if (err != TROUPE_OK)
      return err;
  }
  return pack_last_words (self);
}

troupe_err_t
node_core_new (node_core_t **out, const node_core_options_t *options, int64_t now, troupe_error_t *error)
{
  troupe_err_t err = check_options (options, error);
  if (err != TROUPE_OK)
    return err;
  node_core_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->name, NULL, "out of memory");
  self->options = *options;
  self->now = self->ticked = self->down_since = now;
  self->give_up_at = TROUPE_LOOP_NEVER;
  node_list_init (&self->ready);
  node_list_init (&self->pending);
  node_list_init (&self->doomed);
  node_list_init (&self->all_tasks);
  node_asking_init (self);
  node_events_init (self);
  node_drain_init (self);
  err = fill (self, now);
  // The names are the caller's, and copied where they are needed.
  self->options.name = NULL;
  self->options.brokers = NULL;
  self->options.hello = troupe_buffer_ref (options->hello);
  if (err != TROUPE_OK) {
    node_core_destroy (&self);
    return troupe_error_set (error, err, options->name, NULL, "%s", troupe_err_text (err));
  }
  *out = self;
  return TROUPE_OK;
}

void
node_core_destroy (node_core_t **self_p)
{
  node_core_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  node_serving_close (self);
  node_listening_close (self);
  node_calling_close (self);
  node_asking_close (self);
  node_events_close (self);
  while (!node_list_empty (&self->ready))
    node_list_remove (self->ready.next);
  for (unsigned i = 0; i < self->connections_count; i++)
    node_connection_close (&self->connections[i]);
  node_table_close (&self->calls);
  node_table_close (&self->tasks);
  node_timers_close (&self->timers);
  troupe_buffer_unref (&self->options.hello);
  troupe_buffer_unref (&self->last_words);
  free (self);
}

// -- Events ----------------------------------------------------------------------------------------------------------

static void
tick (node_core_t *self)
{
  for (unsigned i = 0; i < self->connections_count; i++)
    node_connection_tick (&self->connections[i]);
  self->ticked = self->now;
  node_listening_tick (self);
  node_timers_run (&self->timers, self->now);
  if (self->give_up_at != TROUPE_LOOP_NEVER && self->now >= self->give_up_at)
    node_calling_give_up (self);
}

void
node_core_step (node_core_t *self, const node_event_t *event, int64_t now)
{
  if (now > self->now)
    self->now = now;
  node_connection_t *connection = &self->connections[event->broker];
  switch (event->kind) {
  case NODE_TICK:
    tick (self);
    break;
  case NODE_RECEIVED:
    node_connection_receive (connection, event);
    break;
  case NODE_PUBLISHED:
    node_events_published (connection, event);
    break;
  case NODE_CONNECTED:
    connection->reached = true;
    break;
  case NODE_DISCONNECTED:
    node_connection_break (connection, "the connection broke");
    break;
  case NODE_NOT_OPENED:
    node_connection_break (connection, "no socket could be made");
    break;
  case NODE_TURNED_AWAY:
    node_connection_turned_away (connection, event->error);
    break;
  }
  node_calling_dispatch (self);
  node_drain_check (self);
}

static void
earlier (int64_t *due, int64_t other)
{
  if (other != TROUPE_LOOP_NEVER && (*due == TROUPE_LOOP_NEVER || other < *due))
    *due = other;
}

int64_t
node_core_due (const node_core_t *self)
{
  int64_t due = node_timers_due (&self->timers);
  for (unsigned i = 0; i < self->connections_count; i++)
    earlier (&due, node_connection_due (&self->connections[i]));
  earlier (&due, self->give_up_at);
  earlier (&due, node_drain_due (self));
  return due;
}

bool
node_core_deliver (node_core_t *self, int64_t now, unsigned most)
{
  for (; most > 0 && !node_list_empty (&self->ready); most--) {
    node_ready_t *ready = NODE_OF (self->ready.next, node_ready_t, place);
    if (now > self->now)
      self->now = now;
    node_list_remove (&ready->place);
    ready->deliver (self, ready);
  }
  return !node_list_empty (&self->ready);
}

// -- For the driver --------------------------------------------------------------------------------------------------

unsigned
node_core_brokers (const node_core_t *self)
{
  return self->connections_count;
}

node_wish_t
node_core_wish (const node_core_t *self, unsigned broker)
{
  const node_connection_t *connection = &self->connections[broker];
  bool left_up = connection->state == NODE_CONNECTION_LEFT && connection->outbox.count > 0;
  bool wanted = self->event != NULL || !node_list_empty (&self->hubs_used);
  bool subscribe = wanted && connection->state == NODE_CONNECTION_UP && connection->publish[0] != '\0';
  return (node_wish_t){
    .open = connection->state == NODE_CONNECTION_GREETING || connection->state == NODE_CONNECTION_UP || left_up,
    .generation = connection->generation,
    .endpoint = connection->endpoint,
    .publish = subscribe ? connection->publish : NULL,
    .events = self->event != NULL,
  };
}

const node_frame_t *
node_core_frame (const node_core_t *self, unsigned broker)
{
  return node_outbox_first (&self->connections[broker].outbox);
}

const node_frame_t *
node_core_frame_after (const node_core_t *self, unsigned broker, const node_frame_t *frame)
{
  return node_outbox_after (&self->connections[broker].outbox, frame);
}

bool
node_core_takes_runs (const node_core_t *self, unsigned broker)
{
  return self->connections[broker].minor >= TROUPE_MINOR_RUNS;
}

void
node_core_frame_sent (node_core_t *self, unsigned broker)
{
  node_outbox_shift (&self->connections[broker].outbox);
}

void
node_core_leave (node_core_t *self)
{
  self->left = true;
  for (unsigned i = 0; i < self->connections_count; i++)
    node_connection_leave (&self->connections[i]);
}

const char *
node_core_instance (const node_core_t *self)
{
  return self->instance;
}

unsigned
node_core_brokers_up (const node_core_t *self)
{
  return self->up_count;
}

static troupe_err_t
say_unavailable (const node_core_t *self, troupe_error_t *error)
{
  char tried[512] = "";
  for (unsigned i = 0, size = 0; i < self->connections_count && size < sizeof tried; i++)
    size +=
      (unsigned)snprintf (tried + size, sizeof tried - size, "%s%s", i > 0 ? ", " : "", self->connections[i].endpoint);
  return troupe_error_set (error, TROUPE_UNAVAILABLE, self->instance, "start the mesh with `troupe up`",
                           "no broker answers; tried %s", tried);
}

static const node_connection_t *
hanging (const node_core_t *self)
{
  for (unsigned i = 0; i < self->connections_count; i++)
    if (node_connection_hangs (&self->connections[i]))
      return &self->connections[i];
  return NULL;
}

bool
node_core_broker_hangs (const node_core_t *self)
{
  return self->up_count == 0 && hanging (self) != NULL;
}

troupe_err_t
node_core_health (const node_core_t *self, troupe_error_t *error)
{
  const node_connection_t *silent = hanging (self);
  if (self->up_count > 0)
    return TROUPE_OK;
  for (unsigned i = 0; i < self->connections_count; i++) {
    const troupe_error_t *refusal = &self->connections[i].refusal;
    if (refusal->code == TROUPE_OK)
      continue;
    if (error != NULL)
      *error = *refusal;
    return refusal->code;
  }
  if (silent != NULL)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, silent->endpoint, "see its log; restart it if it hangs",
                             "the broker takes the connection, but doesn't answer");
  return say_unavailable (self, error);
}
