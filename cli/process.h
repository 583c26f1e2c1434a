// SPDX-License-Identifier: Apache-2.0
//
// Child processes: started by posix_spawn only (libzmq aborts when a process with open sockets forks), each in a
// process group of its own, so that the terminal's Ctrl-C reaches only us and we end them in order.
//
// Nothing survives us: a child is started through `troupe child`, a few lines that ask the kernel for SIGTERM when the
// parent dies (prctl PR_SET_PDEATHSIG), check that it hasn't died already, and become the program.
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include "troupe/error.h"

#include <sys/types.h>

typedef struct {
  const char *const *arguments; // the program (a path, or a name for PATH) and its arguments, NULL-terminated
  int input;                    // what it reads as standard input; -1: nothing
  int output;                   // what it writes standard output to; -1: our standard error
  int errors;                   // what it writes standard error to; -1: our standard error
  const char *variable;         // "NAME=value" for its environment besides ours; NULL: none
  int keep;                     // a descriptor that it inherits under the same number; -1: none
  bool alone;                   // spare it the launcher: it is waited for at once
} process_t;

// Starts it, with no signal blocked or ignored. not_found, no_memory, io.
troupe_err_t process_spawn (pid_t *out, const process_t *process, troupe_error_t *error);
// A wait status as shells tell it: the exit status, or 128 + the signal's number.
int process_status (int wait_status);
// Waits until the child ends, at most `timeout_ms`; after that kills its group. Its status.
int process_wait (pid_t pid, int64_t timeout_ms);
// Runs a program to its end and returns what it wrote to standard output, at most `limit` bytes, in a new string that
// the caller frees; NULL with `error` when it couldn't be run, failed, or took longer than 5 s.
char *process_read (const char *const *arguments, size_t limit, troupe_error_t *error);

// The path of a program that lies next to this one, in a new string that the caller frees; NULL when out of memory.
char *process_sibling (const char *name);
// `troupe child PARENT PROGRAM [ARGUMENT...]`: the launcher. Returns only an exit status, when it failed.
int process_child (int argc, char **argv);

#endif
