// SPDX-License-Identifier: Apache-2.0
//
// What comes in and goes out by pipes: lines that aren't texts, and an output that can't be written. Nothing is cut off
// or lost in silence.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void
enter (void)
{
  char path[PATH_MAX];
  const char *folder = getenv ("TROUPE_TEST_BIN");
  place_enter ();
  snprintf (path, sizeof path, "%s:%s", folder && *folder ? folder : TROUPE_BIN_DIR, getenv ("PATH"));
  setenv ("PATH", path, 1); // for the shells
}

TestSuite (pipes, .init = enter, .fini = place_leave);

// A command of the shell to its end, without input; what it wrote to standard error must match.
static void
expect_shell (int status, const char *errors, const char *command)
{
  process_t *shell = process_run ("/bin/sh", "-c", command);
  process_close_input (shell);
  process_expect_exit (shell, status);
  cr_expect (text_matches (process_errors (shell), errors), "%s\n%s", command, process_errors (shell));
  process_destroy (&shell);
}

Test (pipes, a_line_that_is_no_text_is_told_and_the_conversation_goes_on)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *chat = process_run ("/bin/sh", "-c", "printf 'one\\na\\0b\\nc\\377d\\ntwo' | troupe chat --json");
  process_close_input (chat);
  process_expect_exit (chat, 1);
  const char *output = process_output (chat);
  cr_expect (text_matches (output, "^\\{[^\n]*turn 1: one[^\n]*\n\\{\"error\":\\{\"code\":\"bad_message\","
                                   "\"object\":\"standard input\",\"why\":\"there is a NUL[^\n]*\n"
                                   "\\{\"error\":\\{\"code\":\"bad_message\"[^\n]*UTF-8[^\n]*\n\\{[^\n]*turn 2: two"),
             "%s", output);
  process_destroy (&chat);
  mesh_down (&up);
}

Test (pipes, an_input_that_cannot_be_read_is_an_error)
{
  process_t *up = mesh_up (mesh_plain);
  expect_shell (1, "standard input: io: can't be read: Is a directory", "troupe chat < .");
  mesh_down (&up);
}

Test (pipes, an_output_that_cannot_be_written_is_an_error)
{
  static const char *const commands[] = {
    "help",         "version", "config show", "doctor", "ps", "session list --json", "call agent/alice '\"x\"'",
    "run print.lua"};
  char command[512];
  process_t *up = mesh_up (mesh_plain);
  place_write ("print.lua", "print 'said'\n");
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    snprintf (command, sizeof command, "troupe %s > /dev/full", commands[i]);
    expect_shell (1, "standard output", command);
  }
  expect_shell (1, "standard output: io: can't be written", "echo Hello | troupe chat > /dev/full");
  mesh_down (&up);
}

// Nobody would hear the replies: what is still to be said stays unsaid.
Test (pipes, a_conversation_ends_when_its_reader_has_gone)
{
  process_t *up = mesh_up (mesh_plain);
  place_write ("lines", "one\ntwo\nthree\n");
  expect_shell (1, "standard output: io: can't be written", "troupe chat --session s < lines > /dev/full");
  mesh_expect_reply ("alice", "s", "four", "turn 2: four");
  mesh_down (&up);
}
