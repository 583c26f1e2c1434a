// SPDX-License-Identifier: Apache-2.0
//
// How children are started (process.h). The launcher runs in the child: posix_spawn can't set the parent-death signal,
// and a fork of ours to do so is not allowed. The signal is tied to the *thread* that spawned, so only the main thread
// spawns. A parent that dies before prctl is noticed by comparing getppid with the number in the arguments.
//
// If the program can't be executed, the launcher says why on standard error and ends with 4 (not found), which the
// supervisor takes for a configuration error.
#include "cli/process.h"

#include "troupe/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { READ_MS = 5000, POLL_MS = 5, LAUNCHER_ARGUMENTS = 3 };

char *
process_sibling (const char *name)
{
  char self[PATH_MAX];
  ssize_t size = readlink ("/proc/self/exe", self, sizeof self - 1);
  self[size > 0 ? size : 0] = '\0';
  char *slash = strrchr (self, '/');
  if (slash)
    *slash = '\0';
  char *path;
  return asprintf (&path, "%s/%s", slash ? self : ".", name) < 0 ? NULL : path;
}

int
process_child (int argc, char **argv)
{
  if (argc < 2 || prctl (PR_SET_PDEATHSIG, SIGTERM) != 0) {
    fprintf (stderr, "troupe child: usage: troupe child PARENT PROGRAM [ARGUMENT...]\n");
    return troupe_err_exit (TROUPE_BAD_ARGUMENT);
  }
  if (getppid () != (pid_t)strtol (argv[0], NULL, 10))
    return troupe_err_exit (TROUPE_CANCELLED);
  execvp (argv[1], argv + 1);
  fprintf (stderr, "troupe: can't run %s: %s\n", argv[1], strerror (errno));
  return troupe_err_exit (TROUPE_NOT_FOUND);
}

// A new NULL-terminated list, of borrowed texts but for the first three.
static char **
launcher_arguments (const process_t *process)
{
  size_t count = 0;
  while (process->arguments[count])
    count++;
  size_t lead = process->alone ? 0 : LAUNCHER_ARGUMENTS;
  char **arguments = calloc (lead + count + 1, sizeof *arguments);
  if (!arguments)
    return NULL;
  memcpy (arguments + lead, process->arguments, count * sizeof *arguments);
  if (process->alone)
    return arguments;
  arguments[0] = process_sibling ("troupe");
  arguments[1] = strdup ("child");
  if (asprintf (&arguments[2], "%ld", (long)getpid ()) < 0)
    arguments[2] = NULL;
  return arguments;
}

static void
free_arguments (const process_t *process, char **arguments)
{
  for (size_t i = 0; arguments && !process->alone && i < LAUNCHER_ARGUMENTS; i++)
    free (arguments[i]);
  free (arguments);
}

