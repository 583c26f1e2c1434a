// SPDX-License-Identifier: Apache-2.0
//
// The help's layout, byte by byte where it is short, and its width everywhere.

#include "shell.h"

#include <criterion/criterion.h>
#include <string.h>

static int
nothing (const troupe_args_t *args)
{
  (void)args;
  return 0;
}

static const troupe_option_t options[] = {
  {"file", 'f', "FILE", "the mesh's configuration", "troupe.yaml", false, "TEST_CONFIG"},
  {"an-option-of-a-very-long-name", 0, "AND-ITS-VALUE", "its text stands below", NULL},
  {"broker", 'b', "ENDPOINT",
   "a broker to connect to instead of those of the configuration, in the order in which they are tried", NULL, true},
  {NULL},
};

static const troupe_verb_t verbs[] = {
  {"up", "[NAME]...", "Run the mesh.",
   "Starts the brokers, the store and every service of the configuration on this machine, and stops them at the end.\n"
   "It ends by itself when a broker does.\n"
   "\n"
   "Examples:\n"
   "  troupe up                      the mesh of troupe.yaml\n"
   "  troupe up -f another.yaml\n"
   "\n"
   "Exit codes: 0 when it was stopped.\n",
   options, 0, -1, nothing},
  {"ps", NULL, "List the services of the mesh, their instances, and what each of them is doing at this very moment.",
   NULL, NULL, 0, 0, nothing},
  {NULL},
};

static const troupe_program_t program = {"troupe", "agents as a mesh of processes", verbs, "The manual is in docs/.\n"};
static const troupe_verb_t only[] = {{NULL, "", "", NULL, options, 0, 0, nothing}, {NULL}};
static const troupe_program_t plain = {"troupe-broker", "carries messages", only, "Exit codes: as troupe's."};

static void
expect_same (const troupe_program_t *which, const char *a, const char *b)
{
  shell_t first, second;
  shell_run (&first, which, a);
  shell_run (&second, which, b);
  cr_expect_eq (first.status, 0);
  cr_expect_eq (second.status, 0);
  cr_expect_str_empty (first.err);
  cr_expect_gt (strlen (first.out), 0u);
  cr_expect_str_eq (first.out, second.out);
}

Test (help, of_program)
{
  shell_t shell;
  shell_run (&shell, &program, "troupe help");
  cr_expect_eq (shell.status, 0);
  cr_expect_str_eq (shell.out, "troupe: agents as a mesh of processes\n"
                               "\n"
                               "Usage: troupe VERB [OPTION...] [OPERAND...]\n"
                               "\n"
                               "Verbs:\n"
                               "  up       Run the mesh.\n"
                               "  ps       List the services of the mesh, their instances, and what each of them\n"
                               "           is doing at this very moment.\n"
                               "  help     Show this text, or the help of a verb.\n"
                               "  version  Show the version.\n"
                               "\n"
                               "`troupe help VERB` or `troupe VERB --help` explains a verb and its options.\n"
                               "\n"
                               "The manual is in docs/.\n");
  expect_same (&program, "troupe help", "troupe --help");
  expect_same (&program, "troupe help", "troupe -h");
  expect_same (&program, "troupe help", "troupe help help");
}

Test (help, of_verb)
{
  shell_t shell;
  shell_run (&shell, &program, "troupe help up");
  cr_expect_str_eq (shell.out, "Usage: troupe up [OPTION...] [NAME]...\n"
                               "\n"
                               "Run the mesh.\n"
                               "\n"
                               "Starts the brokers, the store and every service of the configuration on this\n"
                               "machine, and stops them at the end. It ends by itself when a broker does.\n"
                               "\n"
                               "Examples:\n"
                               "  troupe up                      the mesh of troupe.yaml\n"
                               "  troupe up -f another.yaml\n"
                               "\n"
                               "Exit codes: 0 when it was stopped.\n"
                               "\n"
                               "Options:\n"
                               "  -f, --file FILE        the mesh's configuration (default: $TEST_CONFIG, else\n"
                               "                         troupe.yaml)\n"
                               "      --an-option-of-a-very-long-name AND-ITS-VALUE\n"
                               "                         its text stands below\n"
                               "  -b, --broker ENDPOINT  a broker to connect to instead of those of the\n"
                               "                         configuration, in the order in which they are tried\n"
                               "                         (may be given several times)\n"
                               "  -h, --help             show this help\n"
                               "      --version          show the version\n");
  expect_same (&program, "troupe help up", "troupe up --help");
  expect_same (&program, "troupe help up", "troupe up x -f y -h");
  expect_same (&program, "troupe help ps", "troupe ps -h");
  expect_same (&plain, "troupe-broker -h", "troupe-broker --help");
}

Test (help, fits_the_width)
{
  static const char *const lines[] = {"troupe help", "troupe help up", "troupe help ps"};
  shell_t shell;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    shell_run (&shell, &program, lines[i]);
    for (char *rest = shell.out, *line; (line = strsep (&rest, "\n")) != NULL;) {
      size_t size = strlen (line);
      cr_expect_leq (size, 80u, "%s", line);
      cr_expect (size == 0 || line[size - 1] != ' ', "trailing blank: %s|", line);
    }
  }
}

Test (help, nothing_asked)
{
  shell_t shell;
  shell_run (&shell, &program, "troupe");
  cr_expect_eq (shell.status, 2);
  cr_expect_str_empty (shell.out);
  cr_expect_not_null (strstr (shell.err, "Verbs:\n"));
}

Test (help, version)
{
  shell_t shell;
  shell_run (&shell, &program, "troupe version");
  cr_expect_eq (shell.status, 0);
  cr_expect_str_eq (shell.out, "troupe 0.2.0 (protocol 2.1)\n");
  expect_same (&program, "troupe version", "troupe --version");
  expect_same (&program, "troupe version", "troupe ps --version");
  shell_run (&shell, &plain, "troupe-broker --version");
  cr_expect_str_eq (shell.out, "troupe-broker 0.2.0 (protocol 2.1)\n");
}
