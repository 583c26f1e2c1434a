// SPDX-License-Identifier: Apache-2.0
//
// The scan: every document of a reply, and where it stands.
#ifndef TROUPE_REPAIR_SCAN_H
#define TROUPE_REPAIR_SCAN_H

#include "repair/notes.h"

typedef enum { PLACE_CODE, PLACE_PROSE, PLACE_BLOCK, PLACE_JSON } place_t; // a greater one wins

typedef struct {
  json_t *value;
  size_t start, end;
  size_t fence; // where the block's fence is; with PLACE_CODE, PLACE_BLOCK, PLACE_JSON
  place_t place;
  bool cut;
  notes_t notes;
} document_t;

typedef struct {
  const char *text;
  size_t size, begin; // begin: behind a byte order mark and blanks
  size_t at;
  document_t *documents;
  size_t count;
  bool in_fence;
  place_t place;
  size_t fence;
  size_t next_fence, next_thought; // the first at or behind `at`, SIZE_MAX: none; only looked for again when passed
  unsigned long_attempts;
  size_t prose_first, prose_last; // what is neither document nor thought nor fence; prose_first SIZE_MAX: nothing
  size_t thought;                 // the first one; SIZE_MAX: none
  bool thought_open;              // the reply ends in one
  bool cut;                       // something looked like JSON and was cut off before its first member
  troupe_err_t seen;              // a document was left out because it is too deep
} scan_t;

// Finds the documents; scan_clear frees them. TROUPE_OK also when there are none.
troupe_err_t scan_reply (scan_t *self, const char *text, size_t size);
void scan_clear (scan_t *self);

#endif
