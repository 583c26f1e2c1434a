// SPDX-License-Identifier: Apache-2.0
//
// `troupe chat`: a conversation with an agent, over a pipe and on a terminal.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (chat, .init = place_enter, .fini = place_leave);

Test (chat, lines_from_a_pipe_are_answered_and_everything_ends)
{
  place_write ("troupe.yaml", mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  process_t *chat = process_run ("troupe", "chat");
  process_send (chat, "Hello\n");
  process_expect (chat, "turn 1: Hello");
  process_send (chat, "Still there?\n");
  process_expect (chat, "turn 2: Still there\\?");
  process_close_input (chat);
  process_expect_exit (chat, 0);
  process_destroy (&chat);
  place_expect_empty ();
}

Test (chat, killed_it_leaves_nothing)
{
  place_write ("troupe.yaml", mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  process_t *chat = process_run ("troupe", "chat");
  process_send (chat, "Hello\n");
  process_expect (chat, "turn 1: Hello");
  process_signal (chat, SIGKILL);
  cr_assert_eq (process_wait (chat), 128 + SIGKILL);
  process_destroy (&chat);
  place_await_empty ();
}

Test (chat, goes_on_in_the_session_that_it_is_told)
{
  process_t *up = mesh_up (mesh_plain);
  for (int i = 1; i <= 2; i++) {
    process_t *chat = process_run ("troupe", "chat", "--session", "one");
    process_send (chat, "Hello\n");
    process_expect (chat, i == 1 ? "turn 1: Hello" : "turn 2: Hello");
    process_close_input (chat);
    process_expect_exit (chat, 0);
    process_destroy (&chat);
  }
  mesh_down (&up);
}

Test (chat, a_failing_call_is_told_and_the_conversation_goes_on)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *chat = process_run ("troupe", "chat");
  process_send (chat, "fail\n");
  process_expect_error (chat, "model_failed.*it was told to fail");
  process_send (chat, "Hello\n");
  process_expect (chat, "turn 1: Hello");
  process_close_input (chat);
  process_expect_exit (chat, 5);
  process_destroy (&chat);
  mesh_down (&up);
}

Test (chat, exit_ends_it)
{
  place_write ("troupe.yaml", mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  process_t *chat = process_run ("troupe", "chat", "alice");
  process_send (chat, "Hello\nexit\nNobody hears this\n");
  process_expect (chat, "turn 1: Hello");
  process_expect_exit (chat, 0);
  cr_assert_null (strstr (process_output (chat), "Nobody"));
  process_destroy (&chat);
}

Test (chat, replies_are_messages_with_json)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *chat = process_run ("troupe", "chat", "--json");
  process_send (chat, "Hello\n");
  process_close_input (chat);
  process_expect_exit (chat, 0);
  json_t *reply = json_loads (process_output (chat), 0, NULL);
  cr_assert_not_null (reply, "%s", process_output (chat));
  cr_assert_str_eq (json_string_value (json_object_get (reply, "name")), "alice");
  cr_assert_str_eq (json_string_value (json_object_get (reply, "role")), "assistant");
  cr_assert_str_eq (json_string_value (json_object_get (reply, "content")), "turn 1: Hello");
  json_decref (reply);
  process_destroy (&chat);
  mesh_down (&up);
}

Test (chat, a_terminal_has_a_prompt_and_end_of_file_ends_it)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *chat = process_run_terminal ("troupe", "chat");
  process_expect (chat, "you> ");
  process_send (chat, "Hello\r");
  process_expect (chat, "turn 1: Hello");
  process_expect (chat, "you> ");
  process_send (chat, "\x04");
  process_expect_exit (chat, 0);
  process_destroy (&chat);
  mesh_down (&up);
}

Test (chat, on_a_terminal_control_c_stops_a_reply_and_twice_ends)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *chat = process_run_terminal ("troupe", "chat");
  process_expect (chat, "you> ");
  process_send (chat, "late\r");
  process_expect (chat, "late\r?\n");
  process_send (chat, "\x03");
  process_expect (chat, "stopped");
  process_expect (chat, "you> ");
  process_send (chat, "\x03");
  process_expect (chat, "Ctrl-C again");
  process_send (chat, "\x03");
  process_expect_exit (chat, 0);
  process_destroy (&chat);
  mesh_down (&up);
}

Test (chat, a_terminals_conversation_leaves_nothing)
{
  place_write ("troupe.yaml", mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  process_t *chat = process_run_terminal ("troupe", "chat");
  process_expect (chat, "you> ");
  process_send (chat, "Hello\r");
  process_expect (chat, "turn 1: Hello");
  process_expect (chat, "you> ");
  process_send (chat, "exit\r");
  process_expect_exit (chat, 0);
  process_destroy (&chat);
  place_expect_empty ();
}

Test (chat, an_agent_that_is_not_there_is_an_error_that_names_the_nearest)
{
  process_t *up = mesh_up (mesh_plain);
  process_t *chat = process_run ("troupe", "chat", "alcie");
  process_send (chat, "Hello\n");
  process_close_input (chat);
  process_expect_exit (chat, 4);
  cr_assert_not_null (strstr (process_errors (chat), "alice"), "%s", process_errors (chat));
  process_destroy (&chat);
  mesh_down (&up);
}
