// SPDX-License-Identifier: Apache-2.0
//
// What comes from peers: decoded, checked, and given to whoever it is for.
#ifndef BROKER_FRAMES_H
#define BROKER_FRAMES_H

#include "broker/state.h"

// A BROKER_FRAME.
void frames_on_event (broker_core_t *core, const broker_event_t *event);
// The command of a header, as far as it can be seen without decoding it; 0: not at all.
unsigned frames_command (const uint8_t *bytes, size_t size);

#endif
