// SPDX-License-Identifier: Apache-2.0
//
// Each provider wraps a tool in its own words, and all of them want a list.

#include "model/tools.h"

json_t *
tools_list (const json_t *tools, tools_make_fn *make)
{
  json_t *list = json_array ();
  for (size_t i = 0; i < json_array_size (tools); i++)
    if (json_array_append_new (list, make (json_array_get (tools, i))) < 0) {
      json_decref (list);
      return NULL;
    }
  return list;
}

json_t *
tools_function (const json_t *tool)
{
  return json_pack ("{s:s,s:O}", "type", "function", "function", tool);
}

json_t *
tools_schema (const json_t *tool)
{
  json_t *schema = json_object_get (tool, "parameters");
  return schema ? json_incref (schema) : json_pack ("{s:s,s:{}}", "type", "object", "properties");
}
