// SPDX-License-Identifier: Apache-2.0

#include "model/schedule.h"
#include "unit/model/stand.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
rules_file (char path[32], const char *text)
{
  strcpy (path, "/tmp/troupe-rules-XXXXXX");
  FILE *file = fdopen (mkstemp (path), "w");
  cr_assert (file && fputs (text, file) >= 0 && fclose (file) == 0);
}

static void
start_with_rules (stand_t *self, const char *rules)
{
  char path[32], config[128];
  rules_file (path, rules);
  snprintf (config, sizeof config, "{\"type\": \"rehearsal\", \"rules\": \"%s\"}", path);
  stand_start (self, config);
  remove (path);
}

Test (engine, streams_word_by_word_and_marks_a_rehearsal)
{
  stand_t stand;
  ask_t one = {0};
  start_with_rules (&stand, "{chunk: word, chunk_delay: 5ms, rules: [{say: 'one two three four'}]}");
  stand_ask (&stand, &one, "x", true, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_str_eq (ask_content (&one), "one two three four");
  cr_assert_str_eq (one.text.data, "one two three four");
  cr_assert (one.parts >= 2, "%u", one.parts);
  cr_assert (json_is_true (ask_metadata (&one, "rehearsal")));
  cr_assert (json_is_true (json_object_get (troupe_model_info (stand.model), "rehearsal")));
  ask_clear (&one);
  stand_stop (&stand);
}

Test (engine, runs_a_thousand_at_once)
{
  enum { COUNT = 1000 };
  stand_t stand;
  ask_t *asks = calloc (COUNT, sizeof *asks);
  start_with_rules (&stand, "rules: [{delay: 100ms, chunk: 2, chunk_delay: 2ms, say: 'I heard {{last}}'}]");
  int64_t begun = troupe_loop_now ();
  for (int i = 0; i < COUNT; i++) {
    char text[16];
    snprintf (text, sizeof text, "%d", i);
    stand_ask (&stand, &asks[i], text, i % 2, TROUPE_LOOP_NEVER);
  }
  stand_run (&stand);
  for (int i = 0; i < COUNT; i++) {
    char text[32];
    snprintf (text, sizeof text, "I heard %d", i);
    cr_assert_str_eq (ask_content (&asks[i]), text);
    if (i % 2)
      cr_assert_str_eq (asks[i].text.data, text);
    ask_clear (&asks[i]);
  }
  cr_assert (troupe_loop_now () - begun < 100 * COUNT / 4);
  free (asks);
  stand_stop (&stand);
}

Test (engine, drops_in_the_middle_of_a_stream_and_at_the_end)
{
  stand_t stand;
  ask_t one = {.drop_at = 2}, two = {0};
  start_with_rules (&stand, "rules: [{chunk: 1, chunk_delay: 5ms, say: abcdefgh}]");
  stand_ask (&stand, &one, "x", true, TROUPE_LOOP_NEVER);
  stand_ask (&stand, &two, "x", true, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_eq (one.parts, 2);
  cr_assert_null (one.message);
  cr_assert_str_eq (ask_content (&two), "abcdefgh");
  stand_ask (&stand, &one, "x", false, TROUPE_LOOP_NEVER); // left on its way
  troupe_answer_drop (&one.answer);
  ask_clear (&one);
  ask_clear (&two);
  stand_stop (&stand);
}

static void
never (void *context, json_t *message, const troupe_error_t *error)
{
  (void)context, (void)message, (void)error;
  cr_assert_fail ("a refused ask ends only once");
}

Test (engine, keeps_deadlines_and_plays_failures)
{
  stand_t stand;
  ask_t late = {0}, failed = {0}, refused = {0};
  start_with_rules (&stand, "rules: [{last: slow, delay: 1h, say: x}, {last: fail, fail: rate_limited}]");
  stand_ask (&stand, &late, "slow", false, troupe_loop_now () + 50);
  stand_ask (&stand, &failed, "fail", false, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_eq (late.error.code, TROUPE_DEADLINE);
  cr_assert_eq (failed.error.code, TROUPE_RATE_LIMITED);
  cr_assert_str_eq (failed.error.object, "model/m");
  json_t *input = json_string ("other");
  troupe_model_ask_t nothing = {.input = input, .deadline = TROUPE_LOOP_NEVER, .done = never};
  cr_assert_eq (troupe_model_ask (stand.model, &refused.answer, &nothing, &refused.error), TROUPE_MODEL_REFUSED);
  cr_assert_str_eq (refused.error.object, "model/m");
  json_decref (input);
  stand_stop (&stand);
}

// A port on which nobody listens, since its owner does not.
static int
closed_port (int *fd)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  *fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert (bind (*fd, (struct sockaddr *)&address, size) == 0);
  cr_assert (getsockname (*fd, (struct sockaddr *)&address, &size) == 0);
  return ntohs (address.sin_port);
}

static void
start_at_port (stand_t *self, int port, const char *more)
{
  char config[256];
  snprintf (config, sizeof config,
            "{\"type\": \"openai_chat\", \"base_url\": \"http://127.0.0.1:%d/v1\", \"api_key\": \"sk-hidden-key\"%s}",
            port, more);
  stand_start (self, config);
}

Test (engine, says_that_no_server_is_there)
{
  int fd, port = closed_port (&fd);
  stand_t stand;
  ask_t one = {0};
  start_at_port (&stand, port, ", \"retries\": 1");
  stand_ask (&stand, &one, "x", true, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_eq (one.error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (one.error.why, "http://127.0.0.1:"), "%s", one.error.why);
  cr_assert (strstr (one.error.next, "is the server running?"), "%s", one.error.next);
  cr_assert_null (strstr (one.error.why, "sk-hidden-key"));
  stand_stop (&stand);
  close (fd);
}

Test (engine, notices_a_server_that_accepts_and_says_nothing)
{
  int fd, port = closed_port (&fd);
  stand_t stand;
  ask_t silent = {0}, late = {0}, left = {0};
  cr_assert (listen (fd, 16) == 0);
  start_at_port (&stand, port, ", \"retries\": 0, \"timeout\": 200");
  int64_t begun = troupe_loop_now ();
  stand_ask (&stand, &silent, "x", true, TROUPE_LOOP_NEVER);
  stand_ask (&stand, &late, "x", true, troupe_loop_now () + 50);
  stand_run (&stand);
  cr_assert_eq (silent.error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (silent.error.why, "says nothing for 0.2 s"), "%s", silent.error.why);
  cr_assert_eq (late.error.code, TROUPE_DEADLINE);
  cr_assert (troupe_loop_now () - begun >= 200);
  stand_ask (&stand, &left, "x", true, TROUPE_LOOP_NEVER);
  troupe_answer_drop (&left.answer);
  stand_stop (&stand);
  close (fd);
}

Test (engine, is_never_started_for_nothing)
{
  stand_t stand;
  stand_start (&stand, "{\"type\": \"rehearsal\"}");
  stand_stop (&stand);
}

Test (schedule, keeps_the_order_of_due_times)
{
  enum { COUNT = 500 };
  static troupe_answer_t answers[COUNT];
  schedule_t schedule = {0};
  unsigned state = 12345;
  for (int i = 0; i < COUNT; i++)
    cr_assert (schedule_add (&schedule, &answers[i], (int64_t)(state = state * 1103515245 + 12345) >> 16));
  for (int i = 0; i < COUNT; i += 3)
    schedule_move (&schedule, &answers[i], (int64_t)(state = state * 1103515245 + 12345) >> 16);
  for (int i = 0; i < COUNT; i += 5)
    schedule_remove (&schedule, &answers[i]);
  int64_t last = INT64_MIN;
  unsigned count = 0;
  for (troupe_answer_t *first; (first = schedule_first (&schedule)); count++) {
    cr_assert (first->due >= last);
    last = first->due;
    schedule_remove (&schedule, first);
  }
  cr_assert_eq (count, COUNT - COUNT / 5);
  schedule_clear (&schedule);
}
