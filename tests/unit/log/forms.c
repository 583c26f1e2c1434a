// SPDX-License-Identifier: Apache-2.0
//
// The two forms of a line, and who chooses between them.

#include "capture.h"
#include "troupe/log.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void
start (troupe_log_level_t level, troupe_log_format_t format)
{
  setenv ("TZ", "UTC", 1);
  troupe_log_init (&(troupe_log_options_t){.program = "agent/alice", .level = level, .format = format});
}

// The line less its time, which must be one.
static const char *
after_time (const char *text)
{
  int hour, minute, second, thousandth, used = 0;
  cr_assert_eq (sscanf (text, "%2d:%2d:%2d.%3d%n", &hour, &minute, &second, &thousandth, &used), 4, "%s", text);
  cr_assert_eq (used, 12);
  return text + used;
}

static json_t *
parsed (const char *text)
{
  json_error_t error;
  size_t size = strlen (text);
  cr_assert (size > 0 && text[size - 1] == '\n' && memchr (text, '\n', size - 1) == NULL, "%s", text);
  json_t *json = json_loads (text, JSON_REJECT_DUPLICATES, &error);
  cr_assert_not_null (json, "%s: %s", error.text, text);
  return json;
}

static void
expect_member (const json_t *json, const char *name, const char *value)
{
  const char *found = json_string_value (json_object_get (json, name));
  cr_expect (found != NULL && strcmp (found, value) == 0, "%s: %s", name, found != NULL ? found : "nothing");
}

static void
log_something (void)
{
  troupe_log (TROUPE_LOG_INFO, "registered", "broker", "broker-1", "credit", "16", NULL);
}

static troupe_message_t *
message (const char *name, const char *text)
{
  troupe_message_t *self;
  cr_assert_eq (troupe_message_new (&self, name, TROUPE_ROLE_ASSISTANT, text, NULL), TROUPE_OK);
  return self;
}

Test (forms, pretty)
{
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_PRETTY);
  log_something ();
  cr_expect_str_eq (after_time (capture_end ()), " agent/alice  INFO  registered  broker=broker-1 credit=16\n");
}

Test (forms, pretty_quotes)
{
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_PRETTY);
  troupe_log (TROUPE_LOG_WARNING, "odd", "empty", "", "blank", "a b", "quote", "a\"b", "url", "ipc:///x", "mark", "a=b",
              NULL);
  cr_expect_str_eq (after_time (capture_end ()),
                    " agent/alice  WARN  odd  empty=\"\" blank=\"a b\" quote=\"a\\\"b\" url=ipc:///x mark=\"a=b\"\n");
}

Test (forms, before_init)
{
  capture_begin ();
  troupe_log (TROUPE_LOG_DEBUG, "unseen", NULL);
  troupe_log (TROUPE_LOG_ERROR, "seen", NULL);
  const char *text = after_time (capture_end ());
  cr_expect_not_null (strstr (text, "  ERROR seen\n"), "%s", text);
}

Test (forms, json)
{
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_JSON);
  log_something ();
  const char *text = capture_end ();
  json_t *json = parsed (text);
  int year, used = 0;
  cr_expect_eq (sscanf (text, "{\"time\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ\"%n", &year, &used), 1);
  cr_expect_eq (used, 34, "%s", text);
  expect_member (json, "level", "info");
  expect_member (json, "program", "agent/alice");
  expect_member (json, "event", "registered");
  expect_member (json, "broker", "broker-1");
  expect_member (json, "credit", "16");
  json_decref (json);
}

Test (forms, automatic)
{
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_AUTO);
  log_something ();
  json_decref (parsed (capture_end ()));
  unsetenv ("NO_COLOR");
  capture_begin_terminal ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_AUTO);
  log_something ();
  const char *text = capture_end ();
  cr_expect_not_null (strstr (text, "\033[32mINFO \033[0m registered  broker=broker-1 credit=16\r\n"), "%s", text);
}

Test (forms, no_color)
{
  setenv ("NO_COLOR", "1", 1);
  capture_begin_terminal ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_AUTO);
  log_something ();
  const char *text = capture_end ();
  cr_expect_null (strchr (text, '\033'));
  cr_expect_not_null (strstr (text, "INFO  registered"));
}

Test (forms, levels)
{
  cr_expect (troupe_log_enabled (TROUPE_LOG_INFO) && !troupe_log_enabled (TROUPE_LOG_DEBUG));
  capture_begin ();
  start (TROUPE_LOG_WARNING, TROUPE_LOG_PRETTY);
  log_something ();
  troupe_message_t *said = message ("alice", "hello");
  troupe_log_chat (said);
  troupe_message_unref (&said);
  cr_expect_str_empty (capture_end ());
  start (TROUPE_LOG_OFF, TROUPE_LOG_PRETTY);
  cr_expect (!troupe_log_enabled (TROUPE_LOG_ERROR) && !troupe_log_enabled (TROUPE_LOG_OFF));
}

