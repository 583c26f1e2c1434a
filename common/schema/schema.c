// SPDX-License-Identifier: Apache-2.0
//
// Making a schema ready: its own document first, so that its ids are known, then what it refers to.

#include "schema/load.h"

#include <stdlib.h>
#include <string.h>

static troupe_err_t
load (loader_t *loader, const char *uri)
{
  resource_t *resource;
  char *base = strdup (uri != NULL ? uri : "");
  if (base == NULL)
    return load_no_memory (loader);
  uri_cut_fragment (base);
  troupe_err_t err = load_document (loader, loader->self->root, base, &resource);
  free (base);
  return err == TROUPE_OK ? load_resolve (loader) : err;
}

troupe_err_t
troupe_schema_new (troupe_schema_t **out, const json_t *json, const troupe_schema_options_t *options,
                   troupe_error_t *error)
{
  loader_t loader = {.options = options, .error = error};
  *out = NULL;
  troupe_schema_t *self = loader.self = calloc (1, sizeof *self);
  if (self == NULL || (self->documents = json_array ()) == NULL || (self->root = json_deep_copy (json)) == NULL ||
      json_array_append_new (self->documents, self->root) != 0) {
    troupe_schema_destroy (&self);
    return load_no_memory (&loader);
  }
  troupe_err_t err = load (&loader, options != NULL ? options->uri : NULL);
  free (loader.pending);
  if (err != TROUPE_OK)
    troupe_schema_destroy (&self);
  *out = self;
  return err;
}
