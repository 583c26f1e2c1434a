// SPDX-License-Identifier: Apache-2.0
//
// The supervisor's rules (supervisor.h tells them). There is no queue of actions: what is to be done follows from the
// units' states and the time, so supervisor_take looks for it, and taking an action changes the state so that it isn't
// found again. With a few dozen processes that look costs nothing, and nothing can overflow or be forgotten.
//
// Invariant: a unit has a pid exactly while a process of it exists, from supervisor_spawned to supervisor_exited, but
// for one that even SIGKILL didn't end: it is given up, so that `troupe up` ends.
#include "cli/supervisor.h"

#include <signal.h>

void
supervisor_init (supervisor_t *self, supervisor_unit_t *units, size_t count)
{
  *self = (supervisor_t){.units = units, .count = count, .culprit = count};
}

static void
change (supervisor_unit_t *unit, supervisor_state_t state)
{
  unit->state = state;
  unit->changed = true;
}

void
supervisor_spawned (supervisor_t *self, size_t index, pid_t pid, int64_t now)
{
  supervisor_unit_t *unit = &self->units[index];
  unit->pid = pid;
  unit->started = now;
  unit->killed = unit->lost = false;
  change (unit, SUPERVISOR_STARTING);
}

static int64_t
delay_after (unsigned failures)
{
  int64_t delay = SUPERVISOR_DELAY_MIN_MS;
  while (--failures > 0 && delay < SUPERVISOR_DELAY_MAX_MS)
    delay *= 2;
  return delay < SUPERVISOR_DELAY_MAX_MS ? delay : SUPERVISOR_DELAY_MAX_MS;
}

// Whether a failure before the mesh was complete is one that no restart cures.
static bool
hopeless (const supervisor_unit_t *unit)
{
  return (unit->status >= 2 && unit->status <= 4) || unit->failures >= SUPERVISOR_PATIENCE;
}

void
supervisor_exited (supervisor_t *self, size_t index, int status, int64_t now)
{
  supervisor_unit_t *unit = &self->units[index];
  if (unit->pid != 0 && now - unit->started >= SUPERVISOR_STABLE_MS)
    unit->failures = 0;
  unit->pid = 0;
  unit->status = status;
  if (self->stopping) {
    change (unit, SUPERVISOR_STOPPED);
    return;
  }
  unit->failures++;
  unit->delay = delay_after (unit->failures);
  unit->due = now + unit->delay;
  change (unit, SUPERVISOR_WAITING);
  if (!self->complete && hopeless (unit)) {
    self->culprit = index;
    self->exit_status = status >= 2 && status <= 4 ? status : 1;
    unit->delay = -1;
    supervisor_stop (self, now);
  }
}

void
supervisor_set_ready (supervisor_t *self, size_t index, bool ready)
{
  supervisor_unit_t *unit = &self->units[index];
  if (ready == (unit->state == SUPERVISOR_READY))
    return;
  if (ready && unit->state == SUPERVISOR_STARTING)
    change (unit, SUPERVISOR_READY);
  else if (!ready) {
    change (unit, SUPERVISOR_STARTING);
    unit->due = 0;
  }
  unit->lost = !ready;
  bool complete = true;
  for (size_t i = 0; i < self->count; i++)
    complete = complete && self->units[i].state == SUPERVISOR_READY;
  self->complete = self->complete || complete;
}

void
supervisor_stop (supervisor_t *self, int64_t now)
{
  if (self->stopping && !self->hurried) {
    self->hurried = true;
    for (size_t i = 0; i < self->count; i++)
      if (self->units[i].state == SUPERVISOR_STOPPING && self->units[i].due > now + SUPERVISOR_HURRY_MS)
        self->units[i].due = now + SUPERVISOR_HURRY_MS;
  }
  self->stopping = true;
  for (size_t i = 0; i < self->count; i++)
    if (self->units[i].state == SUPERVISOR_WAITING && self->units[i].pid == 0) {
      bool told = self->units[i].changed || i == self->culprit;
      change (&self->units[i], SUPERVISOR_STOPPED);
      self->units[i].changed = told;
    }
}

