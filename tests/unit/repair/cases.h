// SPDX-License-Identifier: Apache-2.0
//
// The table of cases.txt: replies as models write them, and what must come of each. Its format:
//
//   === name [escaped]        escaped: the reply is one JSON text
//   the reply, any number of lines
//   --- any|object|list       what is wanted
//   the value in JSON, or "error: " and part of the reason
//   + kind kind ...           what was repaired, each kind once; "+" alone: nothing
#ifndef TESTS_UNIT_REPAIR_CASES_H
#define TESTS_UNIT_REPAIR_CASES_H

#include "troupe/repair.h"

#include <stdio.h>

enum { CASES_LINE_MAX = 8192, CASES_REPLY_MAX = 32768, CASES_MIN = 200 };

typedef struct {
  char name[CASES_LINE_MAX], reply[CASES_REPLY_MAX], value[CASES_LINE_MAX], kinds[CASES_LINE_MAX];
  size_t size; // of the reply
  troupe_repair_want_t want;
} case_t;

FILE *cases_open (void);
// Reads the next; false: that was the last.
bool cases_next (FILE *file, case_t *out);
// The value that must come out, a new reference; NULL: an error must.
json_t *cases_expected (const case_t *self);

#endif
