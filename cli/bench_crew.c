// SPDX-License-Identifier: Apache-2.0
//
// The crew (bench_crew.h). There is no restart: a role that ends by itself ends the measurement, since its figure would
// mean something else. Each has said on standard error, which is ours, why.
#include "cli/bench_crew.h"

#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
  TURN_MS = 50,
  END_MS = 3000 // a bye, and what libzmq lets linger
};

static void
on_signal (void *context, int signal)
{
  bench_crew_t *self = context;
  (void)signal;
  self->interrupted = true;
}

troupe_err_t
bench_crew_open (bench_crew_t *self, troupe_error_t *error)
{
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  *self = (bench_crew_t){0};
  signal (SIGPIPE, SIG_IGN);
  troupe_err_t err = troupe_loop_new (&self->loop);
  if (err == TROUPE_OK)
    err = troupe_loop_on_signals (self->loop, signals, sizeof signals / sizeof *signals, on_signal, self);
  return err == TROUPE_OK ? err : troupe_error_set (error, err, "loop", NULL, "can't be made");
}

void
bench_crew_close (bench_crew_t *self)
{
  troupe_loop_destroy (&self->loop);
}

troupe_err_t
bench_crew_check (const bench_crew_t *self, troupe_error_t *error)
{
  if (self->interrupted)
    return troupe_error_set (error, TROUPE_CANCELLED, "bench", NULL, "interrupted");
  if (self->lost != 0)
    return troupe_error_set (error, TROUPE_SERVICE_DIED, "bench-role", "its reason is above, if it had one",
                             "process %ld ended before its time", (long)self->lost);
  return TROUPE_OK;
}

// -- What a member says ------------------------------------------------------------------------------------------------

static void
take_lines (bench_member_t *self)
{
  char *feed;
  while ((feed = memchr (self->line, '\n', self->size))) {
    *feed = '\0';
    json_decref (self->said);
    self->said = json_loads (self->line, 0, NULL);
    self->size -= (size_t)(feed + 1 - self->line);
    memmove (self->line, feed + 1, self->size);
  }
}

static void
on_output (void *context, short events)
{
  bench_member_t *self = context;
  (void)events;
  ssize_t got = read (self->output, self->line + self->size, BENCH_LINE_MAX - self->size);
  if (got < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (got <= 0) { // the end, or a line that is none of ours
    troupe_loop_remove_fd (self->crew->loop, self->output);
    self->crew->lost = self->pid;
    return;
  }
  self->size += (size_t)got;
  take_lines (self);
}

// -- Starting and ending -----------------------------------------------------------------------------------------------

static troupe_err_t
spawn (bench_member_t *self, const char *role, const char *parameters, troupe_error_t *error)
{
  int input[2] = {-1, -1}, output[2] = {-1, -1};
  char *program = process_sibling ("troupe");
  troupe_err_t err = TROUPE_OK;
  if (!program)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, role, NULL, "out of memory");
  else if (pipe2 (input, O_CLOEXEC) != 0 || pipe2 (output, O_CLOEXEC) != 0)
    err = troupe_error_set (error, TROUPE_IO, role, "raise the limit of open files (ulimit -n)", "no pipe: %s",
                            strerror (errno));
  const char *arguments[] = {program, "bench-role", role, parameters, NULL};
  process_t process = {.arguments = arguments, .input = input[0], .output = output[1], .errors = -1, .keep = -1};
  if (err == TROUPE_OK)
    err = process_spawn (&self->pid, &process, error);
  if (err != TROUPE_OK)
    self->pid = 0;
  if (input[0] >= 0)
    close (input[0]);
  if (output[1] >= 0)
    close (output[1]);
  self->input = input[1];
  self->output = output[0];
  free (program);
  return err;
}

troupe_err_t
bench_crew_start (bench_crew_t *self, bench_member_t *out, const char *role, json_t *parameters, troupe_error_t *error)
{
  char *text = json_dumps (parameters, JSON_COMPACT);
  json_decref (parameters);
  *out = (bench_member_t){.crew = self, .input = -1, .output = -1, .polite = strncmp (role, "raw-", 4) != 0};
  out->line = malloc (BENCH_LINE_MAX);
  troupe_err_t err = text && out->line ? spawn (out, role, text, error)
                                       : troupe_error_set (error, TROUPE_NO_MEMORY, role, NULL, "out of memory");
  free (text);
  if (err == TROUPE_OK && troupe_loop_add_fd (self->loop, out->output, ZMQ_POLLIN, on_output, out) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, role, NULL, "out of memory");
  return err;
}

static void
close_pipe (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

void
bench_crew_end (bench_crew_t *self, bench_member_t *members, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (members[i].output >= 0)
      troupe_loop_remove_fd (self->loop, members[i].output);
    close_pipe (&members[i].input);
    if (members[i].pid != 0 && !members[i].polite)
      kill (members[i].pid, SIGTERM);
  }
  for (size_t i = 0; i < count; i++) {
    if (members[i].pid != 0)
      process_wait (members[i].pid, END_MS);
    close_pipe (&members[i].output);
    json_decref (members[i].said);
    free (members[i].line);
    members[i] = (bench_member_t){.input = -1, .output = -1};
  }
}

// -- Talking -------------------------------------------------------------------------------------------------------------

static bool
all_said (const bench_member_t *members, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (!members[i].said)
      return false;
  return true;
}

troupe_err_t
bench_crew_hear (bench_crew_t *self, bench_member_t *members, size_t count, int64_t timeout_ms, troupe_error_t *error)
{
  int64_t end = troupe_loop_now () + timeout_ms;
  while (!all_said (members, count)) {
    troupe_err_t err = bench_crew_check (self, error);
    if (err != TROUPE_OK)
      return err;
    if (troupe_loop_now () >= end)
      return troupe_error_set (error, TROUPE_DEADLINE, "bench-role", NULL, "no answer within %lld s",
                               (long long)(timeout_ms / 1000));
    if ((err = troupe_loop_turn (self->loop, TURN_MS)) != TROUPE_OK)
      return troupe_error_set (error, err, "loop", NULL, "failed");
  }
  return bench_crew_check (self, error);
}

troupe_err_t
bench_crew_go (bench_crew_t *self, bench_member_t *members, size_t count, troupe_error_t *error)
{
  (void)self;
  for (size_t i = 0; i < count; i++) {
    json_decref (members[i].said);
    members[i].said = NULL;
  }
  for (size_t i = 0; i < count; i++)
    if (write (members[i].input, "go\n", 3) != 3)
      return troupe_error_set (error, TROUPE_SERVICE_DIED, "bench-role", NULL, "process %ld reads nothing: %s",
                               (long)members[i].pid, strerror (errno));
  return TROUPE_OK;
}
