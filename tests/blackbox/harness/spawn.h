// SPDX-License-Identifier: Apache-2.0
//
// Starting a program with pipes or on a terminal.
#ifndef TROUPE_BLACKBOX_SPAWN_H
#define TROUPE_BLACKBOX_SPAWN_H

#include <sys/types.h>

typedef struct {
  pid_t pid;
  int input, output, errors; // our ends; on a terminal `errors` is -1
} spawned_t;

// Both fail the test when they can't.
void spawn_piped (spawned_t *out, const char *const *argv);
void spawn_on_terminal (spawned_t *out, const char *const *argv);

// The folder of the programs under test: TROUPE_TEST_BIN in the environment, else this build's own.
const char *spawn_folder (void);

#endif
