// SPDX-License-Identifier: Apache-2.0
//
// The model of a schema: plain tables. Subschemas are found by their address, which is theirs alone, for the schema is
// a deep copy.

#include "schema/model.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MIN = 64, ANCHORS_STEP = 8 };

static size_t
place_of (const troupe_schema_t *self, const json_t *schema)
{
  size_t place = (size_t)(((uintptr_t)schema >> 4) * 0x9E3779B97F4A7C15u) & (self->places - 1);
  while (self->table[place] != NULL && self->table[place]->schema != schema)
    place = (place + 1) & (self->places - 1);
  return place;
}

const node_t *
model_node (const troupe_schema_t *self, const json_t *schema)
{
  return self->places > 0 ? self->table[place_of (self, schema)] : NULL;
}

static bool
grow (troupe_schema_t *self)
{
  node_t **old = self->table;
  size_t places = self->places;
  if (self->node_count * 2 < places)
    return true;
  node_t **table = calloc (places > 0 ? places * 2 : PLACES_MIN, sizeof *table);
  if (table == NULL)
    return false;
  self->table = table;
  self->places = places > 0 ? places * 2 : PLACES_MIN;
  for (size_t i = 0; i < places; i++)
    if (old[i] != NULL)
      self->table[place_of (self, old[i]->schema)] = old[i];
  free (old);
  return true;
}

node_t *
model_add_node (troupe_schema_t *self, json_t *schema, resource_t *resource)
{
  node_t *node = grow (self) ? calloc (1, sizeof *node) : NULL;
  if (node == NULL)
    return NULL;
  node->schema = schema;
  node->resource = resource;
  self->table[place_of (self, schema)] = node;
  self->node_count++;
  return node;
}

resource_t *
model_resource (const troupe_schema_t *self, const char *uri)
{
  for (size_t i = 0; i < self->resource_count; i++)
    if (strcmp (self->resources[i]->uri, uri) == 0)
      return self->resources[i];
  return NULL;
}

resource_t *
model_add_resource (troupe_schema_t *self, const char *uri, json_t *root)
{
  resource_t **grown = realloc (self->resources, (self->resource_count + 1) * sizeof *grown);
  if (grown == NULL)
    return NULL;
  self->resources = grown;
  resource_t *resource = calloc (1, sizeof *resource);
  if (resource == NULL || (resource->uri = strdup (uri)) == NULL) {
    free (resource);
    return NULL;
  }
  resource->root = root;
  return self->resources[self->resource_count++] = resource;
}

bool
model_add_anchor (resource_t *resource, const char *name, json_t *target, bool dynamic)
{
  if (resource->anchor_count % ANCHORS_STEP == 0) {
    anchor_t *grown = realloc (resource->anchors, (resource->anchor_count + ANCHORS_STEP) * sizeof *grown);
    if (grown == NULL)
      return false;
    resource->anchors = grown;
  }
  char *copy = strdup (name);
  if (copy != NULL)
    resource->anchors[resource->anchor_count++] = (anchor_t){copy, target, dynamic};
  return copy != NULL;
}

const anchor_t *
model_anchor (const resource_t *resource, const char *name)
{
  for (size_t i = 0; i < resource->anchor_count; i++)
    if (strcmp (resource->anchors[i].name, name) == 0)
      return &resource->anchors[i];
  return NULL;
}

static void
free_node (node_t *node)
{
  for (size_t i = 0; node != NULL && i < node->count; i++) {
    for (size_t k = 0; k < node->steps[i].pattern_count; k++)
      pcre2_code_free (node->steps[i].patterns[k]);
    free (node->steps[i].patterns);
  }
  if (node != NULL)
    free (node->steps);
  free (node);
}

void
troupe_schema_destroy (troupe_schema_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  troupe_schema_t *self = *self_p;
  for (size_t i = 0; i < self->places; i++)
    free_node (self->table[i]);
  for (size_t i = 0; i < self->resource_count; i++) {
    for (size_t k = 0; k < self->resources[i]->anchor_count; k++)
      free (self->resources[i]->anchors[k].name);
    free (self->resources[i]->anchors);
    free (self->resources[i]->uri);
    free (self->resources[i]);
  }
  free (self->table);
  free (self->resources);
  json_decref (self->documents);
  free (self);
  *self_p = NULL;
}
