// SPDX-License-Identifier: Apache-2.0
//
// The standard streams are replaced by memory files while the program runs: what is written through stdio and what is
// written to the descriptors are both seen.

#include "shell.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int
divert (FILE *stream, int *saved)
{
  int file = memfd_create ("shell", MFD_CLOEXEC);
  cr_assert (file >= 0);
  fflush (stream);
  *saved = dup (fileno (stream));
  cr_assert (*saved >= 0 && dup2 (file, fileno (stream)) >= 0);
  return file;
}

static void
restore (FILE *stream, int saved, int file, char text[SHELL_TEXT_SIZE])
{
  fflush (stream);
  cr_assert (dup2 (saved, fileno (stream)) >= 0);
  close (saved);
  ssize_t size = pread (file, text, SHELL_TEXT_SIZE - 1, 0);
  cr_assert (size >= 0);
  text[size] = '\0';
  close (file);
}

void
shell_run (shell_t *self, const troupe_program_t *program, const char *line)
{
  char copy[1024], *words[SHELL_WORDS_MAX + 1], *rest = copy;
  int count = 0, saved_out, saved_err;
  snprintf (copy, sizeof copy, "%s", line);
  for (char *word; (word = strsep (&rest, " ")) != NULL && count < SHELL_WORDS_MAX;)
    words[count++] = strcmp (word, "''") == 0 ? (word[0] = '\0', word) : word;
  words[count] = NULL;
  int out = divert (stdout, &saved_out);
  int err = divert (stderr, &saved_err);
  self->status = troupe_option_main (program, count, words);
  restore (stdout, saved_out, out, self->out);
  restore (stderr, saved_err, err, self->err);
}
