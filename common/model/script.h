// SPDX-License-Identifier: Apache-2.0
//
// The pieces in which a script hands out a text.
#ifndef TROUPE_MODEL_SCRIPT_H
#define TROUPE_MODEL_SCRIPT_H

#include "model/provider.h"

// How many bytes of `text` the next piece is: whole characters, at least one unless `size` is 0.
size_t script_piece (const script_t *self, const char *text, size_t size);

#endif
