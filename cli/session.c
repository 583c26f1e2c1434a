// SPDX-License-Identifier: Apache-2.0
//
// `troupe session`: which sessions there are, and that one ends.
#include "cli/client.h"
#include "cli/ending.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <inttypes.h>
#include <string.h>

enum {
  ANSWER_MS = 5000,        // 64 small requests to Redis
  PATIENCE_MS = 60 * 1000, // with the end of a session: one with a million actors
};

typedef struct {
  client_t client;
  const troupe_args_t *args;
  json_t *answers;
} session_t;

static void
keep (void *context, const json_t *answers)
{
  session_t *self = context;
  self->answers = json_deep_copy (answers);
}

// *out is a new map with the sessions from a position on.
static troupe_err_t
ask (session_t *self, uint64_t position, json_t **out, troupe_error_t *error)
{
  self->answers = NULL;
  troupe_err_t err = troupe_node_sessions (self->client.node, position, ANSWER_MS, keep, self);
  while (err == TROUPE_OK && !self->answers)
    err = troupe_loop_turn (self->client.loop, ANSWER_MS);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "session", "see `troupe ps`", "%s", troupe_err_text (err));
  json_t *answer = json_array_get (self->answers, 0), *failure = json_object_get (answer, "error");
  *out = failure ? NULL : json_incref (answer);
  if (failure)
    troupe_error_of_json (error, failure);
  json_decref (self->answers);
  if (!*out && !failure)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "session", NULL, "out of memory");
  return failure ? error->code : TROUPE_OK;
}

static troupe_err_t
read_all (session_t *self, json_t *sessions, troupe_error_t *error)
{
  uint64_t position = 0;
  do {
    json_t *answer;
    troupe_err_t err = ask (self, position, &answer, error);
    if (err != TROUPE_OK)
      return err;
    json_array_extend (sessions, json_object_get (answer, "sessions"));
    position = (uint64_t)json_integer_value (json_object_get (answer, "position"));
    json_decref (answer);
  } while (position > 0);
  return TROUPE_OK;
}

// -- list --------------------------------------------------------------------------------------------------------------

// "3 d", "5 h", "12 min", "7 s"
static void
describe_idle (char *out, size_t size, const json_t *session)
{
  static const struct {
    json_int_t seconds;
    const char *unit;
  } units[] = {{24 * 3600, "d"}, {3600, "h"}, {60, "min"}, {0, "s"}};
  json_int_t idle = json_integer_value (json_object_get (session, "idle"));
  unsigned i = 0;
  while (idle < units[i].seconds)
    i++;
  json_int_t unit = units[i].seconds > 0 ? units[i].seconds : 1;
  snprintf (out, size, "%" JSON_INTEGER_FORMAT " %s", idle / unit, units[i].unit);
  if (json_is_true (json_object_get (session, "ending")))
    snprintf (out, size, "ending");
  else if (json_integer_value (json_object_get (session, "open")) > 0)
    snprintf (out, size, "-");
}

static void
print (const session_t *self, const json_t *sessions)
{
  static const char *const heads[] = {"SESSION", "OPEN CALLS", "ACTORS AND HUBS", "IDLE"};
  table_t table;
  size_t i;
  json_t *session;
  if (troupe_args_flag (self->args, "json")) {
    output_json (sessions);
    return;
  }
  table_init (&table, heads, sizeof heads / sizeof *heads);
  json_array_foreach (sessions, i, session) {
    char open[24], parts[24], idle[32];
    const char *name = json_string_value (json_object_get (session, "session"));
    snprintf (open, sizeof open, "%" JSON_INTEGER_FORMAT, json_integer_value (json_object_get (session, "open")));
    snprintf (parts, sizeof parts, "%" JSON_INTEGER_FORMAT, json_integer_value (json_object_get (session, "parts")));
    describe_idle (idle, sizeof idle, session);
    table_add (&table, (const char *[]){name ? name : "", open, parts, idle});
  }
  table_print (&table, stdout);
  table_free (&table);
}

static troupe_err_t
list (session_t *self, troupe_error_t *error)
{
  json_t *sessions = json_array ();
  troupe_err_t err = read_all (self, sessions, error);
  if (err == TROUPE_OK)
    print (self, sessions);
  json_decref (sessions);
  return err;
}

// -- end ---------------------------------------------------------------------------------------------------------------

static troupe_err_t
end (session_t *self, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 1; err == TROUPE_OK && i < troupe_args_count (self->args); i++) {
    const char *name = troupe_args_operand (self->args, i);
    bool ended = false;
    err = ending_session (&self->client, name, PATIENCE_MS, &ended, error);
    if (err == TROUPE_OK && !ended)
      err = troupe_error_set (error, TROUPE_NOT_FOUND, name, "see `troupe session list`",
                              "there is no such session (any more)");
  }
  return err;
}

// -- The verb ----------------------------------------------------------------------------------------------------------

typedef troupe_err_t (operation_fn) (session_t *self, troupe_error_t *error);

static troupe_err_t
check (const troupe_args_t *args, operation_fn **fn, troupe_error_t *error)
{
  const char *name = troupe_args_operand (args, 0);
  bool lists = strcmp (name, "list") == 0, named = troupe_args_count (args) > 1;
  if (!lists && strcmp (name, "end") != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "list or end", "no such operation");
  *fn = lists ? list : end;
  if (lists != named)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "see `troupe session list`",
                           named ? "it takes no names" : "the name of a session is missing");
}

static troupe_err_t
run (session_t *self, const mesh_t *mesh, operation_fn *fn, troupe_error_t *error)
{
  troupe_err_t err = client_open (&self->client, mesh, "session", NULL, error);
  if (err != TROUPE_OK)
    return err;
  err = client_connect (&self->client, mesh, error);
  if (err == TROUPE_OK)
    err = fn (self, error);
  client_close (&self->client);
  return err;
}

int
session_run (const troupe_args_t *args)
{
  session_t self = {.args = args};
  operation_fn *fn = NULL;
  troupe_error_t error = {0};
  mesh_t mesh;
  troupe_log_init (&(troupe_log_options_t){.program = "session", .level = TROUPE_LOG_ERROR});
  troupe_err_t err = check (args, &fn, &error);
  if (err != TROUPE_OK)
    return output_error (&error);
  err = mesh_find (&mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  err = run (&self, &mesh, fn, &error);
  mesh_close (&mesh);
  if (err == TROUPE_OK && fflush (stdout) != 0)
    err = troupe_error_set (&error, TROUPE_IO, "standard output", NULL, "can't be written");
  return err == TROUPE_OK ? 0 : output_error (&error);
}
