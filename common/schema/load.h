// SPDX-License-Identifier: Apache-2.0
//
// Loading: from a JSON document to the model, with all that it refers to.
#ifndef TROUPE_SCHEMA_LOAD_H
#define TROUPE_SCHEMA_LOAD_H

#include "schema/model.h"

typedef struct {
  const char *uri, *text;
} builtin_t;

extern const builtin_t load_builtin[]; // the draft's meta-schemas; ends with a NULL uri

typedef struct {
  node_t *node;
  size_t step;
} pending_t;

typedef struct {
  troupe_schema_t *self;
  const troupe_schema_options_t *options;
  troupe_error_t *error;
  pending_t *pending; // references to resolve
  size_t pending_count, pending_room;
  unsigned depth;
  char path[192]; // where the walk is, as a JSON pointer; cut where it is longer
} loader_t;

// Makes a subschema and all below it part of the model, in `resource` (or one that it begins).
troupe_err_t load_walk (loader_t *self, json_t *schema, resource_t *resource);
// A document as a resource of its own, with its vocabularies, and walked.
troupe_err_t load_document (loader_t *self, json_t *document, const char *uri, resource_t **out);
// The document of a URI, from the built-in ones or the registry; NULL: there is none. Held by the model.
json_t *load_find (loader_t *self, const char *uri);
// resolve.c: resolves all references that wait, which may load more.
troupe_err_t load_resolve (loader_t *self);
// The vocabularies of the dialect that a root's $schema names.
troupe_err_t load_vocabularies (loader_t *self, const json_t *root, unsigned fallback, unsigned *vocabularies);

troupe_err_t load_refuse (loader_t *self, const char *object, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));
troupe_err_t load_no_memory (loader_t *self);

#endif
