// SPDX-License-Identifier: Apache-2.0
//
// What must not get into a line: secrets, controls, lines of others; and what must not stop it: sizes, full pipes.

#include "capture.h"
#include "log/line.h"
#include "troupe/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
start (troupe_log_format_t format)
{
  setenv ("TZ", "UTC", 1);
  troupe_log_init (&(troupe_log_options_t){.program = "p", .level = TROUPE_LOG_INFO, .format = format});
}

static json_t *
logged_as_json (const char *event, const char *name, const char *value)
{
  json_error_t error;
  capture_begin ();
  start (TROUPE_LOG_JSON);
  troupe_log (TROUPE_LOG_INFO, event, name, value, NULL);
  const char *text = capture_end ();
  size_t size = strlen (text);
  cr_assert (size > 0 && memchr (text, '\n', size - 1) == NULL);
  json_t *json = json_loads (text, JSON_REJECT_DUPLICATES, &error);
  cr_assert_not_null (json, "%s: %s", error.text, text);
  return json;
}

static void
expect_pretty (const char *value, const char *shown)
{
  char line[256];
  capture_begin ();
  start (TROUPE_LOG_PRETTY);
  troupe_log (TROUPE_LOG_INFO, "e", "v", value, NULL);
  snprintf (line, sizeof line, " p  INFO  e  v=%s\n", shown);
  cr_expect_str_eq (capture_end () + 12, line);
}

static void
expect_json (const char *value, const char *kept)
{
  json_t *json = logged_as_json ("e", "v", value);
  cr_expect_str_eq (json_string_value (json_object_get (json, "v")), kept);
  json_decref (json);
}

Test (safety, escapes)
{
  expect_pretty ("a\nb", "\"a\\nb\"");
  expect_pretty ("\033[31mred", "\"\\u001b[31mred\"");
  expect_pretty ("tab\there\r", "\"tab\\there\\r\"");
  expect_pretty ("\x7f", "\"\\u007f\"");
  expect_pretty ("\xc2\x9b"
                 "31m",
                 "\\u009b31m");
  expect_pretty ("\xe2\x80\xae"
                 "evil",
                 "\\u202eevil");
  expect_pretty ("\xff\xfe", "\\xff\\xfe");
  expect_pretty ("h\xc3\xa9", "h\xc3\xa9");
  expect_pretty ("\xf0\x9f\x8e\xad", "\xf0\x9f\x8e\xad");
  expect_json ("a\n\"b\"\\\t\x01", "a\n\"b\"\\\t\x01");
  expect_json ("\xff"
               "a\xe2\x80\xa8",
               "\xef\xbf\xbd"
               "a\xe2\x80\xa8");
}

Test (safety, event_and_names_too)
{
  capture_begin ();
  start (TROUPE_LOG_PRETTY);
  troupe_log (TROUPE_LOG_INFO, "a\nb", "n\nm", "1", NULL);
  cr_expect_str_eq (capture_end () + 12, " p  INFO  a\\nb  n\\nm=1\n");
}

// Text that imitates a line of the log stays visibly part of what was said.
Test (safety, chat_cannot_forge_lines)
{
  troupe_message_t *said;
  cr_assert_eq (
    troupe_message_new (&said, "eve", TROUPE_ROLE_ASSISTANT, "hi\n12:00:00.000 broker-1  ERROR lost\r\n\n", NULL),
    TROUPE_OK);
  capture_begin ();
  start (TROUPE_LOG_PRETTY);
  troupe_log_chat (said);
  const char *text = capture_end ();
  for (const char *at = strchr (text, '\n'); at != NULL && at[1] != '\0'; at = strchr (at + 1, '\n'))
    cr_expect_eq (strncmp (at + 1, "             ", 13), 0, "%s", text);
  cr_expect_null (strchr (text, '\r'));
  troupe_message_unref (&said);
}

Test (safety, hides_secrets)
{
  troupe_log_secret ("sk-secret-1");
  troupe_log_secret ("sk-secret-1"); // again changes nothing
  troupe_log_secret ("quo\"ted\nsecret");
  troupe_log_secret ("short");
  troupe_log_secret ("");
  expect_json ("Bearer sk-secret-1!", "Bearer ***!");
  expect_json ("sk-secret-1sk-secret-1", "******");
  expect_json ("sk-secret-", "sk-secret-");
  expect_json ("a quo\"ted\nsecret b", "a *** b");
  expect_json ("short", "short");
  expect_pretty ("sk-secret-1", "***");
  json_t *json = logged_as_json ("with sk-secret-1", "v", "1");
  cr_expect_str_eq (json_string_value (json_object_get (json, "event")), "with ***");
  json_decref (json);
}

Test (safety, hides_overlapping_secrets)
{
  troupe_log_secret ("abcdef");
  troupe_log_secret ("defghi");
  troupe_log_secret ("abcdefgh");
  expect_json ("xabcdefghiy", "x***y");
  expect_json ("xabcdefy", "x***y");
}

Test (safety, hides_secrets_at_the_cut)
{
  static char value[LOG_VALUE_MAX + 64];
  troupe_log_secret ("sk-secret-1");
  for (size_t before = LOG_VALUE_MAX - 16; before <= LOG_VALUE_MAX + 1; before++) {
    memset (value, '-', before);
    snprintf (value + before, sizeof value - before, "sk-secret-1 and more");
    json_t *json = logged_as_json ("e", "v", value);
    cr_expect_null (strstr (json_string_value (json_object_get (json, "v")), "sk"));
    json_decref (json);
  }
}

