// SPDX-License-Identifier: Apache-2.0
//
// Links in asks of which the model takes the bytes only, or is configured so: what is fetched, and what isn't.

#include "blackbox/model/server.h"
#include "model/base64.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOPBACK ", \"private_networks\": [\"127.0.0.0/8\"]"
#define SOON ", \"retry_pause\": 10"
#define FOX "iVBORyBmb3g=" // what the server has under most names

TestSuite (links, .init = server_enter_others, .fini = server_leave);

static json_t *
image (const char *url)
{
  return json_pack ("{s:s,s:s}", "type", "image", "url", url);
}

// One message with a text and an image at that path of the server's (or at that URL).
static json_t *
ask_value (const char *where)
{
  char url[256];
  snprintf (url, sizeof url, "%s", where);
  if (where[0] == '/')
    snprintf (url, sizeof url, "http://127.0.0.1:%d/media%s", server_port (), where);
  return json_pack ("{s:[{s:s,s:s,s:[{s:s,s:s},o]}]}", "messages", "name", "Ann", "role", "user", "content", "type",
                    "text", "text", "What is it?", image (url));
}

static ask_t
ask (const char *type, const char *more, const char *where)
{
  server_model_of (type, "", more);
  ask_t one = server_ask_value (ask_value (where), false);
  stand_stop (&stand);
  return one;
}

// The server says what it was sent.
static void
expect_sent (const char *type, const char *more, const char *where, const char *wanted)
{
  ask_t one = ask (type, more, where);
  cr_assert (strstr (ask_content (&one), wanted), "%s: %s isn't in %s", where, wanted, ask_content (&one));
  ask_clear (&one);
}

static void
expect_error (const char *type, const char *more, const char *where, troupe_err_t code, const char *why)
{
  ask_t one = ask (type, more, where);
  server_expect_error (&one, code, why);
}

Test (links, are_fetched_for_a_model_that_takes_bytes)
{
  expect_sent ("ollama", LOOPBACK, "/fox.png", "\"images\": [\"" FOX "\"]");
  expect_sent ("ollama", LOOPBACK, "/moved.png", "\"images\": [\"" FOX "\"]");
  expect_sent ("ollama", LOOPBACK, "/vague.png", "\"images\": [\"" FOX "\"]");
  expect_sent ("ollama", LOOPBACK, "data:image/png;base64,QUJD", "\"images\": [\"QUJD\"]");
}

Test (links, are_passed_on_to_one_that_takes_them_unless_told_otherwise)
{
  expect_sent ("anthropic", LOOPBACK, "/fox.png", "/media/fox.png");
  expect_sent ("anthropic", LOOPBACK ", \"links\": \"fetch\"", "/fox.png",
               "{\"type\": \"base64\", \"media_type\": \"image/png\", \"data\": \"" FOX "\"}");
}

Test (links, that_a_model_may_not_fetch_are_refused_at_once)
{
  server_model_of ("ollama", "", LOOPBACK ", \"links\": \"pass\"");
  troupe_error_t error = {0};
  troupe_answer_t *answer;
  json_t *input = ask_value ("/fox.png");
  cr_assert_eq (troupe_model_ask (stand.model, &answer, &(troupe_model_ask_t){.input = input, .deadline = 0}, &error),
                TROUPE_BAD_MESSAGE);
  cr_assert (strstr (error.why, "messages[0].content[1]: a link; this model takes the type image as a data: URL only"),
             "%s", error.why);
  json_decref (input);
  stand_stop (&stand);
}

// Nothing that isn't public is connected to: not by its address, not by a name, not after a redirect.
Test (links, into_private_networks_are_not_followed)
{
  char name[64];
  snprintf (name, sizeof name, "http://localhost:%d/media/fox.png", server_port ());
  expect_error ("ollama", "", "/fox.png", TROUPE_PERMISSION, "it is at an address that isn't public");
  expect_error ("ollama", "", name, TROUPE_PERMISSION, "it is at an address that isn't public");
  expect_error ("ollama", LOOPBACK, "/away.png", TROUPE_PERMISSION, "it is at an address that isn't public");
  expect_error ("ollama", LOOPBACK, "/file.png", TROUPE_BAD_MESSAGE, "");
  expect_error ("ollama", "", "http://[::ffff:127.0.0.1]/fox.png", TROUPE_PERMISSION, "isn't public");
}

Test (links, that_lead_to_something_else_say_what_it_is)
{
  expect_error ("ollama", LOOPBACK, "/page.png", TROUPE_BAD_MESSAGE,
                "what is there is text/html, not of the type image");
  expect_error ("ollama", LOOPBACK, "/vague", TROUPE_BAD_MESSAGE, "say it as the block's mime");
  expect_error ("ollama", LOOPBACK, "/gone.png", TROUPE_BAD_MESSAGE, "it can't be fetched: HTTP 404");
  expect_error ("ollama", LOOPBACK SOON, "/busy.png", TROUPE_LINK_UNREACHABLE, "it can't be fetched: HTTP 503");
  expect_error ("ollama", LOOPBACK, "/empty.png", TROUPE_BAD_MESSAGE, "what is there is empty");
  expect_error ("ollama", LOOPBACK, "/ring.png", TROUPE_BAD_MESSAGE, "it leads on too often");
  expect_error ("ollama", LOOPBACK SOON, "http://127.0.0.1:1/fox.png", TROUPE_LINK_UNREACHABLE, "it can't be fetched");
  expect_error ("anthropic", LOOPBACK ", \"links\": \"fetch\"", "/big.png", TROUPE_BAD_MESSAGE,
                "more than 5000000 bytes");
}

