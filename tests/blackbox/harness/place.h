// SPDX-License-Identifier: Apache-2.0
//
// A test's place: a fresh directory that it works in, and a mark in the environment by which every process that comes
// of it is found, however deep and however detached.
//
//   TestSuite (chat, .init = place_enter, .fini = place_leave);
#ifndef TROUPE_BLACKBOX_PLACE_H
#define TROUPE_BLACKBOX_PLACE_H

#include <stddef.h>
#include <sys/types.h>

// Makes and enters the directory.
void place_enter (void);
// Kills the processes of the test that are left, which fails the run (see scripts/run-test), and removes the directory.
void place_leave (void);
// Fails the test if a process of it is there now, other than itself.
void place_expect_empty (void);

// Writes a file in the directory.
void place_write (const char *path, const char *text);
// The processes of this test but itself whose program's name (as in /proc/.../comm) is `name` and one of whose
// arguments is `argument`, NULL for any; at most `count` of them are filled in. Returns how many there are.
size_t place_find (const char *name, const char *argument, pid_t *pids, size_t count);
// Waits until no process of the test but itself is left; fails the test when one stays.
void place_await_empty (void);
// Waits until the process is gone.
void place_await_exit (pid_t pid);
// A TCP port on the loopback that nothing listens on now.
int place_free_port (void);

#endif
