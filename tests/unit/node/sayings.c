// SPDX-License-Identifier: Apache-2.0
//
// What a subscription has brought of a hub's log: order, gaps, bounds.

#include "node/sayings.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

static sayings_t said;

static void
open (void)
{
  sayings_init (&said);
}

static void
close (void)
{
  sayings_clear (&said);
}

TestSuite (sayings, .init = open, .fini = close);

// Entries at `position` and at each of the next ones, `step` apart; each says its position.
static size_t
take (uint64_t position, uint32_t step, uint32_t count, const char *speaker)
{
  char bytes[1024];
  uint32_t steps[TROUPE_STEPS_MAX], sizes[TROUPE_STEPS_MAX];
  size_t size = 0, left_out;
  troupe_header_t header;
  troupe_buffer_t *body = NULL;
  for (uint32_t i = 0; i < count; i++) {
    json_t *text = json_sprintf ("%d", (int)(position + (uint64_t)i * step));
    cr_assert (eq (int, troupe_value_pack (text, &body, NULL), TROUPE_OK));
    json_decref (text);
    sizes[i] = (uint32_t)troupe_buffer_size (body);
    steps[i] = i > 0 ? step : 0;
    memcpy (bytes + size, troupe_buffer_data (body), sizes[i]);
    size += sizes[i];
    troupe_buffer_unref (&body);
  }
  troupe_header_init (&header, TROUPE_CMD_SAID);
  troupe_header_set_position (&header, position);
  troupe_header_set_steps (&header, steps, count);
  troupe_header_set_sizes (&header, sizes, count);
  if (speaker != NULL)
    troupe_header_set_service (&header, troupe_text (speaker));
  cr_assert (eq (int, troupe_buffer_new (&body, bytes, size), TROUPE_OK));
  cr_assert (eq (int, sayings_take (&said, &header, body, &left_out), TROUPE_OK));
  troupe_buffer_unref (&body);
  return left_out;
}

static void
expect_text (uint64_t since, uint64_t position, const char *service, const char *expected)
{
  char text[256] = "";
  json_t *list = NULL;
  troupe_heard_t *heard = NULL;
  cr_assert (eq (int, heard_new (&heard), TROUPE_OK));
  cr_assert (eq (int, sayings_read (&said, since, position, service, heard), TROUPE_OK));
  cr_assert (eq (int, troupe_heard_list (heard, &list, NULL), TROUPE_OK));
  cr_assert (eq (sz, json_array_size (list), troupe_heard_count (heard)));
  troupe_heard_destroy (&heard);
  for (size_t i = 0; i < json_array_size (list); i++)
    snprintf (text + strlen (text), sizeof text - strlen (text), "%s ", json_string_value (json_array_get (list, i)));
  json_decref (list);
  cr_assert_str_eq (text, expected);
}

Test (sayings, are_whole_when_as_many_are_here_as_the_log_has)
{
  cr_assert (eq (int, sayings_look (&said, 0, 10, 1), SAYINGS_MISSING));
  take (3, 2, 3, NULL);
  cr_assert (eq (int, sayings_look (&said, 0, 10, 3), SAYINGS_WHOLE));
  cr_assert (eq (int, sayings_look (&said, 3, 10, 2), SAYINGS_WHOLE));
  cr_assert (eq (int, sayings_look (&said, 3, 6, 1), SAYINGS_WHOLE));
  cr_assert (eq (int, sayings_look (&said, 0, 10, 4), SAYINGS_MISSING), "a lost one, or one that is on its way");
  cr_assert (eq (int, sayings_look (&said, 0, 10, 2), SAYINGS_NEVER), "more than there are");
  expect_text (3, 10, "agent/a", "5 7 ");
}

Test (sayings, come_in_any_order_and_more_than_once)
{
  cr_assert (eq (sz, take (10, 1, 2, NULL), 0));
  cr_assert (eq (sz, take (4, 1, 1, NULL), 0));
  cr_assert (eq (sz, take (11, 1, 3, NULL), 1), "one of them again");
  cr_assert (eq (sz, take (7, 2, 2, NULL), 0));
  cr_assert (eq (sz, take (4, 1, 1, NULL), 1));
  cr_assert (eq (int, sayings_look (&said, 0, 20, 7), SAYINGS_WHOLE));
  expect_text (0, 20, "agent/a", "4 7 9 10 11 12 13 ");
}

