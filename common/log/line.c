// SPDX-License-Identifier: Apache-2.0
//
// Escaping. A log line may quote anything: a peer's name, a model's reply. Whatever it holds, the line stays one line
// of valid UTF-8 that neither steers the terminal (controls, C1 controls, bidirectional overrides) nor looks like two.
// Secrets are looked for in the text as it was given, before escaping and cutting, so neither can hide one from the
// search or let half of one through.

#include "log/line.h"
#include "error/utf8.h"
#include "log/secret.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPE_SIZE = 16 };

static const char hidden[] = "***";
static const char block_indent[] = "\n             "; // below the program's name

static void
append (log_line_t *self, const char *bytes, size_t size, size_t room)
{
  if (size > room - self->size) {
    self->full = true;
    return;
  }
  memcpy (self->bytes + self->size, bytes, size);
  self->size += size;
}

void
log_line_put (log_line_t *self, const char *bytes, size_t size)
{
  append (self, bytes, size, LOG_LINE_MAX - LOG_LINE_TAIL);
}

void
log_line_puts (log_line_t *self, const char *text)
{
  log_line_put (self, text, strlen (text));
}

void
log_line_end (log_line_t *self, const char *text)
{
  append (self, text, strlen (text), LOG_LINE_MAX);
}

static uint32_t
code_point (const char *bytes, size_t size)
{
  const unsigned char *at = (const unsigned char *)bytes;
  static const unsigned char lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t code = at[0] & lead[size];
  for (size_t i = 1; i < size; i++)
    code = code << 6 | (at[i] & 0x3F);
  return code;
}

// What moves the cursor, breaks the line or reorders what people read.
static bool
steers (uint32_t code)
{
  bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  bool separator = code == 0x2028 || code == 0x2029;
  bool bidirectional = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || separator || bidirectional;
}

// The escape of a character, as JSON has it; empty when it stays as it is.
static void
escape_of (char out[ESCAPE_SIZE], uint32_t code, log_escape_t escape)
{
  static const char *const named = "\n\r\t";
  static const char letters[] = "nrt";
  bool quoted = escape == LOG_JSON || escape == LOG_QUOTED;
  out[0] = '\0';
  if (quoted && (code == '"' || code == '\\'))
    snprintf (out, ESCAPE_SIZE, "\\%c", (int)code);
  else if (code != 0 && code < 0x20 && strchr (named, (int)code) != NULL)
    snprintf (out, ESCAPE_SIZE, "\\%c", letters[strchr (named, (int)code) - named]);
  else if (steers (code))
    snprintf (out, ESCAPE_SIZE, "\\u%04x", (unsigned)code);
}

// One character, or one byte that is none; returns how many bytes of the text it took.
static size_t
put_character (log_line_t *self, const char *text, size_t size, log_escape_t escape)
{
  char out[ESCAPE_SIZE];
  size_t step = utf8_size (text, size);
  if (step == 0) {
    snprintf (out, sizeof out, escape == LOG_JSON ? "\\ufffd" : "\\x%02x", (unsigned)(unsigned char)*text);
    log_line_puts (self, out);
    return 1;
  }
  escape_of (out, code_point (text, step), escape);
  if (escape == LOG_BLOCK && *text == '\n')
    log_line_puts (self, block_indent);
  else if (out[0] != '\0')
    log_line_puts (self, out);
  else
    log_line_put (self, text, step);
  return step;
}

void
log_line_text (log_line_t *self, const char *text, log_escape_t escape)
{
  if (log_secret_hides_all ())
    log_line_puts (self, hidden);
  else
    log_line_name (self, text, escape);
}

void
log_line_name (log_line_t *self, const char *text, log_escape_t escape)
{
  size_t size = strlen (text);
  for (size_t i = 0; i < size && !self->full;) {
    size_t secret = log_secret_at (text + i, size - i);
    if (secret > 0) {
      log_line_puts (self, hidden);
      i += secret;
      continue;
    }
    if (i >= LOG_VALUE_MAX) {
      char mark[64];
      snprintf (mark, sizeof mark, "...[%zu bytes more]", size - i);
      log_line_puts (self, mark);
      return;
    }
    i += put_character (self, text + i, size - i, escape);
  }
}