// The stage that is to end now: the highest that still has a process.
static unsigned
ending_stage (const supervisor_t *self)
{
  unsigned stage = 0;
  for (size_t i = 0; i < self->count; i++)
    if (self->units[i].pid != 0 && self->units[i].stage > stage)
      stage = self->units[i].stage;
  return stage;
}

static bool
take_signal (supervisor_t *self, size_t index, unsigned stage, int64_t now, supervisor_action_t *out)
{
  supervisor_unit_t *unit = &self->units[index];
  if (unit->pid == 0)
    return false;
  if (unit->state != SUPERVISOR_STOPPING) {
    if (unit->stage != stage && !self->hurried)
      return false;
    unit->due = now + (self->hurried ? SUPERVISOR_HURRY_MS : SUPERVISOR_GRACE_MS);
    change (unit, SUPERVISOR_STOPPING);
    *out = (supervisor_action_t){SUPERVISOR_SIGNAL, index, SIGTERM};
    return true;
  }
  if (now < unit->due)
    return false;
  if (unit->killed) {
    unit->pid = 0;
    unit->status = 128 + SIGKILL;
    unit->state = SUPERVISOR_STOPPED;
    *out = (supervisor_action_t){SUPERVISOR_TELL, index, 0};
    return true;
  }
  unit->killed = true;
  unit->due = now + SUPERVISOR_GIVE_UP_MS;
  *out = (supervisor_action_t){SUPERVISOR_SIGNAL, index, SIGKILL};
  return true;
}

static bool
take_stop (supervisor_t *self, int64_t now, supervisor_action_t *out)
{
  unsigned stage = ending_stage (self);
  bool ended = true;
  for (size_t i = 0; i < self->count; i++) {
    if (take_signal (self, i, stage, now, out))
      return true;
    ended = ended && self->units[i].pid == 0;
  }
  *out = (supervisor_action_t){SUPERVISOR_FINISHED, 0, 0};
  return ended;
}

static bool
take_start (supervisor_t *self, int64_t now, supervisor_action_t *out)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->units[i].state == SUPERVISOR_WAITING && self->units[i].due <= now) {
      self->units[i].due = INT64_MAX; // until supervisor_spawned or _exited
      *out = (supervisor_action_t){SUPERVISOR_SPAWN, i, 0};
      return true;
    }
  return false;
}

static bool
silent (const supervisor_unit_t *unit)
{
  return unit->state == SUPERVISOR_STARTING && unit->lost && !unit->killed && !unit->may_be_silent;
}

static bool
take_hung (supervisor_t *self, int64_t now, supervisor_action_t *out)
{
  for (size_t i = 0; i < self->count; i++) {
    supervisor_unit_t *unit = &self->units[i];
    if (!silent (unit))
      continue;
    if (unit->due == 0)
      unit->due = now + SUPERVISOR_HUNG_MS;
    if (now < unit->due)
      continue;
    unit->killed = true;
    *out = (supervisor_action_t){SUPERVISOR_SIGNAL, i, SIGKILL};
    return true;
  }
  return false;
}

bool
supervisor_take (supervisor_t *self, int64_t now, supervisor_action_t *out)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->units[i].changed) {
      self->units[i].changed = false;
      *out = (supervisor_action_t){SUPERVISOR_TELL, i, 0};
      return true;
    }
  if (self->stopping)
    return take_stop (self, now, out);
  if (self->complete && !self->announced) {
    self->announced = true;
    *out = (supervisor_action_t){SUPERVISOR_COMPLETE, 0, 0};
    return true;
  }
  return take_hung (self, now, out) || take_start (self, now, out);
}

int64_t
supervisor_next (const supervisor_t *self)
{
  int64_t next = INT64_MAX;
  for (size_t i = 0; i < self->count; i++) {
    const supervisor_unit_t *unit = &self->units[i];
    bool timed = unit->state == SUPERVISOR_STOPPING || unit->state == SUPERVISOR_WAITING || silent (unit);
    if (timed && unit->due < next)
      next = unit->due;
  }
  return next == INT64_MAX ? -1 : next;
}

const char *
supervisor_state_name (supervisor_state_t state)
{
  static const char *const names[] = {"waiting", "starting", "ready", "stopping", "stopped"};
  return names[state];
}
