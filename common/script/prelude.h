// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine that is written in Lua (lua/*.lua), embedded.
#ifndef SCRIPT_PRELUDE_H
#define SCRIPT_PRELUDE_H

#include <stddef.h>

typedef struct {
  const char *name; // as it stands in tracebacks
  const char *text;
  size_t size;
} prelude_part_t;

extern const prelude_part_t prelude_parts[]; // ends with a NULL name; each is run with the table of natives

#endif
