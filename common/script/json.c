// SPDX-License-Identifier: Apache-2.0
//
// JSON for scripts, of tools and of what they fetch: values as everywhere else in scripts (value.c). What is written
// has its keys in order, so that a turn that is repeated writes the same. What models write is for `repair` and
// `parse`, which read more than JSON.

#include "script/engine.h"

#include "error/reading.h"

enum { INDENT = 2 };

// json.encode (value, {indent = true}): its text
static int
encode (lua_State *L)
{
  value_of_t conversion = {.refer = false};
  luaL_Buffer buffer;
  lua_settop (L, 2);
  bool indents = lua_istable (L, 2) && lua_getfield (L, 2, "indent") != LUA_TNIL && lua_toboolean (L, -1);
  size_t flags = JSON_ENCODE_ANY | JSON_SORT_KEYS | (indents ? (size_t)JSON_INDENT (INDENT) : JSON_COMPACT);
  json_t **slot = message_push_empty (L);
  *slot = value_of (L, 1, &conversion);
  if (!*slot)
    return failure_text (L, "json.encode: %s", conversion.why);
  size_t size = json_dumpb (*slot, NULL, 0, flags);
  if (size == 0)
    return failure_text (L, "json.encode: out of memory");
  char *text = luaL_buffinitsize (L, &buffer, size);
  size_t written = json_dumpb (*slot, text, size, flags);
  if (written != size)
    return failure_text (L, "json.encode: out of memory");
  luaL_pushresultsize (&buffer, size);
  return 1;
}

// json.decode (text): its value, or nil and why not
static int
decode (lua_State *L)
{
  size_t size;
  json_error_t cause;
  const char *text = luaL_checklstring (L, 1, &size);
  json_t **slot = message_push_empty (L);
  *slot = reading_json (text, size, JSON_DECODE_ANY, &cause);
  if (!*slot) {
    lua_pushnil (L);
    lua_pushfstring (L, "line %d, column %d: %s", cause.line, cause.column, cause.text);
    return 2;
  }
  value_push (L, *slot);
  return 1;
}

void
json_open (lua_State *L)
{
  static const luaL_Reg functions[] = {{"encode", encode}, {"decode", decode}, {NULL, NULL}};
  luaL_newlib (L, functions);
  lua_setglobal (L, "json");
}
