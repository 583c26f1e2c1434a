// SPDX-License-Identifier: Apache-2.0
//
// Calls within calls, in real processes: tool/a asks tool/b, which asks tool/c. What b has heard is recorded: when b is
// killed before it has replied, the next attempt gets the answer without another run of c.

#include "blackbox/harness/mesh.h"
#include "troupe/node.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (journal, .init = place_enter, .fini = place_leave);

typedef struct {
  process_t *up, *a, *b, *c;
  troupe_loop_t *loop;
  troupe_node_t *node;
} scene_t;

static process_t *
crew (const char *name, const char *next)
{
  return process_start ((const char *const[]){TROUPE_BIN_DIR "/nesting-crew", name, next, NULL});
}

static void
open_scene (scene_t *self)
{
  static const char *const brokers[] = {"ipc://.troupe/troupe/broker-1.ipc", NULL};
  troupe_error_t error;
  self->up = mesh_up (mesh_plain);
  self->a = crew ("a", "b");
  self->b = crew ("b", "c");
  self->c = crew ("c", NULL);
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
  cr_assert_eq (
    troupe_node_new (&self->node, self->loop, &(troupe_node_options_t){.name = "test", .brokers = brokers}, &error),
    TROUPE_OK, "%s", error.why);
}

static void
close_scene (scene_t *self)
{
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  process_destroy (&self->a);
  process_destroy (&self->b);
  process_destroy (&self->c);
  mesh_down (&self->up);
}

static troupe_placeholder_t *
call_a (scene_t *self, const char *who_stalls)
{
  troupe_placeholder_t *placeholder;
  json_t *input = json_string (who_stalls);
  troupe_error_t error;
  troupe_call_t call = {.service = "tool/a", .input = input, .wait = true};
  cr_assert_eq (troupe_node_call (self->node, &placeholder, &call, &error), TROUPE_OK, "%s", error.why);
  json_decref (input);
  return placeholder;
}

// Waits until the call is sent and stored, so that this process is needed no more until its end.
static void
until_stored (scene_t *self, troupe_placeholder_t *placeholder)
{
  for (int turns = 0; troupe_placeholder_state (placeholder) < TROUPE_CALL_STORED; turns++) {
    cr_assert (turns < 10000);
    cr_assert_eq (troupe_loop_turn (self->loop, 100), TROUPE_OK);
  }
}

static void
kill_now (process_t **process_p)
{
  process_signal (*process_p, SIGKILL);
  cr_assert_eq (process_wait (*process_p), 128 + SIGKILL);
  process_destroy (process_p);
}

// How often it has run a task; it ends by that, so that all it said is read.
static unsigned
runs_of (process_t **process_p)
{
  unsigned times = 0;
  process_signal (*process_p, SIGKILL);
  cr_assert_eq (process_wait (*process_p), 128 + SIGKILL);
  for (const char *at = process_output (*process_p); (at = strstr (at, "run ")) != NULL; at++)
    times++;
  process_destroy (process_p);
  return times;
}

// The reply holds what c's only run said.
static void
expect_first_answer (scene_t *self, troupe_placeholder_t *placeholder)
{
  cr_assert_eq (troupe_placeholder_wait (placeholder, DEADLINE_MS), TROUPE_OK);
  cr_assert_eq (troupe_placeholder_status (placeholder), TROUPE_STATUS_VALUE, "%s",
                troupe_placeholder_error (placeholder)->why);
  json_t *expected = json_pack ("{s:{s:[i, i]}}", "a", "b", (int)process_pid (self->c), 1);
  cr_assert (json_equal (troupe_placeholder_value (placeholder), expected));
  json_decref (expected);
}

Test (journal, an_answer_is_there_for_the_next_attempt)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *placeholder = call_a (&scene, "b");
  until_stored (&scene, placeholder);
  process_expect (scene.b, "heard");
  kill_now (&scene.b);
  scene.b = crew ("b", "c");
  expect_first_answer (&scene, placeholder);
  process_expect (scene.b, "run 1\nheard");
  cr_assert_eq (runs_of (&scene.c), 1);
  cr_assert_eq (runs_of (&scene.a), 1);
  troupe_placeholder_destroy (&placeholder);
  close_scene (&scene);
}

Test (journal, and_survives_the_broker_and_redis)
{
  scene_t scene;
  pid_t redis;
  open_scene (&scene);
  troupe_placeholder_t *placeholder = call_a (&scene, "b");
  until_stored (&scene, placeholder);
  process_expect (scene.b, "heard");
  cr_assert_eq (place_find ("redis-server", NULL, &redis, 1), 1);
  kill (redis, SIGKILL);
  kill (mesh_process ("broker", "broker-1"), SIGKILL);
  kill_now (&scene.b);
  scene.b = crew ("b", "c");
  expect_first_answer (&scene, placeholder);
  cr_assert_eq (runs_of (&scene.c), 1);
  troupe_placeholder_destroy (&placeholder);
  close_scene (&scene);
}

Test (journal, a_call_that_is_cancelled_takes_its_calls_along)
{
  scene_t scene;
  open_scene (&scene);
  troupe_placeholder_t *placeholder = call_a (&scene, "c");
  until_stored (&scene, placeholder);
  process_expect (scene.c, "run 1");
  troupe_placeholder_cancel (placeholder);
  cr_assert_eq (troupe_placeholder_wait (placeholder, DEADLINE_MS), TROUPE_OK);
  cr_assert_eq (troupe_placeholder_status (placeholder), TROUPE_STATUS_CANCELLED);
  process_expect (scene.c, "cancelled");
  process_expect (scene.b, "cancelled");
  process_expect (scene.a, "cancelled");
  troupe_placeholder_destroy (&placeholder);
  close_scene (&scene);
}
