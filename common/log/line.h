// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: one line of the log while it is composed, in memory of a fixed size.
#ifndef TROUPE_LOG_LINE_H
#define TROUPE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum {
  LOG_VALUE_MAX = 8 * 1024, // bytes of one value that are shown: a page or two of text
  LOG_LINE_MAX = 64 * 1024, // the longest value survives even if each of its bytes takes six ("\u001b")
  LOG_LINE_TAIL = 64        // of those, kept free for the mark that says that something is missing
};

typedef struct {
  char bytes[LOG_LINE_MAX];
  size_t size;
  bool full; // something did not fit and was left out
} log_line_t;

typedef enum {
  LOG_JSON,   // inside a JSON string
  LOG_PLAIN,  // on one line, for people
  LOG_QUOTED, // the same inside quotes
  LOG_BLOCK   // line feeds stay, each followed by an indentation, so that no text can look like a line of its own
} log_escape_t;

// Appends; what doesn't fit sets `full` and leaves the line as it was.
void log_line_put (log_line_t *self, const char *bytes, size_t size);
void log_line_puts (log_line_t *self, const char *text);
// Appends where the tail's room may be used too.
void log_line_end (log_line_t *self, const char *text);
// Appends a text of any origin: escaped, secrets replaced, cut after LOG_VALUE_MAX bytes with a mark.
void log_line_text (log_line_t *self, const char *text, log_escape_t escape);
// The same for the name of a member, which is shown also when all texts are hidden.
void log_line_name (log_line_t *self, const char *text, log_escape_t escape);

#endif
