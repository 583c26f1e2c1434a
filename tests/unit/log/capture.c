// SPDX-License-Identifier: Apache-2.0
//
// Replaces the descriptor, since that is what the log writes to. The terminal's own reading side is drained at the end;
// a test writes less to it than it buffers (4 KiB).

#include "capture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/mman.h>
#include <unistd.h>

static int saved = -1;
static int file = -1;
static bool terminal;
static char text[CAPTURE_SIZE];

static void
replace (int with)
{
  saved = dup (STDERR_FILENO);
  cr_assert (saved >= 0 && dup2 (with, STDERR_FILENO) >= 0);
}

void
capture_begin (void)
{
  terminal = false;
  file = memfd_create ("capture", MFD_CLOEXEC);
  cr_assert (file >= 0);
  replace (file);
}

void
capture_begin_terminal (void)
{
  int inner;
  terminal = true;
  cr_assert_eq (openpty (&file, &inner, NULL, NULL, NULL), 0);
  cr_assert (fcntl (file, F_SETFL, O_NONBLOCK) == 0);
  replace (inner);
  close (inner);
}

const char *
capture_end (void)
{
  size_t size = 0;
  ssize_t got;
  if (!terminal)
    lseek (file, 0, SEEK_SET);
  while (size < sizeof text - 1 && (got = read (file, text + size, sizeof text - 1 - size)) > 0)
    size += (size_t)got;
  text[size] = '\0';
  cr_assert (dup2 (saved, STDERR_FILENO) >= 0);
  close (saved);
  close (file);
  return text;
}
