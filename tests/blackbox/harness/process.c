// SPDX-License-Identifier: Apache-2.0
//
// Programs under test by posix_spawn, their ends by pidfd: exit, output and deadline are one poll.

#include "blackbox/harness/process.h"

#include "blackbox/harness/spawn.h"
#include "blackbox/harness/stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct process {
  process_t *next; // in `all`
  char *name;      // its command line, for messages
  pid_t pid;
  int pidfd;
  int input;  // -1: closed
  stream_t output, errors;
  int status; // -1: it runs
};

static process_t *all; // those that aren't destroyed: after a failed assertion nobody else knows them

static long
now_ms (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static process_t *
process_of (const char *const *argv, const spawned_t *spawned)
{
  process_t *self = calloc (1, sizeof *self);
  cr_assert_not_null (self);
  *self = (process_t){ .next = all, .pid = spawned->pid, .input = spawned->input, .status = -1 };
  all = self;
  self->pidfd = pidfd_open (self->pid, 0);
  cr_assert_geq (self->pidfd, 0);
  stream_init (&self->output, spawned->output);
  stream_init (&self->errors, spawned->errors);
  size_t size;
  FILE *name = open_memstream (&self->name, &size);
  cr_assert_not_null (name);
  for (size_t i = 0; argv[i]; i++)
    fprintf (name, "%s%s", i ? " " : "", argv[i]);
  fclose (name);
  return self;
}

process_t *
process_start (const char *const *argv)
{
  spawned_t spawned;
  spawn_piped (&spawned, argv);
  return process_of (argv, &spawned);
}

process_t *
process_start_terminal (const char *const *argv)
{
  spawned_t spawned;
  spawn_on_terminal (&spawned, argv);
  return process_of (argv, &spawned);
}

pid_t
process_pid (const process_t *self)
{
  return self->pid;
}

static void
reap (process_t *self)
{
  int status;
  if (self->status >= 0 || waitpid (self->pid, &status, 0) != self->pid)
    return;
  self->status = WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

void
process_destroy (process_t **self_p)
{
  process_t *self = *self_p;
  if (!self)
    return;
  if (self->status < 0) {
    kill (self->pid, SIGKILL);
    reap (self);
  }
  process_t **link = &all;
  while (*link != self)
    link = &(*link)->next;
  *link = self->next;
  process_close_input (self);
  close (self->pidfd);
  stream_close (&self->output);
  stream_close (&self->errors);
  free (self->name);
  free (self);
  *self_p = NULL;
}

void
process_destroy_all (void)
{
  while (all) {
    process_t *self = all;
    process_destroy (&self);
  }
}

// Waits for something to read from it, or for its exit. False: nothing by the deadline.
static bool
turn (process_t *self, long deadline)
{
  long left = deadline - now_ms ();
  struct pollfd fds[] = { { .fd = self->output.fd, .events = POLLIN },
                          { .fd = self->errors.fd, .events = POLLIN },
                          { .fd = self->status < 0 ? self->pidfd : -1, .events = POLLIN } };
  int count = poll (fds, 3, left > 0 ? (int) left : 0);
  if (count < 0 && errno == EINTR)
    return true;
  if (count <= 0)
    return false;
  if (fds[0].revents)
    stream_read (&self->output);
  if (fds[1].revents)
    stream_read (&self->errors);
  if (fds[2].revents)
    reap (self);
  return true;
}

static void
fail (const process_t *self, const char *what, const char *detail)
{
  cr_assert_fail ("%s: %s %s\n--- its output:\n%s\n--- its error output:\n%s\n---", self->name, what, detail,
                  self->output.text, self->errors.text);
}

static void
expect (process_t *self, stream_t *stream, const char *regex)
{
  long deadline = now_ms () + DEADLINE_MS;
  while (!stream_match (stream, regex)) {
    if (stream->fd < 0)
      fail (self, "ended without saying", regex);
    if (!turn (self, deadline))
      fail (self, "did not say in time", regex);
  }
}

void
process_expect (process_t *self, const char *regex)
{
  expect (self, &self->output, regex);
}

void
process_expect_error (process_t *self, const char *regex)
{
  expect (self, &self->errors, regex);
}

void
process_read_all (void)
{
  for (process_t *self = all; self != NULL; self = self->next)
    while ((self->status < 0 || self->output.fd >= 0 || self->errors.fd >= 0) && turn (self, 0))
      ;
}

void
process_print_all (void)
{
  for (const process_t *self = all; self != NULL; self = self->next)
    fprintf (stderr, "--- %s said:\n%s--- and logged:\n%s", self->name, self->output.text, self->errors.text);
}

bool
process_said (process_t *self, const char *regex)
{
  return stream_match (&self->output, regex);
}

bool
process_said_error (process_t *self, const char *regex)
{
  return stream_match (&self->errors, regex);
}

int
process_wait (process_t *self)
{
  return process_wait_for (self, DEADLINE_MS);
}

int
process_wait_for (process_t *self, long ms)
{
  long deadline = now_ms () + ms;
  while (self->status < 0 || self->output.fd >= 0 || self->errors.fd >= 0)
    if (!turn (self, deadline))
      fail (self, self->status < 0 ? "did not end" : "ended, but its outputs are still held open by a child", "");
  return self->status;
}

void
process_expect_exit (process_t *self, int status)
{
  char text[64];
  snprintf (text, sizeof text, "%d, not %d", process_wait (self), status);
  if (self->status != status)
    fail (self, "ended with", text);
}

const char *
process_output_of (int status, const char *const *argv)
{
  static process_t *last;
  process_destroy (&last);
  last = process_start (argv);
  process_expect_exit (last, status);
  return process_output (last);
}

// Writes while also reading, so that a program that echoes much doesn't block both.
void
process_send (process_t *self, const char *text)
{
  long deadline = now_ms () + DEADLINE_MS;
  size_t left = strlen (text);
  while (left > 0) {
    struct pollfd fds[] = { { .fd = self->input, .events = POLLOUT },
                            { .fd = self->output.fd, .events = POLLIN },
                            { .fd = self->errors.fd, .events = POLLIN } };
    if (now_ms () > deadline || poll (fds, 3, DEADLINE_MS) <= 0)
      fail (self, "did not read its input", "");
    if (fds[1].revents)
      stream_read (&self->output);
    if (fds[2].revents)
      stream_read (&self->errors);
    if (!fds[0].revents)
      continue;
    ssize_t count = write (self->input, text, left);
    if (count < 0 && errno != EAGAIN && errno != EINTR)
      fail (self, "can't be written to:", strerror (errno));
    text += count > 0 ? count : 0;
    left -= count > 0 ? (size_t) count : 0;
  }
}

void
process_close_input (process_t *self)
{
  if (self->input >= 0)
    close (self->input);
  self->input = -1;
}

void
process_signal (process_t *self, int signal)
{
  cr_assert_eq (kill (self->pid, signal), 0);
}

const char *
process_output (const process_t *self)
{
  return self->output.text;
}

const char *
process_errors (const process_t *self)
{
  return self->errors.text;
}

bool
text_matches (const char *text, const char *regex)
{
  regex_t compiled;
  cr_assert_eq (regcomp (&compiled, regex, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0, "bad expression %s", regex);
  bool found = regexec (&compiled, text, 0, NULL, 0) == 0;
  regfree (&compiled);
  return found;
}
