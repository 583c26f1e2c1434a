// SPDX-License-Identifier: Apache-2.0
//
// The conversation (conversation.h): who is to speak follows from two members. `reply` is the call to the agent that
// is open; `question` the call to the user that is. A line is asked for while there is a question, or no reply: so an
// agent can ask the user in the middle of its reply.
//
// A call that fails is told and the conversation goes on; the mesh may heal before the next line. When all brokers are
// gone for long, the open call is given up: whether it arrived is told as far as it is known.
#include "cli/conversation.h"

#include "troupe/message.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSE_MS = 1000, TURN_MS = 20 };

// jansson's functions take values as not constant; nothing here changes one.
static json_t *
unconst (const json_t *value)
{
  return (json_t *)(uintptr_t)value;
}

static void
ask (conversation_t *self)
{
  if (self->ended)
    return;
  if (!self->question && self->reply)
    terminal_dismiss (self->terminal);
  else
    terminal_ask (self->terminal, self->question ? "answer> " : "you> ");
}

void
conversation_note (conversation_t *self, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  terminal_print_begin (self->terminal);
  speech_pause (&self->speech);
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
  terminal_print_end (self->terminal);
  va_end (arguments);
}

static void
tell_failure (conversation_t *self, const troupe_error_t *error)
{
  int status = troupe_err_exit (error->code);
  if (self->exit_status == 0 && !terminal_interactive (self->terminal))
    self->exit_status = status;
  terminal_print_begin (self->terminal);
  speech_failure (&self->speech, error);
  terminal_print_end (self->terminal);
}

// -- The agent's turn ------------------------------------------------------------------------------------------------

static void
forget_reply (conversation_t *self)
{
  troupe_placeholder_destroy (&self->reply);
  self->client->alone_since = 0;
  self->interrupted = false; // what stopped the reply doesn't count as the first of two at the prompt
}

static void
on_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  conversation_t *self = context;
  (void)placeholder;
  const char *text = json_string_value (json_object_get (part, "text"));
  if (text)
    speech_part (&self->speech, attempt, json_is_true (json_object_get (part, "again")), text);
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  conversation_t *self = context;
  const troupe_error_t *error = troupe_placeholder_error (placeholder);
  json_t *value = json_incref (unconst (troupe_placeholder_value (placeholder)));
  terminal_print_begin (self->terminal);
  if (value)
    speech_reply (&self->speech, value);
  terminal_print_end (self->terminal);
  if (!value && error->code == TROUPE_CANCELLED && self->interrupted && terminal_interactive (self->terminal))
    conversation_note (self, "(stopped)");
  else if (!value)
    tell_failure (self, error);
  json_decref (value);
  forget_reply (self);
  if (ferror (stdout))
    conversation_end (self); // nobody sees what more is said; output_finish tells it
  ask (self);
}

static json_t *
message_of (const conversation_t *self, const char *line, troupe_error_t *error)
{
  troupe_message_t *message = NULL;
  if (troupe_message_new (&message, self->options.user, TROUPE_ROLE_USER, line, error) != TROUPE_OK)
    return NULL;
  json_t *json = troupe_message_to_json (message);
  if (!json)
    troupe_error_set (error, TROUPE_NO_MEMORY, self->service, NULL, "out of memory");
  troupe_message_unref (&message);
  return json;
}

static void
say (conversation_t *self, const char *line)
{
  troupe_error_t error = {0};
  json_t *message = message_of (self, line, &error);
  troupe_call_t call = {.service = self->service,
                        .input = message,
                        .session = self->session[0] ? self->session : self->options.session,
                        .deadline_ms = self->options.deadline_ms,
                        .part = terminal_interactive (self->terminal) && !self->options.json ? on_part : NULL,
                        .settled = on_settled,
                        .context = self};
  if (!message || troupe_node_call (self->client->node, &self->reply, &call, &error) != TROUPE_OK)
    tell_failure (self, &error);
  json_decref (message);
}

// -- The user's turn -------------------------------------------------------------------------------------------------

static void
answer (conversation_t *self, const char *line)
{
  troupe_error_t error = {0};
  json_t *message = message_of (self, line, &error);
  if (message)
    troupe_task_reply (&self->question, message);
  else {
    tell_failure (self, &error);
    troupe_task_fail (&self->question, &error);
  }
}

static void
on_line (void *context, const char *line, const troupe_error_t *error)
{
  conversation_t *self = context;
  self->interrupted = false;
  if (error)
    tell_failure (self, error);
  else if (!line || strcmp (line, "exit") == 0 || strcmp (line, "quit") == 0)
    conversation_end (self);
  else if (self->question)
    answer (self, line);
  else if (line[strspn (line, " \t")] != '\0')
    say (self, line);
  ask (self);
}

