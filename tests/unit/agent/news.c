// SPDX-License-Identifier: Apache-2.0
//
// What was said in hubs, as a type sees it: which of it is news, and that a glance tells the same as unpacking does.

#include "agent/news.h"

#include "agent/glance.h"
#include "node/heard.h"
#include "troupe/message.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define ID "018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5b"

static troupe_buffer_t *
packed (const char *json)
{
  troupe_buffer_t *buffer = NULL;
  json_error_t where;
  json_t *value = json_loads (json, JSON_DECODE_ANY, &where);
  cr_assert (value != NULL, "%s: %s", json, where.text);
  cr_assert (eq (int, troupe_value_pack (value, &buffer, NULL), TROUPE_OK));
  json_decref (value);
  return buffer;
}

static bool
is_seen (const char *json, glance_t *out)
{
  troupe_buffer_t *buffer = packed (json);
  bool seen = glance (out, troupe_buffer_data (buffer), troupe_buffer_size (buffer));
  troupe_buffer_unref (&buffer);
  return seen;
}

// -- A glance ---------------------------------------------------------------------------------------------------------

static const char *const plain[] = {
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"role\": \"tool\", \"content\": \"h\xc3\xa9\"}",
  "{\"timestamp\": 7, \"metadata\": {}, \"url\": [], \"content\": \"x\", \"role\": \"user\", \"name\": \"b o\", "
  "\"id\": "
  "\"018F3C2A-7b1e-7c33-9a51-3d2f1e0c4b5b\"}",
};

// Messages, but not so plain.
static const char *const others[] = {
  "{\"name\": \"bob\", \"content\": \"x\"}",
  "{\"id\": null, \"name\": \"bob\", \"content\": \"x\"}",
  "{\"id\": \"" ID "\", \"name\": \"b\xc3\xb6\", \"content\": \"x\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"x\", \"url\": \"http://a/\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"x\", \"url\": null}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"x\", \"metadata\": {\"a\": 1}}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": [{\"type\": \"text\", \"text\": \"x\"}]}",
};

static const char *const none[] = {
  "1",
  "\"x\"",
  "[]",
  "{}",
  "{\"id\": \"" ID "\", \"content\": \"x\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\"}",
  "{\"id\": \"" ID "\", \"name\": \"\", \"content\": \"x\"}",
  "{\"id\": \"" ID "\", \"name\": \"a\\nb\", \"content\": \"x\"}",
  "{\"id\": \"" ID "\", \"name\": 1, \"content\": \"x\"}",
  "{\"id\": \"" ID "x\", \"name\": \"bob\", \"content\": \"x\"}",
  "{\"id\": \"018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5g\", \"name\": \"bob\", \"content\": \"x\"}",
  "{\"id\": \"018f3c2a-7b1e-7c33-9a513-d2f1e0c4b5b\", \"name\": \"bob\", \"content\": \"x\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": 1}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"x\", \"role\": \"king\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"x\", \"timestamp\": \"now\"}",
  "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"x\", \"colour\": \"red\"}",
};

static bool
is_message (const char *json)
{
  json_t *value = json_loads (json, JSON_DECODE_ANY, NULL);
  bool good = troupe_message_check (value, NULL) == TROUPE_OK;
  json_decref (value);
  return good;
}

Test (glance, tells_what_unpacking_would)
{
  glance_t at;
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    cr_expect (is_seen (plain[i], &at) && is_message (plain[i]), "%s", plain[i]);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    cr_expect (is_message (others[i]) && !is_seen (others[i], &at), "%s", others[i]);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    cr_expect (is_message (none[i]) == false && !is_seen (none[i], &at), "%s", none[i]);
}

Test (glance, does_not_take_a_key_twice)
{
  static const char bytes[] = "\x84\xa2id\xd9\x24" ID "\xa4name\xa3"
                              "bob\xa7"
                              "content\xa1x\xa7"
                              "content\xa1y";
  glance_t at;
  cr_assert (eq (int, troupe_value_check (bytes, sizeof bytes - 1, NULL), TROUPE_OK), "it finds no repeated keys");
  cr_expect_not (glance (&at, bytes, sizeof bytes - 1));
}

// -- News -------------------------------------------------------------------------------------------------------------

static bool
knows (const void *context, const char *id, size_t size)
{
  const char *known = context;
  return known != NULL && strlen (known) == size && memcmp (known, id, size) == 0;
}

static troupe_news_t *
news_of (const char *const *said, size_t count, const char *known)
{
  troupe_news_t *news = NULL;
  troupe_heard_t *heard = NULL;
  cr_assert (eq (int, heard_new (&heard), TROUPE_OK));
  for (size_t i = 0; i < count; i++) {
    troupe_buffer_t *buffer = packed (said[i]);
    cr_assert (eq (int, heard_add (heard, buffer, 0, troupe_buffer_size (buffer), NULL), TROUPE_OK));
    troupe_buffer_unref (&buffer);
  }
  cr_assert (eq (int, news_new (&news, &heard, knows, known), TROUPE_OK));
  cr_assert (eq (ptr, heard, NULL));
  return news;
}

static bool
is_text (troupe_text_t text, const char *expected)
{
  return text.data != NULL && troupe_text_equal (text, expected);
}

Test (news, are_the_messages_that_are_not_known)
{
  static const char *const said[] = {
    "{\"id\": \"" ID "\", \"name\": \"bob\", \"content\": \"known\"}",
    "{\"id\": \"018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b01\", \"name\": \"bob\", \"content\": \"one\"}",
    "\"no message\"",
    "{\"name\": \"carol\", \"content\": \"two\"}",
    ("{\"id\": \"018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b02\", \"name\": \"d\xc3\xa9\", \"content\": [{\"type\": \"text\", "
     "\"text\": \"three\"}]}"),
  };
  troupe_news_t *news = news_of (said, sizeof said / sizeof *said, ID);
  cr_assert (eq (sz, troupe_news_count (news), 3));
  cr_expect (is_text (troupe_news_name (news, 0), "bob") && is_text (troupe_news_text (news, 0), "one"));
  cr_expect (is_text (troupe_news_name (news, 1), "carol") && is_text (troupe_news_text (news, 1), "two"));
  cr_expect (is_text (troupe_news_name (news, 2), "d\xc3\xa9"));
  cr_expect_null (troupe_news_text (news, 2).data, "blocks");
  const json_t *message = troupe_news_message (news, 0);
  cr_assert_str_eq (json_string_value (json_object_get (message, "content")), "one");
  cr_expect_eq (troupe_news_message (news, 0), message, "once");
  const json_t *all = troupe_news_messages (news);
  cr_assert (eq (sz, json_array_size (all), 3));
  cr_expect_eq (json_array_get (all, 0), message);
  cr_expect_eq (troupe_news_messages (news), all, "once");
  news_destroy (&news);
}

Test (news, may_be_none)
{
  troupe_news_t *news = news_of (NULL, 0, NULL);
  cr_assert (eq (sz, troupe_news_count (news), 0));
  cr_assert (eq (sz, json_array_size (troupe_news_messages (news)), 0));
  news_destroy (&news);
}
