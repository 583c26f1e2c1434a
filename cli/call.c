// SPDX-License-Identifier: Apache-2.0
//
// `troupe call`: one call from the command line. Standard output carries the value and nothing else, so that it can
// be piped; with --stream each part as a line before it. The exit status is that of the call's error.
//
// Ctrl-C asks for cancellation and waits for what it came to: the call may have settled in the meantime. A second one
// leaves.
#include "cli/client.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  client_t client;
  troupe_placeholder_t *placeholder;
  int64_t deadline_ms; // 0: the mesh's
  bool stream, interrupted, gave_up;
} call_verb_t;

static troupe_err_t
read_input (json_t **out, const char *operand, troupe_error_t *error)
{
  size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
  json_error_t why;
  const char *object = "the input";
  errno = 0;
  if (strcmp (operand, "-") == 0)
    *out = json_loadf (stdin, flags, &why);
  else if (operand[0] == '@')
    *out = json_load_file (object = operand + 1, flags, &why);
  else
    *out = json_loads (operand, flags, &why);
  if (*out)
    return TROUPE_OK;
  if (json_error_code (&why) == json_error_cannot_open_file)
    return troupe_error_set (error, errno == ENOENT || errno == ENOTDIR ? TROUPE_NOT_FOUND : TROUPE_IO, object,
                             "check the name, and who may read it", "can't be opened: %s", strerror (errno));
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, object, "text stands in double quotes: '\"hello\"'",
                           "line %d, column %d: not JSON: %s", why.line, why.column, why.text);
}

static void
on_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  (void)context;
  (void)placeholder;
  json_t *line = json_pack ("{s:O, s:i}", "part", part, "attempt", (int)attempt);
  output_json_line (line);
  json_decref (line);
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  call_verb_t *self = context;
  (void)placeholder;
  troupe_loop_stop (self->client.loop);
}

static void
on_signal (void *context, int signal)
{
  call_verb_t *self = context;
  (void)signal;
  if (!self->placeholder || self->interrupted)
    troupe_loop_stop (self->client.loop);
  else
    troupe_placeholder_cancel (self->placeholder);
  self->interrupted = true;
}

static int64_t
prepare (void *context, int64_t now)
{
  call_verb_t *self = context;
  if (client_lonely (&self->client, now)) {
    self->gave_up = true;
    troupe_loop_stop (self->client.loop);
  }
  return self->client.alone_since ? self->client.alone_since + CLIENT_ALONE_MS : now + CLIENT_CONNECT_MS;
}

static troupe_err_t
start (call_verb_t *self, const troupe_args_t *args, const json_t *input, troupe_error_t *error)
{
  troupe_call_t call = {.service = troupe_args_operand (args, 0),
                        .input = input,
                        .session = troupe_args_value (args, "session"),
                        .deadline_ms = self->deadline_ms,
                        .wait = troupe_args_flag (args, "wait"),
                        .once = troupe_args_flag (args, "once"),
                        .part = self->stream ? on_part : NULL,
                        .settled = on_settled,
                        .context = self};
  troupe_err_t err = troupe_node_call (self->client.node, &self->placeholder, &call, error);
  if (err != TROUPE_OK || !troupe_args_flag (args, "verbose"))
    return err;
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (troupe_placeholder_id (self->placeholder), id);
  fprintf (stderr, "call %s in session %s\n", id, troupe_placeholder_session (self->placeholder));
  return TROUPE_OK;
}

// Of a call that ended without an answer: what is known.
static troupe_err_t
unanswered (const call_verb_t *self, troupe_error_t *error)
{
  bool stored = troupe_placeholder_state (self->placeholder) == TROUPE_CALL_STORED;
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (troupe_placeholder_id (self->placeholder), id);
  if (self->gave_up)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, id, "see `troupe ps`",
                             "no broker has answered for %d s; the call %s", CLIENT_ALONE_MS / 1000,
                             stored ? "is stored and goes on once one is back" : "may have arrived");
  return troupe_error_set (error, TROUPE_CANCELLED, id, NULL, "interrupted; the call %s",
                           stored ? "may go on" : "may have arrived");
}

static troupe_err_t
show (const call_verb_t *self, troupe_error_t *error)
{
  const json_t *value = troupe_placeholder_value (self->placeholder);
  const troupe_error_t *failure = troupe_placeholder_error (self->placeholder);
  bool written = true;
  if (failure && failure->code != TROUPE_OK) {
    *error = *failure;
    return failure->code;
  }
  if (!value)
    return unanswered (self, error);
  if (self->stream) {
    json_t *line = json_pack ("{s:O}", "value", value);
    written = output_json_line (line);
    json_decref (line);
  } else
    written = output_json (value);
  return written
           ? TROUPE_OK
           : troupe_error_set (error, TROUPE_IO, "standard output", NULL, "can't be written: %s", strerror (errno));
}

static troupe_err_t
run (call_verb_t *self, const troupe_args_t *args, const mesh_t *mesh, const json_t *input, troupe_error_t *error)
{
  client_signals_t signals = {.fn = on_signal, .context = self};
  troupe_err_t err = client_open (&self->client, mesh, "call", &signals, error);
  if (err != TROUPE_OK)
    return err;
  if ((err = client_connect (&self->client, mesh, error)) == TROUPE_OK)
    err = start (self, args, input, error);
  if (err == TROUPE_OK)
    err = troupe_loop_add_prepare (self->client.loop, prepare, self);
  if (err == TROUPE_OK)
    err = troupe_loop_run (self->client.loop);
  if (err == TROUPE_OK)
    err = show (self, error);
  troupe_placeholder_destroy (&self->placeholder);
  client_close (&self->client);
  return err;
}

int
call_run (const troupe_args_t *args)
{
  call_verb_t self = {.stream = troupe_args_flag (args, "stream")};
  troupe_log_init (&(troupe_log_options_t){.program = "call", .level = TROUPE_LOG_ERROR});
  troupe_error_t error = {0};
  json_t *input = NULL;
  mesh_t mesh;
  const char *deadline = troupe_args_value (args, "deadline");
  if (deadline && client_parse_deadline (&self.deadline_ms, deadline, &error) != TROUPE_OK)
    return output_error (&error);
  troupe_err_t err = read_input (&input, troupe_args_operand (args, 1), &error);
  if (err != TROUPE_OK)
    return output_error (&error);
  err = mesh_find (&mesh, args);
  if (err != TROUPE_OK) {
    json_decref (input);
    return troupe_err_exit (err);
  }
  err = run (&self, args, &mesh, input, &error);
  json_decref (input);
  mesh_close (&mesh);
  if (err != TROUPE_OK && error.code == TROUPE_OK)
    troupe_error_set (&error, err, "call", NULL, "%s", troupe_err_text (err));
  return err == TROUPE_OK ? 0 : output_error (&error);
}
