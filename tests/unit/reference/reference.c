// SPDX-License-Identifier: Apache-2.0
//
// The reference: its pages are up to date, and each example is right, complete and shown.

#include "generate/reference.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <unistd.h>

static void
enter_sources (void)
{
  cr_assert (eq (int, chdir (TROUPE_SOURCE_DIR), 0));
}

Test (reference, pages_are_up_to_date, .init = enter_sources)
{
  for (const char *const *page = reference_pages; *page != NULL; page++) {
    bool same = false;
    troupe_error_t error;
    troupe_err_t err = reference_compare (*page, &same, &error);
    cr_assert (eq (int, err, TROUPE_OK), "%s: %s", error.object, error.why);
    cr_assert (same, "%s differs from its tables: run `cmake --build BUILD --target reference` and commit", *page);
  }
}

Test (reference, every_example_encodes_and_decodes)
{
  for (size_t i = 0; i < examples_count; i++) {
    uint8_t bytes[TROUPE_HEADER_SIZE_MAX], again[TROUPE_HEADER_SIZE_MAX];
    size_t size = 0;
    troupe_buffer_t *body = NULL;
    troupe_error_t error;
    troupe_header_t header;
    troupe_err_t err = example_encode (&examples[i], bytes, &size, &body, &error);
    cr_assert (eq (int, err, TROUPE_OK), "%s: %s", examples[i].name, error.why);
    err = troupe_header_decode (&header, bytes, size, &error);
    cr_assert (eq (int, err, TROUPE_OK), "%s: %s", examples[i].name, error.why);
    cr_assert (eq (sz, troupe_header_encode (&header, again, sizeof again), size));
    cr_assert (eq (int, memcmp (bytes, again, size), 0), "%s", examples[i].name);
    const char *command = troupe_command_name (header.command);
    cr_assert (eq (int, strncmp (examples[i].name, command, strlen (command)), 0), "%s is a %s", examples[i].name,
               command);
    troupe_buffer_unref (&body);
  }
}

// The body is the value, then the entries that `sizes` measures; of `said`, nothing but those.
static void
expect_bodies (const example_t *example, const troupe_header_t *header, const troupe_buffer_t *body)
{
  const char *at = troupe_buffer_data (body);
  size_t rest = troupe_buffer_size (body), entries = 0;
  for (uint32_t i = 0; i < header->sizes_count; i++)
    entries += header->sizes[i];
  cr_assert (le (sz, entries, rest));
  for (uint32_t i = 0; example->bodies[i] != NULL; i++) {
    bool all = header->command == TROUPE_CMD_SAID;
    size_t size = all ? header->sizes[i] : i == 0 ? rest - entries : header->sizes[i - 1];
    json_t *value = NULL, *expected = json_loads (example->bodies[i], JSON_DECODE_ANY, NULL);
    cr_assert (eq (int, troupe_value_unpack (at, size, &value, NULL), TROUPE_OK), "%s", example->name);
    cr_assert_eq (json_equal (value, expected), 1, "%s", example->name);
    json_decref (value);
    json_decref (expected);
    at += size;
  }
}

Test (reference, every_body_unpacks_to_what_the_page_says)
{
  for (size_t i = 0; i < examples_count; i++) {
    uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
    size_t size = 0;
    troupe_buffer_t *body = NULL;
    troupe_header_t header;
    cr_assert (eq (int, example_encode (&examples[i], bytes, &size, &body, NULL), TROUPE_OK));
    cr_assert (eq (int, troupe_header_decode (&header, bytes, size, NULL), TROUPE_OK));
    expect_bodies (&examples[i], &header, body);
    troupe_buffer_unref (&body);
  }
}

Test (reference, every_command_has_an_example){
#define TROUPE_COMMAND(number, constant, name_of, direction, required, optional, body, meaning)                        \
  {                                                                                                                    \
    bool found = false;                                                                                                \
    for (size_t i = 0; i < examples_count; i++)                                                                        \
      found = found || strcmp (examples[i].name, name_of) == 0;                                                        \
    cr_assert (found, "%s", name_of);                                                                                  \
  }
#include "troupe/protocol.def"
#undef TROUPE_COMMAND
}

Test (reference, every_example_is_on_the_page, .init = enter_sources)
{
  FILE *file = fopen ("docs/reference/protocol.md", "r");
  cr_assert (ne (ptr, file, NULL));
  enum { PAGE_MAX = 1 << 20 };
  char *page = calloc (1, PAGE_MAX);
  cr_assert (gt (sz, fread (page, 1, PAGE_MAX - 1, file), 0));
  fclose (file);
  for (size_t i = 0; i < examples_count; i++) {
    char mark[80];
    snprintf (mark, sizeof mark, "<!-- generated: example %s -->", examples[i].name);
    cr_assert (ne (ptr, strstr (page, mark), NULL), "%s", examples[i].name);
  }
  free (page);
}

// A page in a folder of its own, with the given text.
static troupe_err_t
render (const char *text, char **out)
{
  char folder[] = "/tmp/troupe-reference-XXXXXX", path[64];
  cr_assert (ne (ptr, mkdtemp (folder), NULL));
  snprintf (path, sizeof path, "%s/page.md", folder);
  FILE *file = fopen (path, "w");
  fputs (text, file);
  fclose (file);
  size_t size = 0;
  FILE *rendered = open_memstream (out, &size);
  troupe_error_t error;
  troupe_err_t err = reference_render (path, rendered, &error);
  fclose (rendered);
  unlink (path);
  rmdir (folder);
  return err;
}

Test (reference, what_is_written_by_hand_stays)
{
  char *text = NULL;
  cr_assert (
    eq (int, render ("before\n<!-- generated: example bye -->\nold\n<!-- end -->\nbehind\n", &text), TROUPE_OK));
  cr_assert (eq (int, strncmp (text, "before\n<!-- generated: example bye -->\n", 39), 0), "%s", text);
  cr_assert (ne (ptr, strstr (text, "command 5: bye"), NULL), "%s", text);
  cr_assert (ne (ptr, strstr (text, "<!-- end -->\nbehind\n"), NULL), "%s", text);
  cr_assert (eq (ptr, strstr (text, "old"), NULL), "%s", text);
  free (text);
}

Test (reference, wrong_marks_are_errors)
{
  char *text = NULL;
  cr_assert (eq (int, render ("<!-- generated: gossip -->\n<!-- end -->\n", &text), TROUPE_NOT_FOUND));
  free (text);
  cr_assert (eq (int, render ("<!-- generated: errors -->\nno end\n", &text), TROUPE_BAD_MESSAGE));
  free (text);
  troupe_error_t error;
  cr_assert (eq (int, reference_render ("/nonexistent/page.md", stdout, &error), TROUPE_NOT_FOUND));
}
