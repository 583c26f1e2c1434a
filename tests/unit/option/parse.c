// SPDX-License-Identifier: Apache-2.0
//
// Command lines that are right, and what is said of those that are wrong.

#include "shell.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char seen[1024]; // what the verb that ran was given

static void
note (const char *name, const char *value)
{
  size_t size = strlen (seen);
  snprintf (seen + size, sizeof seen - size, "%s%s=%s", size > 0 ? " " : "", name, value != NULL ? value : "-");
}

static int
call (const troupe_args_t *args)
{
  seen[0] = '\0';
  note ("file", troupe_args_value (args, "file"));
  note ("limit", troupe_args_value (args, "limit"));
  note ("quiet", troupe_args_flag (args, "quiet") ? "yes" : "no");
  for (size_t i = 0; troupe_args_nth (args, "broker", i) != NULL; i++)
    note ("broker", troupe_args_nth (args, "broker", i));
  for (size_t i = 0; i < troupe_args_count (args); i++)
    note ("operand", troupe_args_operand (args, i));
  cr_assert_null (troupe_args_operand (args, troupe_args_count (args)));
  return 42;
}

static const troupe_option_t call_options[] = {
  {"file", 'f', "FILE", "the mesh's configuration", "troupe.yaml"},
  {"limit", 0, "N", "how many", NULL, false, "TEST_LIMIT"},
  {"quiet", 'q', NULL, "say nothing", NULL},
  {"zip", 'z', NULL, "pack", NULL},
  {"broker", 'b', "ENDPOINT", "a broker to connect to", NULL, true},
  {NULL},
};

static const troupe_verb_t verbs[] = {
  {"call", "SERVICE [JSON]", "Call a service.", NULL, call_options, 1, 2, call},
  {"ps", "", "List services.", NULL, NULL, 0, 0, call},
  {NULL},
};

static const troupe_program_t program = {"troupe", "agents as a mesh of processes", verbs, NULL};
static const troupe_verb_t only[] = {{NULL, "SERVICE [JSON]", "", NULL, call_options, 1, 2, call}, {NULL}};
static const troupe_program_t plain = {"troupe-agent", "serves an agent", only, NULL};

static void
expect (const troupe_program_t *which, const char *line, const char *what)
{
  shell_t shell;
  shell_run (&shell, which, line);
  cr_expect_eq (shell.status, 42, "%s: status %d: %s", line, shell.status, shell.err);
  cr_expect_str_eq (seen, what, "%s: %s", line, seen);
}

static void
expect_wrong (const char *line, const char *what)
{
  shell_t shell;
  shell_run (&shell, &program, line);
  cr_expect_eq (shell.status, 2, "%s: status %d", line, shell.status);
  cr_expect_str_empty (shell.out);
  cr_expect_eq (strncmp (shell.err, what, strlen (what)), 0, "%s: %s", line, shell.err);
}

Test (option, a_variable_stands_in)
{
  setenv ("TEST_LIMIT", "", 1);
  expect (&program, "troupe call a", "file=troupe.yaml limit=- quiet=no operand=a");
  setenv ("TEST_LIMIT", "7", 1);
  expect (&program, "troupe call a", "file=troupe.yaml limit=7 quiet=no operand=a");
  expect (&program, "troupe call --limit 8 a", "file=troupe.yaml limit=8 quiet=no operand=a");
}

Test (option, parses)
{
  expect (&program, "troupe call a", "file=troupe.yaml limit=- quiet=no operand=a");
  expect (&program, "troupe call -f x a", "file=x limit=- quiet=no operand=a");
  expect (&program, "troupe call a -fx", "file=x limit=- quiet=no operand=a");
  expect (&program, "troupe call --file=x=y a", "file=x=y limit=- quiet=no operand=a");
  expect (&program, "troupe call --file x a b", "file=x limit=- quiet=no operand=a operand=b");
  expect (&program, "troupe call --file= a", "file= limit=- quiet=no operand=a");
  expect (&program, "troupe call --file '' a", "file= limit=- quiet=no operand=a");
  expect (&program, "troupe call -zq a", "file=troupe.yaml limit=- quiet=yes operand=a");
  expect (&program, "troupe call -zqfx a", "file=x limit=- quiet=yes operand=a");
  expect (&program, "troupe call -q -q a", "file=troupe.yaml limit=- quiet=yes operand=a");
  expect (&program, "troupe call --limit -5 a", "file=troupe.yaml limit=-5 quiet=no operand=a");
}

Test (option, parses_lists_and_dashes)
{
  expect (&program, "troupe call -b 1 a --broker=2 -b3",
          "file=troupe.yaml limit=- quiet=no broker=1 broker=2 broker=3 operand=a");
  expect (&program, "troupe call -- -q --file", "file=troupe.yaml limit=- quiet=no operand=-q operand=--file");
  expect (&program, "troupe call -q -- --", "file=troupe.yaml limit=- quiet=yes operand=--");
  expect (&program, "troupe call -", "file=troupe.yaml limit=- quiet=no operand=-");
}

Test (option, program_without_verbs)
{
  expect (&plain, "troupe-agent help", "file=troupe.yaml limit=- quiet=no operand=help");
  expect (&plain, "troupe-agent -q a", "file=troupe.yaml limit=- quiet=yes operand=a");
}

Test (option, says_what_is_wrong)
{
  expect_wrong ("troupe cal a", "troupe: cal: no such verb (did you mean call?)\n");
  expect_wrong ("troupe hlep", "troupe: hlep: no such verb (did you mean help?)\n");
  expect_wrong ("troupe help cal", "troupe: cal: no such verb (did you mean call?)\n");
  expect_wrong ("troupe xyzzy", "troupe: xyzzy: no such verb\nSee `troupe --help`.\n");
  expect_wrong ("troupe -f x call a", "troupe: -f: no verb before it (options stand after the verb)\n");
  expect_wrong ("troupe call --flie x a",
                "troupe call: --flie: no such option (did you mean --file?)\nSee `troupe call --help`.\n");
  expect_wrong ("troupe call --flie=x a", "troupe call: --flie: no such option (did you mean --file?)\n");
  expect_wrong ("troupe call --hepl", "troupe call: --hepl: no such option (did you mean --help?)\n");
  expect_wrong ("troupe call -x a", "troupe call: -x: no such option (write -- before an operand");
  expect_wrong ("troupe call a --file", "troupe call: --file: its value is missing (write --file=FILE)\n");
  expect_wrong ("troupe call a -f", "troupe call: --file: its value is missing (write --file=FILE)\n");
  expect_wrong ("troupe call a --file --limit 5", "troupe call: --file: its value is missing: another option follows");
  expect_wrong ("troupe call a --file -q", "troupe call: --file: its value is missing: another option follows");
  expect_wrong ("troupe call --quiet=yes a", "troupe call: --quiet: takes no value (it is a switch");
  expect_wrong ("troupe call -f x --file y a", "troupe call: --file: given twice (give it once)\n");
  expect_wrong ("troupe call", "troupe call: too few operands: it takes SERVICE [JSON]\n");
  expect_wrong ("troupe call a b c", "troupe call: c: one operand too many: it takes SERVICE [JSON]\n");
  expect_wrong ("troupe ps a", "troupe ps: a: one operand too many: it takes none\n");
  expect_wrong ("troupe call --x\033[31m a", "troupe call: --x [31m: no such option");
}
