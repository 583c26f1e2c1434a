// SPDX-License-Identifier: Apache-2.0
//
// What the next attempt of a call gets of the calls that the attempt before made: values and permanent errors as they
// were, retryable ones anew; and each tool is called under the same id again.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (journal, .init = place_enter, .fini = place_leave);

typedef struct {
  stage_t stage;
  process_t *agent, *tool;
  troupe_placeholder_t *call;
} scene_t;

// The agent asks the tool; then it dies, and another one begins anew.
static const json_t *
ask_die_and_ask_again (scene_t *self, const char *tool_steps)
{
  char steps[512];
  stage_open (&self->stage, 1, "");
  self->tool = stage_player (&self->stage, "tool", "tool/x", 4);
  self->agent = stage_player (&self->stage, "first", "agent/x", 4);
  snprintf (steps, sizeof steps, "[['try', 'tool/x', %s], ['hold', 'heard', 1]]", tool_steps);
  self->call = stage_call (stage_node (&self->stage, "1"), "agent/x", "one", steps);
  STAGE_UNTIL (&self->stage, process_said (self->agent, "hold heard"));
  stage_kill (&self->agent);
  self->agent = stage_player (&self->stage, "second", "agent/x", 4);
  const json_t *value = stage_outcome (&self->stage, self->call);
  cr_assert_not_null (value, "%s", troupe_placeholder_error (self->call)->why);
  cr_assert_str_eq (json_string_value (json_object_get (value, "by")), "second");
  cr_assert_eq (json_integer_value (json_object_get (value, "attempt")), 2);
  return json_array_get (json_object_get (value, "heard"), 0);
}

static void
close_scene (scene_t *self)
{
  troupe_placeholder_destroy (&self->call);
  stage_close (&self->stage);
}

// How often the tool has run, whichever its words were.
static unsigned
runs (const scene_t *self)
{
  unsigned count = 0;
  for (const char *at = process_output (self->tool); (at = strstr (at, "run ")) != NULL; at++)
    count++;
  return count;
}

Test (journal, a_value_is_there_for_the_next_attempt)
{
  scene_t scene;
  const json_t *answer = ask_die_and_ask_again (&scene, "[]");
  cr_assert_eq (json_integer_value (json_object_get (answer, "run")), 1);
  cr_assert_eq (runs (&scene), 1);
  close_scene (&scene);
}

Test (journal, so_is_a_permanent_error)
{
  scene_t scene;
  const json_t *answer = ask_die_and_ask_again (&scene, "[['fail', 'service_failed']]");
  cr_assert_str_eq (json_string_value (json_object_get (answer, "error")), "service_failed");
  cr_assert_eq (runs (&scene), 1);
  close_scene (&scene);
}

Test (journal, a_retryable_error_is_tried_again)
{
  scene_t scene;
  const json_t *answer = ask_die_and_ask_again (&scene, "[['say', 'here'], ['fail', 'model_failed', 1]]");
  cr_assert_str_eq (json_string_value (json_object_get (answer, "by")), "tool");
  cr_assert_eq (runs (&scene), 2);
  close_scene (&scene);
}

// The tool dies under its first attempt, and the agent under its own: whoever runs it sees one id.
Test (journal, a_tool_sees_the_same_id_in_every_attempt)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  process_t *tool = stage_player (&stage, "tool", "tool/x", 4);
  process_t *agent = stage_player (&stage, "first", "agent/x", 4);
  troupe_placeholder_t *call = stage_call (
    stage_node (&stage, "1"), "agent/x", "one",
    "[['try', 'tool/x', [['id'], ['hold', 'dies', 1], ['fail', 'model_failed', 2]]], ['hold', 'heard', 1]]");
  STAGE_UNTIL (&stage, process_said (tool, "hold dies"));
  stage_kill (&tool);
  tool = stage_player (&stage, "tool", "tool/x", 4);
  STAGE_UNTIL (&stage, process_said (agent, "hold heard"));
  STAGE_UNTIL (&stage, process_said (tool, "id [0-9a-f-]+"));
  char *id = strdup (strstr (process_output (tool), "id "));
  stage_kill (&agent);
  agent = stage_player (&stage, "second", "agent/x", 4);
  const json_t *value = stage_outcome (&stage, call);
  const json_t *answer = json_array_get (json_object_get (value, "heard"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (answer, "by")), "tool");
  const char *last = json_string_value (json_array_get (json_object_get (answer, "heard"), 0));
  cr_assert_eq (strncmp (id + strlen ("id "), last, strlen (last)), 0, "%s is not %s", last, id);
  free (id);
  troupe_placeholder_destroy (&call);
  stage_close (&stage);
}
