// SPDX-License-Identifier: Apache-2.0
//
// References: from a URI to a subschema. What isn't in the model yet is loaded, from the draft's own or the registry,
// and walked; that may bring more references, so this goes on until none waits. A pointer may lead into a place that no
// keyword makes a schema; it becomes one then.

#include "schema/load.h"
#include "error/reading.h"

#include <stdlib.h>
#include <string.h>

static const char draft[] = "https://json-schema.org/draft/2020-12/";
enum { ALL_VOCABULARIES = VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED | VOCABULARY_VALIDATION };

static const struct {
  const char *name;
  unsigned vocabulary; // 0: annotations
} vocabularies_known[] = {
  {"core", VOCABULARY_CORE},
  {"applicator", VOCABULARY_APPLICATOR},
  {"unevaluated", VOCABULARY_UNEVALUATED},
  {"validation", VOCABULARY_VALIDATION},
  {"meta-data", 0},
  {"format-annotation", 0},
  {"content", 0},
};

// Older drafts that tools still name; what of them means the same here is read, and the rest is refused by its form.
static const char *const older[] = {
  "https://json-schema.org/draft/2019-09/schema",
  "http://json-schema.org/draft-07/schema",
  "http://json-schema.org/schema",
  "http://json-schema.org/draft-06/schema",
  "https://json-schema.org/draft-07/schema",
};

json_t *
load_find (loader_t *self, const char *uri)
{
  json_t *document = NULL;
  for (const builtin_t *row = load_builtin; row->uri != NULL && document == NULL; row++)
    if (strcmp (row->uri, uri) == 0)
      document = reading_text (row->text, 0, NULL);
  if (document == NULL && self->options != NULL && self->options->registry != NULL) {
    json_t *given = self->options->registry (self->options->arg, uri);
    document = given != NULL ? json_deep_copy (given) : NULL; // subschemas are known by their address
    json_decref (given);
  }
  if (document == NULL || json_array_append_new (self->self->documents, document) != 0)
    return NULL;
  return document;
}

static troupe_err_t
read_vocabularies (loader_t *self, json_t *listed, const char *dialect, unsigned *vocabularies)
{
  const char *uri;
  json_t *required;
  *vocabularies = 0;
  json_object_foreach (listed, uri, required) {
    bool known = false;
    for (size_t i = 0; i < sizeof vocabularies_known / sizeof *vocabularies_known; i++) {
      const char *name = vocabularies_known[i].name;
      bool is = strncmp (uri, draft, strlen (draft)) == 0 && strncmp (uri + strlen (draft), "vocab/", 6) == 0 &&
                strcmp (uri + strlen (draft) + 6, name) == 0;
      *vocabularies |= is ? vocabularies_known[i].vocabulary : 0;
      known = known || is;
    }
    if (!known && json_is_true (required))
      return load_refuse (self, dialect, "it needs the vocabulary %s, which is not known here", uri);
  }
  return TROUPE_OK;
}

troupe_err_t
load_vocabularies (loader_t *self, const json_t *root, unsigned fallback, unsigned *vocabularies)
{
  const char *dialect = json_string_value (json_object_get (root, "$schema"));
  *vocabularies = dialect != NULL ? ALL_VOCABULARIES : fallback;
  size_t size = dialect != NULL ? strcspn (dialect, "#") : 0;
  if (dialect == NULL || (strlen (draft) + 6 == size && strncmp (dialect, draft, strlen (draft)) == 0))
    return TROUPE_OK;
  for (size_t i = 0; i < sizeof older / sizeof *older; i++)
    if (strlen (older[i]) == size && strncmp (older[i], dialect, size) == 0)
      return TROUPE_OK;
  if (json_array_size (self->self->documents) >= TROUPE_SCHEMA_DOCUMENTS_MAX)
    return load_refuse (self, dialect, "the schema refers to more than %d documents", TROUPE_SCHEMA_DOCUMENTS_MAX);
  json_t *meta = load_find (self, dialect), *listed = json_object_get (meta, "$vocabulary");
  if (meta == NULL)
    return load_refuse (self, dialect, "this dialect of JSON Schema is not known; draft 2020-12 is");
  return listed != NULL ? read_vocabularies (self, listed, dialect, vocabularies) : TROUPE_OK;
}

