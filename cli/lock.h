// SPDX-License-Identifier: Apache-2.0
//
// A mesh's state directory, <state>/<mesh>, and the lock in it that says "this mesh runs here".
//
// `troupe up` holds the lock, and so does every process that it starts (they inherit the descriptor). So the lock is
// free only when all of a mesh's processes are gone, also after `troupe up` was killed, and a new run never meets a
// Redis or a broker of the old one on the same files.
#ifndef CLI_LOCK_H
#define CLI_LOCK_H

#include "troupe/error.h"

#include <sys/types.h>

// Makes the directory and those above it (mode 0700). io, permission.
troupe_err_t lock_make_directory (const char *path, troupe_error_t *error);
// Takes the lock in `directory`, which exists, and writes our pid into it; *out is a descriptor to pass to the
// children. conflict: a living `troupe up` has it. When its owner is dead and its last children are still ending,
// waits for them.
troupe_err_t lock_take (int *out, const char *directory, troupe_error_t *error);
// Whether somebody holds the lock; *owner (may be NULL) is the pid written in it, 0 if unknown.
bool lock_held (const char *directory, pid_t *owner);
// Whether the one who wrote his pid there holds it, and not children that he has left.
bool lock_owned (const char *directory);

#endif
