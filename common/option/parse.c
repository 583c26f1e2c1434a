// SPDX-License-Identifier: Apache-2.0
//
// The words of a command line against a verb's table. Parsing stops at the first thing that is wrong, since what
// follows depends on it. Nothing is guessed: no abbreviated options, no option twice, and an option's value is never
// taken from a word that is itself an option of the table ("--file --name x" lacks the file).

#include "option/option.h"

#include <string.h>

enum { NAMES_MAX = 64 }; // for did-you-mean; no table is near that, and what is beyond is just not suggested

typedef struct {
  struct troupe_args *args;
  const troupe_program_t *program;
  const troupe_verb_t *verb;
  int argc, at; // `at` is the next word
  char **argv;
  troupe_error_t *error;
} parser_t;

static const troupe_option_t *
find (const troupe_option_t *options, const char *name, size_t size, char letter)
{
  for (; options != NULL && options->name != NULL; options++) {
    bool long_match = name != NULL && strlen (options->name) == size && memcmp (options->name, name, size) == 0;
    bool short_match = name == NULL && letter != 0 && options->letter == letter;
    if (long_match || short_match)
      return options;
  }
  return NULL;
}

static const troupe_option_t *
known (const parser_t *self, const char *name, size_t size, char letter)
{
  const troupe_option_t *own = find (self->verb->options, name, size, letter);
  return own != NULL ? own : find (option_everywhere, name, size, letter);
}

static const char *
near_option (const parser_t *self, const char *name)
{
  const char *names[NAMES_MAX + 1];
  size_t count = 0;
  for (const troupe_option_t *o = self->verb->options; o != NULL && o->name != NULL && count < NAMES_MAX; o++)
    names[count++] = o->name;
  for (const troupe_option_t *o = option_everywhere; o->name != NULL && count < NAMES_MAX; o++)
    names[count++] = o->name;
  names[count] = NULL;
  return troupe_did_you_mean (name, names);
}

static option_outcome_t
wrong (parser_t *self, const char *next, const char *object, const char *why)
{
  troupe_error_set (self->error, TROUPE_BAD_ARGUMENT, object, next, "%s", why);
  return OPTION_WRONG;
}

static option_outcome_t
unknown (parser_t *self, const char *word, const char *name)
{
  const char *near = near_option (self, name);
  char next[TROUPE_ERROR_NEXT_MAX] = "write -- before an operand that begins with a dash";
  if (near != NULL)
    snprintf (next, sizeof next, "did you mean --%s?", near);
  return wrong (self, next, word, "no such option");
}

// Whether a word that stands where a value is expected is an option of the table.
static bool
is_option (const parser_t *self, const char *word)
{
  if (word[0] != '-' || word[1] == '\0')
    return false;
  if (word[1] != '-')
    return word[2] == '\0' && known (self, NULL, 0, word[1]) != NULL;
  return known (self, word + 2, strcspn (word + 2, "="), 0) != NULL;
}

static option_outcome_t
take (parser_t *self, const troupe_option_t *option, const char *value)
{
  struct troupe_args *args = self->args;
  if (option == &option_everywhere[0])
    return OPTION_HELP;
  if (option == &option_everywhere[1])
    return OPTION_VERSION;
  char object[TROUPE_ERROR_OBJECT_MAX];
  snprintf (object, sizeof object, "--%s", option->name);
  for (size_t i = 0; i < args->given_count && option->value != NULL && !option->repeats; i++)
    if (args->given[i].option == option)
      return wrong (self, "give it once", object, "given twice");
  args->given[args->given_count++] = (option_given_t){option, value};
  return OPTION_RUN;
}

// The value that is the next word.
static option_outcome_t
take_next (parser_t *self, const troupe_option_t *option)
{
  char object[TROUPE_ERROR_OBJECT_MAX], next[TROUPE_ERROR_NEXT_MAX];
  snprintf (object, sizeof object, "--%s", option->name);
  snprintf (next, sizeof next, "write --%s=%s", option->name, option->value);
  if (self->at == self->argc)
    return wrong (self, next, object, "its value is missing");
  if (is_option (self, self->argv[self->at]))
    return wrong (self, next, object, "its value is missing: another option follows");
  return take (self, option, self->argv[self->at++]);
}

static option_outcome_t
parse_long (parser_t *self, const char *word)
{
  const char *name = word + 2;
  size_t size = strcspn (name, "=");
  const troupe_option_t *option = known (self, name, size, 0);
  char object[TROUPE_ERROR_OBJECT_MAX];
  snprintf (object, sizeof object, "--%.*s", (int)(size < sizeof object ? size : sizeof object), name);
  if (option == NULL)
    return unknown (self, object, object + 2);
  if (option->value == NULL)
    return name[size] == '\0' ? take (self, option, NULL)
                              : wrong (self, "it is a switch: give its name alone", object, "takes no value");
  return name[size] == '=' ? take (self, option, name + size + 1) : take_next (self, option);
}

// "-f value", "-fvalue", and switches together: "-ab".
static option_outcome_t
parse_short (parser_t *self, const char *word)
{
  for (const char *letter = word + 1; *letter != '\0'; letter++) {
    const troupe_option_t *option = known (self, NULL, 0, *letter);
    if (option == NULL)
      return unknown (self, word, letter);
    if (option->value != NULL)
      return letter[1] != '\0' ? take (self, option, letter + 1) : take_next (self, option);
    option_outcome_t outcome = take (self, option, NULL);
    if (outcome != OPTION_RUN)
      return outcome;
  }
  return OPTION_RUN;
}

static option_outcome_t
check_operands (parser_t *self)
{
  const struct troupe_args *args = self->args;
  const troupe_verb_t *verb = self->verb;
  const char *operands = verb->operands != NULL ? verb->operands : "";
  char why[TROUPE_ERROR_WHY_MAX];
  if (args->operand_count < (size_t)(verb->operands_min > 0 ? verb->operands_min : 0)) {
    snprintf (why, sizeof why, "too few operands: it takes %s", operands);
    return wrong (self, NULL, NULL, why);
  }
  if (verb->operands_max >= 0 && args->operand_count > (size_t)verb->operands_max) {
    snprintf (why, sizeof why, "one operand too many: it takes %s", *operands != '\0' ? operands : "none");
    return wrong (self, NULL, args->operands[verb->operands_max], why);
  }
  return OPTION_RUN;
}

option_outcome_t
option_parse (struct troupe_args *args, const troupe_program_t *program, const troupe_verb_t *verb, int argc,
              char **argv, troupe_error_t *error)
{
  parser_t self = {args, program, verb, argc, 0, argv, error};
  bool options = true;
  args->verb = verb;
  while (self.at < argc) {
    const char *word = argv[self.at++];
    option_outcome_t outcome = OPTION_RUN;
    if (!options || word[0] != '-' || word[1] == '\0')
      args->operands[args->operand_count++] = word;
    else if (strcmp (word, "--") == 0)
      options = false;
    else
      outcome = word[1] == '-' ? parse_long (&self, word) : parse_short (&self, word);
    if (outcome != OPTION_RUN)
      return outcome;
  }
  return check_operands (&self);
}