troupe_err_t
load_document (loader_t *self, json_t *document, const char *uri, resource_t **out)
{
  *out = model_add_resource (self->self, uri, document);
  if (*out == NULL)
    return load_no_memory (self);
  if (json_array_size (self->self->documents) > TROUPE_SCHEMA_DOCUMENTS_MAX)
    return load_refuse (self, uri, "the schema refers to more than %d documents", TROUPE_SCHEMA_DOCUMENTS_MAX);
  troupe_err_t err = load_vocabularies (self, document, ALL_VOCABULARIES, &(*out)->vocabularies);
  if (err != TROUPE_OK)
    return err;
  self->path[0] = '\0';
  return load_walk (self, document, *out);
}

// The next token of a JSON pointer (RFC 6901) at *at, decoded into `out`. False: it is too long to be one.
static bool
next_token (const char **at, char *out, size_t room)
{
  size_t used = 0;
  for (++*at; **at != '\0' && **at != '/'; ++*at) {
    char c = **at;
    if (c == '~' && ((*at)[1] == '0' || (*at)[1] == '1'))
      c = *++*at == '0' ? '~' : '/';
    if (used + 1 >= room)
      return false;
    out[used++] = c;
  }
  out[used] = '\0';
  return true;
}

// What a pointer leads to; *resource becomes the one that it lies in. NULL: nothing.
static json_t *
follow (loader_t *self, const char *pointer, resource_t **resource)
{
  enum { TOKEN_SIZE = 1024 };
  char token[TOKEN_SIZE], *end;
  json_t *at = (*resource)->root;
  while (at != NULL && *pointer == '/') {
    const node_t *node = model_node (self->self, at);
    *resource = node != NULL ? node->resource : *resource;
    if (!next_token (&pointer, token, sizeof token))
      return NULL;
    if (json_is_array (at)) {
      size_t index = strtoul (token, &end, 10);
      at = *token != '\0' && *end == '\0' ? json_array_get (at, index) : NULL;
    } else {
      at = json_object_get (at, token);
    }
  }
  return at;
}

static troupe_err_t
find_target (loader_t *self, step_t *step, resource_t *resource, const char *fragment, const char *uri)
{
  const node_t *root = model_node (self->self, resource->root);
  json_t *target = resource->root;
  resource = root != NULL ? root->resource : resource; // the one of its $id has the anchors
  if (fragment != NULL && *fragment == '/') {
    target = follow (self, fragment, &resource);
  } else if (fragment != NULL && *fragment != '\0') {
    const anchor_t *anchor = model_anchor (resource, fragment);
    target = anchor != NULL ? anchor->target : NULL;
    if (anchor != NULL && anchor->dynamic && strcmp (step->keyword->name, "$dynamicRef") == 0)
      step->dynamic = anchor->name;
  }
  if (target == NULL)
    return load_refuse (self, json_string_value (step->value), "there is no \"%s\" in the schema \"%s\"", fragment,
                        uri);
  step->target = target;
  return load_walk (self, target, resource);
}

static troupe_err_t
resolve (loader_t *self, const pending_t *pending)
{
  step_t *step = &pending->node->steps[pending->step];
  char *uri = uri_resolve (pending->node->resource->uri, json_string_value (step->value));
  if (uri == NULL)
    return load_no_memory (self);
  char *fragment = uri_cut_fragment (uri);
  resource_t *resource = model_resource (self->self, uri);
  troupe_err_t err = TROUPE_OK;
  if (resource == NULL) {
    json_t *document = load_find (self, uri);
    err = document != NULL ? load_document (self, document, uri, &resource)
                           : load_refuse (self, json_string_value (step->value), "no schema \"%s\" is known", uri);
  }
  if (err == TROUPE_OK)
    err = find_target (self, step, resource, fragment, uri);
  free (uri);
  return err;
}

troupe_err_t
load_resolve (loader_t *self)
{
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && self->pending_count > 0) {
    pending_t pending = self->pending[--self->pending_count];
    self->path[0] = '\0';
    err = resolve (self, &pending);
  }
  return err;
}