Test (sayings, are_not_heard_by_who_said_them)
{
  take (1, 1, 1, "agent/a");
  take (2, 1, 1, "agent/b");
  take (3, 1, 1, NULL);
  cr_assert (eq (int, sayings_look (&said, 0, 3, 3), SAYINGS_WHOLE), "its own are counted");
  expect_text (0, 3, "agent/a", "2 3 ");
  expect_text (0, 3, "agent/b", "1 3 ");
}

Test (sayings, are_bounded_and_the_oldest_ones_go)
{
  enum { MORE = 40 };
  size_t left_out = 0;
  for (uint64_t i = 0; i < SAYINGS_ENTRIES_MAX + MORE; i += MORE)
    left_out += take (1 + i, 1, MORE, NULL);
  cr_assert (eq (sz, said.count, SAYINGS_ENTRIES_MAX));
  cr_assert (gt (sz, left_out, 0));
  cr_assert (eq (int, sayings_look (&said, 0, 50, 50), SAYINGS_NEVER), "they don't come again");
  cr_assert (eq (sz, take (1, 1, 1, NULL), 1), "nor are they taken");
  cr_assert (eq (int, sayings_look (&said, said.forgotten, said.forgotten + SAYINGS_ENTRIES_MAX, SAYINGS_ENTRIES_MAX),
                 SAYINGS_WHOLE));
}

Test (sayings, are_bounded_in_bytes)
{
  enum { SIZE = 64 * 1024 };
  char *bytes = calloc (1, SIZE);
  size_t left_out = 0, all = 0;
  for (uint64_t i = 1; i <= 2 * SAYINGS_BYTES_MAX / SIZE; i++) {
    troupe_header_t header;
    troupe_buffer_t *body = NULL;
    troupe_header_init (&header, TROUPE_CMD_SAID);
    troupe_header_set_position (&header, i);
    troupe_header_set_steps (&header, &(uint32_t){0}, 1);
    troupe_header_set_sizes (&header, &(uint32_t){SIZE}, 1);
    cr_assert (eq (int, troupe_buffer_new (&body, bytes, SIZE), TROUPE_OK));
    cr_assert (eq (int, sayings_take (&said, &header, body, &left_out), TROUPE_OK));
    troupe_buffer_unref (&body);
    all += left_out;
  }
  free (bytes);
  cr_assert (eq (sz, said.bytes, SAYINGS_BYTES_MAX));
  cr_assert (eq (sz, all, SAYINGS_BYTES_MAX / SIZE));
}

Test (sayings, that_are_in_the_log_only_are_not_waited_for)
{
  troupe_header_t header;
  size_t left_out;
  troupe_header_init (&header, TROUPE_CMD_SAID);
  troupe_header_set_position (&header, 5);
  troupe_header_set_steps (&header, &(uint32_t){0}, 1);
  troupe_header_set_sizes (&header, &(uint32_t){0}, 1);
  cr_assert (eq (int, sayings_take (&said, &header, NULL, &left_out), TROUPE_OK));
  cr_assert (eq (int, sayings_look (&said, 0, 5, 1), SAYINGS_NEVER));
  cr_assert (eq (int, sayings_look (&said, 5, 6, 1), SAYINGS_MISSING));
}

Test (sayings, whose_sizes_do_not_fit_are_refused)
{
  troupe_header_t header;
  troupe_buffer_t *body = NULL;
  size_t left_out;
  cr_assert (eq (int, troupe_buffer_new (&body, "ab", 2), TROUPE_OK));
  static const struct {
    uint32_t steps[2], sizes[2], steps_count, sizes_count;
  } wrong[] = {{{0, 1}, {1, 1}, 1, 2}, {{0, 1}, {1, 2}, 2, 2}, {{0, 0}, {1, 1}, 2, 2}, {{0}, {0}, 0, 0}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    troupe_header_init (&header, TROUPE_CMD_SAID);
    troupe_header_set_position (&header, 1);
    troupe_header_set_steps (&header, wrong[i].steps, wrong[i].steps_count);
    troupe_header_set_sizes (&header, wrong[i].sizes, wrong[i].sizes_count);
    cr_assert (eq (int, sayings_take (&said, &header, body, &left_out), TROUPE_BAD_FRAME));
  }
  troupe_buffer_unref (&body);
  cr_assert (eq (sz, said.count, 0));
}
