// SPDX-License-Identifier: Apache-2.0

#include "model/sse.h"

#include <criterion/criterion.h>
#include <string.h>

// Writes each event as "name=data;" with line feeds shown as "/".
static troupe_err_t
note (void *context, const char *event, const char *data, size_t size, troupe_error_t *error)
{
  bytes_t *notes = context;
  (void)error;
  cr_assert_eq (strlen (data), size);
  cr_assert (bytes_add_text (notes, event) && bytes_add_text (notes, "="));
  for (size_t i = 0; i < size; i++)
    cr_assert (bytes_add (notes, data[i] == '\n' ? "/" : &data[i], 1));
  cr_assert (bytes_add_text (notes, ";"));
  return TROUPE_OK;
}

// Decodes `text` cut in three at `a` and `b`.
static void
expect_split (const char *text, size_t size, size_t a, size_t b, const char *expected)
{
  sse_t sse = {0};
  bytes_t notes = {0};
  cr_assert_eq (sse_feed (&sse, text, a, note, &notes, NULL), TROUPE_OK);
  cr_assert_eq (sse_feed (&sse, text + a, b - a, note, &notes, NULL), TROUPE_OK);
  cr_assert_eq (sse_feed (&sse, text + b, size - b, note, &notes, NULL), TROUPE_OK);
  cr_assert_eq (sse_end (&sse, note, &notes, NULL), TROUPE_OK);
  cr_assert_str_eq (bytes_text (&notes), expected, "cut at %zu and %zu", a, b);
  sse_clear (&sse);
  bytes_clear (&notes);
}

static void
expect (const char *text, const char *expected)
{
  size_t size = strlen (text);
  for (size_t a = 0; a <= size; a++)
    for (size_t b = a; b <= size; b++)
      expect_split (text, size, a, b, expected);
}

Test (sse, reads_the_standards_examples_cut_anywhere)
{
  expect ("data: YHOO\ndata: +2\ndata: 10\n\n", "message=YHOO/+2/10;");
  expect (": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
          "message=first event;message=second event;message= third event;");
  expect ("data\n\ndata\ndata\n\ndata:", "message=;message=/;message=;");
  expect ("data:test\n\ndata: test\n\n", "message=test;message=test;");
}

Test (sse, takes_every_line_ending)
{
  expect ("data: a\r\rdata: b\r\n\r\ndata: c\n\ndata: d\r\n\n", "message=a;message=b;message=c;message=d;");
}

Test (sse, knows_names_comments_and_a_byte_order_mark)
{
  expect ("\xEF\xBB\xBF"
          "event: error\ndata: x\n\n:ping\nretry: 10\nunknown: 1\ndata: y\n\n",
          "error=x;message=y;");
  expect ("event: lonely\n\ndata: y\n\n", "message=y;"); // without data it is none, and its name is forgotten
}

Test (sse, delivers_a_last_event_that_isnt_closed)
{
  expect ("data: a\n\ndata: [DONE]", "message=a;message=[DONE];");
  expect ("data: a\n\ndata: [DONE]\n", "message=a;message=[DONE];");
}

Test (sse, refuses_an_endless_line)
{
  static char block[SSE_LINE_MAX];
  memset (block, 'x', sizeof block);
  sse_t sse = {0};
  troupe_error_t error;
  bytes_t notes = {0};
  cr_assert_eq (sse_feed (&sse, block, sizeof block, note, &notes, &error), TROUPE_OK);
  cr_assert_eq (sse_feed (&sse, block, 1, note, &notes, &error), TROUPE_MODEL_FAILED);
  sse_clear (&sse);
}

Test (sse, refuses_an_event_of_endlessly_many_lines)
{
  static const char line[] = "data: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
  sse_t sse = {0};
  troupe_err_t code = TROUPE_OK;
  bytes_t notes = {0};
  for (size_t fed = 0; code == TROUPE_OK && fed < 2 * SSE_LINE_MAX; fed += sizeof line)
    code = sse_feed (&sse, line, sizeof line - 1, note, &notes, NULL);
  cr_assert_eq (code, TROUPE_MODEL_FAILED);
  sse_clear (&sse);
}
