// SPDX-License-Identifier: Apache-2.0
//
// Whether what a model calls a tool with is what the tool takes (lua/tools.lua has the rest). A schema is made ready
// for each call: that costs less than a hundredth of what the model took to make it.

#include "script/engine.h"

#include "troupe/schema.h"

#include <stdio.h>
#include <string.h>

enum { WRONG_MAX = 2048 }; // bytes of what is wrong: more is no help to a model

// The errors in a line, each with its place.
static void
join (const json_t *errors, char out[WRONG_MAX])
{
  size_t i, used = 0;
  json_t *error;
  json_array_foreach (errors, i, error) {
    const char *text = json_string_value (json_object_get (error, "text"));
    int size = snprintf (out + used, WRONG_MAX - used, "%s%s", used ? "; " : "", text ? text : "");
    if (size < 0 || (size_t)size >= WRONG_MAX - used) {
      out[used] = '\0'; // whole sentences only
      return;
    }
    used += (size_t)size;
  }
}

static troupe_err_t
validate (const json_t *json, const json_t *value, char wrong[WRONG_MAX], troupe_error_t *error)
{
  troupe_schema_t *schema;
  json_t *errors = NULL;
  troupe_err_t code = troupe_schema_new (&schema, json, NULL, error);
  wrong[0] = '\0';
  if (code != TROUPE_OK)
    return code;
  code = troupe_schema_validate (schema, value, &errors, error);
  troupe_schema_destroy (&schema);
  join (errors, wrong);
  json_decref (errors);
  if (code != TROUPE_OK && !wrong[0])
    snprintf (wrong, WRONG_MAX, "%s", error->why);
  return TROUPE_OK;
}

static json_t *
take (lua_State *L, int index, json_t **slot)
{
  value_of_t conversion = {.refer = false};
  *slot = value_of (L, index, &conversion);
  if (!*slot)
    failure_text (L, "a tool: %s", conversion.why);
  return *slot;
}

// fits (schema, value): nil, or what is wrong with the value. Raises what is wrong with the schema.
static int
fits (lua_State *L)
{
  char wrong[WRONG_MAX];
  troupe_error_t error;
  json_t **slots[] = {message_push_empty (L), message_push_empty (L)}; // which own them, whatever is raised
  const json_t *schema = take (L, 1, slots[0]), *value = take (L, 2, slots[1]);
  if (validate (schema, value, wrong, &error) != TROUPE_OK)
    return failure_text (L, "a tool's parameters: %s%s%s", error.object, error.object[0] ? ": " : "", error.why);
  if (wrong[0])
    lua_pushstring (L, wrong);
  else
    lua_pushnil (L);
  return 1;
}

void
tool_open (lua_State *L)
{
  lua_pushcfunction (L, fits);
  lua_setfield (L, -2, "fits");
}
