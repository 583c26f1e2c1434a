// SPDX-License-Identifier: Apache-2.0
//
// The file's bytes. They are checked here, before YAML: libyaml would guess an encoding and tells only an offset for
// what it doesn't take. Reading is by descriptor up to the limit, so a pipe or a file that grows is as good as any.

#include "config/source.h"
#include "error/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024 }; // most configurations are smaller

static troupe_err_t
fault_of (int number, config_fault_t *fault)
{
  if (number == ENOMEM) {
    config_fault (fault, NULL, "out of memory");
    return TROUPE_NO_MEMORY;
  }
  bool missing = number == ENOENT || number == ENOTDIR;
  if (missing)
    config_fault (fault, "check the path", "there is no such file");
  else
    config_fault (fault, "check the path, and who may read it", "can't be read: %s", strerror (number));
  return missing ? TROUPE_NOT_FOUND : TROUPE_IO;
}

// Reads up to `limit` + 1 bytes, so that one too many is seen; 0 or an errno.
static int
read_all (int file, char **out, size_t *size, size_t limit)
{
  size_t capacity = 0;
  *out = NULL;
  *size = 0;
  while (*size <= limit) {
    if (*size + 1 >= capacity) {
      capacity = capacity == 0 ? CHUNK : 2 * capacity;
      char *larger = realloc (*out, capacity);
      if (larger == NULL)
        return ENOMEM;
      *out = larger;
    }
    ssize_t got = read (file, *out + *size, capacity - *size - 1);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno;
    *size += (size_t)got;
    (*out)[*size] = '\0';
    if (got == 0)
      break;
  }
  return 0;
}

troupe_err_t
config_source_read (char **out, size_t *size, const char *path, size_t limit, config_fault_t *fault)
{
  *out = NULL;
  int file = open (path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return fault_of (errno, fault);
  int number = read_all (file, out, size, limit);
  close (file);
  troupe_err_t code = number != 0 ? fault_of (number, fault) : TROUPE_OK;
  if (code == TROUPE_OK && *size > limit) {
    config_fault (fault, NULL, "larger than %zu KiB", limit / 1024);
    code = TROUPE_TOO_LARGE;
  }
  if (code != TROUPE_OK) {
    free (*out);
    *out = NULL;
  }
  return code;
}

// What is wrong with the character of `step` bytes (0: none) at `at`; NULL: nothing.
static const char *
wrong_with (const unsigned char *at, size_t step)
{
  if (step == 0)
    return "a byte that isn't UTF-8";
  if (at[0] == 0)
    return "a NUL";
  bool control = at[0] < 0x20 || at[0] == 0x7F || (step == 2 && at[0] == 0xC2 && at[1] < 0xA0 && at[1] != 0x85);
  return control && memchr ("\t\n\r", at[0], 3) == NULL ? "a control character" : NULL;
}

bool
config_source_check (const char *text, size_t size, config_report_t *report)
{
  config_mark_t mark = {1, 1};
  for (size_t i = 0; i < size;) {
    const unsigned char *at = (const unsigned char *)text + i;
    size_t step = utf8_size (at, size - i);
    const char *what = wrong_with (at, step);
    if (what != NULL) {
      config_report_add (report, mark, NULL, "the file must be text in UTF-8", "%s (0x%02x)", what, at[0]);
      return false;
    }
    mark = *at == '\n' ? (config_mark_t){mark.line + 1, 1} : (config_mark_t){mark.line, mark.column + 1};
    i += step;
  }
  return true;
}
