// SPDX-License-Identifier: Apache-2.0
//
// Reading replies (reply.h). A file that is too large is refused after the limit, so that nobody waits, or runs out of
// memory, for a file that was named by mistake.
#include "cli/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 64 * 1024 };

static troupe_err_t
read_all (char **out, size_t *size, FILE *file, const char *name, size_t max, troupe_error_t *error)
{
  char *text = NULL;
  size_t used = 0, room = 0;
  for (;;) {
    if (room - used < STEP) {
      room = room ? 2 * room : 2 * (size_t)STEP;
      char *larger = realloc (text, room);
      if (!larger) {
        free (text);
        return troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "out of memory");
      }
      text = larger;
    }
    errno = 0;
    size_t came = fread (text + used, 1, STEP - 1, file);
    used += came;
    if (came == 0 || used > max)
      break;
  }
  text[used] = '\0';
  *out = text;
  *size = used;
  if (used <= max && !ferror (file))
    return TROUPE_OK;
  troupe_err_t code = used > max
                        ? troupe_error_set (error, TROUPE_TOO_LARGE, name, NULL, "larger than %zu bytes", max)
                        : troupe_error_set (error, TROUPE_IO, name, NULL, "can't be read: %s", strerror (errno));
  free (text);
  *out = NULL;
  return code;
}

troupe_err_t
reply_read (char **out, size_t *size, const char *file, size_t max, troupe_error_t *error)
{
  bool input = strcmp (file, "-") == 0;
  const char *name = input ? "standard input" : file;
  FILE *stream = input ? stdin : fopen (file, "r");
  *out = NULL;
  if (!stream)
    return troupe_error_set (error, errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO, file, "check the name",
                             "can't be opened: %s", strerror (errno));
  troupe_err_t code = read_all (out, size, stream, name, max, error);
  if (!input)
    fclose (stream);
  return code;
}
