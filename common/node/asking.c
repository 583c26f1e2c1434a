// SPDX-License-Identifier: Apache-2.0
//
// A question is over when every broker that was asked has answered or was lost, or the time is up; the user gets one
// list, in the order of the configured brokers.

#include "node/asking.h"

#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  REPORTS_MAX = 64, // of one node at a time
};

// -- Answers ---------------------------------------------------------------------------------------------------------

void
node_asking_put (node_report_t *self, const node_connection_t *from, json_t *answer, const troupe_error_t *error)
{
  if (answer == NULL)
    answer = json_object ();
  json_object_set_new (answer, "broker", json_string (from->name));
  json_object_set_new (answer, "endpoint", json_string (from->endpoint));
  json_object_set_new (answer, "up", json_boolean (error == NULL));
  if (error != NULL)
    json_object_set_new (answer, "error", troupe_error_to_json (error));
  self->waiting[from->index] = false;
  self->answers[from->index] = answer;
}

static void
put_failure (node_report_t *self, const node_connection_t *from, const char *why)
{
  troupe_error_t error;
  if (from->refusal.code != TROUPE_OK)
    error = from->refusal;
  else
    troupe_error_set (&error, TROUPE_UNAVAILABLE, from->endpoint, NULL, "%s", why);
  node_asking_put (self, from, NULL, &error);
}

void
node_asking_finish (node_report_t *self)
{
  for (unsigned i = 0; i < self->core->connections_count; i++)
    if (self->waiting[i])
      return;
  if (self->done)
    return;
  self->done = true;
  node_timers_release (&self->core->timers, &self->timer);
  node_core_ready (self->core, &self->ready);
}

static void
fire (node_timer_t *timer)
{
  node_report_t *self = NODE_OF (timer, node_report_t, timer);
  for (unsigned i = 0; i < self->core->connections_count; i++)
    if (self->waiting[i])
      put_failure (self, &self->core->connections[i], "it did not answer in time");
  node_asking_finish (self);
}

static void
free_report (node_report_t *self)
{
  if (!self->done)
    node_timers_release (&self->core->timers, &self->timer);
  node_list_remove (&self->place);
  node_list_remove (&self->ready.place);
  self->core->reports_count--;
  for (unsigned i = 0; i < NODE_BROKERS_MAX; i++)
    json_decref (self->answers[i]);
  free (self);
}

// What the one said that ended it in the store, and whether others had something to end.
static void
merge_ends (node_report_t *self)
{
  bool ended = false;
  for (unsigned i = 0; i < self->core->connections_count; i++) {
    ended = ended || json_is_true (json_object_get (self->answers[i], "ended"));
    if (i == self->first)
      continue;
    json_decref (self->answers[i]);
    self->answers[i] = NULL;
  }
  if (ended && json_object_get (self->answers[self->first], "error") == NULL)
    json_object_set_new (self->answers[self->first], "ended", json_true ());
}

static void
deliver_report (node_core_t *core, node_ready_t *ready)
{
  node_report_t *self = NODE_OF (ready, node_report_t, ready);
  troupe_reported_fn *reported = self->reported;
  void *context = self->context;
  json_t *list = json_array ();
  if (self->command == TROUPE_CMD_END)
    merge_ends (self);
  for (unsigned i = 0; i < core->connections_count; i++)
    if (self->answers[i] != NULL)
      json_array_append (list, self->answers[i]);
  free_report (self);
  reported (context, list);
  json_decref (list);
}

// -- Reports ---------------------------------------------------------------------------------------------------------

void
node_asking_send (node_connection_t *to, const node_report_t *self)
{
  troupe_header_t header;
  troupe_header_init (&header, self->command);
  troupe_header_set_request (&header, self->request);
  if (self->position > 0)
    troupe_header_set_position (&header, self->position);
  if (self->session[0] != '\0')
    troupe_header_set_session (&header, troupe_text (self->session));
  if (!troupe_id_is_zero (&self->call))
    troupe_header_set_call (&header, &self->call);
  if (self->command == TROUPE_CMD_END && to->index != self->first)
    troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
  if (self->command == TROUPE_CMD_RESEND)
    troupe_header_set_again (&header, &self->again);
  node_connection_send (to, &header, NULL);
}

