// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: what a command line was parsed into, and the texts of the help.
#ifndef TROUPE_OPTION_INTERNAL_H
#define TROUPE_OPTION_INTERNAL_H

#include "troupe/option.h"

typedef struct {
  const troupe_option_t *option;
  const char *value; // NULL for a flag
} option_given_t;

struct troupe_args {
  const troupe_verb_t *verb;
  option_given_t *given; // in the order of the command line
  size_t given_count;
  const char **operands;
  size_t operand_count;
};

typedef enum { OPTION_RUN, OPTION_HELP, OPTION_VERSION, OPTION_WRONG } option_outcome_t;

// The options that every program and verb understands, after its own; ends with a NULL name.
extern const troupe_option_t option_everywhere[];

// Parses what follows the verb (`argc` words at `argv`) into `args`, whose arrays have room for `argc` entries each.
// OPTION_WRONG: the reason is in `error`.
option_outcome_t option_parse (struct troupe_args *args, const troupe_program_t *program, const troupe_verb_t *verb,
                               int argc, char **argv, troupe_error_t *error);

// The verb of a name; NULL when there is none.
const troupe_verb_t *option_verb_of_name (const troupe_program_t *program, const char *name);
// Its nearest name, "help" and "version" included.
const char *option_verb_near (const troupe_program_t *program, const char *name);

void option_help_program (const troupe_program_t *program, FILE *file);
void option_help_verb (const troupe_program_t *program, const troupe_verb_t *verb, FILE *file);

#endif
