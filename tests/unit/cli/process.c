// SPDX-License-Identifier: Apache-2.0
//
// Children with real processes: how they end, and what is read from them. (The launcher is tested through `troupe
// up`.)
#include "cli/process.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *
read_output (const char *script, troupe_error_t *error)
{
  const char *arguments[] = {"sh", "-c", script, NULL};
  return process_read (arguments, 64, error);
}

Test (process, reads_what_a_program_prints)
{
  char *text = read_output ("echo hello", NULL);
  cr_assert_str_eq (text, "hello\n");
  free (text);
}

Test (process, a_program_that_fails_is_an_error)
{
  troupe_error_t error = {0};
  cr_assert_null (read_output ("echo no; exit 3", &error));
  cr_assert_eq (error.code, TROUPE_IO);
  const char *missing[] = {"/nowhere/program", NULL};
  cr_assert_null (process_read (missing, 64, &error));
  cr_assert_eq (error.code, TROUPE_NOT_FOUND);
}

Test (process, reading_stops_at_the_limit)
{
  char *text = read_output ("printf '%064d'; printf more", NULL);
  cr_assert_eq (strlen (text), 64);
  free (text);
}

Test (process, waiting_kills_what_does_not_end)
{
  const char *arguments[] = {"sleep", "60", NULL};
  process_t process = {.arguments = arguments, .input = -1, .output = -1, .errors = -1, .keep = -1, .alone = true};
  pid_t pid;
  cr_assert_eq (process_spawn (&pid, &process, NULL), TROUPE_OK);
  cr_assert_eq (process_wait (pid, 10), 128 + 9);
}