static void
on_withdrawn (void *context, troupe_task_t *task)
{
  conversation_t *self = context;
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_CANCELLED, self->options.service, NULL, "nobody waits for the answer any more");
  if (task != self->question) {
    troupe_task_fail (&task, &error);
    return;
  }
  troupe_task_fail (&self->question, &error);
  conversation_note (self, "(the question was withdrawn)");
  ask (self);
}

static void
on_question (void *context, troupe_task_t *task)
{
  conversation_t *self = context;
  if (self->question || self->ended) {
    troupe_error_t error;
    troupe_error_set (&error, TROUPE_OVERLOADED, self->options.service, "ask again later",
                      "the user is answering another question, or leaving");
    troupe_task_fail (&task, &error);
    return;
  }
  self->question = task;
  troupe_task_on_cancel (task, on_withdrawn, self);
  terminal_print_begin (self->terminal);
  speech_question (&self->speech, unconst (troupe_task_input (task)));
  terminal_print_end (self->terminal);
  ask (self);
}

// -- Its life --------------------------------------------------------------------------------------------------------

static int64_t
prepare (void *context, int64_t now)
{
  conversation_t *self = context;
  if (!self->reply || !client_lonely (self->client, now))
    return self->reply ? now + CLIENT_CONNECT_MS : TROUPE_LOOP_NEVER;
  troupe_error_t error;
  bool stored = troupe_placeholder_state (self->reply) == TROUPE_CALL_STORED;
  troupe_error_set (&error, TROUPE_UNAVAILABLE, self->service, "see `troupe ps`",
                    "no broker has answered for %d s; what you said %s", CLIENT_ALONE_MS / 1000,
                    stored ? "is stored, and will be heard" : "may not have been heard");
  tell_failure (self, &error);
  forget_reply (self);
  ask (self);
  return TROUPE_LOOP_NEVER;
}

static troupe_err_t
serve_user (conversation_t *self, troupe_error_t *error)
{
  json_t *info = json_pack ("{s:s, s:s}", "type", "user", "description", "a person at a terminal");
  troupe_service_t service = {
    .name = self->options.service, .actor = true, .credit = 1, .info = info, .serve = on_question, .context = self};
  troupe_err_t err = troupe_node_serve (self->client->node, &service, error);
  json_decref (info);
  return err;
}

troupe_err_t
conversation_open (conversation_t *self, client_t *client, const conversation_options_t *options, troupe_error_t *error)
{
  *self = (conversation_t){.options = *options, .client = client};
  snprintf (self->service, sizeof self->service, "agent/%s", options->agent);
  if (!options->session) {
    troupe_id_t id = troupe_id_new ();
    troupe_id_to_text (&id, self->session);
  }
  troupe_err_t err = serve_user (self, error);
  if (err == TROUPE_OK)
    err = terminal_open (&self->terminal, client->loop, options->history, on_line, self, error);
  if (err == TROUPE_OK && troupe_loop_add_prepare (client->loop, prepare, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, self->service, NULL, "out of memory");
  if (err != TROUPE_OK)
    return err;
  speech_init (&self->speech, options->agent, terminal_interactive (self->terminal), options->json);
  ask (self);
  return TROUPE_OK;
}

void
conversation_end (conversation_t *self)
{
  self->ended = true;
  troupe_loop_stop (self->client->loop);
}

void
conversation_interrupt (conversation_t *self)
{
  bool again = self->interrupted;
  self->interrupted = true;
  if (!terminal_interactive (self->terminal) && self->exit_status == 0)
    self->exit_status = troupe_err_exit (TROUPE_CANCELLED);
  if (self->reply && !again)
    troupe_placeholder_cancel (self->reply);
  else if (terminal_discard (self->terminal))
    self->interrupted = false;
  else if (again || !terminal_interactive (self->terminal))
    conversation_end (self);
  else
    conversation_note (self, "(Ctrl-C again ends, as do exit and Ctrl-D)");
}

static void
on_drained (void *context)
{
  conversation_t *self = context;
  self->drained = true;
}

void
conversation_close (conversation_t *self)
{
  int64_t end = troupe_loop_now () + CLOSE_MS;
  self->ended = true;
  self->drained = !self->question;
  if (self->terminal)
    terminal_dismiss (self->terminal);
  if (self->question) {
    troupe_error_t error;
    troupe_error_set (&error, TROUPE_SERVICE_FAILED, self->options.service, NULL, "the user has left");
    troupe_task_fail (&self->question, &error);
    troupe_node_drain (self->client->node, on_drained, self);
  }
  if (self->reply)
    troupe_placeholder_cancel (self->reply);
  while ((!self->drained || self->reply) && troupe_loop_now () < end &&
         troupe_loop_turn (self->client->loop, TURN_MS) == TROUPE_OK)
    ;
  forget_reply (self);
  troupe_loop_remove_prepare (self->client->loop, prepare, self);
  terminal_close (&self->terminal);
  speech_free (&self->speech);
}