Test (safety, with_too_many_secrets_nothing_is_shown)
{
  capture_begin ();
  start (TROUPE_LOG_PRETTY);
  for (int i = 0; i < 1025; i++) {
    char secret[32];
    snprintf (secret, sizeof secret, "secret-number-%d", i);
    troupe_log_secret (secret);
  }
  const char *text = capture_end ();
  cr_expect_not_null (strstr (text, "ERROR a secret can't be hidden"), "%s", text);
  expect_json ("secret-number-1024 and more", "***");
  capture_begin ();
  start (TROUPE_LOG_PRETTY);
  troupe_log (TROUPE_LOG_INFO, "anything", "name", "value", NULL);
  cr_expect_str_eq (capture_end () + 12, " ***  INFO  ***  name=***\n");
}

Test (safety, cuts_long_values)
{
  static char value[100 * 1000];
  memset (value, 'x', sizeof value - 1);
  json_t *json = logged_as_json ("e", "v", value);
  const char *shown = json_string_value (json_object_get (json, "v"));
  cr_expect_eq (strspn (shown, "x"), (size_t)LOG_VALUE_MAX);
  cr_expect_str_eq (shown + LOG_VALUE_MAX, "...[91807 bytes more]");
  cr_expect_null (json_object_get (json, "cut"));
  json_decref (json);
}

// Each byte takes six in the line: one such value fits, the others are left out and that is said.
Test (safety, cuts_long_lines)
{
  static char value[20 * 1000];
  json_error_t error;
  memset (value, 1, sizeof value - 1);
  capture_begin ();
  start (TROUPE_LOG_JSON);
  troupe_log (TROUPE_LOG_INFO, "e", "a", value, "b", value, "c", value, NULL);
  json_t *json = json_loads (capture_end (), 0, &error);
  cr_assert_not_null (json, "%s", error.text);
  cr_expect_not_null (json_object_get (json, "a"));
  cr_expect_null (json_object_get (json, "b"));
  cr_expect_str_eq (json_string_value (json_object_get (json, "cut")), "true");
  json_decref (json);
  capture_begin ();
  start (TROUPE_LOG_PRETTY);
  troupe_log (TROUPE_LOG_INFO, "e", "a", value, "b", value, NULL);
  const char *text = capture_end ();
  cr_expect_str_eq (text + strlen (text) - strlen (" ...[cut]\n"), " ...[cut]\n");
}

// Whether the pipe would block whoever writes or not: nobody waits for a reader that doesn't read.
static void
lose_lines (int flags)
{
  int ends[2];
  char text[4096];
  int saved = dup (STDERR_FILENO);
  cr_assert_eq (pipe2 (ends, flags), 0);
  cr_assert_eq (fcntl (ends[0], F_SETFL, O_NONBLOCK), 0);
  dup2 (ends[1], STDERR_FILENO);
  start (TROUPE_LOG_PRETTY);
  for (int i = 0; i < 20 * 1000; i++)
    troupe_log (TROUPE_LOG_INFO, "filling a pipe that nobody reads", NULL);
  while (read (ends[0], text, sizeof text) > 0)
    ;
  troupe_log (TROUPE_LOG_INFO, "through again", NULL);
  troupe_log (TROUPE_LOG_INFO, "and on", NULL);
  ssize_t size = read (ends[0], text, sizeof text - 1);
  dup2 (saved, STDERR_FILENO);
  cr_assert_gt (size, 0);
  text[size] = '\0';
  const char *again = strstr (text, "INFO  through again\n"), *told = strstr (text, "WARN  log lines lost  count=");
  const char *on = strstr (text, "INFO  and on\n");
  cr_expect (again != NULL && told > again && on > told, "%s", text);
  cr_expect_null (strstr (on, "lost"));
  close (ends[0]);
  close (ends[1]);
  close (saved);
}

Test (safety, tells_lost_lines)
{
  lose_lines (O_NONBLOCK);
}

Test (safety, does_not_wait_for_who_never_reads, .timeout = 60)
{
  lose_lines (0);
}

enum { THREADS = 8, LINES = 400 };

static void *
writer (void *argument)
{
  for (int i = 0; i < LINES; i++)
    troupe_log (TROUPE_LOG_INFO, "from a thread", "thread", argument, NULL);
  return NULL;
}

Test (safety, threads)
{
  static char names[THREADS][8];
  pthread_t threads[THREADS];
  capture_begin ();
  start (TROUPE_LOG_JSON);
  for (int i = 0; i < THREADS; i++) {
    snprintf (names[i], sizeof names[i], "t%d", i);
    cr_assert_eq (pthread_create (&threads[i], NULL, writer, names[i]), 0);
  }
  troupe_log_secret ("registered meanwhile");
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  const char *text = capture_end ();
  size_t lines = 0;
  for (const char *at = text; *at != '\0'; at = strchr (at, '\n') + 1, lines++) {
    json_t *json = json_loads (at, JSON_DISABLE_EOF_CHECK, NULL);
    cr_assert_not_null (json);
    json_decref (json);
  }
  cr_expect_eq (lines, (size_t)THREADS * LINES);
}