static int
set_files (posix_spawn_file_actions_t *actions, const process_t *process)
{
  int failed = 0;
  if (process->input >= 0)
    failed |= posix_spawn_file_actions_adddup2 (actions, process->input, STDIN_FILENO);
  else
    failed |= posix_spawn_file_actions_addopen (actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  failed |=
    posix_spawn_file_actions_adddup2 (actions, process->output >= 0 ? process->output : STDERR_FILENO, STDOUT_FILENO);
  if (process->errors >= 0)
    failed |= posix_spawn_file_actions_adddup2 (actions, process->errors, STDERR_FILENO);
  if (process->keep >= 0) // onto itself: takes close-on-exec away, in the child only
    failed |= posix_spawn_file_actions_adddup2 (actions, process->keep, process->keep);
  return failed;
}

static int
set_attributes (posix_spawnattr_t *attributes)
{
  sigset_t none, all;
  sigemptyset (&none);
  sigfillset (&all);
  int failed = posix_spawnattr_setpgroup (attributes, 0);
  failed |= posix_spawnattr_setsigmask (attributes, &none);
  failed |= posix_spawnattr_setsigdefault (attributes, &all);
  failed |=
    posix_spawnattr_setflags (attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  return failed;
}

// Our environment and one variable more, which replaces ours of that name. A new list of borrowed texts.
static char **
make_environment (const char *variable)
{
  size_t count = 0, kept = 0, name = variable ? strcspn (variable, "=") + 1 : 0;
  while (environ[count])
    count++;
  char **list = calloc (count + 2, sizeof *list);
  for (size_t i = 0; list && i < count; i++)
    if (!variable || strncmp (environ[i], variable, name) != 0)
      list[kept++] = environ[i];
  if (list && variable)
    list[kept] = (char *)(uintptr_t)variable; // posix_spawn changes nothing
  return list;
}

troupe_err_t
process_spawn (pid_t *out, const process_t *process, troupe_error_t *error)
{
  char **arguments = launcher_arguments (process), **environment = make_environment (process->variable);
  if (!environment || !arguments || !arguments[0] || (!process->alone && (!arguments[1] || !arguments[2]))) {
    free_arguments (process, arguments);
    free (environment);
    return troupe_error_set (error, TROUPE_NO_MEMORY, process->arguments[0], NULL, "out of memory");
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init (&actions);
  posix_spawnattr_init (&attributes);
  int failed = set_files (&actions, process) | set_attributes (&attributes);
  int why = failed ? ENOMEM : posix_spawnp (out, arguments[0], &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  free_arguments (process, arguments);
  free (environment);
  if (why == 0)
    return TROUPE_OK;
  troupe_err_t code = why == ENOENT ? TROUPE_NOT_FOUND : why == ENOMEM ? TROUPE_NO_MEMORY : TROUPE_IO;
  return troupe_error_set (error, code, process->arguments[0], NULL, "can't be started: %s", strerror (why));
}

int
process_status (int wait_status)
{
  return WIFEXITED (wait_status) ? WEXITSTATUS (wait_status) : 128 + WTERMSIG (wait_status);
}

int
process_wait (pid_t pid, int64_t timeout_ms)
{
  int64_t end = troupe_loop_now () + timeout_ms;
  int status = 0;
  while (waitpid (pid, &status, WNOHANG) == 0) {
    if (troupe_loop_now () >= end) {
      kill (-pid, SIGKILL);
      end = INT64_MAX;
    }
    poll (NULL, 0, POLL_MS);
  }
  return process_status (status);
}

// What comes out of `fd` until its end, `limit` bytes or `end_ms`.
static size_t
read_all (int fd, char *text, size_t limit, int64_t end_ms)
{
  size_t size = 0;
  while (size < limit) {
    int64_t left = end_ms - troupe_loop_now ();
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (left <= 0 || poll (&ready, 1, (int)left) <= 0)
      break;
    ssize_t got = read (fd, text + size, limit - size);
    if (got <= 0)
      break;
    size += (size_t)got;
  }
  text[size] = '\0';
  return size;
}

char *
process_read (const char *const *arguments, size_t limit, troupe_error_t *error)
{
  int ends[2];
  char *text = malloc (limit + 1);
  if (!text || pipe2 (ends, O_CLOEXEC) != 0) {
    free (text);
    troupe_error_set (error, TROUPE_IO, arguments[0], NULL, "no pipe: %s", strerror (errno));
    return NULL;
  }
  pid_t pid;
  process_t process = {.arguments = arguments, .input = -1, .output = ends[1], .errors = -1, .keep = -1, .alone = true};
  troupe_err_t err = process_spawn (&pid, &process, error);
  close (ends[1]);
  if (err == TROUPE_OK) {
    int64_t end = troupe_loop_now () + READ_MS;
    read_all (ends[0], text, limit, end);
    int status = process_wait (pid, end - troupe_loop_now ());
    if (status != 0)
      err = troupe_error_set (error, TROUPE_IO, arguments[0], NULL, "ended with status %d", status);
  }
  close (ends[0]);
  if (err == TROUPE_OK)
    return text;
  free (text);
  return NULL;
}
