// SPDX-License-Identifier: Apache-2.0
//
// jansson's lexer collects a token in a buffer of 16 bytes that doubles whenever it is full, and doesn't look whether
// that succeeded: a string's end is then looked for where it never was, and what is taken back is another byte than
// was put in (an assertion). All its other failures it handles.
//
// So the buffer's next block lies ready before each byte is handed out (`spare`), which is why jansson gets them one
// by one; when there is no memory for it, the text ends there for jansson, and the outcome is thrown away. Which of
// jansson's blocks is the buffer? The first that it asks for; and when it grows, the old block is freed right behind
// the request for one of twice its size. Whatever else happens to be of that size gets the spare block as well, and
// then another one is made ready before the next byte.
//
// A text of n bytes needs at most 2n bytes more than before, for as long as it is read.

#include "error/reading.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *text;
  size_t left;
  void *buffer, *spare; // jansson's, and the block that it grows into
  void *given;          // the spare block that was given last; NULL: none since the buffer grew
  size_t size;          // of the buffer
  bool failed;          // an allocation did
} reading_t;

static _Thread_local reading_t *current; // NULL: nothing is read here by this thread

static void *
allocate (size_t size)
{
  reading_t *self = current;
  void *block;
  if (self != NULL && self->spare != NULL && size == 2 * self->size) {
    block = self->given = self->spare;
    self->spare = NULL;
    return block;
  }
  block = malloc (size);
  if (self == NULL)
    return block;
  self->failed = self->failed || block == NULL;
  if (self->buffer == NULL) {
    self->buffer = block;
    self->size = size;
  }
  return block;
}

static void
release (void *block)
{
  reading_t *self = current;
  if (self != NULL && block != NULL && block == self->buffer && self->given != NULL) {
    self->buffer = self->given;
    self->given = NULL;
    self->size *= 2;
  }
  free (block);
}

__attribute__ ((constructor)) static void
install (void)
{
  json_set_alloc_funcs (allocate, release);
}

// One byte; 0: the end.
static size_t
give (void *out, size_t size, void *context)
{
  reading_t *self = context;
  if (self->left == 0 || size == 0 || self->failed)
    return 0;
  if (self->spare == NULL && (self->spare = malloc (2 * self->size)) == NULL) {
    self->failed = true;
    return 0;
  }
  memcpy (out, self->text++, 1);
  self->left--;
  return 1;
}

json_t *
reading_json (const char *text, size_t size, size_t flags, json_error_t *cause)
{
  reading_t self = {.text = text, .left = size};
  current = &self;
  json_t *value = json_load_callback (give, &self, flags, cause);
  current = NULL;
  free (self.spare);
  if (!self.failed)
    return value;
  json_decref (value);
  if (cause != NULL) {
    *cause = (json_error_t){.line = -1, .column = -1, .text = "out of memory"};
    cause->text[sizeof cause->text - 1] = (char)json_error_out_of_memory;
  }
  return NULL;
}

json_t *
reading_text (const char *text, size_t flags, json_error_t *cause)
{
  return reading_json (text, strlen (text), flags, cause);
}
