// SPDX-License-Identifier: Apache-2.0
//
// Status reports, what is asked of one broker for all, and mesh events.
//
// A report is asked of every broker that is up and is over when each has answered, was lost, or the time is up; the
// user gets one list in the order of the configured brokers. Events come by subscription, are for looking only, and may
// be lost; too many unread ones are dropped and counted.

#include "node/asking.h"

#include "node/listening.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  REPORTS_MAX = 64,   // of one node at a time
};

typedef struct {
  node_list_t place; // in core->reports
  node_core_t *core;
  uint32_t request;
  troupe_reported_fn *reported;
  void *context;
  node_timer_t timer;
  node_ready_t ready;
  bool done;
  bool waiting[NODE_BROKERS_MAX];
  json_t *answers[NODE_BROKERS_MAX]; // NULL: it isn't asked
  // What is asked.
  troupe_command_t command;
  troupe_id_t call, again;
  uint64_t position;
  char session[NODE_SESSION_MAX + 1];
} report_t;

typedef struct {
  node_list_t place; // in core->events
  char *service, *instance;
  json_t *json;
} event_t;

// -- Reports ---------------------------------------------------------------------------------------------------------

static void
put_answer (report_t *self, const node_connection_t *from, json_t *answer, const troupe_error_t *error)
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
put_failure (report_t *self, const node_connection_t *from, const char *why)
{
  troupe_error_t error;
  if (from->refusal.code != TROUPE_OK)
    error = from->refusal;
  else
    troupe_error_set (&error, TROUPE_UNAVAILABLE, from->endpoint, NULL, "%s", why);
  put_answer (self, from, NULL, &error);
}

static void
finish_if_all_answered (report_t *self)
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
  report_t *self = NODE_OF (timer, report_t, timer);
  for (unsigned i = 0; i < self->core->connections_count; i++)
    if (self->waiting[i])
      put_failure (self, &self->core->connections[i], "it did not answer in time");
  finish_if_all_answered (self);
}

static void
free_report (report_t *self)
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

static void
deliver_report (node_core_t *core, node_ready_t *ready)
{
  report_t *self = NODE_OF (ready, report_t, ready);
  troupe_reported_fn *reported = self->reported;
  void *context = self->context;
  json_t *list = json_array ();
  for (unsigned i = 0; i < core->connections_count; i++)
    if (self->answers[i] != NULL)
      json_array_append (list, self->answers[i]);
  free_report (self);
  reported (context, list);
  json_decref (list);
}

static void
send_question (node_connection_t *to, const report_t *self)
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
  if (self->command == TROUPE_CMD_RESEND)
    troupe_header_set_again (&header, &self->again);
  node_connection_send (to, &header, NULL);
}

// Without anybody to answer it yet.
static troupe_err_t
make_report (report_t **out, node_core_t *core, int64_t until, troupe_reported_fn *reported, void *context)
{
  if (core->reports_count >= REPORTS_MAX)
    return TROUPE_OVERLOADED;
  report_t *self = calloc (1, sizeof *self);
  if (self == NULL || node_timers_reserve (&core->timers) != TROUPE_OK) {
    free (self);
    return TROUPE_NO_MEMORY;
  }
  *self = (report_t){.core = core,
                     .request = ++core->request,
                     .reported = reported,
                     .context = context,
                     .command = TROUPE_CMD_STATUS};
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

static int64_t
time_after (const node_core_t *core, int64_t now, int64_t timeout_ms)
{
  return (now > core->now ? now : core->now) + timeout_ms;
}

troupe_err_t
node_core_report (node_core_t *core, int64_t timeout_ms, troupe_reported_fn *reported, void *context, int64_t now)
{
  report_t *self;
  troupe_err_t err = make_report (&self, core, time_after (core, now, timeout_ms), reported, context);
  if (err != TROUPE_OK)
    return err;
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_connection_t *connection = &core->connections[i];
    self->waiting[i] = true; // one that isn't up yet may come up in time
    if (node_connection_up (connection))
      send_question (connection, self);
  }
  node_core_wake (core);
  return TROUPE_OK;
}

