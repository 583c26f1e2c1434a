// SPDX-License-Identifier: Apache-2.0
//
// Values: JSON to msgpack and back, the limits at and above, and bytes that are none.

#include "troupe/value.h"
#include "unit/wire/sample.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <stdlib.h>

static troupe_err_t
unpack (const void *bytes, size_t size, json_t **out, troupe_error_t *error)
{
  char *copy = malloc (size > 0 ? size : 1); // of exactly that size, for the sanitizer
  memcpy (copy, bytes, size);
  troupe_err_t err = troupe_value_unpack (copy, size, out, error);
  free (copy);
  return err;
}

static void
expect_same (json_t *value)
{
  troupe_buffer_t *packed = NULL;
  json_t *back = NULL;
  troupe_error_t error;
  troupe_err_t err = troupe_value_pack (value, &packed, &error);
  cr_assert (eq (int, err, TROUPE_OK), "%s", error.why);
  cr_assert (eq (int, troupe_value_check (troupe_buffer_data (packed), troupe_buffer_size (packed), NULL), TROUPE_OK));
  err = unpack (troupe_buffer_data (packed), troupe_buffer_size (packed), &back, &error);
  cr_assert (eq (int, err, TROUPE_OK), "%s", error.why);
  cr_assert_eq (json_equal (value, back), 1);
  troupe_buffer_unref (&packed);
  json_decref (back);
}

static troupe_buffer_t *
pack_text (const char *text, troupe_err_t (*pack) (const json_t *, troupe_buffer_t **, troupe_error_t *))
{
  troupe_buffer_t *packed = NULL;
  json_t *value = json_loads (text, JSON_DECODE_ANY, NULL);
  cr_assert (eq (int, pack (value, &packed, NULL), TROUPE_OK));
  json_decref (value);
  return packed;
}

Test (value, equal_values_have_equal_canonical_bytes)
{
  static const char *const one = "{\"b\": [1, {\"y\": null, \"x\": 2.5}], \"a\": {}, \"aa\": \"\"}";
  static const char *const same = "{\"aa\": \"\", \"b\": [1, {\"x\": 2.5, \"y\": null}], \"a\": {}}";
  troupe_buffer_t *first = pack_text (one, troupe_value_pack_canonical);
  troupe_buffer_t *second = pack_text (same, troupe_value_pack_canonical);
  troupe_buffer_t *own = pack_text (one, troupe_value_pack);
  size_t size = troupe_buffer_size (first);
  cr_assert (eq (sz, size, troupe_buffer_size (second)));
  cr_assert (eq (int, memcmp (troupe_buffer_data (first), troupe_buffer_data (second), size), 0));
  cr_assert (eq (int,
                 memcmp (troupe_buffer_data (first),
                         "\x83\xa1"
                         "a\x80\xa2"
                         "aa\xa0\xa1"
                         "b",
                         9),
                 0));
  cr_assert (eq (sz, size, troupe_buffer_size (own)));
  cr_assert (ne (int, memcmp (troupe_buffer_data (first), troupe_buffer_data (own), size), 0)); // in its own order
  troupe_buffer_unref (&first);
  troupe_buffer_unref (&second);
  troupe_buffer_unref (&own);
}

Test (value, json_there_and_back)
{
  static const char *const texts[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "127",
    "128",
    "-32",
    "-33",
    "255",
    "256",
    "65535",
    "65536",
    "-128",
    "-129",
    "-32768",
    "-32769",
    "4294967295",
    "4294967296",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "-0.0",
    "1e308",
    "5e-324",
    "\"\"",
    "\"text\"",
    "\"äöü €🎭\"",
    "[]",
    "{}",
    "[[[]]]",
    "{\"\": {\"a\": [1, 2.0, null, {\"b\": false}]}}",
    "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]",
    "{\"name\": \"alice\", \"content\": \"line\\nline\\u0001\", \"timestamp\": 1700000000000}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    json_t *value = json_loads (texts[i], JSON_DECODE_ANY, NULL);
    cr_assert (ne (ptr, value, NULL), "%s", texts[i]);
    expect_same (value);
    json_decref (value);
  }
}

