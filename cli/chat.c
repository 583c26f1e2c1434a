// SPDX-License-Identifier: Apache-2.0
//
// `troupe chat`: finds or starts the mesh, finds the agent, and holds the conversation. What it started it ends,
// whatever happens in between; a mesh that was running goes on.
#include "cli/companion.h"
#include "cli/conversation.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "troupe/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
  AGENT_MS = 3000, // how long a mesh that is just starting may take to have the agent
  REPORT_MS = 1000,
  TURN_MS = 50,
  TEXT_MAX = 512
};

#define AGENT_PREFIX "agent/"
#define USER_PREFIX "user-"

typedef struct {
  mesh_t mesh;
  companion_t companion;
  client_t client;
  conversation_t conversation;
  bool conversing;
  conversation_options_t options;
  char agent[TEXT_MAX], service[TEXT_MAX];
  char *history;
} chat_t;

static void
on_signal (void *context, int signal)
{
  chat_t *self = context;
  if (!self->conversing)
    troupe_loop_stop (self->client.loop);
  else if (signal == SIGINT)
    conversation_interrupt (&self->conversation);
  else
    conversation_end (&self->conversation);
}

static void
on_companion (void *context, const char *label, const char *text, bool failed)
{
  chat_t *self = context;
  if (label)
    conversation_note (&self->conversation, "%s %s %s", failed ? "✕" : "●", label, text);
  else
    conversation_note (&self->conversation, "✕ the mesh's supervisor has ended; exit, and see %s/log",
                       self->mesh.directory);
}

// -- Which agent -----------------------------------------------------------------------------------------------------

static bool
in_list (json_t *names, const char *name)
{
  size_t i;
  json_t *item;
  json_array_foreach (names, i, item)
    if (strcmp (json_string_value (item), name) == 0)
      return true;
  return false;
}

// Names of the agents that the brokers know, but users at terminals; a new list.
static json_t *
agents_of (const json_t *reports)
{
  size_t i, j;
  json_t *broker, *service, *names = json_array ();
  json_array_foreach (reports, i, broker)
    json_array_foreach (json_object_get (broker, "services"), j, service) {
      const char *name = json_string_value (json_object_get (service, "name"));
      bool agent = name && strncmp (name, AGENT_PREFIX, strlen (AGENT_PREFIX)) == 0;
      name = agent ? name + strlen (AGENT_PREFIX) : "";
      if (agent && strncmp (name, USER_PREFIX, strlen (USER_PREFIX)) != 0 && !in_list (names, name) &&
          json_array_size (json_object_get (service, "instances")) > 0)
        json_array_append_new (names, json_string (name));
    }
  return names;
}

// Names as "alice, bob".
static void
join (char *out, size_t size, const json_t *names)
{
  size_t i, used = 0;
  json_t *item;
  out[0] = '\0';
  json_array_foreach (names, i, item)
    if (used < size)
      used += (size_t)snprintf (out + used, size - used, "%s%s", i > 0 ? ", " : "", json_string_value (item));
}

static troupe_err_t
unknown_agent (const chat_t *self, json_t *names, troupe_error_t *error)
{
  size_t i;
  json_t *item;
  char list[TEXT_MAX], next[TROUPE_ERROR_NEXT_MAX] = "name a service that answers";
  json_array_foreach (self->mesh.agents, i, item)
    if (!in_list (names, json_string_value (item)))
      json_array_append (names, item);
  join (list, sizeof list, names);
  const char **words = calloc (json_array_size (names) + 1, sizeof *words);
  json_array_foreach (names, i, item)
    if (words)
      words[i] = json_string_value (item);
  const char *near = words ? troupe_did_you_mean (self->agent, words) : NULL;
  if (near && strcmp (near, self->agent) != 0)
    snprintf (next, sizeof next, "did you mean %s?", near);
  else if (list[0])
    snprintf (next, sizeof next, "its agents are: %.200s", list);
  free (words);
  bool configured = in_list (self->mesh.agents, self->agent);
  return troupe_error_set (error, TROUPE_UNKNOWN_SERVICE, self->agent[0] ? self->agent : "troupe chat",
                           configured ? "see `troupe ps`, and the log of `troupe up`" : next,
                           configured       ? "this agent's process isn't there"
                           : self->agent[0] ? "the mesh has no such agent"
                                            : "the mesh has no agent");
}

// What a service tells of itself, borrowed; NULL: no report lists it.
static json_t *
info_of (const json_t *reports, const char *kind, const char *name)
{
  size_t i, j;
  json_t *broker, *service;
  char wanted[TEXT_MAX * 2];
  snprintf (wanted, sizeof wanted, "%s/%s", kind, name);
  json_array_foreach (reports, i, broker)
    json_array_foreach (json_object_get (broker, "services"), j, service) {
      const char *found = json_string_value (json_object_get (service, "name"));
      if (found && strcmp (found, wanted) == 0)
        return json_object_get (service, "info");
    }
  return NULL;
}

// "agent alice with model gpt (openai_chat: gpt-4o-mini at https://api.openai.com/v1)", as far as it is known.
static void
greet (const chat_t *self, const json_t *reports)
{
  const char *model = json_string_value (json_object_get (info_of (reports, "agent", self->agent), "model"));
  const json_t *info = info_of (reports, "model", model ? model : "");
  const json_t *models = self->mesh.config ? troupe_config_get (self->mesh.config, "models") : NULL;
  const char *type = json_string_value (json_object_get (info, "type"));
  const char *name = json_string_value (json_object_get (info, "model"));
  const char *url = json_string_value (json_object_get (json_object_get (models, model ? model : ""), "base_url"));
  fprintf (stderr, "agent %s%s%s", self->agent, model ? " with model " : "", model ? model : "");
  if (json_is_true (json_object_get (info, "rehearsal")))
    fprintf (stderr, " (rehearsal: prepared replies, made offline by rules; not a language model)");
  else if (type && name)
    fprintf (stderr, " (%s: %s%s%s)", type, name, url ? " at " : "", url ? url : "");
  fputc ('\n', stderr);
}