static troupe_err_t
check_letters (const troupe_letters_t *ask)
{
  bool one = ask->op != TROUPE_LETTERS_LIST;
  size_t size = ask->session != NULL ? strlen (ask->session) : 0;
  if (one && (size < 1 || size > NODE_SESSION_MAX || ask->call == NULL))
    return TROUPE_BAD_ARGUMENT;
  return ask->op == TROUPE_LETTERS_RESEND && ask->again == NULL ? TROUPE_BAD_ARGUMENT : TROUPE_OK;
}

static bool
understands (const node_connection_t *broker, troupe_command_t command)
{
  return broker->minor >= troupe_command_minor (command);
}

// The first that is up and understands the question; or else the first that is up. NULL: none is.
static node_connection_t *
broker_for (node_core_t *core, troupe_command_t command)
{
  node_connection_t *found = NULL;
  for (unsigned i = 0; i < core->connections_count; i++) {
    node_connection_t *broker = &core->connections[i];
    if (node_connection_up (broker) && understands (broker, command))
      return broker;
    if (node_connection_up (broker) && found == NULL)
      found = broker;
  }
  return found;
}

// An older broker isn't asked what it can't know.
static void
put_too_old (report_t *self, const node_connection_t *broker)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_VERSION_MISMATCH, broker->name, "upgrade the brokers first",
                    "the broker speaks version %d.%u of the protocol, and `%s` came with version %d.%u",
                    TROUPE_PROTOCOL_VERSION, broker->minor, troupe_command_name (self->command),
                    TROUPE_PROTOCOL_VERSION, troupe_command_minor (self->command));
  put_answer (self, broker, NULL, &error);
  finish_if_all_answered (self);
}

// What it is about is in the store, so all brokers give the same answer.
static troupe_err_t
ask_one (node_core_t *core, const report_t *question, int64_t until, troupe_reported_fn *reported, void *context)
{
  report_t *self;
  node_connection_t *broker = broker_for (core, question->command);
  troupe_err_t err = broker != NULL ? make_report (&self, core, until, reported, context) : TROUPE_UNAVAILABLE;
  if (err != TROUPE_OK)
    return err;
  self->command = question->command;
  self->position = question->position;
  self->call = question->call;
  self->again = question->again;
  strcpy (self->session, question->session);
  self->waiting[broker->index] = true;
  if (understands (broker, self->command))
    send_question (broker, self);
  else
    put_too_old (self, broker);
  node_core_wake (core);
  return TROUPE_OK;
}

troupe_err_t
node_core_sessions (node_core_t *core, uint64_t position, int64_t timeout_ms, troupe_reported_fn *reported,
                    void *context, int64_t now)
{
  report_t question = {.command = TROUPE_CMD_SESSIONS, .position = position};
  return ask_one (core, &question, time_after (core, now, timeout_ms), reported, context);
}

troupe_err_t
node_core_end_session (node_core_t *core, const char *session, int64_t timeout_ms, troupe_reported_fn *reported,
                       void *context, int64_t now)
{
  report_t question = {.command = TROUPE_CMD_END};
  size_t size = session != NULL ? strlen (session) : 0;
  if (size < 1 || size > NODE_SESSION_MAX)
    return TROUPE_BAD_ARGUMENT;
  strcpy (question.session, session);
  return ask_one (core, &question, time_after (core, now, timeout_ms), reported, context);
}

troupe_err_t
node_core_letters (node_core_t *core, const troupe_letters_t *ask, int64_t timeout_ms, troupe_reported_fn *reported,
                   void *context, int64_t now)
{
  static const troupe_command_t commands[] = {[TROUPE_LETTERS_LIST] = TROUPE_CMD_LETTERS,
                                              [TROUPE_LETTERS_SHOW] = TROUPE_CMD_LETTER,
                                              [TROUPE_LETTERS_RESEND] = TROUPE_CMD_RESEND,
                                              [TROUPE_LETTERS_DISCARD] = TROUPE_CMD_DISCARD};
  troupe_err_t err = check_letters (ask);
  if (err != TROUPE_OK)
    return err;
  report_t question = {.command = commands[ask->op]};
  question.position = ask->op == TROUPE_LETTERS_LIST ? ask->position : 0;
  if (ask->op != TROUPE_LETTERS_LIST) {
    question.call = *ask->call;
    strcpy (question.session, ask->session);
  }
  if (ask->op == TROUPE_LETTERS_RESEND)
    question.again = *ask->again;
  return ask_one (core, &question, time_after (core, now, timeout_ms), reported, context);
}

