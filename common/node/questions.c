// SPDX-License-Identifier: Apache-2.0
//
// What is asked of one broker for all, because the answer is in the store: dead letters, sessions. The end of a session
// is told to the others, too: volatile calls are each known to one broker alone.

#include "node/asking.h"

#include <string.h>

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
put_too_old (node_report_t *self, const node_connection_t *broker)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_VERSION_MISMATCH, broker->name, "upgrade the brokers first",
                    "the broker speaks version %d.%u of the protocol, and `%s` came with version %d.%u",
                    TROUPE_PROTOCOL_VERSION, broker->minor, troupe_command_name (self->command),
                    TROUPE_PROTOCOL_VERSION, troupe_command_minor (self->command));
  node_asking_put (self, broker, NULL, &error);
  node_asking_finish (self);
}

// Volatile calls of the session are each known to one broker.
static void
ask_others (node_report_t *self)
{
  for (unsigned i = 0; i < self->core->connections_count; i++) {
    node_connection_t *broker = &self->core->connections[i];
    if (i == self->first || !node_connection_up (broker) || !understands (broker, self->command))
      continue;
    self->waiting[i] = true;
    node_asking_send (broker, self);
  }
}

// What it is about is in the store, so all brokers give the same answer; but for volatile calls.
static troupe_err_t
ask_one (node_core_t *core, const node_report_t *question, int64_t until, troupe_reported_fn *reported, void *context)
{
  node_report_t *self;
  node_connection_t *broker = broker_for (core, question->command);
  troupe_err_t err = broker != NULL ? node_asking_new (&self, core, until, reported, context) : TROUPE_UNAVAILABLE;
  if (err != TROUPE_OK)
    return err;
  self->command = question->command;
  self->position = question->position;
  self->call = question->call;
  self->again = question->again;
  strcpy (self->session, question->session);
  self->waiting[broker->index] = true;
  self->first = broker->index;
  if (self->command == TROUPE_CMD_END)
    ask_others (self);
  if (understands (broker, self->command))
    node_asking_send (broker, self);
  else
    put_too_old (self, broker);
  node_core_wake (core);
  return TROUPE_OK;
}

troupe_err_t
node_core_sessions (node_core_t *core, uint64_t position, int64_t timeout_ms, troupe_reported_fn *reported,
                    void *context, int64_t now)
{
  node_report_t question = {.command = TROUPE_CMD_SESSIONS, .position = position};
  return ask_one (core, &question, node_asking_until (core, now, timeout_ms), reported, context);
}

troupe_err_t
node_core_end_session (node_core_t *core, const char *session, int64_t timeout_ms, troupe_reported_fn *reported,
                       void *context, int64_t now)
{
  node_report_t question = {.command = TROUPE_CMD_END};
  size_t size = session != NULL ? strlen (session) : 0;
  if (size < 1 || size > NODE_SESSION_MAX)
    return TROUPE_BAD_ARGUMENT;
  strcpy (question.session, session);
  return ask_one (core, &question, node_asking_until (core, now, timeout_ms), reported, context);
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
  node_report_t question = {.command = commands[ask->op]};
  question.position = ask->op == TROUPE_LETTERS_LIST ? ask->position : 0;
  if (ask->op != TROUPE_LETTERS_LIST) {
    question.call = *ask->call;
    strcpy (question.session, ask->session);
  }
  if (ask->op == TROUPE_LETTERS_RESEND)
    question.again = *ask->again;
  return ask_one (core, &question, node_asking_until (core, now, timeout_ms), reported, context);
}