Test (value, keys_keep_their_order)
{
  json_t *value = json_loads ("{\"z\": 1, \"a\": 2, \"m\": 3}", 0, NULL), *back = NULL;
  troupe_buffer_t *packed = NULL;
  cr_assert (eq (int, troupe_value_pack (value, &packed, NULL), TROUPE_OK));
  cr_assert (eq (sz, troupe_buffer_size (packed), 10));
  cr_assert (eq (int,
                 memcmp (troupe_buffer_data (packed),
                         "\x83\xA1z\x01\xA1"
                         "a\x02\xA1m\x03",
                         10),
                 0));
  cr_assert (eq (int, unpack (troupe_buffer_data (packed), 10, &back, NULL), TROUPE_OK));
  char *text = json_dumps (back, JSON_COMPACT);
  cr_assert_str_eq (text, "{\"z\":1,\"a\":2,\"m\":3}");
  free (text);
  troupe_buffer_unref (&packed);
  json_decref (value);
  json_decref (back);
}

Test (value, takes_every_width_of_msgpack)
{
  static const struct {
    const char *bytes;
    size_t size;
    const char *json;
  } cases[] = {
    {"\xD0\x05", 2, "5"},
    {"\xD1\xFF\xFB", 3, "-5"},
    {"\xD2\xFF\xFF\xFF\xFB", 5, "-5"},
    {"\xD3\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFB", 9, "-5"},
    {"\xCF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9, "9223372036854775807"},
    {"\xCA\x3F\xC0\x00\x00", 5, "1.5"},
    {"\xD9\x01x", 3, "\"x\""},
    {"\xDA\x00\x01x", 4, "\"x\""},
    {"\xDB\x00\x00\x00\x01x", 6, "\"x\""},
    {"\xDC\x00\x01\xC0", 4, "[null]"},
    {"\xDD\x00\x00\x00\x01\xC3", 6, "[true]"},
    {"\xDE\x00\x01\xA1x\xC2", 6, "{\"x\": false}"},
    {"\xDF\x00\x00\x00\x01\xA1x\x01", 8, "{\"x\": 1}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    json_t *expected = json_loads (cases[i].json, JSON_DECODE_ANY, NULL), *value = NULL;
    troupe_error_t error;
    cr_assert (eq (int, unpack (cases[i].bytes, cases[i].size, &value, &error), TROUPE_OK), "%s", cases[i].json);
    cr_assert_eq (json_equal (value, expected), 1, "%s", cases[i].json);
    json_decref (value);
    json_decref (expected);
  }
}

Test (value, what_is_none)
{
  static const struct {
    const char *bytes;
    size_t size;
    troupe_err_t err;
  } cases[] = {
    {"", 0, TROUPE_BAD_MESSAGE},
    {"\xC1", 1, TROUPE_BAD_MESSAGE},
    {"\xC0\xC0", 2, TROUPE_BAD_MESSAGE},                 // two values
    {"\xC4\x01x", 3, TROUPE_BAD_MESSAGE},                // bin
    {"\xD4\x01x", 3, TROUPE_BAD_MESSAGE},                // ext
    {"\xC7\x01\x01x", 4, TROUPE_BAD_MESSAGE},            // ext
    {"\xCF\x80\0\0\0\0\0\0\0", 9, TROUPE_BAD_MESSAGE},   // 2^63
    {"\xCB\x7F\xF8\0\0\0\0\0\0", 9, TROUPE_BAD_MESSAGE}, // NaN
    {"\xCB\x7F\xF0\0\0\0\0\0\0", 9, TROUPE_BAD_MESSAGE}, // infinity
    {"\xCA\xFF\x80\0\0", 5, TROUPE_BAD_MESSAGE},         // -infinity, in 32 bits
    {"\xA2\xC3(", 3, TROUPE_BAD_MESSAGE},                // no UTF-8
    {"\xA3"
     "a\0b",
     4, TROUPE_BAD_MESSAGE},                 // NUL
    {"\x81\x01\x01", 3, TROUPE_BAD_MESSAGE}, // a number as key
    {"\x81\xC0\x01", 3, TROUPE_BAD_MESSAGE},
    {"\x81\x90\x01", 3, TROUPE_BAD_MESSAGE}, // a list as key
    {"\x81\xA2"
     "a\0\x01",
     5, TROUPE_BAD_MESSAGE},                           // a key with NUL
    {"\x82\xA1x\x01\xA1x\x02", 7, TROUPE_BAD_MESSAGE}, // a key twice
    {"\x91\x81\xA1y\x82\xA1x\x01\xA1x\xC0", 10, TROUPE_BAD_MESSAGE},
    {"\xDD\xFF\xFF\xFF\xFF", 5, TROUPE_TOO_LARGE}, // five bytes, four billion items
    {"\xDF\xFF\xFF\xFF\xFF", 5, TROUPE_TOO_LARGE},
    {"\xDD\x00\x0F\x42\x40", 5, TROUPE_BAD_MESSAGE}, // a million that aren't there
    {"\xDB\xFF\xFF\xFF\xFF", 5, TROUPE_BAD_MESSAGE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    json_t *value = NULL;
    troupe_error_t error;
    cr_assert (eq (int, unpack (cases[i].bytes, cases[i].size, &value, &error), cases[i].err), "case %zu", i);
    cr_assert (gt (sz, strlen (error.why), 0));
    cr_assert (eq (ptr, value, NULL));
    cr_assert (eq (int, unpack (cases[i].bytes, cases[i].size, &value, NULL), cases[i].err), "without a record");
  }
}

// `depth` lists (or maps) in each other.
static json_t *
nest (unsigned depth, bool maps)
{
  json_t *value = json_null ();
  for (unsigned i = 0; i < depth; i++)
    value = maps ? json_pack ("{s:o}", "k", value) : json_pack ("[o]", value);
  return value;
}

Test (value, depth_is_bounded)
{
  for (int maps = 0; maps < 2; maps++) {
    json_t *deepest = nest (TROUPE_VALUE_DEPTH_MAX, maps), *deeper = nest (TROUPE_VALUE_DEPTH_MAX + 1, maps);
    troupe_buffer_t *packed = NULL;
    expect_same (deepest);
    cr_assert (eq (int, troupe_value_pack (deeper, &packed, NULL), TROUPE_TOO_DEEP));
    json_decref (deepest);
    json_decref (deeper);
  }
  char bytes[TROUPE_VALUE_DEPTH_MAX + 1];
  memset (bytes, '\x91', sizeof bytes);
  bytes[TROUPE_VALUE_DEPTH_MAX] = '\x90'; // also when the innermost is empty
  json_t *value = NULL;
  cr_assert (eq (int, unpack (bytes, sizeof bytes, &value, NULL), TROUPE_TOO_DEEP));
  bytes[TROUPE_VALUE_DEPTH_MAX] = '\xC0';
  cr_assert (eq (int, unpack (bytes, sizeof bytes, &value, NULL), TROUPE_OK));
  json_decref (value);
}

Test (value, one_that_contains_itself_is_too_deep)
{
  json_t *list = json_array (), *map = json_object ();
  json_array_append (list, map);
  json_object_set (map, "up", list);
  troupe_buffer_t *packed = NULL;
  cr_assert (eq (int, troupe_value_pack (list, &packed, NULL), TROUPE_TOO_DEEP));
  json_object_clear (map);
  json_decref (list);
  json_decref (map);
}

Test (value, items_are_bounded)
{
  json_t *list = json_array ();
  for (int i = 0; i < TROUPE_VALUE_ITEMS_MAX - 1; i++)
    json_array_append_new (list, json_null ());
  json_t *both = json_pack ("[O]", list); // the list itself is an item of another
  expect_same (both);
  json_array_append_new (list, json_null ());
  troupe_buffer_t *packed = NULL;
  cr_assert (eq (int, troupe_value_pack (both, &packed, NULL), TROUPE_TOO_LARGE));
  json_decref (both);
  json_decref (list);

  enum { SIZE = 1 + 5 + TROUPE_VALUE_ITEMS_MAX };
  char *bytes = malloc (SIZE);
  memset (bytes, '\xC0', SIZE);
  memcpy (bytes, "\x91\xDD\x00\x0F\x42\x40", 6);
  cr_assert (eq (int, troupe_value_check (bytes, SIZE, NULL), TROUPE_TOO_LARGE));
  free (bytes);
}

Test (value, size_is_bounded)
{
  char *text = malloc (TROUPE_VALUE_SIZE_MAX + 1);
  memset (text, 'x', TROUPE_VALUE_SIZE_MAX + 1);
  json_t *largest = json_stringn (text, TROUPE_VALUE_SIZE_MAX - 5),
         *larger = json_stringn (text, TROUPE_VALUE_SIZE_MAX - 4);
  json_t *huge = json_stringn (text, TROUPE_VALUE_SIZE_MAX + 1);
  troupe_buffer_t *packed = NULL;
  expect_same (largest);
  cr_assert (eq (int, troupe_value_pack (larger, &packed, NULL), TROUPE_TOO_LARGE));
  cr_assert (eq (int, troupe_value_pack (huge, &packed, NULL), TROUPE_TOO_LARGE));
  cr_assert (eq (int, troupe_value_check (text, TROUPE_VALUE_SIZE_MAX + 1, NULL), TROUPE_TOO_LARGE));
  cr_assert (eq (ptr, packed, NULL));
  json_decref (largest);
  json_decref (larger);
  json_decref (huge);
  free (text);
}

Test (value, text_must_be_utf8_without_nul)
{
  json_t *const wrong[] = {
    json_stringn ("a\0b", 3), json_string_nocheck ("\xFF"), json_pack ("[o]", json_stringn ("\0", 1)), json_object (),
    json_object (),
  };
  json_object_setn_new (wrong[3], "a\0b", 3, json_null ());
  json_object_set_new_nocheck (wrong[4], "\xC3(", json_null ());
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    troupe_buffer_t *packed = NULL;
    cr_assert (eq (int, troupe_value_pack (wrong[i], &packed, NULL), TROUPE_BAD_MESSAGE), "case %zu", i);
    json_decref (wrong[i]);
  }
}

Test (value, no_value_is_an_error)
{
  troupe_buffer_t *packed = NULL;
  cr_assert (eq (int, troupe_value_pack (NULL, &packed, NULL), TROUPE_NO_MEMORY));
}

Test (value, many_keys_take_no_quadratic_time)
{
  enum { KEYS = 300000 };
  json_t *map = json_object ();
  char key[16];
  for (int i = 0; i < KEYS; i++) {
    snprintf (key, sizeof key, "k%d", i);
    json_object_set_new (map, key, json_integer (i));
  }
  expect_same (map); // quadratic, this would take minutes: criterion's time limit is the judge
  json_decref (map);
}

Test (value, cut_at_every_byte)
{
  json_t *value =
    json_loads ("{\"a\": [1, -200, 70000, 1.5, \"text\", null, true, {\"b\": {}}], \"c\": \"ä\"}", 0, NULL);
  troupe_buffer_t *packed = NULL;
  cr_assert (eq (int, troupe_value_pack (value, &packed, NULL), TROUPE_OK));
  for (size_t cut = 0; cut < troupe_buffer_size (packed); cut++) {
    json_t *back = NULL;
    cr_assert (eq (int, unpack (troupe_buffer_data (packed), cut, &back, NULL), TROUPE_BAD_MESSAGE), "cut at %zu", cut);
  }
  troupe_buffer_unref (&packed);
  json_decref (value);
}

Test (value, random_bytes)
{
  uint64_t seed = sample_seed (), state = seed;
  for (int round = 0; round < 100000; round++) {
    uint8_t bytes[48];
    size_t size = sample_random (&state) % sizeof bytes;
    for (size_t i = 0; i < size; i++) // mostly small containers and texts, so that some are right
      bytes[i] =
        (uint8_t)(sample_random (&state) % 4 == 0 ? sample_random (&state) : 0x80 + sample_random (&state) % 0x24);
    json_t *value = NULL;
    troupe_err_t err = unpack (bytes, size, &value, NULL);
    cr_assert (eq (int, err == TROUPE_OK, value != NULL), "seed %" PRIu64, seed);
    if (err == TROUPE_OK)
      expect_same (value);
    json_decref (value);
  }
}