Test (forms, names)
{
  troupe_log_level_t level = TROUPE_LOG_OFF;
  troupe_log_format_t format = TROUPE_LOG_AUTO;
  cr_expect (troupe_log_level_of_name (&level, "chat") && level == TROUPE_LOG_CHAT);
  cr_expect (troupe_log_format_of_name (&format, "json") && format == TROUPE_LOG_JSON);
  cr_expect (!troupe_log_level_of_name (&level, "warn") && level == TROUPE_LOG_CHAT);
  cr_expect (!troupe_log_format_of_name (&format, "") && format == TROUPE_LOG_JSON);
}

Test (forms, environment_overrides)
{
  setenv ("TROUPE_LOG_LEVEL", "debug", 1);
  setenv ("TROUPE_LOG_FORMAT", "json", 1);
  capture_begin ();
  start (TROUPE_LOG_ERROR, TROUPE_LOG_PRETTY);
  troupe_log (TROUPE_LOG_DEBUG, "seen", NULL);
  json_t *json = parsed (capture_end ());
  expect_member (json, "event", "seen");
  json_decref (json);
}

Test (forms, unknown_words_in_the_environment)
{
  setenv ("TROUPE_LOG_LEVEL", "loud", 1);
  setenv ("TROUPE_LOG_FORMAT", "xml", 1);
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_PRETTY);
  const char *text = capture_end ();
  cr_expect_not_null (strstr (text, "WARN  unknown log level  TROUPE_LOG_LEVEL=loud"), "%s", text);
  cr_expect_not_null (strstr (text, "WARN  unknown log format  TROUPE_LOG_FORMAT=xml"), "%s", text);
}

Test (forms, error_record)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_OVERLOADED, "agent/alice", "send it again", "its mailbox is full");
  error.retry_after_ms = 500;
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_JSON);
  troupe_log_error (TROUPE_LOG_WARNING, "call refused", &error);
  json_t *json = parsed (capture_end ());
  expect_member (json, "level", "warning");
  expect_member (json, "object", "agent/alice");
  expect_member (json, "code", "overloaded");
  expect_member (json, "why", "its mailbox is full");
  expect_member (json, "next", "send it again");
  expect_member (json, "retry_after_ms", "500");
  json_decref (json);
}

Test (forms, chat)
{
  troupe_message_t *said = message ("alice", "Hello,\nworld");
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_PRETTY);
  troupe_log_chat (said);
  cr_expect_str_eq (after_time (capture_end ()), " agent/alice  CHAT  alice: Hello,\n             world\n");
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_JSON);
  troupe_log_chat (said);
  json_t *json = parsed (capture_end ());
  expect_member (json, "level", "chat");
  expect_member (json, "name", "alice");
  expect_member (json, "text", "Hello,\nworld");
  expect_member (json, "role", "assistant");
  json_decref (json);
  troupe_message_unref (&said);
}

Test (forms, chat_with_urls)
{
  troupe_message_t *said = NULL;
  json_t *urls = json_pack ("[sss]", "http://a/1", "http://a/2", "http://a/3"), *content = json_string ("look");
  cr_assert_eq (troupe_message_compose (&said, "bob", TROUPE_ROLE_USER, content, urls, NULL, NULL), TROUPE_OK);
  capture_begin ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_PRETTY);
  troupe_log_chat (said);
  cr_expect_str_eq (after_time (capture_end ()), " agent/alice  CHAT  bob: look  url=http://a/1 more_urls=2\n");
  troupe_message_unref (&said);
  json_decref (urls);
  json_decref (content);
}

// The same speaker has the same colour in every line; others may differ.
Test (forms, speakers_have_colours)
{
  troupe_message_t *alice = message ("alice", "one"), *bob = message ("bob", "two");
  unsetenv ("NO_COLOR");
  capture_begin_terminal ();
  start (TROUPE_LOG_INFO, TROUPE_LOG_PRETTY);
  troupe_log_chat (alice);
  troupe_log_chat (bob);
  troupe_log_chat (alice);
  const char *text = capture_end ();
  const char *first = strstr (text, "\033[38;5;"), *second = first != NULL ? strstr (first + 1, "\033[38;5;") : NULL;
  const char *third = second != NULL ? strstr (second + 1, "\033[38;5;") : NULL;
  cr_assert_not_null (third, "%s", text);
  cr_expect_eq (memcmp (first, third, strlen ("\033[38;5;000malice")), 0);
  cr_expect_neq (memcmp (first, second, strlen ("\033[38;5;00")), 0);
  troupe_message_unref (&alice);
  troupe_message_unref (&bob);
}
