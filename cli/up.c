// SPDX-License-Identifier: Apache-2.0
//
// `troupe up`: the edge around the supervisor. One loop: signals (SIGCHLD tells that somebody ended), the watch that
// learns from the brokers who is ready, and after each turn the supervisor's next actions.
//
// Everything here can be killed at any time: the children end by themselves (process.h), the lock lasts until they
// have (lock.h), mesh.json without a held lock is ignored (mesh.h), and what Redis holds is found again by the next
// run.
#include "cli/companion.h"
#include "cli/lock.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/status.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "troupe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_SIZE_MAX = 10 * 1024 * 1024 }; // a log that is larger at a start moves aside

typedef struct {
  mesh_t mesh;
  plan_t plan;
  supervisor_t supervisor;
  troupe_loop_t *loop;
  troupe_node_t *node;
  troupe_credentials_t *credentials;
  watch_t watch;
  status_t status;
  char *log_directory;
  const char *logs;  // for all processes; NULL: only Redis's goes there
  off_t *log_starts; // where in its log each process's last run begins
  int lock, store_input;
  int tokens; // the brokers' list
  int64_t started;
} up_t;

static char *
log_path (const up_t *self, const plan_item_t *item)
{
  char *path;
  return asprintf (&path, "%s/%s", self->logs ? self->logs : self->log_directory, item->log) < 0 ? NULL : path;
}

// Redis writes a page at every start; its log is always a file.
static int
open_log (up_t *self, size_t index)
{
  const plan_item_t *item = &self->plan.items[index];
  if (!self->logs && item->kind != PLAN_STORE)
    return -1;
  char *path = log_path (self, item), *old = NULL;
  struct stat info;
  if (path && stat (path, &info) == 0 && info.st_size > LOG_SIZE_MAX && asprintf (&old, "%s.old", path) > 0)
    rename (path, old);
  int fd = path ? open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  self->log_starts[index] = fd >= 0 ? lseek (fd, 0, SEEK_END) : 0;
  free (path);
  free (old);
  return fd;
}

// What it reads from standard input, from the beginning: several brokers read theirs at once. -1: nothing.
static int
open_input (const up_t *self, plan_kind_t kind)
{
  char path[64];
  int memory = kind == PLAN_STORE ? self->store_input : kind == PLAN_BROKER ? self->tokens : -1;
  if (memory < 0)
    return -1;
  snprintf (path, sizeof path, "/proc/self/fd/%d", memory);
  return open (path, O_RDONLY | O_CLOEXEC);
}

static void
spawn (up_t *self, size_t index)
{
  const plan_item_t *item = &self->plan.items[index];
  int log = open_log (self, index);
  int input = open_input (self, item->kind);
  process_t process = {.arguments = (const char *const *)item->arguments,
                       .input = input,
                       .variable = item->token,
                       .output = log,
                       .errors = log,
                       .keep = self->lock};
  pid_t pid;
  troupe_error_t error;
  if (process_spawn (&pid, &process, &error) == TROUPE_OK)
    supervisor_spawned (&self->supervisor, index, pid, troupe_loop_now ());
  else {
    output_error (&error);
    supervisor_exited (&self->supervisor, index, SUPERVISOR_SPAWN_FAILED, troupe_loop_now ());
  }
  if (log >= 0)
    close (log);
  if (input >= 0)
    close (input);
}

// Where the reason stands, when it is in a file: the end of what the last run wrote.
static void
show_log (const up_t *self)
{
  enum { TAIL = 2048 };
  char text[TAIL + 1];
  off_t from = self->log_starts[self->supervisor.culprit];
  const plan_item_t *item = &self->plan.items[self->supervisor.culprit];
  char *path = self->logs || item->kind == PLAN_STORE ? log_path (self, item) : NULL;
  FILE *file = path ? fopen (path, "r") : NULL;
  if (file) {
    if (fseeko (file, -TAIL, SEEK_END) != 0 || ftello (file) < from)
      fseeko (file, from, SEEK_SET);
    size_t size = fread (text, 1, TAIL, file);
    text[size] = '\0';
    fprintf (stderr, "the end of %s:\n", path);
    output_text (stderr, text);
    fclose (file);
  }
  free (path);
}

