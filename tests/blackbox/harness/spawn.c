// SPDX-License-Identifier: Apache-2.0
//
// By posix_spawn, since the test may hold ZeroMQ sockets, which a fork would break. Signals that the test runner has
// blocked or ignored are restored for the child. On a terminal the child begins a session of its own; opening the
// terminal's other side as its first file makes it the session's controlling terminal, so that Ctrl-C is a signal.

#include "blackbox/harness/spawn.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

extern char **environ;

const char *
spawn_folder (void)
{
  const char *folder = getenv ("TROUPE_TEST_BIN");
  return folder && *folder ? folder : TROUPE_BIN_DIR;
}

static void
run (spawned_t *out, const char *const *argv, const posix_spawn_file_actions_t *files, short flags)
{
  char path[PATH_MAX];
  int size = strchr (argv[0], '/') ? snprintf (path, sizeof path, "%s", argv[0])
                                   : snprintf (path, sizeof path, "%s/%s", spawn_folder (), argv[0]);
  cr_assert_lt (size, PATH_MAX);
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset (&none);
  sigfillset (&all);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
  posix_spawnattr_setflags (&attributes, (short) (flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  union { // posix_spawn takes char *const[], and changes nothing
    const char *const *given;
    char *const *wanted;
  } arguments = { argv };
  int failure = posix_spawn (&out->pid, path, files, &attributes, arguments.wanted, environ);
  posix_spawnattr_destroy (&attributes);
  cr_assert_eq (failure, 0, "%s: %s", path, strerror (failure));
}

void
spawn_piped (spawned_t *out, const char *const *argv)
{
  int input[2], output[2], errors[2];
  cr_assert_eq (pipe2 (input, O_CLOEXEC), 0);
  cr_assert_eq (pipe2 (output, O_CLOEXEC), 0);
  cr_assert_eq (pipe2 (errors, O_CLOEXEC), 0);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init (&files);
  posix_spawn_file_actions_adddup2 (&files, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2 (&files, output[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&files, errors[1], STDERR_FILENO);
  run (out, argv, &files, POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_destroy (&files);
  close (input[0]);
  close (output[1]);
  close (errors[1]);
  fcntl (input[1], F_SETFL, O_NONBLOCK);
  out->input = input[1];
  out->output = output[0];
  out->errors = errors[0];
}

void
spawn_on_terminal (spawned_t *out, const char *const *argv)
{
  int terminal = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  cr_assert_geq (terminal, 0);
  cr_assert_eq (grantpt (terminal), 0);
  cr_assert_eq (unlockpt (terminal), 0);
  struct winsize size = { .ws_row = 24, .ws_col = 80 };
  cr_assert_eq (ioctl (terminal, TIOCSWINSZ, &size), 0);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init (&files);
  posix_spawn_file_actions_addopen (&files, STDIN_FILENO, ptsname (terminal), O_RDWR, 0);
  posix_spawn_file_actions_adddup2 (&files, STDIN_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&files, STDIN_FILENO, STDERR_FILENO);
  run (out, argv, &files, POSIX_SPAWN_SETSID);
  posix_spawn_file_actions_destroy (&files);
  fcntl (terminal, F_SETFL, O_NONBLOCK);
  out->output = terminal;
  out->input = fcntl (terminal, F_DUPFD_CLOEXEC, 0);
  out->errors = -1;
  cr_assert_geq (out->input, 0);
}
