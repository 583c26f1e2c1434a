// SPDX-License-Identifier: Apache-2.0
//
// Any JSON as a message: it is one, or is refused with a reason; what is one is written, and is the same again.

#include "troupe/message.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_object_seed (1); // the same run each time
  json_t *json = json_loadb ((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (json == NULL)
    return 0;
  troupe_message_t *message = NULL, *back = NULL;
  troupe_error_t error;
  troupe_err_t err = troupe_message_of_json (&message, json, &error);
  if (err != TROUPE_OK) {
    FUZZ_EXPECT (err == TROUPE_BAD_MESSAGE || err == TROUPE_TOO_LARGE);
    FUZZ_EXPECT (error.code == err && error.why[0] != '\0' && message == NULL);
    json_decref (json);
    return 0;
  }
  char *text = troupe_message_text (message);
  json_t *once = troupe_message_to_json (message);
  FUZZ_EXPECT (text != NULL && once != NULL && json_object_size (once) == 7);
  FUZZ_EXPECT (troupe_message_of_json (&back, once, NULL) == TROUPE_OK);
  json_t *twice = troupe_message_to_json (back);
  FUZZ_EXPECT (json_equal (once, twice));
  free (text);
  troupe_message_unref (&message);
  troupe_message_unref (&back);
  json_decref (json);
  json_decref (once);
  json_decref (twice);
  return 0;
}