static void
tell_culprit (const up_t *self)
{
  const plan_item_t *item = &self->plan.items[self->supervisor.culprit];
  const supervisor_unit_t *unit = &self->supervisor.units[self->supervisor.culprit];
  show_log (self);
  fprintf (stderr, "troupe: mesh %s can't start: %s ended with status %d%s\n", self->mesh.name, item->label,
           unit->status, unit->status >= 2 && unit->status <= 4 ? "" : " again and again");
}

static void
act (up_t *self, const supervisor_action_t *action)
{
  supervisor_unit_t *unit = &self->supervisor.units[action->unit];
  switch (action->kind) {
  case SUPERVISOR_SPAWN:
    spawn (self, action->unit);
    break;
  case SUPERVISOR_SIGNAL:
    kill (-unit->pid, action->signal);
    break;
  case SUPERVISOR_TELL:
    status_unit (&self->status, &self->plan.items[action->unit], unit);
    break;
  case SUPERVISOR_COMPLETE:
    mesh_announce (&self->mesh, true, NULL); // if it can't be told, those who come now wait for a broker themselves
    status_complete (&self->status, &self->mesh, &self->plan, troupe_loop_now () - self->started);
    break;
  case SUPERVISOR_FINISHED:
    troupe_loop_stop (self->loop);
    break;
  }
}

static int64_t
prepare (void *context, int64_t now)
{
  up_t *self = context;
  int64_t due = self->supervisor.stopping ? TROUPE_LOOP_NEVER : watch_prepare (&self->watch, now);
  supervisor_action_t action;
  while (supervisor_take (&self->supervisor, troupe_loop_now (), &action)) {
    act (self, &action);
    if (action.kind == SUPERVISOR_FINISHED)
      return TROUPE_LOOP_NEVER;
  }
  int64_t next = supervisor_next (&self->supervisor);
  return due == TROUPE_LOOP_NEVER || (next >= 0 && next < due) ? next : due;
}

static void
reap (up_t *self)
{
  for (size_t i = 0; i < self->supervisor.count; i++) {
    pid_t pid = self->supervisor.units[i].pid;
    int status;
    if (pid != 0 && waitpid (pid, &status, WNOHANG) == pid)
      supervisor_exited (&self->supervisor, i, process_status (status), troupe_loop_now ());
  }
}

static void
on_signal (void *context, int signal)
{
  up_t *self = context;
  if (signal == SIGCHLD) {
    reap (self);
    return;
  }
  if (!self->supervisor.stopping)
    status_stopping (&self->status, &self->mesh);
  supervisor_stop (&self->supervisor, troupe_loop_now ());
}

static troupe_err_t
make_log_directory (up_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  self->logs = troupe_args_value (args, "log-dir");
  self->log_directory = mesh_path (&self->mesh, "log");
  if (!self->log_directory)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "log", NULL, "out of memory");
  self->status.log_directory = self->logs;
  troupe_err_t err = lock_make_directory (self->log_directory, error);
  return err == TROUPE_OK && self->logs ? lock_make_directory (self->logs, error) : err;
}

// Directory, lock, plan: everything that can be refused before anything runs.
static troupe_err_t
settle_in (up_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  troupe_err_t err = lock_make_directory (self->mesh.directory, error);
  if (err == TROUPE_OK)
    err = lock_take (&self->lock, self->mesh.directory, error);
  if (err == TROUPE_OK)
    err = make_log_directory (self, args, error);
  if (err == TROUPE_OK)
    err = plan_make (&self->plan, self->mesh.config, error);
  if (err == TROUPE_OK)
    err = plan_tokens (&self->tokens, &self->plan, error);
  if (err == TROUPE_OK && troupe_config_bool (self->mesh.config, "store.private"))
    err = plan_store_input (&self->store_input, self->mesh.config, self->mesh.directory, error);
  if (err != TROUPE_OK)
    return err;
  supervisor_unit_t *units = calloc (self->plan.count, sizeof *units);
  self->log_starts = calloc (self->plan.count, sizeof *self->log_starts);
  supervisor_init (&self->supervisor, units, self->plan.count);
  if (!units || !self->log_starts)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->mesh.name, NULL, "out of memory");
  for (size_t i = 0; i < self->plan.count; i++) {
    units[i].stage = self->plan.items[i].kind;
    units[i].may_be_silent = self->plan.items[i].kind == PLAN_STORE; // one that loads its data says so, and no more
  }
  return TROUPE_OK;
}