// As a request of the model's is: when it broke off, when the server is busy, and when it asks to wait.
Test (links, that_fail_in_passing_are_fetched_again)
{
  expect_sent ("ollama", LOOPBACK SOON, "/unsteady.png", "\"images\": [\"" FOX "\"]");
  cr_assert_eq (server_asked ("/media/unsteady.png"), 4);
  cr_assert_eq (server_asked ("/api/chat"), 1);
  expect_error ("ollama", LOOPBACK SOON ", \"retries\": 1", "/busy.png", TROUPE_LINK_UNREACHABLE, "HTTP 503");
  cr_assert_eq (server_asked ("/media/busy.png"), 2);
}

// Dropped, past its deadline, or with its engine: nobody fetches it again.
Test (links, that_are_to_be_fetched_again_may_be_dropped)
{
  for (int i = 0; i < 3; i++) {
    ask_t one = {0};
    server_model_of ("ollama", "", LOOPBACK ", \"retry_pause\": 600000");
    stand_ask_value (&stand, &one, ask_value ("/busy.png"), false,
                     i == 0   ? troupe_loop_now () + 300 * 1000
                     : i == 1 ? troupe_loop_now () + 200
                              : TROUPE_LOOP_NEVER);
    for (int turn = 0; i != 1 && server_asked ("/media/busy.png") <= (unsigned)i && turn < 1000; turn++)
      cr_assert_eq (troupe_loop_turn (stand.loop, 10), TROUPE_OK);
    if (i == 1)
      stand_run (&stand); // one that would begin again too late fails at once
    else if (stand.open == 1)
      troupe_answer_drop (&one.answer);
    ask_clear (&one);
    stand_stop (&stand);
  }
}

Test (links, that_fail_for_good_or_for_long_are_fetched_once)
{
  expect_error ("ollama", LOOPBACK SOON, "/gone.png", TROUPE_BAD_MESSAGE, "HTTP 404");
  expect_error ("ollama", LOOPBACK SOON, "/page.png", TROUPE_BAD_MESSAGE, "text/html");
  ask_t one = ask ("ollama", LOOPBACK SOON, "/later.png");
  cr_assert_eq (one.error.retry_after_ms, 3600 * 1000);
  server_expect_error (&one, TROUPE_LINK_UNREACHABLE, "HTTP 429");
  cr_assert_eq (server_asked ("/media/gone.png"), 1);
  cr_assert_eq (server_asked ("/media/page.png"), 1);
  cr_assert_eq (server_asked ("/media/later.png"), 1);
}

Test (links, to_files_are_read_below_one_folder_only)
{
  char inside[4200], linked[4200], more[4200], folder[4096];
  cr_assert (getcwd (folder, sizeof folder));
  cr_assert_eq (mkdir ("media", 0700), 0);
  FILE *file = fopen ("media/a fox.png", "w");
  cr_assert (file && fputs ("\x89PNG fox", file) >= 0 && fclose (file) == 0);
  cr_assert_eq (symlink ("/etc/hostname", "media/out.png"), 0);
  snprintf (more, sizeof more, ", \"files\": \"%s/media\"", folder);
  snprintf (inside, sizeof inside, "file://%s/media/a%%20fox.png", folder);
  snprintf (linked, sizeof linked, "file://%s/media/out.png", folder);
  expect_sent ("ollama", more, inside, "\"images\": [\"" FOX "\"]");
  expect_sent ("anthropic", more, inside, "\"data\": \"" FOX "\"");
  expect_error ("ollama", more, linked, TROUPE_PERMISSION, "there is no such file below the folder");
  expect_error ("ollama", more, "file:///etc/hostname", TROUPE_PERMISSION, "there is no such file below the folder");
  expect_error ("ollama", more, "file:///nowhere.png", TROUPE_PERMISSION, "there is no such file below the folder");
}

// A link that stands twice is fetched once; the ask can be dropped while it is.
Test (links, are_fetched_once_and_may_be_dropped)
{
  char url[128];
  snprintf (url, sizeof url, "http://127.0.0.1:%d/media/fox.png", server_port ());
  server_model_of ("ollama", "", LOOPBACK);
  json_t *input =
    json_pack ("{s:[{s:s,s:[o,o],s:[s]}]}", "messages", "name", "Ann", "content", image (url), image (url), "url", url);
  ask_t one = server_ask_value (json_incref (input), false);
  cr_assert (strstr (ask_content (&one), "[\"" FOX "\", \"" FOX "\", \"" FOX "\"]"), "%s", ask_content (&one));
  ask_clear (&one);
  for (int i = 0; i < 50; i++) {
    troupe_error_t error = {0};
    stand_ask_value (&stand, &one, json_incref (input), false, TROUPE_LOOP_NEVER);
    for (int turn = 0; turn < i % 5; turn++)
      cr_assert_eq (troupe_loop_turn (stand.loop, 1), TROUPE_OK, "%s", error.why);
    if (stand.open == 1) {
      troupe_answer_drop (&one.answer);
      stand.open = 0;
    }
    ask_clear (&one);
  }
  json_decref (input);
  stand_stop (&stand);
}
