// SPDX-License-Identifier: Apache-2.0
//
// A connection's line: the system's socket under it, by which it can be ended. libzmq 4.3 ends no single connection of
// a ROUTER, and goes on holding what waits for one that nobody reads from.
#ifndef BROKER_LINE_H
#define BROKER_LINE_H

#include <stdint.h>

typedef struct {
  int descriptor;
  uint64_t inode; // says whether the descriptor is still the same socket's; 0: the line isn't known
} broker_line_t;

// The line of the socket that has this descriptor now; one that isn't known if there is none (-1, say).
broker_line_t broker_line_of (int descriptor);
// Ends the connection: libzmq sees that, and drops what waits for it. Does nothing for a line that isn't known (NULL
// neither), or has ended.
void broker_line_cut (const broker_line_t *self);

#endif