static troupe_err_t
connect_all (up_t *self, troupe_error_t *error)
{
  static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
  troupe_err_t err = troupe_loop_new (&self->loop);
  if (err == TROUPE_OK)
    err = troupe_loop_on_signals (self->loop, signals, sizeof signals / sizeof *signals, on_signal, self);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "loop", NULL, "can't be made");
  err = troupe_credentials_new (&self->credentials, self->mesh.config, TROUPE_TOKEN_OPERATOR, error);
  troupe_node_options_t options = {.name = "up",
                                   .mesh = self->mesh.name,
                                   .brokers = (const char *const *)self->mesh.brokers,
                                   .credentials = self->credentials};
  if (err == TROUPE_OK)
    err = troupe_node_new (&self->node, self->loop, &options, error);
  if (err == TROUPE_OK)
    err = watch_init (&self->watch, self->node, &self->plan, &self->supervisor, error);
  if (err == TROUPE_OK)
    err = mesh_announce (&self->mesh, false, error);
  if (err == TROUPE_OK && troupe_loop_add_prepare (self->loop, prepare, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "loop", NULL, "out of memory");
  return err;
}

static void
remove_sockets (const up_t *self)
{
  static const char scheme[] = "ipc://";
  size_t i;
  json_t *broker;
  json_array_foreach (troupe_config_get (self->mesh.config, "brokers"), i, broker)
  {
    static const char *const keys[] = {"endpoint", "publish"};
    for (size_t j = 0; j < sizeof keys / sizeof *keys; j++) {
      const char *endpoint = json_string_value (json_object_get (broker, keys[j]));
      if (endpoint && strncmp (endpoint, scheme, strlen (scheme)) == 0)
        unlink (endpoint + strlen (scheme));
    }
  }
  char *redis = mesh_path (&self->mesh, "redis.sock");
  if (redis)
    unlink (redis);
  free (redis);
}

static void
clean_up (up_t *self)
{
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  troupe_credentials_destroy (&self->credentials);
  if (self->lock >= 0) {
    mesh_retract (&self->mesh);
    remove_sockets (self);
    close (self->lock);
  }
  if (self->store_input >= 0)
    close (self->store_input);
  if (self->tokens >= 0)
    close (self->tokens);
  free (self->supervisor.units);
  free (self->log_directory);
  free (self->log_starts);
  plan_free (&self->plan);
  mesh_close (&self->mesh);
}

int
up_run (const troupe_args_t *args)
{
  up_t self = {.lock = -1, .store_input = -1, .tokens = -1, .started = troupe_loop_now ()};
  bool companion = getenv (COMPANION_VARIABLE) != NULL;
  unsetenv (COMPANION_VARIABLE);
  signal (SIGPIPE, SIG_IGN);
  troupe_log_init (&(troupe_log_options_t){.program = "up", .level = TROUPE_LOG_ERROR});
  self.status = (status_t){.json = troupe_args_flag (args, "json"), .colour = output_colour (stderr)};
  troupe_err_t err = mesh_load (&self.mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  troupe_error_t error = {0};
  err = settle_in (&self, args, &error);
  if (err == TROUPE_OK)
    err = connect_all (&self, &error);
  if (err == TROUPE_OK && (err = troupe_loop_run (self.loop)) != TROUPE_OK)
    troupe_error_set (&error, err, "loop", NULL, "failed");
  int exit_status = self.supervisor.exit_status;
  if (err == TROUPE_CONFLICT && companion && lock_owned (self.mesh.directory)) {
    status_taken (&self.status, &self.mesh);
    exit_status = troupe_err_exit (err);
  } else if (err != TROUPE_OK)
    exit_status = output_error (&error);
  else if (self.supervisor.culprit < self.supervisor.count)
    tell_culprit (&self);
  else
    status_finished (&self.status, &self.mesh);
  clean_up (&self);
  return exit_status;
}
