// SPDX-License-Identifier: Apache-2.0
//
// Agents that consult each other: a wait that would close a ring is an error at once, and a consult overtakes what came
// later than the question that it is for.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (rings, .init = place_enter, .fini = place_leave);

typedef struct {
  stage_t stage;
  process_t *alice, *bob, *tool;
  troupe_node_t *node;
} scene_t;

static void
open_scene (scene_t *self)
{
  stage_open (&self->stage, 1, "");
  self->alice = stage_player (&self->stage, "alice", "agent/alice", 16);
  self->bob = stage_player (&self->stage, "bob", "agent/bob", 16);
  self->tool = stage_player (&self->stage, "tool", "tool/x", 16);
  self->node = stage_node (&self->stage, "1");
}

// Where an answer that `try` or `all` brought stands is an error of this kind; its text, or NULL.
static const char *
cycle_at (const json_t *answer)
{
  const char *code = json_string_value (json_object_get (answer, "error"));
  return code != NULL && strcmp (code, "cycle") == 0 ? json_string_value (json_object_get (answer, "why")) : NULL;
}

Test (rings, alice_asks_bob_who_asks_alice_is_a_cycle_at_once_that_is_named)
{
  scene_t scene;
  open_scene (&scene);
  int64_t begin = troupe_loop_now ();
  troupe_placeholder_t *call =
    stage_call (scene.node, "agent/alice", "one", "[['ask', 'agent/bob', [['ask', 'agent/alice', []]]]]");
  stage_expect_error (&scene.stage, &call, TROUPE_CYCLE, "agent/alice waits for agent/bob.*agent/alice");
  cr_assert_lt (troupe_loop_now () - begin, 5000);
  stage_close (&scene.stage);
}

Test (rings, who_asks_itself_through_others_is_a_cycle)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *call =
    stage_call (scene.node, "agent/alice", "one", "[['ask', 'tool/x', [['ask', 'agent/alice', []]]]]");
  stage_expect_error (&scene.stage, &call, TROUPE_CYCLE, "agent/alice.*tool/x.*agent/alice");
  call = stage_call (scene.node, "agent/alice", "one", "[['ask', 'agent/alice', []]]");
  stage_expect_error (&scene.stage, &call, TROUPE_CYCLE, "agent/alice waits for agent/alice");
  stage_close (&scene.stage);
}

// The error is an answer like any other: whoever asked may go on without it.
Test (rings, whoever_gets_the_error_can_go_on)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *call =
    stage_call (scene.node, "agent/alice", "one", "[['ask', 'agent/bob', [['try', 'agent/alice', []]]]]");
  const json_t *value = stage_outcome (&scene.stage, call);
  const json_t *bobs = json_array_get (json_object_get (value, "heard"), 0);
  cr_assert_str_eq (json_string_value (json_object_get (bobs, "by")), "bob");
  cr_assert_not_null (cycle_at (json_array_get (json_object_get (bobs, "heard"), 0)));
  troupe_placeholder_destroy (&call);
  stage_close (&scene.stage);
}

// Other sessions' actors are other actors.
Test (rings, the_same_agents_in_two_sessions_are_no_ring)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *one = stage_call (scene.node, "agent/alice", "one", "[['ask', 'agent/bob', []]]");
  troupe_placeholder_t *two = stage_call (scene.node, "agent/bob", "two", "[['ask', 'agent/alice', []]]");
  stage_expect_reply (&scene.stage, &one, 1, "alice");
  stage_expect_reply (&scene.stage, &two, 1, "bob");
  stage_close (&scene.stage);
}

// Both run when they ask; whoever asks second would close the ring.
Test (rings, two_of_a_fanout_that_consult_each_other_get_one_cycle)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *fanout =
    stage_call (scene.node, "tool/x", "one",
                "[['all', [['agent/alice', [['hold', 'alice'], ['try', 'agent/bob', []]]],"
                "          ['agent/bob', [['hold', 'bob'], ['try', 'agent/alice', []]]]]]]");
  STAGE_UNTIL (&scene.stage, process_said (scene.alice, "hold alice"));
  STAGE_UNTIL (&scene.stage, process_said (scene.bob, "hold bob"));
  process_send (scene.alice, "go alice\n");
  process_send (scene.bob, "go bob\n");
  const json_t *value = stage_outcome (&scene.stage, fanout);
  cr_assert_not_null (value, "%s", troupe_placeholder_error (fanout)->why);
  unsigned cycles = 0;
  for (size_t i = 0; i < 2; i++) {
    const json_t *reply = json_array_get (json_array_get (json_object_get (value, "heard"), 0), i);
    cr_assert_str_eq (json_string_value (json_object_get (reply, "by")), i == 0 ? "alice" : "bob");
    cycles += cycle_at (json_array_get (json_object_get (reply, "heard"), 0)) != NULL;
  }
  cr_assert_eq (cycles, 1, "%u of the two got the error", cycles);
  troupe_placeholder_destroy (&fanout);
  stage_close (&scene.stage);
}

// -- Order -------------------------------------------------------------------------------------------------------------

// Bob is busy; someone else's question to bob comes; then alice, who was asked before that, consults bob.
Test (rings, a_consult_overtakes_what_came_later_than_the_question_it_is_for)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *busy = stage_call (scene.node, "agent/bob", "one", "[['hold', 'busy']]");
  troupe_placeholder_t *question =
    stage_call (scene.node, "agent/alice", "one",
                "[['hold', 'thinks'], ['say', 'asks'], ['ask', 'agent/bob', [['say', 'consult']]]]");
  STAGE_UNTIL (&scene.stage, process_said (scene.bob, "hold busy"));
  STAGE_UNTIL (&scene.stage, process_said (scene.alice, "hold thinks"));
  troupe_placeholder_t *later = stage_call (scene.node, "agent/bob", "one", "[['say', 'later']]");
  stage_until_stored (&scene.stage, later);
  int accepted = stage_counter (&scene.stage, 0, "calls_accepted");
  process_send (scene.alice, "go thinks\n");
  STAGE_UNTIL (&scene.stage, stage_counter (&scene.stage, 0, "calls_accepted") > accepted);
  process_send (scene.bob, "go busy\n");
  STAGE_UNTIL (&scene.stage, process_said (scene.bob, "say (consult|later)"));
  cr_assert (text_matches (process_output (scene.bob), "say consult"), "%s", process_output (scene.bob));
  stage_expect_reply (&scene.stage, &later, 1, "bob");
  cr_assert_lt (strstr (process_output (scene.bob), "say consult"), strstr (process_output (scene.bob), "say later"));
  stage_expect_reply (&scene.stage, &busy, 1, "bob");
  stage_expect_reply (&scene.stage, &question, 1, "alice");
  stage_close (&scene.stage);
}
