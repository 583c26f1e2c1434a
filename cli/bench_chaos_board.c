// SPDX-License-Identifier: Apache-2.0
//
// The board (bench_chaos_board.h). Shared memory of a file: an increment of a worker that is killed in the next
// instruction has been made, no message is needed, and counting costs what is measured next to nothing.
#include "cli/bench_chaos_board.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static troupe_err_t
fail (const char *path, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_IO, path, "is the disk full?", "%s", strerror (errno));
}

static troupe_err_t
map (chaos_board_t *self, int fd, const char *path, troupe_error_t *error)
{
  void *memory = mmap (NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED)
    return fail (path, error);
  self->head = memory;
  self->entries = (chaos_entry_t *)(self->head + 1);
  return TROUPE_OK;
}

static void
find_starts (chaos_board_t *self)
{
  for (unsigned i = 0; i + 1 < self->head->callers; i++)
    self->starts[i + 1] = self->starts[i] + self->head->counts[i];
}

troupe_err_t
chaos_board_make (chaos_board_t *self, const char *path, const uint64_t *counts, unsigned callers,
                  troupe_error_t *error)
{
  uint64_t all = 0;
  *self = (chaos_board_t){0};
  for (unsigned i = 0; i < callers && callers <= CHAOS_CALLERS_MAX; i++)
    all += counts[i];
  if (callers > CHAOS_CALLERS_MAX || all > CHAOS_NUMBERS_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, path, NULL, "too many callers or numbers");
  self->size = sizeof *self->head + all * sizeof *self->entries;
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail (path, error);
  // Allocated, not only of that length: a full disk is an error now, not a SIGBUS in the middle.
  int full = posix_fallocate (fd, 0, (off_t)self->size);
  errno = full;
  troupe_err_t err = full == 0 ? map (self, fd, path, error) : fail (path, error);
  close (fd);
  if (err != TROUPE_OK)
    return err;
  self->head->callers = callers;
  memcpy (self->head->counts, counts, callers * sizeof *counts);
  find_starts (self);
  return TROUPE_OK;
}

troupe_err_t
chaos_board_open (chaos_board_t *self, const char *path, troupe_error_t *error)
{
  struct stat info;
  *self = (chaos_board_t){0};
  int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return fail (path, error);
  troupe_err_t err = fstat (fd, &info) == 0 ? TROUPE_OK : fail (path, error);
  self->size = err == TROUPE_OK ? (size_t)info.st_size : 0;
  if (err == TROUPE_OK && self->size < sizeof *self->head)
    err = troupe_error_set (error, TROUPE_BAD_ARGUMENT, path, NULL, "is no board");
  if (err == TROUPE_OK)
    err = map (self, fd, path, error);
  close (fd);
  if (err == TROUPE_OK)
    find_starts (self);
  return err;
}

void
chaos_board_close (chaos_board_t *self)
{
  if (self->head)
    munmap (self->head, self->size);
  *self = (chaos_board_t){0};
}

chaos_entry_t *
chaos_board_entry (const chaos_board_t *self, uint64_t caller, uint64_t number)
{
  if (caller >= self->head->callers || number == 0 || self->head->counts[caller] == 0)
    return NULL;
  return &self->entries[self->starts[caller] + (number - 1) % self->head->counts[caller]];
}
