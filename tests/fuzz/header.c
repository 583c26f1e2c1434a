// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a header, alone or with a body, or as a run of those: they decode, or are refused with a reason; what
// decodes encodes, and is the same again.

#include "tests/fuzz/fuzz.h"
#include "troupe/run.h"

static void
expect_joined (const troupe_header_t *header, const uint8_t *bytes, size_t size)
{
  uint8_t frame[TROUPE_FRAME_SIZE_MAX];
  troupe_header_t back;
  const char *body = header->joined ? header->body.data : NULL;
  size_t body_size = header->joined ? header->body.size : 0;
  memcpy (frame, bytes, size);
  size_t joined = troupe_header_join (frame, size, body, body_size);
  FUZZ_EXPECT (troupe_header_joins (bytes, body_size) == (joined > 0));
  if (joined == 0)
    return;
  FUZZ_EXPECT (troupe_header_decode (&back, frame, joined, NULL) == TROUPE_OK);
  FUZZ_EXPECT (back.joined && back.present == header->present && back.body.size == body_size);
  FUZZ_EXPECT (body_size == 0 || memcmp (back.body.data, body, body_size) == 0);
}

static void
expect_one (const uint8_t *data, size_t size)
{
  troupe_header_t header, back;
  troupe_error_t error;
  uint8_t once[TROUPE_HEADER_SIZE_MAX], twice[TROUPE_HEADER_SIZE_MAX];
  troupe_err_t err = troupe_header_decode (&header, data, size, &error);
  if (err != TROUPE_OK) {
    FUZZ_EXPECT (err == TROUPE_BAD_FRAME || err == TROUPE_VERSION_MISMATCH);
    FUZZ_EXPECT (error.code == err && error.why[0] != '\0');
    return;
  }
  size_t first = troupe_header_encode (&header, once, sizeof once);
  FUZZ_EXPECT (first > 0);
  FUZZ_EXPECT (troupe_header_decode (&back, once, first, NULL) == TROUPE_OK);
  FUZZ_EXPECT (back.present == header.present && back.command == header.command);
  FUZZ_EXPECT (troupe_header_encode (&back, twice, sizeof twice) == first);
  FUZZ_EXPECT (memcmp (once, twice, first) == 0);
  expect_joined (&header, once, first);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const void *message;
  size_t length;
  unsigned count = 0;
  troupe_run_reader_t reader = troupe_run_read (data, size);
  for (; troupe_run_next (&reader, &message, &length); count++) {
    const uint8_t *bytes = message;
    FUZZ_EXPECT (bytes >= data && length <= size - (size_t)(bytes - data));
    expect_one (bytes, length);
  }
  FUZZ_EXPECT (count > 0 && count <= TROUPE_RUN_TAKEN_MAX + 1);
  return 0;
}
