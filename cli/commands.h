// SPDX-License-Identifier: Apache-2.0
//
// The one table of `troupe`'s verbs and options: it makes the parsing, the help and docs/reference/cli.md.
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "troupe/option.h"

extern const troupe_program_t commands;

// The table as the reference page, in Markdown.
void commands_print_reference (FILE *file);

#endif
