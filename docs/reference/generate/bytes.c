// SPDX-License-Identifier: Apache-2.0
//
// An example's bytes for people: in hexadecimal, a row for each thing that they say, with what that is beside them.

#include "generate/reference.h"
#include "troupe/run.h"
#include "wire/cursor.h"
#include "wire/protocol.h"

#include <inttypes.h>

enum { ROW_BYTES = 16 };

static void
print_line (const uint8_t *from, size_t count, FILE *out)
{
  for (size_t i = 0; i < count; i++)
    fprintf (out, i == 0 ? "%02x" : " %02x", from[i]);
}

// A row's first line up to its meaning, which the caller prints.
static void
begin_row (const uint8_t *from, const uint8_t *to, FILE *out)
{
  size_t count = to - from < ROW_BYTES ? (size_t)(to - from) : ROW_BYTES;
  print_line (from, count, out);
  fprintf (out, "%*s", (int)(3 * (ROW_BYTES - count)) + 3, "");
}

// The end of its first line, and the lines below.
static void
end_row (const uint8_t *from, const uint8_t *to, FILE *out)
{
  fputc ('\n', out);
  while (to - from > ROW_BYTES) {
    from += ROW_BYTES;
    print_line (from, to - from < ROW_BYTES ? (size_t)(to - from) : ROW_BYTES, out);
    fputc ('\n', out);
  }
}

static void
print_row (const uint8_t *from, const uint8_t *to, const char *meaning, FILE *out)
{
  if (meaning[0] != '\0')
    begin_row (from, to, out);
  else // no spaces before nothing
    print_line (from, to - from < ROW_BYTES ? (size_t)(to - from) : ROW_BYTES, out);
  fputs (meaning, out);
  end_row (from, to, out);
}

// One item that is no container, as it stands in a row's meaning.
static void
print_scalar (const cursor_item_t *item, FILE *out)
{
  if (item->kind == CURSOR_TEXT)
    fprintf (out, "\"%.*s\"", (int)item->size, (const char *)item->data);
  else if (item->kind == CURSOR_UINT)
    fprintf (out, "%" PRIu64, item->number);
  else if (item->kind == CURSOR_BIN && item->size == TROUPE_ID_SIZE) {
    troupe_id_t id;
    char text[TROUPE_ID_TEXT_SIZE];
    memcpy (id.bytes, item->data, sizeof id.bytes);
    troupe_id_to_text (&id, text);
    fputs (text, out);
  }
}

static void
print_item (cursor_t *cursor, FILE *out)
{
  cursor_item_t item;
  if (!cursor_next (cursor, &item))
    return;
  if (item.kind != CURSOR_LIST) {
    print_scalar (&item, out);
    return;
  }
  fputc ('[', out);
  for (uint32_t i = 0; i < item.size; i++) {
    cursor_item_t inner;
    if (!cursor_next (cursor, &inner))
      return;
    fputs (i > 0 ? ", " : "", out);
    print_scalar (&inner, out);
  }
  fputc (']', out);
}

// A row of one item that stands for itself, and its number (or size).
static void
print_start (cursor_t *cursor, const char *what, FILE *out)
{
  cursor_item_t item;
  const uint8_t *from = cursor->at;
  cursor_next (cursor, &item);
  uint64_t number = item.kind == CURSOR_UINT ? item.number : item.size;
  begin_row (from, cursor->at, out);
  fprintf (out, "%s%" PRIu64, what, number);
  if (strcmp (what, "command ") == 0)
    fprintf (out, ": %s", troupe_command_name ((unsigned)number));
  end_row (from, cursor->at, out);
}

// A row of a field's number and its value.
static void
print_field (cursor_t *cursor, FILE *out)
{
  cursor_item_t number;
  const uint8_t *from = cursor->at;
  cursor_next (cursor, &number);
  cursor_t value = *cursor;
  cursor_skip (cursor);
  begin_row (from, cursor->at, out);
  fprintf (out, "%" PRIu64 ", %s: ", number.number, protocol_fields[number.number].name);
  print_item (&value, out);
  end_row (from, cursor->at, out);
}

