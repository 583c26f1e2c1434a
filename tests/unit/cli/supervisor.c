// SPDX-License-Identifier: Apache-2.0
//
// The supervisor, through hours of crashes, without a process or a clock.
#include "cli/supervisor.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { UNITS = 4, ACTIONS_MAX = 64 }; // redis, broker, model, agent

typedef struct {
  supervisor_t supervisor;
  supervisor_unit_t units[UNITS];
  int64_t now;
  pid_t next_pid;
  int signals[UNITS]; // the last signal to each
  size_t spawned[UNITS];
  bool complete, finished;
} world_t;

static void
world_init (world_t *self)
{
  *self = (world_t){.now = 1000, .next_pid = 100};
  for (unsigned i = 0; i < UNITS; i++)
    self->units[i].stage = i;
  supervisor_init (&self->supervisor, self->units, UNITS);
}

// Carries out what is due now, as up.c does.
static void
settle (world_t *self)
{
  supervisor_action_t action;
  for (size_t i = 0; i < ACTIONS_MAX && supervisor_take (&self->supervisor, self->now, &action); i++) {
    if (action.kind == SUPERVISOR_SPAWN) {
      self->spawned[action.unit]++;
      supervisor_spawned (&self->supervisor, action.unit, self->next_pid++, self->now);
    } else if (action.kind == SUPERVISOR_SIGNAL)
      self->signals[action.unit] = action.signal;
    else if (action.kind == SUPERVISOR_COMPLETE)
      self->complete = true;
    else if (action.kind == SUPERVISOR_FINISHED) {
      self->finished = true;
      return;
    }
  }
}

static void
pass (world_t *self, int64_t ms)
{
  self->now += ms;
  settle (self);
}

static void
die (world_t *self, size_t unit, int status)
{
  supervisor_exited (&self->supervisor, unit, status, self->now);
  settle (self);
}

static void
make_ready (world_t *self)
{
  settle (self);
  for (size_t i = 0; i < UNITS; i++)
    supervisor_set_ready (&self->supervisor, i, true);
  settle (self);
}

Test (supervisor, starts_everything_at_once)
{
  world_t world;
  world_init (&world);
  settle (&world);
  for (size_t i = 0; i < UNITS; i++)
    cr_assert_eq (world.spawned[i], 1);
  cr_assert_not (world.complete);
}

Test (supervisor, is_complete_when_all_are_ready_and_says_so_once)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  cr_assert (world.complete);
  world.complete = false;
  supervisor_set_ready (&world.supervisor, 3, false);
  supervisor_set_ready (&world.supervisor, 3, true);
  settle (&world);
  cr_assert_not (world.complete);
  cr_assert_eq (supervisor_next (&world.supervisor), -1);
}

Test (supervisor, restarts_with_doubling_delays_up_to_ten_seconds)
{
  static const int64_t delays[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
  world_t world;
  world_init (&world);
  make_ready (&world);
  for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
    die (&world, 3, 1);
    cr_assert_eq (world.units[3].delay, delays[i]);
    cr_assert_eq (supervisor_next (&world.supervisor), world.now + delays[i]);
    pass (&world, delays[i] - 1);
    cr_assert_eq (world.spawned[3], i + 1);
    pass (&world, 1);
    cr_assert_eq (world.spawned[3], i + 2);
  }
}

Test (supervisor, forgets_failures_after_ten_seconds_of_life)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  for (int i = 0; i < 6; i++) {
    die (&world, 2, 1);
    pass (&world, world.units[2].delay);
  }
  pass (&world, SUPERVISOR_STABLE_MS);
  die (&world, 2, 1);
  cr_assert_eq (world.units[2].delay, SUPERVISOR_DELAY_MIN_MS);
}

Test (supervisor, ends_when_a_configuration_is_wrong_before_the_mesh_was_complete)
{
  world_t world;
  world_init (&world);
  settle (&world);
  die (&world, 3, 3);
  cr_assert (world.supervisor.stopping);
  cr_assert_eq (world.supervisor.exit_status, 3);
  cr_assert_eq (world.supervisor.culprit, 3);
  cr_assert_eq (world.signals[2], SIGTERM);
  cr_assert_eq (world.signals[1], 0);
}

Test (supervisor, goes_on_when_a_configuration_is_wrong_afterwards)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  for (int i = 0; i < 20; i++) {
    die (&world, 3, 3);
    cr_assert_not (world.supervisor.stopping);
    pass (&world, world.units[3].delay);
  }
}

Test (supervisor, ends_when_something_never_comes_up)
{
  world_t world;
  world_init (&world);
  settle (&world);
  for (int i = 1; i <= SUPERVISOR_PATIENCE; i++) {
    cr_assert_not (world.supervisor.stopping);
    die (&world, 0, 1);
    pass (&world, world.units[0].delay);
  }
  cr_assert (world.supervisor.stopping);
  cr_assert_eq (world.supervisor.exit_status, 1);
}

