// SPDX-License-Identifier: Apache-2.0
//
// Memory that runs out when a test wants it: the nth allocation of what is being tested fails. Works in programs that
// are linked with -Wl,--wrap= for malloc, calloc, realloc, strdup and strndup; elsewhere nothing ever fails.
#ifndef SIM_SCARCITY_H
#define SIM_SCARCITY_H

#include <stdbool.h>

// From now on, within scarcity_enter and scarcity_leave, the nth allocation (from 1) fails; 0: none does.
void scarcity_fail (unsigned nth);
// Whether it has been reached.
bool scarcity_failed (void);
// Counts one, as by an allocation: whether this is the one that fails. For what else can fail for want of memory.
bool scarcity_strikes (void);
// What is tested begins, and ends; what the test itself does in between (an outlet) is put between leave and enter.
void scarcity_enter (void);
void scarcity_leave (void);
bool scarcity_inside (void);

#endif
