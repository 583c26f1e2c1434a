// SPDX-License-Identifier: Apache-2.0
//
// Outcomes that are stored through one broker and awaited through another: whichever broker dies, whoever waits hears
// of it, without asking again and again.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (awaiting, .init = place_enter, .fini = place_leave);

typedef struct {
  stage_t stage;
  process_t *worker;
  troupe_placeholder_t *call;
  troupe_id_t id;
} scene_t;

// A call that was accepted by broker 1 and runs.
static void
open_scene (scene_t *self, unsigned brokers, const char *caller)
{
  stage_open (&self->stage, brokers, "");
  self->worker = stage_player (&self->stage, "w", "tool/x", 4);
  self->call = stage_call (stage_node (&self->stage, caller), "tool/x", "one", "[['hold', 'here']]");
  self->id = *troupe_placeholder_id (self->call);
  stage_until_stored (&self->stage, self->call);
  STAGE_UNTIL (&self->stage, process_said (self->worker, "hold here"));
}

static void
let_go (scene_t *self)
{
  process_send (self->worker, "go here\n");
}

Test (awaiting, an_outcome_stored_through_one_broker_reaches_a_waiter_at_another)
{
  scene_t scene;
  open_scene (&scene, 2, "1");
  troupe_placeholder_t *waiter = stage_await_surely (&scene.stage, stage_node (&scene.stage, "2"), &scene.id, "one");
  let_go (&scene);
  stage_expect_reply (&scene.stage, &waiter, 1, "w");
  stage_expect_reply (&scene.stage, &scene.call, 1, "w");
  stage_close (&scene.stage);
}

Test (awaiting, the_broker_that_accepted_dies_before_the_outcome_and_the_waiter_at_another_hears_it)
{
  scene_t scene;
  open_scene (&scene, 2, "12");
  troupe_placeholder_t *waiter = stage_await_surely (&scene.stage, stage_node (&scene.stage, "2"), &scene.id, "one");
  stage_kill (&scene.stage.brokers[0]);
  let_go (&scene);
  stage_expect_reply (&scene.stage, &waiter, 0, "w");
  stage_expect_reply (&scene.stage, &scene.call, 0, "w");
  stage_close (&scene.stage);
}

// The caller alone is told by the broker that dies: the waiter's word must come by way of the store.
Test (awaiting, the_broker_that_settled_dies_at_once_and_the_waiter_at_another_hears_it)
{
  scene_t scene;
  open_scene (&scene, 2, "1");
  troupe_placeholder_t *waiter = stage_await_surely (&scene.stage, stage_node (&scene.stage, "2"), &scene.id, "one");
  let_go (&scene);
  STAGE_UNTIL (&scene.stage, troupe_placeholder_state (scene.call) == TROUPE_CALL_SETTLED);
  stage_kill (&scene.stage.brokers[0]);
  stage_expect_reply (&scene.stage, &scene.call, 1, "w");
  stage_expect_reply (&scene.stage, &waiter, 1, "w");
  troupe_placeholder_t *late = stage_await (stage_node (&scene.stage, "2"), &scene.id, "one");
  stage_expect_reply (&scene.stage, &late, 1, "w");
  stage_close (&scene.stage);
}

// Caller at 2 (it fell back to it), accepted by 1, which died; settled through 2 or 3; a waiter at 3.
Test (awaiting, three_brokers_and_the_one_that_accepted_died)
{
  scene_t scene;
  open_scene (&scene, 3, "12");
  troupe_placeholder_t *waiter = stage_await_surely (&scene.stage, stage_node (&scene.stage, "3"), &scene.id, "one");
  stage_kill (&scene.stage.brokers[0]);
  let_go (&scene);
  stage_expect_reply (&scene.stage, &scene.call, 0, "w");
  stage_expect_reply (&scene.stage, &waiter, 0, "w");
  for (unsigned i = 2; i <= 3; i++) {
    troupe_placeholder_t *late = stage_await (stage_node (&scene.stage, i == 2 ? "2" : "3"), &scene.id, "one");
    stage_expect_reply (&scene.stage, &late, 0, "w");
  }
  stage_close (&scene.stage);
}

// A process that has nothing but the id, for a task of its own.
Test (awaiting, any_process_can_wait_for_a_call_by_its_id_before_and_after_it_settled)
{
  scene_t scene;
  char id[TROUPE_ID_TEXT_SIZE], steps[128];
  open_scene (&scene, 2, "1");
  troupe_id_to_text (&scene.id, id);
  snprintf (steps, sizeof steps, "[['say', 'waits'], ['await', 'one', '%s']]", id);
  process_t *other = stage_player (&scene.stage, "o", "tool/other", 4);
  troupe_node_t *node = stage_node (&scene.stage, "2");
  troupe_placeholder_t *before = stage_call (node, "tool/other", "two", steps);
  STAGE_UNTIL (&scene.stage, process_said (other, "say waits"));
  let_go (&scene);
  stage_outcome (&scene.stage, before);
  troupe_placeholder_t *after = stage_call (node, "tool/other", "three", steps);
  troupe_placeholder_t *both[] = {before, after};
  for (size_t i = 0; i < 2; i++) {
    const json_t *heard = json_object_get (stage_outcome (&scene.stage, both[i]), "heard");
    cr_assert_str_eq (json_string_value (json_object_get (json_array_get (heard, 0), "by")), "w");
    troupe_placeholder_destroy (&both[i]);
  }
  stage_expect_reply (&scene.stage, &scene.call, 1, "w");
  stage_close (&scene.stage);
}

Test (awaiting, what_never_was_is_an_unknown_call)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  troupe_id_t id = troupe_id_new ();
  troupe_placeholder_t *waiter = stage_await (stage_node (&stage, "1"), &id, "one");
  stage_expect_error (&stage, &waiter, TROUPE_UNKNOWN_CALL, NULL);
  stage_close (&stage);
}

Test (awaiting, what_is_kept_no_more_is_an_unknown_call)
{
  stage_t stage;
  stage_open (&stage, 2, "retention: 1s, heartbeat: 200ms, lease: 1s");
  stage_player (&stage, "w", "tool/x", 4);
  troupe_node_t *left = stage_node (&stage, "1"), *right = stage_node (&stage, "2");
  troupe_placeholder_t *call = stage_call (left, "tool/x", "one", "[]");
  troupe_id_t id = *troupe_placeholder_id (call);
  stage_expect_reply (&stage, &call, 1, "w");
  troupe_err_t code = TROUPE_OK;
  for (int64_t end = troupe_loop_now () + DEADLINE_MS; code == TROUPE_OK && troupe_loop_now () < end;) {
    troupe_placeholder_t *late = stage_await (right, &id, "one");
    stage_outcome (&stage, late);
    code = troupe_placeholder_error (late)->code;
    troupe_placeholder_destroy (&late);
  }
  cr_assert_eq (code, TROUPE_UNKNOWN_CALL, "%s", troupe_err_name (code));
  stage_close (&stage);
}
