// SPDX-License-Identifier: Apache-2.0
//
// JSON Schema, draft 2020-12: whether a value is as it should be, and if not, where and why, in words that a model can
// act on. For the arguments of tools and for structured replies.
//
//   troupe_schema_t *schema;
//   json_t *errors;
//   troupe_schema_new (&schema, json, NULL, &error);
//   if (troupe_schema_validate (schema, value, &errors, &error) == TROUPE_BAD_MESSAGE)
//     // [{"at": "/age", "keyword": "type", "expected": "an integer", "came": "\"seven\"", "text": "..."}]
//
// All of the draft's core, applicator, validation and unevaluated vocabularies; `format` and the content keywords are
// annotations, as the draft's default says. $ref, $dynamicRef, $anchor, $id and vocabularies work as the draft says; a
// schema that another names by URI comes from the registry that the caller gives, never from a network. The draft's own
// meta-schemas are always known. Regular expressions are PCRE2's in Unicode mode, with limits on matching.
//
// Thread rule: a schema never changes once it is made; threads may share it.
#ifndef TROUPE_SCHEMA_H
#define TROUPE_SCHEMA_H

#include "troupe/error.h"

#include <jansson.h>

enum {
  TROUPE_SCHEMA_DEPTH_MAX = 256,         // nested evaluations: values, subschemas and references
  TROUPE_SCHEMA_STEPS_MAX = 2000 * 1000, // evaluations of one validation: about a second
  TROUPE_SCHEMA_ERRORS_MAX = 16,         // that are reported: more is no help
  TROUPE_SCHEMA_DOCUMENTS_MAX = 256,     // from the registry, for one schema
  TROUPE_SCHEMA_RESOURCES_MAX = 10000    // $id and anchors of a schema and what it refers to
};

typedef struct troupe_schema troupe_schema_t;

// Gives the document with this absolute URI (without fragment) as a new reference; NULL: there is none.
typedef json_t *(troupe_schema_registry_fn)(void *arg, const char *uri);

typedef struct {
  const char *uri;                     // of the schema itself, where it has no $id; may be NULL
  troupe_schema_registry_fn *registry; // may be NULL: only the schema itself and the draft's own
  void *arg;
} troupe_schema_options_t;

// Makes a schema ready: every reference is resolved and every pattern compiled, so that a wrong schema is refused here
// (TROUPE_BAD_CONFIG, with the place as a JSON pointer) and not when a value comes. `json` is copied. `options` may be
// NULL. A $schema of drafts 6, 7 or 2019-09 is read as 2020-12, which they are for most schemas of tools; a list under
// "items" is refused.
troupe_err_t troupe_schema_new (troupe_schema_t **out, const json_t *json, const troupe_schema_options_t *options,
                                troupe_error_t *error);
void troupe_schema_destroy (troupe_schema_t **self_p);

// TROUPE_OK: the value is valid. TROUPE_BAD_MESSAGE: it is not; `errors` (may be NULL) gets a new list of objects
// {"at": JSON pointer into the value, "keyword", "expected", "came", "text": a sentence of all this}, and `error` the
// first of them. TROUPE_TOO_DEEP: the evaluation nests too deeply (a $ref that never ends included); TROUPE_TOO_LARGE:
// it takes too many steps, or a pattern does; TROUPE_NO_MEMORY. *errors is NULL in all other cases.
troupe_err_t troupe_schema_validate (const troupe_schema_t *self, const json_t *value, json_t **errors,
                                     troupe_error_t *error);

#endif
