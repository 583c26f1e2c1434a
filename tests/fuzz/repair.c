// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a model's reply: there is JSON in it or a reason why not; what comes out is JSON, which a repair leaves
// as it is, and valid JSON comes out unchanged.

#include "troupe/repair.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void
check_unchanged (json_t *value)
{
  troupe_repair_t *again;
  char *text = json_dumps (value, JSON_ENCODE_ANY);
  FUZZ_EXPECT (text != NULL);
  FUZZ_EXPECT (troupe_repair_new (&again, text, strlen (text), TROUPE_REPAIR_WANT_ANY, NULL) == TROUPE_OK);
  json_t *back = json_loads (text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (back != NULL) {
    FUZZ_EXPECT (troupe_repair_unchanged (again));
    FUZZ_EXPECT (json_equal (back, troupe_repair_value (again)));
  }
  json_decref (back);
  troupe_repair_destroy (&again);
  free (text);
}

static void
check_notes (const troupe_repair_t *repair, size_t size)
{
  size_t start, end;
  for (size_t i = 0; i < troupe_repair_note_count (repair); i++)
    FUZZ_EXPECT (troupe_repair_note (repair, i).offset <= size);
  for (size_t i = 0; i < troupe_repair_document_count (repair); i++) {
    troupe_repair_document_span (repair, i, &start, &end);
    FUZZ_EXPECT (start < end && end <= size && troupe_repair_document (repair, i) != NULL);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_object_seed (1); // the same run each time
  for (int want = TROUPE_REPAIR_WANT_ANY; want <= TROUPE_REPAIR_WANT_LIST; want++) {
    troupe_repair_t *repair;
    troupe_error_t error = {0};
    troupe_err_t err = troupe_repair_new (&repair, (const char *)data, size, (troupe_repair_want_t)want, &error);
    FUZZ_EXPECT ((err == TROUPE_OK) == (repair != NULL));
    if (err != TROUPE_OK) {
      FUZZ_EXPECT (err == TROUPE_BAD_MESSAGE || err == TROUPE_TOO_DEEP || err == TROUPE_TOO_LARGE);
      FUZZ_EXPECT (error.code == err && error.why[0] != '\0');
      continue;
    }
    json_t *value = troupe_repair_value (repair);
    FUZZ_EXPECT (want != TROUPE_REPAIR_WANT_OBJECT || json_is_object (value));
    FUZZ_EXPECT (want != TROUPE_REPAIR_WANT_LIST || json_is_array (value));
    check_notes (repair, size);
    check_unchanged (value);
    troupe_repair_destroy (&repair);
  }
  FUZZ_EXPECT (troupe_repair_answer ((const char *)data, size) <= size);
  return 0;
}
