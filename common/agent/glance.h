// SPDX-License-Identifier: Apache-2.0
//
// A glance at a packed message: whether it is one, and where in its bytes its parts are, without unpacking it.
#ifndef TROUPE_AGENT_GLANCE_H
#define TROUPE_AGENT_GLANCE_H

#include "troupe/wire.h"

typedef struct {
  troupe_text_t id, name, text; // in the message's bytes, not terminated
} glance_t;

// `data` is a checked value. True: it is a message of text, with an id, no url and no metadata. False: it may be any
// other one, or none: unpack it to see.
bool glance (glance_t *out, const void *data, size_t size);

#endif
