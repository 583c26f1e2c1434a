// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a value: the check and the unpacking agree, and what unpacks packs, and is the same again.

#include "troupe/value.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_object_seed (1); // the same run each time
  json_t *value = NULL, *back = NULL;
  troupe_error_t error;
  troupe_err_t checked = troupe_value_check (data, size, NULL);
  troupe_err_t err = troupe_value_unpack (data, size, &value, &error);
  if (err != TROUPE_OK) {
    FUZZ_EXPECT (err == checked || (checked == TROUPE_OK && err == TROUPE_BAD_MESSAGE)); // a key twice
    FUZZ_EXPECT (error.code == err && error.why[0] != '\0');
    FUZZ_EXPECT (value == NULL);
    return 0;
  }
  troupe_buffer_t *packed = NULL;
  FUZZ_EXPECT (checked == TROUPE_OK);
  FUZZ_EXPECT (troupe_value_pack (value, &packed, NULL) == TROUPE_OK);
  FUZZ_EXPECT (troupe_value_unpack (troupe_buffer_data (packed), troupe_buffer_size (packed), &back, NULL) ==
               TROUPE_OK);
  FUZZ_EXPECT (json_equal (value, back));
  troupe_buffer_unref (&packed);
  json_decref (value);
  json_decref (back);
  return 0;
}
