// SPDX-License-Identifier: Apache-2.0
//
// Printing (output.h).
#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
output_colour (FILE *file)
{
  const char *no = getenv ("NO_COLOR");
  return isatty (fileno (file)) && !(no && *no);
}

// The bytes of a control character at `text`: C0 and DEL are one, C1 (U+0080 to U+009F) two in UTF-8; 0: none.
static size_t
control_size (const unsigned char *text)
{
  if ((text[0] < 0x20 && text[0] != '\n' && text[0] != '\t') || text[0] == 0x7f)
    return 1;
  return text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f ? 2 : 0;
}

// For a terminal: of the control characters, jansson escapes C0 alone.
static int
put_escaped (const char *buffer, size_t size, void *file)
{
  const unsigned char *text = (const unsigned char *)buffer;
  for (size_t i = 0; i < size;) {
    size_t control = i + 1 < size || text[i] < 0x80 ? control_size (text + i) : 0;
    if (control > 0)
      fprintf (file, "\\u%04x", (unsigned)text[i + control - 1]);
    else
      fputc (text[i], file);
    i += control > 0 ? control : 1;
  }
  return ferror (file) ? -1 : 0;
}

static int
put_plain (const char *buffer, size_t size, void *file)
{
  return fwrite (buffer, 1, size, file) == size ? 0 : -1;
}

static bool
dump (const json_t *value, size_t flags)
{
  json_dump_callback_t put = isatty (STDOUT_FILENO) ? put_escaped : put_plain;
  bool written = json_dump_callback (value, put, stdout, JSON_ENCODE_ANY | flags) == 0;
  return putchar ('\n') != EOF && fflush (stdout) == 0 && written;
}

bool
output_json (const json_t *value)
{
  return dump (value, isatty (STDOUT_FILENO) ? JSON_INDENT (2) : JSON_COMPACT);
}

bool
output_json_line (const json_t *value)
{
  return dump (value, JSON_COMPACT);
}

int
output_error (const troupe_error_t *error)
{
  fprintf (stderr, "troupe: ");
  troupe_error_print (error, stderr);
  return troupe_err_exit (error->code);
}

int
output_end (troupe_err_t err, troupe_error_t *error)
{
  if (err == TROUPE_OK && fflush (stdout) != 0)
    err = troupe_error_set (error, TROUPE_IO, "standard output", NULL, "can't be written");
  return err == TROUPE_OK ? 0 : output_error (error);
}

int
output_finish (int status)
{
  errno = 0;
  bool lost = fflush (stdout) != 0, before = ferror (stdout) != 0;
  if (status != 0 || (!lost && !before))
    return status;
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_IO, "standard output", "is the disk full, or the reader gone?",
                    "can't be written%s%s", errno ? ": " : "", errno ? strerror (errno) : "");
  return output_error (&error);
}

void
output_text (FILE *file, const char *text)
{
  if (!isatty (fileno (file))) {
    fputs (text, file);
    return;
  }
  for (const unsigned char *at = (const unsigned char *)text; *at;) {
    size_t size = control_size (at);
    if (size > 0) {
      if (*at != '\r')
        fputs ("\xef\xbf\xbd", file);
      at += size;
    } else
      fputc (*at++, file);
  }
}
