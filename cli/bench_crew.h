// SPDX-License-Identifier: Apache-2.0
//
// The crew: the role processes (bench_role.h) of a benchmark, as the process that measures sees them. Each has two
// pipes, one for words to it and one for the lines of JSON that it says. All end with the crew, and with this process.
#ifndef CLI_BENCH_CREW_H
#define CLI_BENCH_CREW_H

#include "troupe/loop.h"

#include <sys/types.h>

enum { BENCH_LINE_MAX = 64 * 1024 }; // a client's histogram has at most some 1,000 buckets in use

typedef struct bench_crew bench_crew_t;

typedef struct {
  bench_crew_t *crew;
  pid_t pid;         // 0: none
  int input, output; // the ends of its pipes that are ours
  bool polite;       // it ends when its input does; otherwise by a signal
  json_t *said;      // the last line, until it is taken
  char *line;
  size_t size;
} bench_member_t;

struct bench_crew {
  troupe_loop_t *loop;
  bool interrupted; // SIGINT, SIGTERM or SIGHUP came
  pid_t lost;       // the last member that ended by itself; 0: none has
};

// Makes the loop and takes the signals. Before anything is started.
troupe_err_t bench_crew_open (bench_crew_t *self, troupe_error_t *error);
void bench_crew_close (bench_crew_t *self);
// cancelled: interrupted. service_died: a member has ended by itself.
troupe_err_t bench_crew_check (const bench_crew_t *self, troupe_error_t *error);

// Starts a role; `parameters` is given up. *out is in use until bench_crew_end, also after a failure.
troupe_err_t bench_crew_start (bench_crew_t *self, bench_member_t *out, const char *role, json_t *parameters,
                               troupe_error_t *error);
// Waits until each of `count` members has said a line. deadline, cancelled; service_died: one of the crew ended.
troupe_err_t bench_crew_hear (bench_crew_t *self, bench_member_t *members, size_t count, int64_t timeout_ms,
                              troupe_error_t *error);
// Forgets what each has said, and says "go" to each.
troupe_err_t bench_crew_go (bench_crew_t *self, bench_member_t *members, size_t count, troupe_error_t *error);
// Ends them and waits for that; those that never started are passed over.
void bench_crew_end (bench_crew_t *self, bench_member_t *members, size_t count);

#endif
