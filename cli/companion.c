// SPDX-License-Identifier: Apache-2.0
//
// The companion (companion.h). It runs in a process group of its own, so Ctrl-C in a conversation doesn't reach it,
// and gets SIGTERM when this process dies in whatever way.
#include "cli/companion.h"

#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
  READY_MS = 30 * 1000, // a start takes under 1 s; a machine under load, or Redis reading a large file, longer
  SLOW_MS = 1500,       // when the user is told that it is starting
  LATE_MS = 5000,       // and what it waits for
  STOP_MS = 45 * 1000   // what `troupe up` may take at most: three stages of 10 s and some
};

static troupe_err_t
spawn (companion_t *self, const mesh_t *mesh, int output, troupe_error_t *error)
{
  char *program = process_sibling ("troupe"), *logs = mesh_path (mesh, "log");
  const char *arguments[] = {program, "up", "-f", mesh->file, "--json", "--log-dir", logs, NULL};
  process_t process = {.arguments = arguments,
                       .input = -1,
                       .output = output,
                       .errors = -1,
                       .variable = COMPANION_VARIABLE "=yes",
                       .keep = -1};
  troupe_err_t err = program && logs ? process_spawn (&self->pid, &process, error)
                                     : troupe_error_set (error, TROUPE_NO_MEMORY, "troupe up", NULL, "out of memory");
  free (program);
  free (logs);
  return err;
}

static void
take_line (companion_t *self, const char *text)
{
  json_t *line = json_loads (text, 0, NULL);
  const char *event = json_string_value (json_object_get (line, "event"));
  const char *state = json_string_value (json_object_get (line, "state"));
  const char *label = json_string_value (json_object_get (line, "label"));
  const char *words = json_string_value (json_object_get (line, "text"));
  self->taken = self->taken || (event && strcmp (event, "taken") == 0);
  self->ready = self->ready || (event && strcmp (event, "ready") == 0);
  if (label && state && strcmp (state, "ready") == 0)
    json_object_del (self->late, label);
  else if (label)
    json_object_set_new (self->late, label, json_true ());
  bool failed = state && strcmp (state, "failed") == 0;
  bool recovered = state && strcmp (state, "ready") == 0 && self->failing;
  if (self->told && label && words && (failed || recovered))
    self->told (self->context, label, words, failed);
  self->failing = failed || (self->failing && !recovered);
  json_decref (line);
}

// Reads what there is; false at the end.
static bool
read_lines (companion_t *self)
{
  ssize_t got = read (self->pipe, self->line + self->size, sizeof self->line - 1 - self->size);
  if (got < 0)
    return errno == EINTR || errno == EAGAIN;
  self->size += (size_t)got;
  char *feed;
  while ((feed = memchr (self->line, '\n', self->size))) {
    *feed = '\0';
    take_line (self, self->line);
    self->size -= (size_t)(feed + 1 - self->line);
    memmove (self->line, feed + 1, self->size);
  }
  if (self->size == sizeof self->line - 1)
    self->size = 0; // no line of ours is that long
  return got > 0;
}

// "waiting for broker-1 and model/gpt; their logs are in .troupe/office/log"
static void
tell_late (const companion_t *self, const mesh_t *mesh)
{
  const char *label;
  json_t *value;
  size_t left = json_object_size (self->late);
  if (left == 0)
    return;
  fputs ("waiting for ", stderr);
  json_object_foreach (self->late, label, value)
    fprintf (stderr, "%s%s", label, --left > 1 ? ", " : left == 1 ? " and " : "");
  fprintf (stderr, "; see %s/log\n", mesh->directory);
}

static bool
wait_ready (companion_t *self, const mesh_t *mesh)
{
  int64_t start = troupe_loop_now ();
  unsigned told = 0;
  while (!self->ready) {
    int64_t past = troupe_loop_now () - start;
    struct pollfd ready = {.fd = self->pipe, .events = POLLIN};
    if (past >= READY_MS)
      return false;
    if (past >= SLOW_MS && told == 0) {
      fprintf (stderr, "starting mesh %s\n", mesh->name);
      told++;
    }
    if (past >= LATE_MS && told == 1) {
      tell_late (self, mesh);
      told++;
    }
    if (poll (&ready, 1, 100) > 0 && !read_lines (self))
      return false;
  }
  return true;
}

troupe_err_t
companion_start (companion_t *self, const mesh_t *mesh, int *exit_status, troupe_error_t *error)
{
  *self = (companion_t){.pipe = -1};
  *exit_status = 0;
  int ends[2];
  if (pipe2 (ends, O_CLOEXEC) != 0)
    return troupe_error_set (error, TROUPE_IO, "troupe up", NULL, "no pipe: %s", strerror (errno));
  troupe_err_t err = spawn (self, mesh, ends[1], error);
  close (ends[1]);
  self->pipe = ends[0];
  if (err != TROUPE_OK) {
    close (self->pipe);
    return err;
  }
  int64_t start = troupe_loop_now ();
  self->late = json_object ();
  bool ready = wait_ready (self, mesh);
  json_decref (self->late);
  self->late = NULL;
  if (ready)
    return TROUPE_OK;
  bool late = troupe_loop_now () - start >= READY_MS;
  if (late)
    kill (self->pid, SIGTERM);
  *exit_status = process_wait (self->pid, STOP_MS);
  close (self->pipe);
  bool taken = self->taken;
  *self = (companion_t){.pipe = -1};
  if (taken) {
    *exit_status = 0;
    return TROUPE_OK;
  }
  if (late)
    return troupe_error_set (error, TROUPE_UNAVAILABLE, mesh->name, "run `troupe up` to see why, or `troupe doctor`",
                             "the mesh isn't ready after %d s", READY_MS / 1000);
  return TROUPE_UNAVAILABLE;
}

static void
on_readable (void *context, short events)
{
  companion_t *self = context;
  (void)events;
  if (read_lines (self))
    return;
  troupe_loop_remove_fd (self->loop, self->pipe);
  if (self->told)
    self->told (self->context, NULL, NULL, true);
}

troupe_err_t
companion_watch (companion_t *self, troupe_loop_t *loop, companion_told_fn *told, void *context)
{
  if (self->pid == 0)
    return TROUPE_OK;
  self->loop = loop;
  self->told = told;
  self->context = context;
  return troupe_loop_add_fd (loop, self->pipe, ZMQ_POLLIN, on_readable, self);
}

void
companion_stop (companion_t *self)
{
  if (self->pid == 0)
    return;
  self->told = NULL;
  kill (self->pid, SIGTERM);
  process_wait (self->pid, STOP_MS);
  close (self->pipe);
  *self = (companion_t){.pipe = -1};
}
