// SPDX-License-Identifier: Apache-2.0
//
// Messages: made, read, written; and everything that is none.

#include "troupe/message.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *
parse (const char *text)
{
  json_error_t error;
  json_t *json = json_loads (text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  cr_assert (ne (ptr, json, NULL), "%s: %s", text, error.text);
  return json;
}

static troupe_message_t *
read_message (const char *text)
{
  json_t *json = parse (text);
  troupe_message_t *message = NULL;
  troupe_error_t error;
  troupe_err_t err = troupe_message_of_json (&message, json, &error);
  cr_assert (eq (int, err, TROUPE_OK), "%s: %s", text, error.why);
  json_decref (json);
  return message;
}

Test (message, of_text_has_everything)
{
  troupe_message_t *message = NULL;
  cr_assert (eq (int, troupe_message_new (&message, "alice", TROUPE_ROLE_ASSISTANT, "Hello", NULL), TROUPE_OK));
  cr_assert_str_eq (troupe_message_name (message), "alice");
  cr_assert (eq (int, troupe_message_role (message), TROUPE_ROLE_ASSISTANT));
  cr_assert_str_eq (json_string_value (troupe_message_content (message)), "Hello");
  cr_assert (eq (sz, json_array_size (troupe_message_url (message)), 0));
  cr_assert_eq (json_typeof (troupe_message_url (message)), JSON_ARRAY);
  cr_assert_eq (json_typeof (troupe_message_metadata (message)), JSON_OBJECT);
  cr_assert (not(troupe_id_is_zero (troupe_message_id (message))));
  int64_t age = (int64_t)time (NULL) * 1000 + 1000 - troupe_message_timestamp (message);
  cr_assert (ge (i64, age, 0));
  cr_assert (le (i64, age, 60 * 1000));
  troupe_message_unref (&message);
  cr_assert (eq (ptr, message, NULL));
}

Test (message, json_there_and_back_is_the_same)
{
  troupe_message_t *message = read_message (
    "{\"name\": \"bob\", \"role\": \"tool\", \"content\": [{\"type\": \"text\", \"text\": \"see\", \"more\": 1}, "
    "{\"type\": \"image\", \"url\": \"http://x/y.png\"}], \"url\": \"http://x/\", \"metadata\": {\"a\": [1, null]}}");
  json_t *json = troupe_message_to_json (message);
  cr_assert (eq (sz, json_object_size (json), 7));
  troupe_message_t *back = NULL;
  cr_assert (eq (int, troupe_message_of_json (&back, json, NULL), TROUPE_OK));
  json_t *again = troupe_message_to_json (back);
  cr_assert (json_equal (json, again));
  cr_assert (troupe_id_equal (troupe_message_id (message), troupe_message_id (back)), "the id survives");
  cr_assert (eq (i64, troupe_message_timestamp (message), troupe_message_timestamp (back)));
  cr_assert (eq (sz, json_array_size (troupe_message_url (back)), 1));
  json_decref (json);
  json_decref (again);
  troupe_message_unref (&message);
  troupe_message_unref (&back);
}

Test (message, what_is_missing_or_null_is_made)
{
  static const char *const texts[] = {
    "{\"name\": \"u\", \"content\": \"\"}",
    "{\"name\": \"u\", \"content\": \"\", \"id\": null, \"role\": null, \"url\": null, \"metadata\": null, "
    "\"timestamp\": null}",
  };
  for (size_t i = 0; i < 2; i++) {
    troupe_message_t *message = read_message (texts[i]);
    cr_assert (eq (int, troupe_message_role (message), TROUPE_ROLE_USER));
    cr_assert (eq (sz, json_array_size (troupe_message_url (message)), 0));
    cr_assert (eq (sz, json_object_size (troupe_message_metadata (message)), 0));
    cr_assert (not(troupe_id_is_zero (troupe_message_id (message))));
    cr_assert (gt (i64, troupe_message_timestamp (message), 0));
    troupe_message_unref (&message);
  }
}

Test (message, takes_every_kind_of_block)
{
  troupe_message_t *message =
    read_message ("{\"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"\"},"
                  "{\"type\": \"tool_use\", \"id\": \"1\", \"name\": \"search\", \"input\": {}},"
                  "{\"type\": \"tool_result\", \"id\": \"1\", \"name\": \"search\", \"output\": null, \"error\": true},"
                  "{\"type\": \"image\", \"url\": \"u\", \"mime\": \"image/png\", \"name\": \"n\"},"
                  "{\"type\": \"audio\", \"url\": \"u\"}, {\"type\": \"video\", \"url\": \"u\"}, {\"type\": \"file\", "
                  "\"url\": \"u\"}]}");
  troupe_message_unref (&message);
}

Test (message, refuses_what_is_none)
{
  static const struct {
    const char *json;
    const char *why; // what the reason speaks of
  } cases[] = {
    {"[]", "map"},
    {"\"text\"", "map"},
    {"{}", "name"},
    {"{\"name\": \"u\"}", "content"},
    {"{\"content\": \"x\"}", "name"},
    {"{\"name\": \"\", \"content\": \"x\"}", "name"},
    {"{\"name\": 1, \"content\": \"x\"}", "name"},
    {"{\"name\": \"a\\nb\", \"content\": \"x\"}", "name"},
    {"{\"name\": \"a\\u0000b\", \"content\": \"x\"}", "name"},
    {"{\"name\": \"u\", \"content\": \"x\", \"extra\": 1}", "unknown key \"extra\""},
    {"{\"name\": \"u\", \"content\": null}", "content"},
    {"{\"name\": \"u\", \"content\": 5}", "content"},
    {"{\"name\": \"u\", \"content\": \"a\\u0000b\"}", "content"},
    {"{\"name\": \"u\", \"content\": \"x\", \"role\": \"boss\"}", "role"},
    {"{\"name\": \"u\", \"content\": \"x\", \"role\": 1}", "role"},
    {"{\"name\": \"u\", \"content\": \"x\", \"id\": \"1\"}", "id"},
    {"{\"name\": \"u\", \"content\": \"x\", \"id\": 1}", "id"},
    {"{\"name\": \"u\", \"content\": \"x\", \"timestamp\": -1}", "timestamp"},
    {"{\"name\": \"u\", \"content\": \"x\", \"timestamp\": 1.5}", "timestamp"},
    {"{\"name\": \"u\", \"content\": \"x\", \"timestamp\": \"now\"}", "timestamp"},
    {"{\"name\": \"u\", \"content\": \"x\", \"url\": \"\"}", "url"},
    {"{\"name\": \"u\", \"content\": \"x\", \"url\": {}}", "url"},
    {"{\"name\": \"u\", \"content\": \"x\", \"url\": [1]}", "url"},
    {"{\"name\": \"u\", \"content\": \"x\", \"metadata\": []}", "metadata"},
    {"{\"name\": \"u\", \"content\": [1]}", "content[0]"},
    {"{\"name\": \"u\", \"content\": [{}]}", "content[0]"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"text\", \"text\": \"\"}, {\"type\": \"smell\"}]}", "content[1]"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"text\"}]}", "text"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"image\"}]}", "url"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"image\", \"url\": \"\"}]}", "url"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"file\", \"url\": \"u\", \"mime\": 1}]}", "mime"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"tool_use\", \"id\": \"1\", \"name\": \"n\", \"input\": []}]}",
     "input"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"tool_use\", \"id\": \"\", \"name\": \"n\", \"input\": {}}]}", "id"},
    {"{\"name\": \"u\", \"content\": [{\"type\": \"tool_result\", \"id\": \"1\", \"name\": \"n\", \"output\": 1}]}",
     "error"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    json_t *json = parse (cases[i].json);
    troupe_message_t *message = NULL;
    troupe_error_t error;
    cr_assert (eq (int, troupe_message_of_json (&message, json, &error), TROUPE_BAD_MESSAGE), "%s", cases[i].json);
    cr_assert (ne (ptr, strstr (error.why, cases[i].why), NULL), "%s: %s", cases[i].json, error.why);
    cr_assert (eq (ptr, message, NULL));
    json_decref (json);
  }
}

Test (message, names_are_at_most_64_characters)
{
  char name[4 * TROUPE_NAME_MAX + 4] = "";
  for (int i = 0; i < TROUPE_NAME_MAX; i++)
    strcat (name, "🎭");
  troupe_message_t *message = NULL;
  cr_assert (eq (int, troupe_message_new (&message, name, TROUPE_ROLE_USER, "x", NULL), TROUPE_OK));
  troupe_message_unref (&message);
  strcat (name, "x");
  cr_assert (eq (int, troupe_message_new (&message, name, TROUPE_ROLE_USER, "x", NULL), TROUPE_BAD_MESSAGE));
}

static troupe_err_t
compose_lists (size_t blocks, size_t urls)
{
  json_t *content = json_array (), *url = json_array ();
  for (size_t i = 0; i < blocks; i++)
    json_array_append_new (content, json_pack ("{s:s, s:s}", "type", "text", "text", "x"));
  for (size_t i = 0; i < urls; i++)
    json_array_append_new (url, json_string ("u"));
  troupe_message_t *message = NULL;
  troupe_err_t err = troupe_message_compose (&message, "u", TROUPE_ROLE_USER, content, url, NULL, NULL);
  troupe_message_unref (&message);
  json_decref (content);
  json_decref (url);
  return err;
}

Test (message, lists_are_bounded)
{
  cr_assert (eq (int, compose_lists (TROUPE_BLOCKS_MAX, TROUPE_URLS_MAX), TROUPE_OK));
  cr_assert (eq (int, compose_lists (TROUPE_BLOCKS_MAX + 1, 0), TROUPE_TOO_LARGE));
  cr_assert (eq (int, compose_lists (0, TROUPE_URLS_MAX + 1), TROUPE_TOO_LARGE));
}

Test (message, arguments_are_checked_like_json)
{
  troupe_message_t *message = NULL;
  json_t *text = json_string ("x");
  cr_assert (eq (int, troupe_message_new (&message, NULL, TROUPE_ROLE_USER, "x", NULL), TROUPE_BAD_MESSAGE));
  cr_assert (eq (int, troupe_message_new (&message, "u", TROUPE_ROLE_USER, NULL, NULL), TROUPE_BAD_MESSAGE));
  cr_assert (eq (int, troupe_message_new (&message, "u", TROUPE_ROLE_USER, "\xFF", NULL), TROUPE_BAD_MESSAGE));
  cr_assert (eq (int, troupe_message_new (&message, "u", (troupe_role_t)4, "x", NULL), TROUPE_BAD_MESSAGE));
  cr_assert (
    eq (int, troupe_message_compose (&message, "u", TROUPE_ROLE_USER, NULL, NULL, NULL, NULL), TROUPE_BAD_MESSAGE));
  cr_assert (
    eq (int, troupe_message_compose (&message, "u", TROUPE_ROLE_USER, text, text, NULL, NULL), TROUPE_BAD_MESSAGE));
  cr_assert (eq (ptr, message, NULL));
  json_decref (text);
}

static void
expect_text (const char *json, const char *expected)
{
  troupe_message_t *message = read_message (json);
  char *text = troupe_message_text (message);
  cr_assert_str_eq (text, expected);
  free (text);
  troupe_message_unref (&message);
}

Test (message, text_joins_its_text_blocks)
{
  expect_text ("{\"name\": \"u\", \"content\": \"plain\"}", "plain");
  expect_text ("{\"name\": \"u\", \"content\": []}", "");
  expect_text ("{\"name\": \"u\", \"content\": [{\"type\": \"image\", \"url\": \"u\", \"text\": \"no\"}, "
               "{\"type\": \"text\", \"text\": \"one\"}, {\"type\": \"text\", \"text\": \"two\"}]}",
               "one\ntwo");
}

static void *
take_and_drop (void *context)
{
  troupe_message_t *message = context;
  for (int i = 0; i < 10000; i++) {
    troupe_message_t *mine = troupe_message_ref (message);
    troupe_message_unref (&mine);
  }
  troupe_message_unref (&message);
  return NULL;
}

Test (message, references_may_be_dropped_on_any_thread)
{
  troupe_message_t *message = NULL;
  cr_assert (eq (int, troupe_message_new (&message, "u", TROUPE_ROLE_USER, "x", NULL), TROUPE_OK));
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    cr_assert (eq (int, pthread_create (&threads[i], NULL, take_and_drop, troupe_message_ref (message)), 0));
  troupe_message_unref (&message);
  for (int i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
}

Test (message, none_is_harmless)
{
  troupe_message_t *none = NULL;
  cr_assert (eq (ptr, troupe_message_ref (NULL), NULL));
  troupe_message_unref (&none);
  troupe_message_unref (NULL);
}

Test (message, roles_by_name)
{
  for (int role = TROUPE_ROLE_SYSTEM; role <= TROUPE_ROLE_TOOL; role++) {
    troupe_role_t back;
    cr_assert (troupe_role_of_name (&back, troupe_role_name ((troupe_role_t)role)));
    cr_assert (eq (int, back, role));
  }
  troupe_role_t role;
  cr_assert (not(troupe_role_of_name (&role, "boss")));
  cr_assert_str_eq (troupe_role_name ((troupe_role_t)9), "?");
}