// Waits for the agent while the mesh may be starting; an agent that neither the configuration nor a broker knows is an
// error at once. Who may call but not see reports, which is a key's right, finds out by the first call.
static troupe_err_t
find_agent (chat_t *self, troupe_error_t *error)
{
  int64_t end = troupe_loop_now () + AGENT_MS;
  troupe_err_t err = TROUPE_OK;
  for (bool found = false; !found && err == TROUPE_OK;) {
    json_t *reports = client_report (&self->client, REPORT_MS);
    json_t *names = agents_of (reports);
    const char *first = json_string_value (json_array_get (names, 0));
    if (!self->agent[0] && first)
      snprintf (self->agent, sizeof self->agent, "%s", first);
    bool hidden = client_refused (reports, error) && error->code == TROUPE_PERMISSION;
    found = self->agent[0] && (hidden || in_list (names, self->agent));
    bool expected = self->agent[0] && in_list (self->mesh.agents, self->agent);
    if (found)
      greet (self, reports);
    else if (hidden)
      err = error->code;
    else if (!expected || troupe_loop_now () >= end)
      err = unknown_agent (self, names, error);
    else
      troupe_loop_turn (self->client.loop, TURN_MS);
    json_decref (names);
    json_decref (reports);
  }
  return err;
}

// -- Its life --------------------------------------------------------------------------------------------------------

static troupe_err_t
read_options (chat_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  const char *agent = troupe_args_operand (args, 0), *deadline = troupe_args_value (args, "deadline");
  const char *user = troupe_args_nth (args, "name", 0);
  if (!agent)
    agent = json_string_value (json_array_get (self->mesh.agents, 0));
  if (agent && strncmp (agent, AGENT_PREFIX, strlen (AGENT_PREFIX)) == 0)
    agent += strlen (AGENT_PREFIX);
  snprintf (self->agent, sizeof self->agent, "%s", agent ? agent : "");
  self->options = (conversation_options_t){.agent = self->agent,
                                           .session = troupe_args_value (args, "session"),
                                           .user = troupe_args_value (args, "name"),
                                           .service = self->service,
                                           .json = troupe_args_flag (args, "json"),
                                           .history = self->history};
  troupe_id_t id = troupe_id_new ();
  if (user)
    snprintf (self->service, sizeof self->service, AGENT_PREFIX "%s", user);
  else // the last bytes are random
    snprintf (self->service, sizeof self->service, AGENT_PREFIX USER_PREFIX "%02x%02x%02x%02x", id.bytes[12],
              id.bytes[13], id.bytes[14], id.bytes[15]);
  if (user && (!troupe_service_name_valid (self->service) || in_list (self->mesh.agents, user)))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--name",
                             "1 to 64 of A-Z a-z 0-9 . _ -, and not an agent's name", "you can't be called %s here",
                             user);
  return deadline ? client_parse_deadline (&self->options.deadline_ms, deadline, error) : TROUPE_OK;
}

static troupe_err_t
start_mesh (chat_t *self, int *exit_status, troupe_error_t *error)
{
  if (!self->mesh.config || !self->mesh.directory || mesh_running (&self->mesh) || !mesh_is_local (&self->mesh))
    return TROUPE_OK;
  return companion_start (&self->companion, &self->mesh, exit_status, error);
}

static troupe_err_t
converse (chat_t *self, troupe_error_t *error)
{
  client_signals_t signals = {.fn = on_signal, .context = self};
  troupe_err_t err = client_open (&self->client, &self->mesh, "chat", &signals, error);
  if (err == TROUPE_OK)
    err = client_connect (&self->client, &self->mesh, error);
  if (err == TROUPE_OK)
    err = find_agent (self, error);
  if (err != TROUPE_OK)
    return err;
  err = conversation_open (&self->conversation, &self->client, &self->options, error);
  self->conversing = err == TROUPE_OK;
  if (err == TROUPE_OK)
    err = companion_watch (&self->companion, self->client.loop, on_companion, self);
  if (err == TROUPE_OK && (err = troupe_loop_run (self->client.loop)) != TROUPE_OK)
    troupe_error_set (error, err, "loop", NULL, "failed");
  self->companion.told = NULL;
  conversation_close (&self->conversation);
  return err;
}

int
chat_run (const troupe_args_t *args)
{
  chat_t self = {.companion = {.pipe = -1}};
  troupe_error_t error = {0};
  int exit_status = 0;
  signal (SIGPIPE, SIG_IGN);
  troupe_log_init (&(troupe_log_options_t){.program = "chat", .level = TROUPE_LOG_ERROR});
  troupe_err_t err = mesh_find (&self.mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  self.history = mesh_path (&self.mesh, "history");
  err = read_options (&self, args, &error);
  if (err == TROUPE_OK && troupe_args_nth (args, "broker", 0) == NULL)
    err = start_mesh (&self, &exit_status, &error);
  if (err == TROUPE_OK)
    err = converse (&self, &error);
  if (err != TROUPE_OK && error.code != TROUPE_OK)
    exit_status = output_error (&error);
  else if (err == TROUPE_OK)
    exit_status = self.conversation.exit_status;
  client_close (&self.client);
  companion_stop (&self.companion);
  free (self.history);
  mesh_close (&self.mesh);
  return exit_status;
}
