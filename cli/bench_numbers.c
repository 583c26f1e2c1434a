// SPDX-License-Identifier: Apache-2.0
//
// Numbered messages (bench_numbers.h). The times of arrival are kept only where they are asked for: then few messages
// are said, so that what a hearer tells fits into a line.
#include "cli/bench_numbers.h"

#include "cli/bench_role.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { DIGITS = 20, FIRST_SIZE = DIGITS + 1 };

static const char form[] = "%020" PRIu64 " %020" PRId64 " ";

int64_t
bench_numbers_now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void
bench_numbers_write (char text[BENCH_BODY + 1], uint64_t number)
{
  memset (text, 'x', BENCH_BODY);
  text[BENCH_BODY] = '\0';
  int size = snprintf (text, BENCH_BODY, form, number, bench_numbers_now ());
  text[size] = 'x';
}

troupe_err_t
bench_numbers_init (bench_numbers_t *self, const json_t *parameters, troupe_error_t *error)
{
  json_int_t count = json_integer_value (json_object_get (parameters, "count"));
  *self = (bench_numbers_t){.count = (uint64_t)count, .next = 1};
  if (count < 1)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "count", NULL, "the role needs this number");
  if (json_is_true (json_object_get (parameters, "waits")) && !(self->waits = json_array ()))
    return troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  return TROUPE_OK;
}

void
bench_numbers_free (bench_numbers_t *self)
{
  json_decref (self->waits);
  self->waits = NULL;
}

static void
say (json_t *line)
{
  if (line)
    json_dumpf (line, stdout, JSON_COMPACT);
  putchar ('\n');
  fflush (stdout);
  json_decref (line);
}

void
bench_numbers_tell (int64_t start, int64_t last)
{
  say (json_pack ("{s:I, s:I}", "start", (json_int_t)start, "last", (json_int_t)last));
}

// By hand: sscanf took a tenth of a hearer's time, and each of 50 hearers reads every message.
static bool
read_digits (const char *text, uint64_t *out)
{
  uint64_t number = 0;
  for (int i = 0; i < DIGITS; i++) {
    if (text[i] < '0' || text[i] > '9')
      return false;
    number = number * 10 + (uint64_t)(text[i] - '0');
  }
  *out = number;
  return true;
}

void
bench_numbers_take (bench_numbers_t *self, const char *text, size_t size)
{
  uint64_t number = 0, said = 0;
  bool read = size == BENCH_BODY && read_digits (text, &number) && read_digits (text + FIRST_SIZE, &said);
  int64_t now = self->waits || number == self->count ? bench_numbers_now () : 0;
  if (read && number == 0) {
    if (!self->connected)
      bench_role_ready ();
    self->connected = true;
    return;
  }
  self->received++;
  self->wrong += !read || number != self->next;
  if (!read)
    return;
  self->next = number + 1;
  if (self->waits)
    json_array_append_new (self->waits, json_integer ((now - (int64_t)said) / 1000));
  if (number != self->count)
    return;
  self->last = now;
  say (json_pack ("{s:I, s:I, s:I, s:O*}", "received", (json_int_t)self->received, "wrong", (json_int_t)self->wrong,
                  "last", (json_int_t)self->last, "waits", self->waits));
}
