// SPDX-License-Identifier: Apache-2.0
//
// Error codes and records: the table, texts that come from anywhere, JSON there and back.

#include "troupe/error.h"
#include "error/utf8.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

Test (error, every_code_has_a_name_that_leads_back_to_it)
{
  for (int code = 0; code < TROUPE_ERR_COUNT; code++) {
    const char *name = troupe_err_name ((troupe_err_t)code);
    cr_assert (eq (int, troupe_err_of_name (name), code), "%s", name);
    cr_assert (gt (sz, strlen (troupe_err_text ((troupe_err_t)code)), 0), "%s", name);
  }
}

Test (error, only_success_has_no_class_and_exit_code_0)
{
  for (int code = 0; code < TROUPE_ERR_COUNT; code++) {
    const char *name = troupe_err_name ((troupe_err_t)code);
    cr_assert (eq (int, troupe_err_class ((troupe_err_t)code) == TROUPE_CLASS_NONE, code == TROUPE_OK), "%s", name);
    cr_assert (eq (int, troupe_err_exit ((troupe_err_t)code) == 0, code == TROUPE_OK), "%s", name);
    cr_assert (le (int, troupe_err_exit ((troupe_err_t)code), 8), "%s", name);
  }
}

Test (error, what_is_outside_the_table_is_internal)
{
  cr_assert_str_eq (troupe_err_name ((troupe_err_t)9999), "internal");
  cr_assert_str_eq (troupe_err_name ((troupe_err_t)-1), "internal");
  cr_assert (eq (int, troupe_err_of_name ("invented_tomorrow"), TROUPE_INTERNAL));
}

Test (error, set_fills_the_record_and_returns_the_code)
{
  troupe_error_t error;
  memset (&error, 0xFF, sizeof error);
  troupe_err_t err = troupe_error_set (&error, TROUPE_NOT_FOUND, "troupe.yaml", "check the name", "errno %d", 2);
  cr_assert (eq (int, err, TROUPE_NOT_FOUND));
  cr_assert (eq (int, error.code, TROUPE_NOT_FOUND));
  cr_assert (eq (uint, error.retry_after_ms, 0));
  cr_assert_str_eq (error.object, "troupe.yaml");
  cr_assert_str_eq (error.why, "errno 2");
  cr_assert_str_eq (error.next, "check the name");
  cr_assert (eq (int, troupe_error_set (NULL, TROUPE_IO, NULL, NULL, "x"), TROUPE_IO));
  troupe_error_set (&error, TROUPE_IO, NULL, NULL, "x");
  cr_assert_str_eq (error.object, "");
  cr_assert_str_eq (error.next, "");
}

Test (error, a_record_may_quote_itself)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_IO, "a", "b", "disk full");
  troupe_error_set (&error, error.code, error.object, error.next, "while writing: %s", error.why);
  cr_assert_str_eq (error.object, "a");
  cr_assert_str_eq (error.next, "b");
  cr_assert_str_eq (error.why, "while writing: disk full");
}

Test (error, long_texts_are_cut_between_characters)
{
  static const char *const characters[] = {"x", "ä", "€", "🎭"};
  for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++)
    for (size_t shift = 0; shift < 4; shift++) { // so that the limit falls on each byte of a character
      char text[TROUPE_ERROR_WHY_MAX * 2] = "";
      memset (text, '.', shift);
      while (strlen (text) + 5 < sizeof text)
        strcat (text, characters[i]);
      troupe_error_t error;
      troupe_error_set (&error, TROUPE_IO, text, text, "%s", text);
      cr_assert (utf8_valid (error.why, strlen (error.why)), "%s", error.why);
      cr_assert (utf8_valid (error.object, strlen (error.object)));
      cr_assert (utf8_valid (error.next, strlen (error.next)));
      cr_assert (ge (sz, strlen (error.why), TROUPE_ERROR_WHY_MAX - 4));
      cr_assert (eq (ptr, strchr (error.why, '?'), NULL), "nothing of it was invalid: %s", error.why);
      cr_assert (eq (int, strncmp (error.why, text, strlen (error.why)), 0));
    }
}

