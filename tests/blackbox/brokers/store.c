// SPDX-License-Identifier: Apache-2.0
//
// Without Redis: what needs it is refused and comes back with it, what doesn't goes on; and deadlines hold whoever
// dies.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (store, .init = place_enter, .fini = place_leave);

static troupe_placeholder_t *
call_volatile (troupe_node_t *node)
{
  return stage_call_with (node, &(troupe_call_t){.service = "tool/x", .deadline_ms = DEADLINE_MS, .is_volatile = true},
                          "[]");
}

Test (store, without_it_volatile_calls_go_on_and_durable_ones_are_refused_until_it_is_back)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  stage_player (&stage, "w", "tool/x", 4);
  troupe_node_t *node = stage_node (&stage, "12");
  troupe_placeholder_t *call = call_volatile (node);
  stage_expect_reply (&stage, &call, 1, "w");
  stage_kill (&stage.redis);
  for (unsigned i = 0; i < 2; i++)
    STAGE_UNTIL (&stage, process_said_error (stage.brokers[i], "store (lost|not connected)"));
  for (int i = 0; i < 10; i++) {
    call = call_volatile (node);
    stage_expect_reply (&stage, &call, 1, "w");
  }
  call = stage_call (node, "tool/x", "one", "[]");
  stage_outcome (&stage, call);
  const troupe_error_t *error = troupe_placeholder_error (call);
  cr_assert_eq (error->code, TROUPE_STORE_UNAVAILABLE, "%s: %s", troupe_err_name (error->code), error->why);
  cr_assert_gt (error->retry_after_ms, 0);
  cr_assert_eq (troupe_placeholder_state (call), TROUPE_CALL_REFUSED);
  troupe_placeholder_destroy (&call);
  stage_start_redis (&stage);
  for (troupe_err_t code = TROUPE_STORE_UNAVAILABLE; code != TROUPE_OK;) {
    call = stage_call (node, "tool/x", "one", "[]");
    stage_outcome (&stage, call);
    code = troupe_placeholder_error (call)->code;
    cr_assert (code == TROUPE_OK || code == TROUPE_STORE_UNAVAILABLE, "%s", troupe_err_name (code));
    troupe_placeholder_destroy (&call);
  }
  stage_close (&stage);
}

// -- Deadlines ---------------------------------------------------------------------------------------------------------

enum { SHORT_MS = 2000 };

typedef struct {
  stage_t stage;
  process_t *worker;
  troupe_placeholder_t *call;
  troupe_id_t id;
} scene_t;

// A call with a deadline, made by broker 1, that runs and never ends.
static void
open_scene (scene_t *self)
{
  stage_open (&self->stage, 2, "");
  self->worker = stage_player (&self->stage, "w", "tool/x", 4);
  troupe_call_t call = {.service = "tool/x", .session = "one", .deadline_ms = SHORT_MS};
  troupe_node_t *node = stage_node (&self->stage, "1");
  self->call = stage_call_with (node, &call, "[['hold', 'for ever']]");
  self->id = *troupe_placeholder_id (self->call);
  stage_until_stored (&self->stage, self->call);
  STAGE_UNTIL (&self->stage, process_said (self->worker, "hold for ever"));
}

// Whoever waited, and whoever comes later, hears that the deadline passed; not before it has, and not much later.
static void
close_scene (scene_t *self, troupe_placeholder_t **waiter_p)
{
  troupe_node_t *node = stage_node (&self->stage, "2");
  if (*waiter_p != NULL)
    stage_expect_error (&self->stage, waiter_p, TROUPE_DEADLINE, NULL);
  troupe_placeholder_t *late = stage_await (node, &self->id, "one");
  stage_expect_error (&self->stage, &late, TROUPE_DEADLINE, NULL);
  troupe_placeholder_destroy (&self->call);
  stage_close (&self->stage);
}

static troupe_placeholder_t *
waiter_at_2 (scene_t *self)
{
  return stage_await_surely (&self->stage, stage_node (&self->stage, "2"), &self->id, "one");
}

Test (store, a_deadline_holds_when_the_broker_that_accepted_the_call_has_died)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *waiter = waiter_at_2 (&scene);
  stage_kill (&scene.stage.brokers[0]);
  close_scene (&scene, &waiter);
}

Test (store, a_deadline_holds_when_the_worker_has_died)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *waiter = waiter_at_2 (&scene);
  stage_kill (&scene.worker);
  stage_expect_error (&scene.stage, &scene.call, TROUPE_DEADLINE, NULL);
  close_scene (&scene, &waiter);
}

Test (store, a_deadline_holds_when_redis_was_started_again)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *waiter = waiter_at_2 (&scene);
  stage_kill (&scene.stage.redis);
  stage_start_redis (&scene.stage);
  close_scene (&scene, &waiter);
}

Test (store, a_deadline_holds_when_redis_was_away_as_it_passed)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *waiter = waiter_at_2 (&scene);
  int64_t passed = troupe_loop_now () + SHORT_MS;
  stage_kill (&scene.stage.redis);
  STAGE_UNTIL (&scene.stage, troupe_loop_now () > passed);
  stage_start_redis (&scene.stage);
  close_scene (&scene, &waiter);
}

Test (store, a_deadline_holds_when_broker_worker_and_redis_have_died)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *waiter = NULL;
  stage_kill (&scene.stage.redis);
  stage_kill (&scene.stage.brokers[0]);
  stage_kill (&scene.worker);
  stage_start_redis (&scene.stage);
  close_scene (&scene, &waiter);
}

Test (store, a_deadline_holds_when_the_caller_has_died)
{
  stage_t stage;
  stage_open (&stage, 1, "");
  process_t *worker = stage_player (&stage, "w", "tool/x", 4);
  process_t *caller = process_run ("troupe", "call", "tool/x", "[[\"hold\", \"for ever\"]]", "--deadline", "2s", "-s",
                                   "one", "-v", "-b", "ipc://b1.ipc");
  STAGE_UNTIL (&stage, process_said (worker, "hold for ever"));
  const char *text = process_errors (caller);
  troupe_id_t id = {{0}};
  for (const char *at = text; *at != '\0' && strlen (at) >= TROUPE_ID_TEXT_SIZE - 1 && troupe_id_is_zero (&id); at++) {
    char word[TROUPE_ID_TEXT_SIZE] = "";
    memcpy (word, at, TROUPE_ID_TEXT_SIZE - 1);
    if (!troupe_id_of_text (&id, word))
      id = (troupe_id_t){{0}};
  }
  cr_assert_not (troupe_id_is_zero (&id), "no id in: %s", text);
  stage_kill (&caller);
  troupe_placeholder_t *waiter = stage_await (stage_node (&stage, "1"), &id, "one");
  stage_expect_error (&stage, &waiter, TROUPE_DEADLINE, NULL);
  STAGE_UNTIL (&stage, process_said (worker, "cancelled"));
  stage_close (&stage);
}
