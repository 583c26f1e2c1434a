// SPDX-License-Identifier: Apache-2.0
//
// The linker sends each call of an allocating function of the objects that it links (not those of shared libraries) to
// its __wrap_ twin here. With TROUPE_SCARCITY in the environment, where an allocation fails is shown on standard error.

#include "sim/scarcity.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 24 };

static bool inside, failed;
static unsigned countdown;

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *memory, size_t size);
char *__wrap_strdup (const char *text);
char *__wrap_strndup (const char *text, size_t size);
void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *memory, size_t size);
char *__real_strdup (const char *text);
char *__real_strndup (const char *text, size_t size);

void
scarcity_fail (unsigned nth)
{
  countdown = nth;
  failed = false;
}

bool
scarcity_failed (void)
{
  return failed;
}

void
scarcity_enter (void)
{
  inside = true;
}

void
scarcity_leave (void)
{
  inside = false;
}

bool
scarcity_inside (void)
{
  return inside;
}

bool
scarcity_strikes (void)
{
  if (!inside || countdown == 0 || --countdown > 0)
    return false;
  failed = true;
  if (getenv ("TROUPE_SCARCITY")) {
    void *frames[FRAMES];
    backtrace_symbols_fd (frames, backtrace (frames, FRAMES), 2);
    fputc ('\n', stderr);
  }
  return true;
}

void *
__wrap_malloc (size_t size)
{
  return scarcity_strikes () ? NULL : __real_malloc (size);
}

void *
__wrap_calloc (size_t count, size_t size)
{
  return scarcity_strikes () ? NULL : __real_calloc (count, size);
}

void *
__wrap_realloc (void *memory, size_t size)
{
  return scarcity_strikes () ? NULL : __real_realloc (memory, size);
}

char *
__wrap_strdup (const char *text)
{
  return scarcity_strikes () ? NULL : __real_strdup (text);
}

char *
__wrap_strndup (const char *text, size_t size)
{
  return scarcity_strikes () ? NULL : __real_strndup (text, size);
}
