// SPDX-License-Identifier: Apache-2.0
//
// The supervisor: what `troupe up` decides. It holds a unit for each process that should run and says, one action at a
// time, what to do next: start it, signal it, tell the user. It spawns nothing, waits for nothing and reads no clock:
// the edge (up.c) does, and tells what happened. So tests drive it through hours of crashes in a millisecond.
//
//   supervisor_exited (supervisor, unit, status, now);
//   while (supervisor_take (supervisor, now, &action))
//     carry_out (&action);
//   wait_until (supervisor_next (supervisor));
//
// Rules:
//   * Everything starts at once. What dies is started again after 100 ms, doubling to 10 s; a unit that lived for 10 s
//     begins at 100 ms again.
//   * What was ready and doesn't answer any more for 10 s, but runs, hangs: it gets SIGKILL, and is started again as if
//     it had died. Not Redis, which may be loading for minutes.
//   * Before the mesh was ever complete, a unit that says its command line or configuration is wrong (exit status 2, 3
//     or 4), or that dies five times in a row, ends everything: restarting can't help. Afterwards nothing does.
//   * Stopping goes by stages, the highest first (agents, models, brokers, Redis): SIGTERM to a stage, when all of it
//     has ended the next; what is still there after 10 s gets SIGKILL. A second stop hurries: all stages at once, 1 s.
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  SUPERVISOR_DELAY_MIN_MS = 100,
  SUPERVISOR_DELAY_MAX_MS = 10 * 1000,
  SUPERVISOR_STABLE_MS = 10 * 1000, // the longest delay: what lives longer than we would have waited is well
  SUPERVISOR_GRACE_MS = 10 * 1000,  // an agent may wait for its model's last sentence
  SUPERVISOR_HUNG_MS = 10 * 1000,   // four leases: whoever reconnects has done so long before
  SUPERVISOR_HURRY_MS = 1000,
  SUPERVISOR_GIVE_UP_MS = 5 * 1000, // after SIGKILL: a process that the kernel can't end won't keep us
  SUPERVISOR_PATIENCE = 5,          // failed starts in a row before the mesh was complete: 1.5 s of delays
  SUPERVISOR_UNITS_MAX = 4096,
  SUPERVISOR_SPAWN_FAILED = -1, // for supervisor_exited: the process could not be started
};

typedef enum {
  SUPERVISOR_WAITING,  // for its (next) start
  SUPERVISOR_STARTING, // runs, and the mesh doesn't know it yet (or any more)
  SUPERVISOR_READY,
  SUPERVISOR_STOPPING, // was asked to end
  SUPERVISOR_STOPPED
} supervisor_state_t;

typedef struct {
  supervisor_state_t state;
  unsigned stage;
  bool may_be_silent; // is never killed because it doesn't answer
  pid_t pid; // 0: none
  int64_t started;
  int64_t due;       // waiting: when to start; stopping: when to lose patience; lost: when it hangs, 0: not known yet
  unsigned failures; // in a row
  int status;        // of the last exit: 0..255, 128 + a signal's number, or SUPERVISOR_SPAWN_FAILED
  int64_t delay;     // waiting: from the last exit to the next start
  bool lost;         // it runs, was ready, and isn't any more
  bool killed;
  bool changed; // the user hasn't been told
} supervisor_unit_t;

typedef struct {
  supervisor_unit_t *units;
  size_t count;
  bool complete; // every unit was ready at the same time, once
  bool announced;
  bool stopping, hurried;
  int exit_status;
  size_t culprit; // the unit whose failure ended everything; `count`: none
} supervisor_t;

typedef enum {
  SUPERVISOR_SPAWN,    // start the unit, then say supervisor_spawned or supervisor_exited
  SUPERVISOR_SIGNAL,   // send `signal` to the unit's process group
  SUPERVISOR_TELL,     // the unit's state changed
  SUPERVISOR_COMPLETE, // the mesh is ready; once
  SUPERVISOR_FINISHED  // all have ended
} supervisor_action_kind_t;

typedef struct {
  supervisor_action_kind_t kind;
  size_t unit;
  int signal;
} supervisor_action_t;

// `units` is the caller's, `count` of them (1 to SUPERVISOR_UNITS_MAX), each with its stage and may_be_silent set and
// all else zero.
void supervisor_init (supervisor_t *self, supervisor_unit_t *units, size_t count);

void supervisor_spawned (supervisor_t *self, size_t unit, pid_t pid, int64_t now);
void supervisor_exited (supervisor_t *self, size_t unit, int status, int64_t now);
// The mesh knows the unit's process, or doesn't. Ignored for a unit that isn't running.
void supervisor_set_ready (supervisor_t *self, size_t unit, bool ready);
// The user wants it to end; the second time, quickly.
void supervisor_stop (supervisor_t *self, int64_t now);

// The next thing to do now; false: nothing.
bool supervisor_take (supervisor_t *self, int64_t now, supervisor_action_t *out);
// When supervisor_take will have something to do if nothing else happens; -1: never.
int64_t supervisor_next (const supervisor_t *self);

// "waiting", "starting", "ready", "stopping", "stopped".
const char *supervisor_state_name (supervisor_state_t state);

#endif
