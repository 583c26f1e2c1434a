// SPDX-License-Identifier: Apache-2.0
//
// Runs the tests of one module, each in a process of its own, as Criterion does; the sanitizer's exit status is the
// process's. Output only of what fails, and one line at the end. Arguments: parts of names, of which one must occur.

#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MAX = 120 }; // of one test: under the sanitizer some take ten

static threads_test_t *all;
static bool failed; // in a test's process

void
threads_add (threads_test_t *test)
{
  test->next = all;
  all = test;
}

void
threads_failed (bool fatal, const char *file, int line, const char *text, const char *format, ...)
{
  va_list arguments;
  fprintf (stderr, "%s:%d: %s\n  ", file, line, text);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  failed = true;
  if (fatal)
    exit (1);
}

static const threads_options_t *
options_of_suite (const threads_test_t *test)
{
  for (const threads_test_t *each = all; each != NULL; each = each->next)
    if (each->body == NULL && strcmp (each->suite, test->suite) == 0)
      return &each->options;
  return NULL;
}

static void
run_here (const threads_test_t *test)
{
  const threads_options_t *suite = options_of_suite (test);
  alarm (SECONDS_MAX);
  if (suite != NULL && suite->init != NULL)
    suite->init ();
  if (test->options.init != NULL)
    test->options.init ();
  test->body ();
  if (test->options.fini != NULL)
    test->options.fini ();
  if (suite != NULL && suite->fini != NULL)
    suite->fini ();
  exit (failed);
}

static bool
passes (const threads_test_t *test)
{
  int status;
  pid_t child = fork ();
  if (child == 0)
    run_here (test);
  if (child < 0 || waitpid (child, &status, 0) != child)
    return false;
  return test->options.signal != 0 ? WIFSIGNALED (status) && WTERMSIG (status) == test->options.signal : status == 0;
}

static bool
is_wanted (const threads_test_t *test, char *const *words)
{
  bool wanted = *words == NULL;
  for (; *words != NULL && !wanted; words++)
    wanted = strstr (test->name, *words) != NULL || strstr (test->suite, *words) != NULL;
  return wanted && test->body != NULL;
}

int
main (int argc, char **argv)
{
  (void)argc;
  unsigned tested = 0, bad = 0;
  for (const threads_test_t *test = all; test != NULL; test = test->next) {
    if (!is_wanted (test, argv + 1))
      continue;
    tested++;
    if (passes (test))
      continue;
    bad++;
    fprintf (stderr, "FAILED %s::%s\n", test->suite, test->name);
  }
  printf ("%u tests, %u failed\n", tested, bad);
  return bad > 0 || tested == 0;
}
