// SPDX-License-Identifier: Apache-2.0
//
// A program under test, as its user meets it: started in the test's directory with pipes or on a terminal, written to,
// read until it says what is expected, signalled, waited for. Nothing here sleeps: everything waits on a condition, and
// fails the test with what the program said when the condition doesn't come within DEADLINE_MS.
#ifndef TROUPE_BLACKBOX_PROCESS_H
#define TROUPE_BLACKBOX_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
  // Far beyond what anything takes (a whole mesh under a sanitizer on a busy machine: 3 s); met by failing tests only.
  DEADLINE_MS = 30 * 1000
};

typedef struct process process_t;

// Starts a program: of this build if argv[0] has no slash. NULL-terminated.
process_t *process_start (const char *const *argv);
// The same on a terminal of its own (80 columns), as leader of a session; its error output goes there as well.
process_t *process_start_terminal (const char *const *argv);
// process_run ("troupe", "ps", "--json")
#define process_run(...) process_start ((const char *const[]){ __VA_ARGS__, NULL })
#define process_run_terminal(...) process_start_terminal ((const char *const[]){ __VA_ARGS__, NULL })
// Kills it if it runs still.
void process_destroy (process_t **self_p);
// Those that a failed test left over.
void process_destroy_all (void);

pid_t process_pid (const process_t *self);
void process_send (process_t *self, const char *text);
void process_close_input (process_t *self);
void process_signal (process_t *self, int signal);

// Reads until its output matches a POSIX extended regular expression, from behind the last such match on.
void process_expect (process_t *self, const char *regex);
// The same for its error output.
void process_expect_error (process_t *self, const char *regex);
// Reads what is there of every process's outputs, without waiting: for tests that have more to do than to wait for one.
void process_read_all (void);
// Prints what each has said, for a test that fails.
void process_print_all (void);
// Whether what was read of its output matches, from behind the last match on; doesn't wait.
bool process_said (process_t *self, const char *regex);
bool process_said_error (process_t *self, const char *regex);
// Reads to the end of both outputs and waits for the exit; its status, or 128 + the signal's number.
int process_wait (process_t *self);
// The same within another time, in milliseconds, for what works for a while by itself.
int process_wait_for (process_t *self, long ms);
// process_wait, and the status must be this one.
void process_expect_exit (process_t *self, int status);
// Starts a program, and all of that; its output, valid until the next call of this function.
const char *process_output_of (int status, const char *const *argv);

// What it has said so far, whole; valid until the next function here.
const char *process_output (const process_t *self);
const char *process_errors (const process_t *self);
// Whether a text matches.
bool text_matches (const char *text, const char *regex);

#endif
