// SPDX-License-Identifier: Apache-2.0
//
// A program's main: finds the verb, parses, runs, and answers help and version. Help that was asked for goes to
// stdout with status 0; what is wrong goes to stderr with status 2 (error.def's code for usage). The parsed words
// point into argv, so nothing is copied, and every array has argc entries: a command line needs no other bound.

#include "option/option.h"
#include "troupe/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const troupe_option_t option_everywhere[] = {
  {"help", 'h', NULL, "show this help", NULL, false},
  {"version", 0, NULL, "show the version", NULL, false},
  {NULL},
};

static const char *const own_verbs[] = {"help", "version"};

enum {
  VERBS_MAX = 64, // for did-you-mean; no program is near that, and what is beyond is just not suggested
  STATUS_OK = 0,
  STATUS_FAILED = 1
};

const troupe_verb_t *
option_verb_of_name (const troupe_program_t *program, const char *name)
{
  for (const troupe_verb_t *verb = program->verbs; verb->run != NULL; verb++)
    if (strcmp (verb->name, name) == 0)
      return verb;
  return NULL;
}

const char *
option_verb_near (const troupe_program_t *program, const char *name)
{
  const char *names[VERBS_MAX + 3];
  size_t count = 0;
  for (const troupe_verb_t *verb = program->verbs; verb->run != NULL && count < VERBS_MAX; verb++)
    names[count++] = verb->name;
  names[count++] = own_verbs[0];
  names[count++] = own_verbs[1];
  names[count] = NULL;
  return troupe_did_you_mean (name, names);
}

// "troupe up: --flie: no such option (did you mean --file?)", and where to read more.
static int
usage (const troupe_program_t *program, const troupe_verb_t *verb, const troupe_error_t *error)
{
  const char *name = verb != NULL && verb->name != NULL ? verb->name : NULL;
  fprintf (stderr, "%s%s%s: %s%s%s", program->name, name != NULL ? " " : "", name != NULL ? name : "", error->object,
           *error->object != '\0' ? ": " : "", error->why);
  if (*error->next != '\0')
    fprintf (stderr, " (%s)", error->next);
  fprintf (stderr, "\nSee `%s%s%s --help`.\n", program->name, name != NULL ? " " : "", name != NULL ? name : "");
  return troupe_err_exit (TROUPE_BAD_ARGUMENT);
}

// What was asked for is on stdout only when it has left the process: a full disk or a closed pipe is a failure.
static int
printed (const troupe_program_t *program)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return STATUS_OK;
  fprintf (stderr, "%s: can't write to the standard output\n", program->name);
  return STATUS_FAILED;
}

static int
version (const troupe_program_t *program)
{
  printf ("%s %s (protocol %d.%d)\n", program->name, TROUPE_VERSION, TROUPE_PROTOCOL_VERSION, TROUPE_PROTOCOL_MINOR);
  return printed (program);
}

static int
no_such_verb (const troupe_program_t *program, const char *word)
{
  troupe_error_t error;
  char next[TROUPE_ERROR_NEXT_MAX] = "";
  const char *near = option_verb_near (program, word);
  if (near != NULL)
    snprintf (next, sizeof next, "did you mean %s?", near);
  troupe_error_set (&error, TROUPE_BAD_ARGUMENT, word, next, "no such verb");
  return usage (program, NULL, &error);
}

static int
run_verb (const troupe_program_t *program, const troupe_verb_t *verb, int argc, char **argv)
{
  int status = STATUS_FAILED;
  troupe_error_t error;
  struct troupe_args args = {0};
  args.given = calloc ((size_t)argc + 1, sizeof *args.given);
  args.operands = calloc ((size_t)argc + 1, sizeof *args.operands);
  if (args.given == NULL || args.operands == NULL) {
    fprintf (stderr, "%s: out of memory\n", program->name);
    goto done;
  }
  switch (option_parse (&args, program, verb, argc, argv, &error)) {
  case OPTION_RUN:
    status = verb->run (&args);
    break;
  case OPTION_HELP:
    option_help_verb (program, verb, stdout);
    status = printed (program);
    break;
  case OPTION_VERSION:
    status = version (program);
    break;
  case OPTION_WRONG:
    status = usage (program, verb, &error);
    break;
  }
done:
  free (args.given);
  free (args.operands);
  return status;
}

// `troupe help`, `troupe help VERB`.
static int
help (const troupe_program_t *program, int argc, char **argv)
{
  const troupe_verb_t *verb = argc > 0 ? option_verb_of_name (program, argv[0]) : NULL;
  bool own = argc > 0 && (strcmp (argv[0], own_verbs[0]) == 0 || strcmp (argv[0], own_verbs[1]) == 0);
  if (argc > 0 && verb == NULL && !own && argv[0][0] != '-')
    return no_such_verb (program, argv[0]);
  if (verb != NULL)
    option_help_verb (program, verb, stdout);
  else
    option_help_program (program, stdout);
  return printed (program);
}

static int
run_program (const troupe_program_t *program, int argc, char **argv)
{
  troupe_error_t error;
  if (argc == 0) {
    option_help_program (program, stderr);
    return troupe_err_exit (TROUPE_BAD_ARGUMENT);
  }
  const char *word = argv[0];
  if (strcmp (word, "help") == 0 || strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)
    return help (program, argc - 1, argv + 1);
  if (strcmp (word, "version") == 0 || strcmp (word, "--version") == 0)
    return version (program);
  if (word[0] == '-') {
    troupe_error_set (&error, TROUPE_BAD_ARGUMENT, word, "options stand after the verb", "no verb before it");
    return usage (program, NULL, &error);
  }
  const troupe_verb_t *verb = option_verb_of_name (program, word);
  return verb != NULL ? run_verb (program, verb, argc - 1, argv + 1) : no_such_verb (program, word);
}

int
troupe_option_main (const troupe_program_t *program, int argc, char **argv)
{
  int words = argc > 0 ? argc - 1 : 0;
  if (program->verbs->name == NULL)
    return run_verb (program, program->verbs, words, argv + 1);
  return run_program (program, words, argv + 1);
}

static const troupe_option_t *
option_of (const troupe_args_t *self, const char *name)
{
  const troupe_option_t *option = self->verb->options;
  while (option != NULL && option->name != NULL && strcmp (option->name, name) != 0)
    option++;
  assert (option != NULL && option->name != NULL); // the program asks for an option that its own table lacks
  return option;
}

const char *
troupe_args_value (const troupe_args_t *self, const char *name)
{
  const char *given = troupe_args_nth (self, name, 0);
  if (given != NULL)
    return given;
  const troupe_option_t *option = option_of (self, name);
  const char *variable = option->variable != NULL ? getenv (option->variable) : NULL;
  return variable != NULL && *variable != '\0' ? variable : option->fallback;
}

bool
troupe_args_flag (const troupe_args_t *self, const char *name)
{
  const troupe_option_t *option = option_of (self, name);
  for (size_t i = 0; i < self->given_count; i++)
    if (self->given[i].option == option)
      return true;
  return false;
}

const char *
troupe_args_nth (const troupe_args_t *self, const char *name, size_t n)
{
  const troupe_option_t *option = option_of (self, name);
  for (size_t i = 0; i < self->given_count; i++)
    if (self->given[i].option == option && n-- == 0)
      return self->given[i].value;
  return NULL;
}

size_t
troupe_args_count (const troupe_args_t *self)
{
  return self->operand_count;
}

const char *
troupe_args_operand (const troupe_args_t *self, size_t n)
{
  return n < self->operand_count ? self->operands[n] : NULL;
}