Test (error, bytes_that_are_no_text_are_replaced)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_IO, "\xC3(", "\x1B[2J", "a\nb\x80\xED\xA0\x80");
  cr_assert_str_eq (error.object, "?(");
  cr_assert_str_eq (error.next, " [2J");
  cr_assert_str_eq (error.why, "a b????");
}

Test (error, json_there_and_back)
{
  troupe_error_t error, back;
  troupe_error_set (&error, TROUPE_OVERLOADED, "agent/alice", "wait", "1000 calls wait");
  error.retry_after_ms = 250;
  json_t *json = troupe_error_to_json (&error);
  cr_assert (ne (ptr, json, NULL));
  cr_assert (eq (sz, json_object_size (json), 5));
  troupe_error_of_json (&back, json);
  cr_assert (eq (int, back.code, error.code));
  cr_assert (eq (uint, back.retry_after_ms, 250));
  cr_assert_str_eq (back.object, error.object);
  cr_assert_str_eq (back.why, error.why);
  cr_assert_str_eq (back.next, error.next);
  json_decref (json);
}

Test (error, a_malformed_error_is_still_an_error)
{
  static const struct {
    const char *json;
    troupe_err_t code;
    unsigned retry_after_ms;
  } cases[] = {
    {"{}", TROUPE_INTERNAL, 0},
    {"[]", TROUPE_INTERNAL, 0},
    {"null", TROUPE_INTERNAL, 0},
    {"{\"code\": 3}", TROUPE_INTERNAL, 0},
    {"{\"code\": \"ok\"}", TROUPE_INTERNAL, 0},
    {"{\"code\": \"new_one\", \"retry_after_ms\": 7}", TROUPE_INTERNAL, 7},
    {"{\"code\": \"stale\", \"why\": [], \"object\": {}, \"next\": 1}", TROUPE_STALE, 0},
    {"{\"code\": \"stale\", \"retry_after_ms\": -1}", TROUPE_STALE, 0},
    {"{\"code\": \"stale\", \"retry_after_ms\": 99999999999}", TROUPE_STALE, UINT_MAX},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    json_t *json = json_loads (cases[i].json, JSON_DECODE_ANY, NULL);
    cr_assert (ne (ptr, json, NULL), "%s", cases[i].json);
    troupe_error_t error;
    memset (&error, 0xFF, sizeof error);
    troupe_error_of_json (&error, json);
    cr_assert (eq (int, error.code, cases[i].code), "%s", cases[i].json);
    cr_assert (eq (uint, error.retry_after_ms, cases[i].retry_after_ms), "%s", cases[i].json);
    cr_assert_str_eq (error.why, "");
    json_decref (json);
  }
  troupe_error_t error;
  troupe_error_of_json (&error, NULL);
  cr_assert (eq (int, error.code, TROUPE_INTERNAL));
}

static char *
printed (const troupe_error_t *error)
{
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream (&text, &size);
  cr_assert (ne (ptr, file, NULL));
  troupe_error_print (error, file);
  fclose (file);
  return text;
}

Test (error, print_is_one_line)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_UNKNOWN_SERVICE, "agent/alcie", "did you mean agent/alice?", "nobody\nserves it");
  char *text = printed (&error);
  cr_assert_str_eq (text, "agent/alcie: unknown_service: nobody serves it (did you mean agent/alice?)\n");
  free (text);
  troupe_error_set (&error, TROUPE_DEADLINE, NULL, NULL, "%s", "");
  text = printed (&error);
  cr_assert_str_eq (text, "deadline: the deadline passed\n");
  free (text);
}

Test (error, nothing_that_a_terminal_obeys_stays_in_a_record)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_MODEL_FAILED, "a\x1b[2Jb", "c\x7f" "d",
                   "e\xc2\x9b" "31mf\xc2\x80" "g\xc2\xa0h\xc3\xa9\r\n\t");
  cr_assert_str_eq (error.object, "a [2Jb");
  cr_assert_str_eq (error.next, "c d");
  cr_assert_str_eq (error.why, "e 31mf g\xc2\xa0h\xc3\xa9   ");
}
