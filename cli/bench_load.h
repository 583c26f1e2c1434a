// SPDX-License-Identifier: Apache-2.0
//
// The load that one client process makes, whatever its calls go through: so many calls in flight, each answered one
// followed by the next. It is first warm (connections made, memory touched), then stands and waits for the word "go",
// then runs for a time or a number of calls, waits for what is still open, and tells what it saw.
//
// The client owns the calls and numbers those in flight, its *slots*:
//
//   for (slot = 0; slot < load.in_flight; slot++)
//     if (bench_load_begin (&load, slot)) start a call at this slot
//   ... when one has been answered:
//     if (bench_load_next (&load, slot)) start the next one
//     else if (bench_load_idle (&load)) bench_load_tell (&load): the phase is over
#ifndef CLI_BENCH_LOAD_H
#define CLI_BENCH_LOAD_H

#include "cli/bench_histogram.h"
#include "troupe/buffer.h"

enum {
  BENCH_BODY = 256,            // bytes of a packed input and of a packed value
  BENCH_TEXT = BENCH_BODY - 2, // msgpack's str 8 has two bytes before the text
  BENCH_SESSION_MAX = 32
};

typedef enum { BENCH_WARMING, BENCH_STANDING, BENCH_RUNNING, BENCH_OVER } bench_phase_t;

typedef struct {
  uint64_t in_flight;
  uint64_t count; // calls to make; 0: as many as go into `ns`
  int64_t ns;
  uint64_t sessions; // that calls are in, in turn

  bench_phase_t phase;
  uint64_t begun, ended, open, next_session;
  uint64_t inside;     // ended before the time was over
  int64_t start, last; // of the phase; when the last call ended
  int64_t cpu_start;   // microseconds that this process had used then
  int64_t *starts;     // by slot
  bench_histogram_t histogram;
} bench_load_t;

// Takes its members from the role's parameters. bad_argument, no_memory.
troupe_err_t bench_load_init (bench_load_t *self, const json_t *parameters, troupe_error_t *error);
void bench_load_free (bench_load_t *self);

// Whether a call is to be started at this slot now; if so, it has been counted.
bool bench_load_begin (bench_load_t *self, uint64_t slot);
// The call at this slot has been answered; whether another one is to be started.
bool bench_load_next (bench_load_t *self, uint64_t slot);
// Nothing is in flight, and nothing is to be started in this phase.
bool bench_load_idle (const bench_load_t *self);
// The next phase: from warm to standing (says so), from running to over (says what it saw).
void bench_load_tell (bench_load_t *self);
// "go" was said.
void bench_load_go (bench_load_t *self);
// The session of the next call.
void bench_load_session (bench_load_t *self, char session[BENCH_SESSION_MAX]);

// The text that each call carries, terminated.
const char *bench_load_text (void);

#endif
