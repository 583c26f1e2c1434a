// SPDX-License-Identifier: Apache-2.0
//
// Results: plain records, made by parser.c.

#include "parse/parser.h"

#include <stdlib.h>

void
troupe_parsed_destroy (troupe_parsed_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  troupe_parsed_t *self = *self_p;
  json_decref (self->fields);
  json_decref (self->metadata);
  json_decref (self->repairs);
  free (self->content);
  free (self->memory);
  free (self->feedback);
  free (self);
  *self_p = NULL;
}

json_t *
troupe_parsed_fields (const troupe_parsed_t *self)
{
  return self->fields;
}

const char *
troupe_parsed_content (const troupe_parsed_t *self)
{
  return self->content;
}

const char *
troupe_parsed_memory (const troupe_parsed_t *self)
{
  return self->memory;
}

json_t *
troupe_parsed_metadata (const troupe_parsed_t *self)
{
  return self->metadata;
}

const char *
troupe_parsed_feedback (const troupe_parsed_t *self)
{
  return self->feedback;
}

json_t *
troupe_parsed_repairs (const troupe_parsed_t *self)
{
  return self->repairs;
}

json_t *
troupe_parsed_to_json (const troupe_parsed_t *self)
{
  return json_pack ("{s:O?, s:s?, s:s?, s:O?, s:O, s:s?}", "fields", self->fields, "content", self->content, "memory",
                    self->memory, "metadata", self->metadata, "repairs", self->repairs, "feedback", self->feedback);
}