static report_t *
find_report (node_connection_t *from, const troupe_header_t *header)
{
  node_core_t *core = from->core;
  for (node_list_t *link = core->reports.next; link != &core->reports; link = link->next) {
    report_t *self = NODE_OF (link, report_t, place);
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
  report_t *self = find_report (from, header);
  if (self == NULL)
    return;
  troupe_err_t err = troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &json, &error);
  if (err == TROUPE_OK && !json_is_object (json))
    err = troupe_error_set (&error, TROUPE_BAD_FRAME, from->endpoint, NULL, "its report is not a map");
  if (err == TROUPE_OK)
    put_answer (self, from, json, NULL);
  else {
    json_decref (json);
    put_answer (self, from, NULL, &error);
  }
  finish_if_all_answered (self);
}

void
node_asking_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error)
{
  report_t *self = find_report (from, header);
  if (self == NULL)
    return;
  put_answer (self, from, NULL, error);
  finish_if_all_answered (self);
}

void
node_asking_welcomed (node_connection_t *connection)
{
  node_core_t *core = connection->core;
  for (node_list_t *link = core->reports.next; link != &core->reports; link = link->next) {
    report_t *self = NODE_OF (link, report_t, place);
    if (!self->waiting[connection->index])
      continue;
    send_question (connection, self);
  }
}

// -- Events ----------------------------------------------------------------------------------------------------------

static void
free_event (event_t *self)
{
  node_list_remove (&self->place);
  json_decref (self->json);
  free (self->service);
  free (self->instance);
  free (self);
}

static void
deliver_event (node_core_t *core, node_ready_t *ready)
{
  event_t *self = NODE_OF (core->events.next, event_t, place);
  node_list_remove (&self->place);
  if (--core->events_count > 0)
    node_core_ready (core, ready);
  if (core->event != NULL)
    core->event (core->event_context, self->service, self->instance, self->json);
  free_event (self);
}

static event_t *
make_event (const troupe_header_t *header, json_t *json)
{
  event_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return NULL;
  node_list_init (&self->place);
  self->json = json_incref (json);
  self->service = strndup (header->service.data, header->service.size);
  self->instance = strndup (header->peer.data, header->peer.size);
  if (self->service != NULL && self->instance != NULL)
    return self;
  free_event (self);
  return NULL;
}

static void
keep_event (node_core_t *core, const troupe_header_t *header, json_t *json)
{
  event_t *event = core->events_count < NODE_EVENTS_MAX ? make_event (header, json) : NULL;
  if (event == NULL) {
    node_core_count (core, NODE_COUNT_EVENTS_UNREAD);
    return;
  }
  node_list_append (&core->events, &event->place);
  core->events_count++;
  node_core_ready (core, &core->events_ready);
}

void
node_asking_published (node_connection_t *from, const node_event_t *event)
{
  troupe_header_t header;
  json_t *json = NULL;
  troupe_buffer_t *body;
  bool decoded = troupe_header_decode (&header, event->header, event->header_size, NULL) == TROUPE_OK &&
                 troupe_header_body (&header, event->frame, event->body, &body, NULL) == TROUPE_OK;
  if (decoded && header.command == TROUPE_CMD_SAID) {
    node_listening_said (from, &header, body);
    return;
  }
  bool good =
    decoded && header.command == TROUPE_CMD_EVENT &&
    troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body), &json, NULL) == TROUPE_OK;
  if (good)
    keep_event (from->core, &header, json);
  else
    node_core_count (from->core, NODE_COUNT_FRAMES_BAD);
  json_decref (json);
}

void
node_core_on_event (node_core_t *core, troupe_event_fn *event, void *context)
{
  core->event = event;
  core->event_context = context;
  node_core_wake (core);
}

void
node_asking_init (node_core_t *core)
{
  node_list_init (&core->reports);
  node_list_init (&core->events);
  node_list_init (&core->events_ready.place);
  core->events_ready.deliver = deliver_event;
}

void
node_asking_close (node_core_t *core)
{
  while (!node_list_empty (&core->reports))
    free_report (NODE_OF (core->reports.next, report_t, place));
  while (!node_list_empty (&core->events))
    free_event (NODE_OF (core->events.next, event_t, place));
}
