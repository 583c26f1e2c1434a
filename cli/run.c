// SPDX-License-Identifier: Apache-2.0
//
// `troupe run`: a workflow in Lua against a mesh, which is started for the duration if it doesn't run. Around the
// engine (troupe/script.h) stand the person at the terminal and the agents that moved out.
//
// The first Ctrl-C cancels what is under way and waits for that; the second one leaves.
#include "cli/client.h"
#include "cli/companion.h"
#include "cli/ending.h"
#include "cli/offshoot.h"
#include "cli/output.h"
#include "cli/person.h"
#include "cli/verbs.h"
#include "troupe/log.h"
#include "troupe/script.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { END_MS = 2000 };

typedef struct {
  mesh_t mesh;
  companion_t companion;
  client_t client;
  person_t person;
  offshoots_t offshoots;
  troupe_script_t *script;
  char session[TROUPE_ID_TEXT_SIZE];
  int status;
} run_t;

static void
on_signal (void *context, int signal)
{
  run_t *self = context;
  if (signal == SIGCHLD)
    offshoots_reap (&self->offshoots);
  else if (self->script)
    troupe_script_interrupt (self->script);
  else
    troupe_loop_stop (self->client.loop);
}

static void
on_companion (void *context, const char *label, const char *text, bool failed)
{
  run_t *self = context;
  person_print_begin (&self->person);
  if (label)
    fprintf (stderr, "troupe: %s %s %s\n", failed ? "✕" : "●", label, text);
  else
    fprintf (stderr, "troupe: the mesh's supervisor has ended; see %s/log\n", self->mesh.directory);
  person_print_end (&self->person);
}

static void
on_offshoot_failed (void *context, const troupe_error_t *error)
{
  run_t *self = context;
  troupe_script_fail (self->script, error);
}

static troupe_err_t
spawn (void *context, const char *name, const json_t *settings, troupe_error_t *error)
{
  run_t *self = context;
  return offshoots_add (&self->offshoots, name, settings, error);
}

static void
on_ended (void *context, int status, const char *trace)
{
  run_t *self = context;
  self->status = status;
  if (trace) {
    fflush (stdout);
    person_print_begin (&self->person);
    fputs ("troupe: ", stderr);
    output_text (stderr, trace);
    fputc ('\n', stderr);
    person_print_end (&self->person);
  }
  troupe_loop_stop (self->client.loop);
}

static int64_t
prepare (void *context, int64_t now)
{
  run_t *self = context;
  return offshoots_prepare (&self->offshoots, now);
}

// Its arguments: the operands behind the file.
static const char **
arguments_of (const troupe_args_t *args)
{
  size_t count = troupe_args_count (args);
  const char **list = calloc (count + 1, sizeof *list);
  for (size_t i = 1; list && i < count; i++)
    list[i - 1] = troupe_args_operand (args, i);
  return list;
}

static troupe_err_t
connect_mesh (run_t *self, troupe_error_t *error)
{
  client_signals_t signals = {.fn = on_signal, .context = self, .children = true};
  troupe_err_t err = client_open (&self->client, &self->mesh, "run", &signals, error);
  if (err == TROUPE_OK)
    err = client_connect (&self->client, &self->mesh, error);
  if (err == TROUPE_OK)
    err = companion_watch (&self->companion, self->client.loop, on_companion, self);
  if (err == TROUPE_OK && troupe_loop_add_prepare (self->client.loop, prepare, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "loop", NULL, "out of memory");
  return err;
}

static troupe_err_t
play (run_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  const char *session = troupe_args_value (args, "session");
  if (!session) {
    troupe_id_t id = troupe_id_new ();
    troupe_id_to_text (&id, self->session);
    session = self->session;
  }
  person_init (&self->person, self->client.loop);
  self->offshoots =
    (offshoots_t){.mesh = &self->mesh, .session = session, .failed = on_offshoot_failed, .context = self};
  troupe_script_options_t options = {.node = self->client.node,
                                     .session = session,
                                     .user = &person_type,
                                     .user_state = &self->person,
                                     .spawn = spawn,
                                     .context = self};
  const char **arguments = arguments_of (args);
  if (!arguments)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "run", NULL, "out of memory");
  troupe_err_t err = troupe_script_new (&self->script, &options, error);
  if (err == TROUPE_OK)
    err = troupe_script_run (self->script, troupe_args_operand (args, 0), arguments, on_ended, self, error);
  if (err == TROUPE_OK && (err = troupe_loop_run (self->client.loop)) != TROUPE_OK)
    troupe_error_set (error, err, "loop", NULL, "failed");
  free (arguments);
  return err;
}

// The session that this run began is over: nobody knows its name. Should the mesh not answer, it ends when it has been
// idle for long.
static void
end_session (run_t *self)
{
  bool ended;
  troupe_error_t error = {0};
  if (self->session[0] != '\0' && self->client.node)
    ending_session (&self->client, self->session, END_MS, &ended, &error);
}

// Before a mesh is started for it.
static troupe_err_t
check_file (const char *path, troupe_error_t *error)
{
  if (access (path, R_OK) == 0)
    return TROUPE_OK;
  return troupe_error_set (error, errno == ENOENT || errno == ENOTDIR ? TROUPE_NOT_FOUND : TROUPE_IO, path,
                           "check the name, and who may read it", "can't be read: %s", strerror (errno));
}

static troupe_err_t
start_mesh (run_t *self, const troupe_args_t *args, int *exit_status, troupe_error_t *error)
{
  bool elsewhere = troupe_args_nth (args, "broker", 0) || !self->mesh.config || !self->mesh.directory;
  if (elsewhere || mesh_running (&self->mesh) || !mesh_is_local (&self->mesh))
    return TROUPE_OK;
  return companion_start (&self->companion, &self->mesh, exit_status, error);
}

static void
close_all (run_t *self)
{
  troupe_script_destroy (&self->script);
  person_close (&self->person);
  end_session (self);
  offshoots_stop (&self->offshoots);
  client_close (&self->client);
  companion_stop (&self->companion);
  mesh_close (&self->mesh);
}

int
run_run (const troupe_args_t *args)
{
  run_t self = {.companion = {.pipe = -1}};
  troupe_error_t error = {0};
  int exit_status = 0;
  signal (SIGPIPE, SIG_IGN);
  troupe_log_init (&(troupe_log_options_t){.program = "run", .level = TROUPE_LOG_ERROR});
  troupe_err_t err = mesh_find (&self.mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  err = check_file (troupe_args_operand (args, 0), &error);
  if (err == TROUPE_OK)
    err = start_mesh (&self, args, &exit_status, &error);
  if (err == TROUPE_OK)
    err = connect_mesh (&self, &error);
  if (err == TROUPE_OK)
    err = play (&self, args, &error);
  if (err == TROUPE_OK)
    exit_status = self.status;
  else if (error.code != TROUPE_OK)
    exit_status = output_error (&error);
  close_all (&self);
  return exit_status;
}
