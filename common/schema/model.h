// SPDX-License-Identifier: Apache-2.0
//
// A schema made ready: resources (what a URI names), and for each subschema its keywords with what they need at hand.
#ifndef TROUPE_SCHEMA_MODEL_H
#define TROUPE_SCHEMA_MODEL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "troupe/schema.h"

#include <pcre2.h>

typedef enum {
  VOCABULARY_CORE = 1,
  VOCABULARY_APPLICATOR = 2,
  VOCABULARY_UNEVALUATED = 4,
  VOCABULARY_VALIDATION = 8
} vocabulary_t;

typedef enum {
  FORM_ANY,
  FORM_REFERENCE,
  FORM_SCHEMA,
  FORM_SCHEMAS,
  FORM_SCHEMA_LIST,
  FORM_TYPES,
  FORM_LIST,
  FORM_NUMBER,
  FORM_POSITIVE,
  FORM_COUNT,
  FORM_BOOLEAN,
  FORM_PATTERN,
  FORM_PATTERNS,
  FORM_STRINGS,
  FORM_STRING_LISTS,
  FORMS
} form_t;

typedef struct check check_t;

typedef struct {
  const char *name;
  bool (*holds) (const check_t *); // NULL: another keyword reads it
  vocabulary_t vocabulary;
  form_t form;
} keyword_t;

extern const keyword_t keyword_table[]; // ends with a NULL name

typedef struct {
  char *name;
  json_t *target;
  bool dynamic;
} anchor_t;

typedef struct {
  char *uri; // absolute, without a fragment; may be empty
  json_t *root;
  unsigned vocabularies;
  anchor_t *anchors;
  size_t anchor_count;
} resource_t;

typedef struct {
  const keyword_t *keyword;
  json_t *value;
  json_t *target;      // of a reference
  const char *dynamic; // of a $dynamicRef whose target is a $dynamicAnchor: the anchor's name
  pcre2_code **patterns;
  size_t pattern_count;
} step_t;

typedef struct {
  json_t *schema; // an object
  resource_t *resource;
  step_t *steps;
  size_t count;
} node_t;

struct troupe_schema {
  json_t *root;
  json_t *documents; // a list that holds all of them
  resource_t **resources;
  size_t resource_count;
  node_t **table; // by the schema's address; a power of two of places
  size_t places, node_count;
  bool marks; // some subschema asks what was evaluated
};

// The node of a subschema; NULL: it has none (a boolean, or never reached).
const node_t *model_node (const troupe_schema_t *self, const json_t *schema);
// A new node; NULL: no memory.
node_t *model_add_node (troupe_schema_t *self, json_t *schema, resource_t *resource);
resource_t *model_resource (const troupe_schema_t *self, const char *uri);
resource_t *model_add_resource (troupe_schema_t *self, const char *uri, json_t *root);
bool model_add_anchor (resource_t *resource, const char *name, json_t *target, bool dynamic);
const anchor_t *model_anchor (const resource_t *resource, const char *name);

// uri.c: `reference` against `base` (RFC 3986, section 5.2), a new text; NULL: no memory. Both may be of any scheme.
char *uri_resolve (const char *base, const char *reference);
// Cuts the fragment off and returns it, decoded; NULL: there is none.
char *uri_cut_fragment (char *uri);

#endif