// The bytes of a header up to a body that may stand behind it.
static cursor_t
print_header (const uint8_t *bytes, size_t size, FILE *out)
{
  cursor_t cursor = cursor_over (bytes, size);
  print_start (&cursor, "array of ", out);
  print_start (&cursor, "version ", out);
  print_start (&cursor, "command ", out);
  cursor_t fields = cursor;
  cursor_item_t map;
  cursor_next (&fields, &map);
  print_start (&cursor, "map of ", out);
  for (uint32_t i = 0; i < map.size; i++)
    print_field (&cursor, out);
  return cursor;
}

static void
print_body (const example_t *example, const void *bytes, size_t size, FILE *out)
{
  cursor_t cursor = cursor_over (bytes, size);
  for (size_t i = 0; example->bodies[i] != NULL; i++) {
    const uint8_t *from = cursor.at;
    cursor_skip (&cursor);
    if (strlen (example->bodies[i]) < 60) {
      print_row (from, cursor.at, example->bodies[i], out);
      continue;
    }
    fprintf (out, "%s\n", example->bodies[i]);
    print_row (from, cursor.at, "", out);
  }
}

void
reference_print_example (const example_t *example, FILE *out)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  size_t size = 0;
  troupe_buffer_t *body = NULL;
  troupe_error_t error;
  if (example_encode (example, bytes, &size, &body, &error) != TROUPE_OK) {
    troupe_error_print (&error, out);
    return;
  }
  fprintf (out, "\n`%s`: %s\n\n```\nheader, %zu bytes\n", example->name, example->what, size);
  print_header (bytes, size, out);
  if (troupe_buffer_size (body) > 0) {
    fprintf (out, "body, %zu bytes\n", troupe_buffer_size (body));
    print_body (example, troupe_buffer_data (body), troupe_buffer_size (body), out);
  } else
    fputs ("body, empty\n", out);
  fputs ("```\n\n", out);
  troupe_buffer_unref (&body);
}

void
reference_print_joined (const example_t *example, FILE *out)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
  size_t size = 0;
  troupe_buffer_t *body = NULL;
  troupe_error_t error;
  if (example_encode (example, bytes, &size, &body, &error) != TROUPE_OK) {
    troupe_error_print (&error, out);
    return;
  }
  size = troupe_header_join (bytes, size, troupe_buffer_data (body), troupe_buffer_size (body));
  fprintf (out, "\n`%s` as one frame: %s\n\n```\n%zu bytes\n", example->name, example->what, size);
  cursor_t cursor = print_header (bytes, size, out);
  cursor_item_t item;
  const uint8_t *from = cursor.at;
  cursor_next (&cursor, &item);
  begin_row (from, item.data, out);
  fprintf (out, "bin of %u bytes, the body:", item.size);
  end_row (from, item.data, out);
  print_body (example, item.data, item.size, out);
  fputs ("```\n\n", out);
  troupe_buffer_unref (&body);
}

// Adds the example as one frame.
static void
add_to_run (troupe_run_t *run, const example_t *example)
{
  uint8_t bytes[TROUPE_FRAME_SIZE_MAX];
  size_t size = 0;
  troupe_buffer_t *body = NULL;
  troupe_error_t error;
  if (example_encode (example, bytes, &size, &body, &error) == TROUPE_OK) {
    size = troupe_header_join (bytes, size, troupe_buffer_data (body), troupe_buffer_size (body));
    troupe_run_add (run, bytes, size);
  }
  troupe_buffer_unref (&body);
}

void
reference_print_run (FILE *out)
{
  static const char *const names[] = {"accepted", "settled"};
  troupe_run_t run;
  troupe_run_begin (&run);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (size_t j = 0; j < examples_count; j++)
      if (strcmp (examples[j].name, names[i]) == 0)
        add_to_run (&run, &examples[j]);
  size_t size;
  const uint8_t *frame = troupe_run_frame (&run, &size);
  fprintf (out, "\nA run of `%s` and `%s`:\n\n```\n%zu bytes\n", names[0], names[1], size);
  cursor_t cursor = cursor_over (frame, size);
  cursor_item_t message;
  for (unsigned i = 0; i < run.count; i++) {
    const uint8_t *from = cursor.at;
    cursor_next (&cursor, &message);
    begin_row (from, message.data, out);
    fprintf (out, "bin of %u bytes, a message:", message.size);
    end_row (from, message.data, out);
    print_row (message.data, cursor.at, names[i], out);
  }
  fputs ("```\n\n", out);
}