troupe_err_t
node_asking_new (node_report_t **out, node_core_t *core, int64_t until, troupe_reported_fn *reported, void *context)
{
  if (core->reports_count >= REPORTS_MAX)
    return TROUPE_OVERLOADED;
  node_report_t *self = calloc (1, sizeof *self);
  if (self == NULL || node_timers_reserve (&core->timers) != TROUPE_OK) {
    free (self);
    return TROUPE_NO_MEMORY;
  }
  *self = (node_report_t){
    .core = core, .request = ++core->request, .reported = reported, .context = context, .command = TROUPE_CMD_STATUS};
  self->timer.fire = fire;
  self->ready.deliver = deliver_report;
  node_list_init (&self->ready.place);
  node_list_init (&self->place);
  node_list_append (&core->reports, &self->place);
  core->reports_count++;
  node_timers_set (&core->timers, &self->timer, until);
  *out = self;
  return TROUPE_OK;
}

int64_t
node_asking_until (const node_core_t *core, int64_t now, int64_t timeout_ms)
{
  return (now > core->now ? now : core->now) + timeout_ms;
}

troupe_err_t
node_core_report (node_core_t *core, int64_t timeout_ms, troupe_reported_fn *reported, void *context, int64_t now)
{
  node_report_t *self;
  troupe_err_t err = node_asking_new (&self, core, node_asking_until (core, now, timeout_ms), reported, context);
  if (err != TROUPE_OK)
    return err;
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_connection_t *connection = &core->connections[i];
    self->waiting[i] = true; // one that isn't up yet may come up in time
    if (node_connection_up (connection))
      node_asking_send (connection, self);
  }
  node_core_wake (core);
  return TROUPE_OK;
}

void
node_core_stop_asking (node_core_t *core, const void *context)
{
  for (node_list_t *link = core->reports.next, *next; link != &core->reports; link = next) {
    node_report_t *self = NODE_OF (link, node_report_t, place);
    next = link->next;
    if (self->context == context)
      free_report (self);
  }
}

// -- What brokers send -----------------------------------------------------------------------------------------------

static node_report_t *
find_report (node_connection_t *from, const troupe_header_t *header)
{
  node_core_t *core = from->core;
  for (node_list_t *link = core->reports.next; link != &core->reports; link = link->next) {
    node_report_t *self = NODE_OF (link, node_report_t, place);
    if (troupe_header_has (header, TROUPE_F (REQUEST)) && self->request == header->request &&
        self->waiting[from->index])
      return self;
  }
  node_core_count (core, NODE_COUNT_FRAMES_UNEXPECTED);
  return NULL;
}

void
node_asking_report (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body)
{
  troupe_error_t error = {0};
  json_t *json = NULL;
  node_report_t *self = find_report (from, header);
  if (self == NULL)
    return;
  troupe_err_t err = troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &json, &error);
  if (err == TROUPE_OK && !json_is_object (json))
    err = troupe_error_set (&error, TROUPE_BAD_FRAME, from->endpoint, NULL, "its report is not a map");
  if (err == TROUPE_OK)
    node_asking_put (self, from, json, NULL);
  else {
    json_decref (json);
    node_asking_put (self, from, NULL, &error);
  }
  node_asking_finish (self);
}

void
node_asking_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error)
{
  node_report_t *self = find_report (from, header);
  if (self == NULL)
    return;
  node_asking_put (self, from, NULL, error);
  node_asking_finish (self);
}

void
node_asking_welcomed (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  for (node_list_t *link = core->reports.next; link != &core->reports; link = link->next) {
    node_report_t *self = NODE_OF (link, node_report_t, place);
    if (!self->waiting[connection->index])
      continue;
    node_asking_send (connection, self);
  }
}

void
node_asking_init (node_core_t *core)
{
  node_list_init (&core->reports);
}

void
node_asking_close (node_core_t *core)
{
  while (!node_list_empty (&core->reports))
    free_report (NODE_OF (core->reports.next, node_report_t, place));
}
