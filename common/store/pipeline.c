// SPDX-License-Identifier: Apache-2.0
//
// The pipeline of one connection. Commands are written in Redis's request form straight into one buffer
// ("*2\r\n$3\r\n GET\r\n$3\r\nkey\r\n"), which one send empties each turn; bytes move only when the buffer must
// grow while its front has been written, so a slow reader costs no quadratic copying.
//
// A buffer that grew for a large body is given back once it is empty.

#include "store/pipeline.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
  BYTES_FIRST = 16 * 1024,      // a hundred commands of a usual turn
  BYTES_KEPT = 4 * 1024 * 1024, // above it an empty buffer is freed: one large body must not hold memory for ever
  WAITERS_FIRST = 256,
  PREFIX_MAX = 32 // "$" or "*", 20 digits, "\r\n"
};

static bool
reserve_bytes (store_pipeline_t *self, size_t size)
{
  if (self->capacity - self->filled >= size)
    return true;
  if (self->written >= self->filled / 2 && self->written > 0) {
    memmove (self->bytes, self->bytes + self->written, self->filled - self->written);
    self->filled -= self->written;
    self->written = 0;
    if (self->capacity - self->filled >= size)
      return true;
  }
  size_t capacity = self->capacity == 0 ? BYTES_FIRST : self->capacity;
  while (capacity - self->filled < size)
    capacity *= 2;
  char *grown = realloc (self->bytes, capacity);
  if (grown == NULL)
    return false;
  self->bytes = grown;
  self->capacity = capacity;
  return true;
}

static bool
reserve_waiter (store_pipeline_t *self)
{
  if (self->count < self->slots)
    return true;
  size_t slots = self->slots == 0 ? WAITERS_FIRST : self->slots * 2;
  store_waiter_t *grown = malloc (slots * sizeof *grown);
  if (grown == NULL)
    return false;
  for (size_t i = 0; i < self->count; i++)
    grown[i] = self->waiters[(self->first + i) & (self->slots - 1)];
  free (self->waiters);
  self->waiters = grown;
  self->slots = slots;
  self->first = 0;
  return true;
}

// By hand: a command has some twenty of them, and snprintf took a sixth of a broker's time.
static void
put_prefix (store_pipeline_t *self, char kind, size_t number)
{
  char digits[PREFIX_MAX], *first = digits + sizeof digits - 2;
  memcpy (first, "\r\n", 2);
  do {
    *--first = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  *--first = kind;
  size_t size = (size_t)(digits + sizeof digits - first);
  memcpy (self->bytes + self->filled, first, size);
  self->filled += size;
}

static void
put_argument (store_pipeline_t *self, const char *data, size_t size)
{
  put_prefix (self, '$', size);
  if (size > 0)
    memcpy (self->bytes + self->filled, data, size);
  self->filled += size;
  memcpy (self->bytes + self->filled, "\r\n", 2);
  self->filled += 2;
}

troupe_err_t
store_pipeline_push (store_pipeline_t *self, int argc, const char *const *argv, const size_t *sizes,
                     store_waiter_t waiter)
{
  size_t size = PREFIX_MAX + (size_t)argc * (PREFIX_MAX + 2);
  for (int i = 0; i < argc; i++) {
    size_t argument = sizes != NULL ? sizes[i] : strlen (argv[i]);
    if (argument > TROUPE_STORE_BYTES_MAX)
      return TROUPE_OVERLOADED;
    size += argument;
  }
  if (self->count >= TROUPE_STORE_COMMANDS_MAX || self->filled - self->written + size > TROUPE_STORE_BYTES_MAX)
    return TROUPE_OVERLOADED;
  if (!reserve_bytes (self, size) || !reserve_waiter (self))
    return TROUPE_NO_MEMORY;
  put_prefix (self, '*', (size_t)argc);
  for (int i = 0; i < argc; i++)
    put_argument (self, argv[i], sizes != NULL ? sizes[i] : strlen (argv[i]));
  self->waiters[(self->first + self->count++) & (self->slots - 1)] = waiter;
  return TROUPE_OK;
}

bool
store_pipeline_pop (store_pipeline_t *self, store_waiter_t *out)
{
  if (self->count == 0)
    return false;
  *out = self->waiters[self->first];
  self->first = (self->first + 1) & (self->slots - 1);
  self->count--;
  return true;
}

bool
store_pipeline_write (store_pipeline_t *self, int fd)
{
  while (self->written < self->filled) {
    ssize_t size = send (fd, self->bytes + self->written, self->filled - self->written, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK;
    self->written += (size_t)size;
  }
  store_pipeline_forget (self);
  return true;
}

bool
store_pipeline_written (const store_pipeline_t *self)
{
  return self->written == self->filled;
}

void
store_pipeline_forget (store_pipeline_t *self)
{
  self->written = self->filled = 0;
  if (self->capacity > BYTES_KEPT) {
    free (self->bytes);
    self->bytes = NULL;
    self->capacity = 0;
  }
}

void
store_pipeline_clear (store_pipeline_t *self)
{
  free (self->bytes);
  free (self->waiters);
  memset (self, 0, sizeof *self);
}
