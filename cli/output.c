// SPDX-License-Identifier: Apache-2.0
//
// Printing (output.h).
#include "cli/output.h"

#include <stdlib.h>
#include <unistd.h>

bool
output_colour (FILE *file)
{
  const char *no = getenv ("NO_COLOR");
  return isatty (fileno (file)) && !(no && *no);
}

static bool
dump (const json_t *value, size_t flags)
{
  bool written = json_dumpf (value, stdout, JSON_ENCODE_ANY | flags) == 0;
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

// The bytes of a control character at `text`: C0 and DEL are one, C1 (U+0080 to U+009F) two in UTF-8; 0: none.
static size_t
control_size (const unsigned char *text)
{
  if ((text[0] < 0x20 && text[0] != '\n' && text[0] != '\t') || text[0] == 0x7f)
    return 1;
  return text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f ? 2 : 0;
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
