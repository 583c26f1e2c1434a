// SPDX-License-Identifier: Apache-2.0
//
// Instances that die, freeze or hang in the middle of a call: it runs elsewhere as the next attempt, and what the first
// one still does when it wakes has no effect.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (losses, .init = place_enter, .fini = place_leave);

typedef struct {
  stage_t stage;
  process_t *players[2];
  troupe_node_t *node;
  unsigned who; // which one has the call
} scene_t;

static const char *const names[] = {"left", "right"};

static void
open_scene (scene_t *self, const char *service, const char *limits)
{
  stage_open (&self->stage, 1, limits);
  for (size_t i = 0; i < 2; i++)
    self->players[i] = stage_player (&self->stage, names[i], service, 4);
  self->node = stage_node (&self->stage, "1");
}

// Waits until one of the two says so, and notes which.
static void
until_one_says (scene_t *self, const char *regex)
{
  STAGE_UNTIL (&self->stage, (self->who = process_said (self->players[0], regex) ? 0 : 1) == 0 ||
                               process_said (self->players[1], regex));
}

// -- Killed ------------------------------------------------------------------------------------------------------------

Test (losses, the_call_of_a_killed_worker_runs_elsewhere_as_the_next_attempt)
{
  scene_t scene;
  open_scene (&scene, "tool/x", "");
  troupe_placeholder_t *call = stage_call (scene.node, "tool/x", "one", "[['hold', 'here', 1]]");
  until_one_says (&scene, "hold here");
  stage_kill (&scene.players[scene.who]);
  stage_expect_reply (&scene.stage, &call, 2, names[!scene.who]);
  stage_close (&scene.stage);
}

Test (losses, a_call_under_which_every_worker_dies_fails)
{
  stage_t stage;
  stage_open (&stage, 1, "attempts: 2, heartbeat: 200ms, lease: 1s");
  process_t *first = stage_player (&stage, "first", "tool/x", 1);
  troupe_placeholder_t *call = stage_call (stage_node (&stage, "1"), "tool/x", "one", "[['hold', 'here']]");
  STAGE_UNTIL (&stage, process_said (first, "hold here"));
  stage_kill (&first);
  process_t *second = stage_player (&stage, "second", "tool/x", 1);
  STAGE_UNTIL (&stage, process_said (second, "hold here"));
  stage_kill (&second);
  stage_expect_error (&stage, &call, TROUPE_SERVICE_DIED, NULL);
  stage_close (&stage);
}

// -- Frozen ------------------------------------------------------------------------------------------------------------

// What the frozen one does when it wakes is the rest of these steps: all of it comes too late.
static const char frozen_steps[] =
  "[['part', 'early'], ['remember', 'entry'], ['hold', 'here', 1], ['hold', 'next', 2],"
  " ['part', 'late'], %s]";

typedef struct {
  unsigned attempts[16];
  char words[16][16];
  unsigned count;
} parts_t;

static void
take_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  parts_t *parts = context;
  (void)placeholder;
  cr_assert_lt (parts->count, 16);
  parts->attempts[parts->count] = attempt;
  snprintf (parts->words[parts->count++], sizeof *parts->words, "%s", json_string_value (part));
}

static bool
has_part (const parts_t *parts, unsigned attempt, const char *word)
{
  for (unsigned i = 0; i < parts->count; i++)
    if (parts->attempts[i] == attempt && strcmp (parts->words[i], word) == 0)
      return true;
  return false;
}

