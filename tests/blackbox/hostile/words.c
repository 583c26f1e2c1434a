// SPDX-License-Identifier: Apache-2.0
//
// Words that a terminal would obey: they are shown, and nothing of them is done.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (words, .init = place_enter, .fini = place_leave);

// As JSON: the window's title, a colour by ESC and by the C1 character for ESC [, DEL, and what is to stay.
static const char spoken[] = "\"\\u001b]0;title\\u0007 \\u009b31m \\u007f caf\\u00e9\\ttab\\nend\"";

static void
expect_no_controls (const char *output)
{
  cr_assert_null (strstr (output, "\033]0;"), "%s", output);
  cr_assert_null (strstr (output, "\007"), "%s", output);
  cr_assert_null (strstr (output, "\xc2\x9b"), "%s", output);
  cr_assert_null (strchr (output, 0x7f), "%s", output);
  cr_assert_not_null (strstr (output, "caf\xc3\xa9"), "%s", output);
}

Test (words, of_a_reply_do_not_steer_the_terminal_of_a_call)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *call = process_run_terminal ("troupe", "call", "agent/alice", spoken);
  process_expect_exit (call, 0);
  expect_no_controls (process_output (call));
  cr_assert_not_null (strstr (process_output (call), "\\u009b31m \\u007f caf"), "%s", process_output (call));
  process_destroy (&call);
  mesh_down (&up);
}

Test (words, of_a_reply_do_not_steer_the_terminal_of_a_conversation)
{
  place_write ("words.yaml", "rules:\n  - say: \"\\e]0;title\\a \\x9b31m \\x7f caf\\xe9 end\"\n    chunk: word\n");
  process_t *up = mesh_up ("models:\n"
                           "  talker: { type: rehearsal, rules: words.yaml }\n"
                           "agents:\n"
                           "  alice: { model: talker }\n");
  process_t *chat = process_run_terminal ("troupe", "chat");
  process_expect (chat, "you> ");
  process_send (chat, "Hello\r");
  process_expect (chat, "end\r?\n");
  expect_no_controls (process_output (chat));
  process_expect (chat, "you> "); // before that the terminal itself would take the Ctrl-D
  process_send (chat, "\x04");
  process_expect_exit (chat, 0);
  process_destroy (&chat);
  mesh_down (&up);
}
