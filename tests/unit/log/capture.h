// SPDX-License-Identifier: Apache-2.0
//
// Keeps what a test writes to stderr: in a memory file, or on a terminal of its own.
#ifndef TROUPE_TESTS_LOG_CAPTURE_H
#define TROUPE_TESTS_LOG_CAPTURE_H

#include <stddef.h>

enum { CAPTURE_SIZE = 512 * 1024 };

void capture_begin (void);
void capture_begin_terminal (void);
// Ends it and returns what was written, in static memory.
const char *capture_end (void);

#endif
