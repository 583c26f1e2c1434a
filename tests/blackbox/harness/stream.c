// SPDX-License-Identifier: Apache-2.0
//
// An output is kept whole, so that a failing test can show all of it. NUL bytes become spaces: expressions are matched
// on C strings.

#include "blackbox/harness/stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

void
stream_init (stream_t *self, int fd)
{
  *self = (stream_t){ .fd = fd, .capacity = CHUNK, .text = calloc (1, CHUNK) };
  cr_assert_not_null (self->text);
}

void
stream_close (stream_t *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  free (self->text);
  self->text = NULL;
}

void
stream_read (stream_t *self)
{
  if (self->size + CHUNK + 1 > self->capacity) {
    self->capacity = 2 * self->capacity + CHUNK;
    self->text = realloc (self->text, self->capacity);
    cr_assert_not_null (self->text);
  }
  ssize_t count = read (self->fd, self->text + self->size, CHUNK);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (count <= 0) { // a terminal whose other side is gone says EIO
    close (self->fd);
    self->fd = -1;
    return;
  }
  for (ssize_t i = 0; i < count; i++)
    if (!self->text[self->size + (size_t) i])
      self->text[self->size + (size_t) i] = ' ';
  self->size += (size_t) count;
  self->text[self->size] = 0;
}

bool
stream_match (stream_t *self, const char *regex)
{
  regex_t compiled;
  regmatch_t match;
  cr_assert_eq (regcomp (&compiled, regex, REG_EXTENDED | REG_NEWLINE), 0, "bad expression %s", regex);
  bool found = regexec (&compiled, self->text + self->matched, 1, &match, 0) == 0;
  regfree (&compiled);
  if (found)
    self->matched += (size_t) match.rm_eo;
  return found;
}
