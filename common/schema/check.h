// SPDX-License-Identifier: Apache-2.0
//
// Checking a value: what the keywords' functions share.
#ifndef TROUPE_SCHEMA_CHECK_H
#define TROUPE_SCHEMA_CHECK_H

#include "schema/model.h"

typedef struct {
  size_t count; // members or items
  bool *seen;   // which were evaluated, in the order of iteration; NULL: nobody asks
} marks_t;

typedef struct {
  const troupe_schema_t *schema;
  json_t *errors; // a list
  troupe_err_t err;
  unsigned depth, quiet; // quiet: errors are not reported, for another alternative may fit
  size_t steps;
  const resource_t *scope[TROUPE_SCHEMA_DEPTH_MAX + 1]; // the dynamic scope, the outermost first
  size_t scopes;
  char *path; // of the value, as a JSON pointer
  size_t path_size, path_room;
  pcre2_match_data *match;
  pcre2_match_context *limits;
} run_t;

struct check {
  run_t *run;
  const node_t *node;
  const step_t *step;
  json_t *value;
  marks_t *marks;
};

#define KEYWORD(function, name, vocabulary, form) bool function (const check_t *self);
#include "schema/keyword.def"
#undef KEYWORD

// Whether a value fits a subschema. `marks` (may be NULL) gets what it evaluated of the value, if it fits.
bool check_schema (run_t *run, json_t *schema, json_t *value, marks_t *marks);
// The same for a member or item of the value, whose place is `key` or `index` below it.
bool check_member (run_t *run, json_t *schema, json_t *value, const char *key);
bool check_item (run_t *run, json_t *schema, json_t *value, size_t index);
// The same, without reporting.
bool check_quietly (run_t *run, json_t *schema, json_t *value, marks_t *marks);

// Reports that the value is not what the keyword expects. Returns false.
bool check_fails (const check_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
// A sibling keyword's value; NULL: there is none (or its vocabulary is not used).
json_t *check_sibling (const check_t *self, const char *name);
const step_t *check_sibling_step (const check_t *self, const char *name);
// Whether a text matches; false also when matching took too long (`err`).
bool check_matches (run_t *run, const pcre2_code *pattern, const char *text, size_t size);
void check_mark (const check_t *self, size_t i);
// One more step of work; false: too many, or another failure that ends the run.
bool check_goes_on (run_t *run, size_t steps);

// equal.c: as JSON Schema compares, by numbers' values.
bool equal_values (run_t *run, json_t *a, json_t *b);
int equal_compare (const json_t *a, const json_t *b); // numbers: less, equal or greater than 0

#endif