// Freezes the one that has the call until the other one runs it; lets the first one go on; `until` it has come to
// nothing.
static void
wake_too_late (const char *last_step, const char *says, const char *counter)
{
  scene_t scene;
  char steps[256];
  parts_t parts = {.count = 0};
  open_scene (&scene, "agent/x", "");
  stage_player (&scene.stage, "y", "tool/y", 1);
  snprintf (steps, sizeof steps, frozen_steps, last_step);
  troupe_call_t options = {
    .service = "agent/x", .session = "one", .deadline_ms = DEADLINE_MS, .part = take_part, .context = &parts};
  troupe_placeholder_t *call = stage_call_with (scene.node, &options, steps);
  until_one_says (&scene, "hold here");
  STAGE_UNTIL (&scene.stage, has_part (&parts, 1, "early"));
  process_t *frozen = scene.players[scene.who], *other = scene.players[!scene.who];
  process_signal (frozen, SIGSTOP);
  process_send (frozen, "go here\n");
  STAGE_UNTIL (&scene.stage, process_said (other, "hold next"));
  process_signal (frozen, SIGCONT);
  if (says != NULL)
    STAGE_UNTIL (&scene.stage, process_said (frozen, says));
  if (counter != NULL)
    STAGE_UNTIL (&scene.stage, stage_counter (&scene.stage, 0, counter) > 0);
  cr_assert_lt (troupe_placeholder_state (call), TROUPE_CALL_SETTLED, "the stale attempt settled it");
  process_send (other, "go next\n");
  STAGE_UNTIL (&scene.stage, has_part (&parts, 2, "late"));
  stage_expect_reply (&scene.stage, &call, 2, names[!scene.who]);
  cr_assert (has_part (&parts, 2, "early"));
  cr_assert_not (has_part (&parts, 1, "late"), "a stale attempt's part came through");
  // It is remembered once.
  troupe_placeholder_t *memory = stage_call (scene.node, "agent/x", "one", "[['recall']]");
  const json_t *value = stage_outcome (&scene.stage, memory);
  cr_assert_eq (json_array_size (json_array_get (json_object_get (value, "heard"), 0)), 1);
  troupe_placeholder_destroy (&memory);
  stage_close (&scene.stage);
}

Test (losses, a_frozen_worker_that_wakes_settles_and_streams_in_vain)
{
  wake_too_late ("['say', 'replies']", "say replies", "settles_refused");
}

Test (losses, a_frozen_worker_that_wakes_calls_in_vain)
{
  wake_too_late ("['try', 'tool/y', []]", "heard (stale|cancelled)", NULL);
}

// -- Hung --------------------------------------------------------------------------------------------------------------

// Its process lives, and ZeroMQ's thread answers the transport's heartbeats; but its loop stands still.
Test (losses, a_worker_whose_loop_hangs_is_noticed_within_the_lease)
{
  enum { LEASE_MS = 2500, SLACK_MS = 2500 }; // of a busy machine
  scene_t scene;
  open_scene (&scene, "tool/x", "heartbeat: 500ms, lease: 2500ms");
  troupe_placeholder_t *call = stage_call (scene.node, "tool/x", "one", "[['block', 1]]");
  until_one_says (&scene, "block");
  int64_t begin = troupe_loop_now ();
  stage_expect_reply (&scene.stage, &call, 2, names[!scene.who]);
  int64_t took = troupe_loop_now () - begin;
  cr_assert_lt (took, LEASE_MS + SLACK_MS, "%d ms", (int)took);
  // It is gone for new calls, too.
  cr_assert_eq (stage_instances (&scene.stage, 0, "tool/x"), 1);
  stage_close (&scene.stage);
}

// -- Streams -----------------------------------------------------------------------------------------------------------

Test (losses, a_reader_of_parts_starts_over_with_the_attempt_that_they_name)
{
  scene_t scene;
  parts_t parts = {.count = 0};
  open_scene (&scene, "tool/x", "");
  troupe_call_t options = {.service = "tool/x", .deadline_ms = DEADLINE_MS, .part = take_part, .context = &parts};
  troupe_placeholder_t *call =
    stage_call_with (scene.node, &options, "[['part', 'a'], ['part', 'b'], ['hold', 'here', 1], ['part', 'c']]");
  STAGE_UNTIL (&scene.stage, parts.count == 2);
  until_one_says (&scene, "hold here");
  stage_kill (&scene.players[scene.who]);
  STAGE_UNTIL (&scene.stage, has_part (&parts, 2, "c"));
  stage_expect_reply (&scene.stage, &call, 2, NULL);
  static const char *const words[] = {"a", "b", "a", "b", "c"};
  cr_assert_eq (parts.count, 5, "%u parts, of attempts %u %u %u %u ...", parts.count, parts.attempts[0],
                parts.attempts[1], parts.attempts[2], parts.attempts[3]);
  for (unsigned i = 0; i < 5; i++) {
    cr_assert_eq (parts.attempts[i], i < 2 ? 1 : 2);
    cr_assert_str_eq (parts.words[i], words[i]);
  }
  stage_close (&scene.stage);
}
