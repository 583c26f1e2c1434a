// SPDX-License-Identifier: Apache-2.0
//
// Where the user's lines come from: a terminal with line editing and history (libedit), or any other standard input.
// Lines are given one at a time, each only when it was asked for, so that a file of lines is a conversation too.
//
//   terminal_open (&terminal, loop, history, on_line, self, &error);
//   terminal_ask (terminal, "you> ");          // on_line (self, "Hello!") follows, or (self, NULL) at the end of input
//
// Thread rule: the loop's thread.
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "troupe/loop.h"

enum {
  TERMINAL_LINE_MAX = 32 * 1024 * 1024, // twice the largest message: what is longer can't be said anyway
  TERMINAL_HISTORY_MAX = 1000
};

typedef struct terminal terminal_t;

// The line is borrowed, without its line feed; NULL: end of input. `error`: it isn't a line (too long, or with a NUL in
// it), which has been skipped, or can't be read.
typedef void (terminal_line_fn) (void *context, const char *line, const troupe_error_t *error);

// `history` is a file (NULL: none). no_memory.
troupe_err_t terminal_open (terminal_t **out, troupe_loop_t *loop, const char *history, terminal_line_fn *line,
                            void *context, troupe_error_t *error);
// Gives the terminal back as it was.
void terminal_close (terminal_t **self_p);
// Whether a person types.
bool terminal_interactive (const terminal_t *self);

// Asks for the next line. Asking again only changes the prompt.
void terminal_ask (terminal_t *self, const char *prompt);
// No line is wanted any more; what was typed is forgotten.
void terminal_dismiss (terminal_t *self);
// Ctrl-C at the prompt: forgets what was typed. False: nothing was.
bool terminal_discard (terminal_t *self);

// Around printing while a line may be being typed: takes the prompt away, and shows it again with what was typed.
void terminal_print_begin (terminal_t *self);
void terminal_print_end (terminal_t *self);

#endif
