// SPDX-License-Identifier: Apache-2.0
//
// Runs a program's command line inside the test, with what it prints kept.
#ifndef TROUPE_TESTS_OPTION_SHELL_H
#define TROUPE_TESTS_OPTION_SHELL_H

#include "troupe/option.h"

enum { SHELL_TEXT_SIZE = 16 * 1024, SHELL_WORDS_MAX = 32 };

typedef struct {
  int status;
  char out[SHELL_TEXT_SIZE];
  char err[SHELL_TEXT_SIZE];
} shell_t;

// `line` is split at single blanks; "''" is an empty word. The first word is the program's own name.
void shell_run (shell_t *self, const troupe_program_t *program, const char *line);

#endif
