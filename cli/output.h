// SPDX-License-Identifier: Apache-2.0
//
// How the command line prints: data on standard output, messages on standard error, colours only on a terminal and not
// when NO_COLOR is set (no-color.org).
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "troupe/error.h"

// SGR sequences (ECMA-48 section 8.3.117), printed only when output_colour says so.
#define OUTPUT_PLAIN "\033[0m"
#define OUTPUT_BOLD "\033[1m"
#define OUTPUT_DIM "\033[2m"
#define OUTPUT_RED "\033[31m"
#define OUTPUT_GREEN "\033[32m"

// Whether colours belong on `file`.
bool output_colour (FILE *file);
// JSON on standard output: laid out on a terminal, else in one line. False: it couldn't be written.
bool output_json (const json_t *value);
// JSON in one line, flushed.
bool output_json_line (const json_t *value);
// An error on standard error, as "troupe: object: code: why (next)". Returns its exit status.
int output_error (const troupe_error_t *error);
// The end of a verb that printed: what it printed leaves, and its error is shown unless `err` is TROUPE_OK. Returns its
// exit status.
int output_end (troupe_err_t err, troupe_error_t *error);
// The end of every verb: what was printed leaves. 0 becomes 1, with a message, when some of it couldn't be written, so
// that nobody takes half of an output for all of it.
int output_finish (int status);
// Text that somebody else wrote: control characters but line feed and tab are shown as U+FFFD when `file` is a
// terminal, so that no model commands the user's terminal.
void output_text (FILE *file, const char *text);

#endif