Test (supervisor, a_spawn_that_fails_is_tried_again)
{
  world_t world;
  world_init (&world);
  supervisor_action_t action;
  cr_assert (supervisor_take (&world.supervisor, world.now, &action));
  cr_assert_eq (action.kind, SUPERVISOR_SPAWN);
  supervisor_exited (&world.supervisor, action.unit, SUPERVISOR_SPAWN_FAILED, world.now);
  settle (&world);
  cr_assert_eq (world.spawned[action.unit], 0);
  pass (&world, SUPERVISOR_DELAY_MIN_MS);
  cr_assert_eq (world.spawned[action.unit], 1);
}

Test (supervisor, stops_stage_by_stage)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  supervisor_stop (&world.supervisor, world.now);
  for (size_t i = UNITS; i-- > 0;) {
    settle (&world);
    cr_assert_eq (world.signals[i], SIGTERM);
    for (size_t j = 0; j < i; j++)
      cr_assert_eq (world.signals[j], 0);
    cr_assert_not (world.finished);
    die (&world, i, 0);
  }
  cr_assert (world.finished);
  cr_assert_eq (world.supervisor.exit_status, 0);
}

Test (supervisor, kills_what_does_not_end_and_gives_up_on_what_cannot)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  supervisor_stop (&world.supervisor, world.now);
  settle (&world);
  pass (&world, SUPERVISOR_GRACE_MS - 1);
  cr_assert_eq (world.signals[3], SIGTERM);
  pass (&world, 1);
  cr_assert_eq (world.signals[3], SIGKILL);
  cr_assert_eq (world.signals[2], 0);
  pass (&world, SUPERVISOR_GIVE_UP_MS);
  cr_assert_eq (world.signals[2], SIGTERM);
}

Test (supervisor, a_second_stop_hurries)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  supervisor_stop (&world.supervisor, world.now);
  settle (&world);
  supervisor_stop (&world.supervisor, world.now);
  settle (&world);
  for (size_t i = 0; i < UNITS; i++)
    cr_assert_eq (world.signals[i], SIGTERM);
  pass (&world, SUPERVISOR_HURRY_MS);
  for (size_t i = 0; i < UNITS; i++)
    cr_assert_eq (world.signals[i], SIGKILL);
}

Test (supervisor, a_stop_while_something_waits_for_its_restart_does_not_wait_for_it)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  die (&world, 3, 1);
  supervisor_stop (&world.supervisor, world.now);
  settle (&world);
  pass (&world, SUPERVISOR_DELAY_MAX_MS);
  cr_assert_eq (world.spawned[3], 1);
  for (size_t i = UNITS - 1; i-- > 0;)
    die (&world, i, 0);
  cr_assert (world.finished);
}

Test (supervisor, kills_what_hangs_for_ten_seconds_and_starts_it_again)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  supervisor_set_ready (&world.supervisor, 3, false);
  settle (&world);
  cr_assert_eq (supervisor_next (&world.supervisor), world.now + SUPERVISOR_HUNG_MS);
  pass (&world, SUPERVISOR_HUNG_MS - 1);
  cr_assert_eq (world.signals[3], 0);
  pass (&world, 1);
  cr_assert_eq (world.signals[3], SIGKILL);
  cr_assert_eq (supervisor_next (&world.supervisor), -1);
  die (&world, 3, 128 + SIGKILL);
  pass (&world, SUPERVISOR_DELAY_MIN_MS);
  cr_assert_eq (world.spawned[3], 2);
}

Test (supervisor, leaves_what_answers_again_and_what_may_be_silent)
{
  world_t world;
  world_init (&world);
  world.units[0].may_be_silent = true;
  make_ready (&world);
  supervisor_set_ready (&world.supervisor, 0, false);
  supervisor_set_ready (&world.supervisor, 3, false);
  pass (&world, SUPERVISOR_HUNG_MS - 1);
  supervisor_set_ready (&world.supervisor, 3, true);
  pass (&world, SUPERVISOR_HUNG_MS);
  cr_assert_eq (world.signals[0], 0);
  cr_assert_eq (world.signals[3], 0);
  // Its next silence is counted from its own beginning.
  supervisor_set_ready (&world.supervisor, 3, false);
  settle (&world);
  pass (&world, SUPERVISOR_HUNG_MS - 1);
  cr_assert_eq (world.signals[3], 0);
}

Test (supervisor, a_unit_that_stops_answering_is_told_and_so_is_its_return)
{
  world_t world;
  world_init (&world);
  make_ready (&world);
  supervisor_set_ready (&world.supervisor, 3, false);
  cr_assert (world.units[3].lost);
  cr_assert (world.units[3].changed);
  settle (&world);
  supervisor_set_ready (&world.supervisor, 3, true);
  cr_assert_not (world.units[3].lost);
  cr_assert (world.units[3].changed);
}
