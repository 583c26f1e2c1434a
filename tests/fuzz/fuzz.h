// SPDX-License-Identifier: Apache-2.0
//
// What every fuzz target begins with.
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// libFuzzer calls this with each input; it returns 0.
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

// Ends the run, with the input kept, when something that must hold doesn't.
#define FUZZ_EXPECT(condition)                                                                                         \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf (stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                         \
      abort ();                                                                                                        \
    }                                                                                                                  \
  } while (0)

#endif
