// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as server-sent events: the events are the same in whatever pieces the bytes come.

#include "model/sse.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static troupe_err_t
note (void *context, const char *event, const char *data, size_t size, troupe_error_t *error)
{
  (void) error;
  FUZZ_EXPECT (data[size] == 0 && event[0]);
  FUZZ_EXPECT (bytes_add (context, event, strlen (event) + 1) && bytes_add (context, data, size + 1));
  return TROUPE_OK;
}

// Feeds pieces of `step` bytes.
static void
decode (const char *data, size_t size, size_t step, bytes_t *notes)
{
  sse_t sse = {0};
  for (size_t at = 0; at < size; at += step)
    FUZZ_EXPECT (sse_feed (&sse, data + at, step < size - at ? step : size - at, note, notes, NULL) == TROUPE_OK);
  FUZZ_EXPECT (sse_end (&sse, note, notes, NULL) == TROUPE_OK);
  sse_clear (&sse);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  bytes_t whole = {0}, pieces = {0}, bytes = {0};
  decode ((const char *) data, size, size ? size : 1, &whole);
  decode ((const char *) data, size, size ? 1 + data[0] % 16 : 1, &pieces);
  decode ((const char *) data, size, 1, &bytes);
  FUZZ_EXPECT (whole.size == pieces.size && whole.size == bytes.size);
  if (whole.size) {
    FUZZ_EXPECT (memcmp (whole.data, pieces.data, whole.size) == 0);
    FUZZ_EXPECT (memcmp (whole.data, bytes.data, whole.size) == 0);
  }
  bytes_clear (&whole);
  bytes_clear (&pieces);
  bytes_clear (&bytes);
  return 0;
}
