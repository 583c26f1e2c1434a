// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a header: they decode, or are refused with a reason; what decodes encodes, and is the same again.

#include "tests/fuzz/fuzz.h"
#include "troupe/wire.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  troupe_header_t header, back;
  troupe_error_t error;
  uint8_t once[TROUPE_HEADER_SIZE_MAX], twice[TROUPE_HEADER_SIZE_MAX];
  troupe_err_t err = troupe_header_decode (&header, data, size, &error);
  if (err != TROUPE_OK) {
    FUZZ_EXPECT (err == TROUPE_BAD_FRAME || err == TROUPE_VERSION_MISMATCH);
    FUZZ_EXPECT (error.code == err && error.why[0] != '\0');
    return 0;
  }
  size_t first = troupe_header_encode (&header, once, sizeof once);
  FUZZ_EXPECT (first > 0);
  FUZZ_EXPECT (troupe_header_decode (&back, once, first, NULL) == TROUPE_OK);
  FUZZ_EXPECT (back.present == header.present && back.command == header.command);
  FUZZ_EXPECT (troupe_header_encode (&back, twice, sizeof twice) == first);
  FUZZ_EXPECT (memcmp (once, twice, first) == 0);
  return 0;
}
