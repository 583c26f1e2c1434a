// SPDX-License-Identifier: Apache-2.0
//
// Values between Lua and JSON.
//
//   Lua -> JSON  A table whose keys are 1 to n is a list, one with text keys a map; an empty one is a map, unless it was
//                made by `list` or came as a list. `null` is null. Messages are their JSON; placeholders are named as
//                inputs of the call ({"$input": n}), so that their values don't come here.
//   JSON -> Lua  The same backwards; in maps, what is null is absent, in lists it is `null`.
//
// Converting from Lua raises nothing and allocates nothing of Lua's, so that no JSON leaks when it fails: it uses only
// functions of Lua's API that are documented to be safe, and looks for metatables by address.

#include "script/engine.h"

#include "error/utf8.h"
#include "troupe/value.h"

#include <math.h>
#include <string.h>

static json_t *convert (lua_State *L, int index, value_of_t *self, unsigned depth);

static json_t *
refuse (value_of_t *self, const char *why)
{
  if (!self->why[0])
    snprintf (self->why, sizeof self->why, "%s", why);
  return NULL;
}

// -- From Lua ----------------------------------------------------------------------------------------------------------

static bool
has_metatable (lua_State *L, int index, const void *key)
{
  if (!lua_getmetatable (L, index))
    return false;
  lua_rawgetp (L, LUA_REGISTRYINDEX, key);
  bool equal = lua_rawequal (L, -1, -2);
  lua_pop (L, 2);
  return equal;
}

// The reply of a call that may be there already.
static json_t *
convert_value (value_of_t *self, handle_t *handle)
{
  const json_t *value = handle_value (handle);
  if (!handle_done (handle)) {
    self->missing = handle;
    return refuse (self, "it isn't there yet");
  }
  if (value)
    return json_incref ((json_t *)(uintptr_t)value);
  self->failed = handle;
  return refuse (self, "it failed");
}

static json_t *
convert_placeholder (value_of_t *self, handle_t *handle)
{
  if (!handle->placeholder) {
    self->failed = handle;
    return refuse (self, "it failed");
  }
  bool refused = troupe_placeholder_state (handle->placeholder) == TROUPE_CALL_REFUSED;
  if (!self->refer || refused || strcmp (troupe_placeholder_session (handle->placeholder), self->session) != 0)
    return convert_value (self, handle);
  unsigned n = 0;
  while (n < self->inputs_count && self->inputs[n] != handle)
    n++;
  if (n == TROUPE_INPUTS_MAX)
    return convert_value (self, handle);
  if (n == self->inputs_count)
    self->inputs[self->inputs_count++] = handle;
  return json_pack ("{s:i}", "$input", (int)n);
}

static json_t *
convert_list (lua_State *L, int index, lua_Unsigned size, value_of_t *self, unsigned depth)
{
  json_t *list = json_array ();
  for (lua_Unsigned i = 1; list && i <= size; i++) {
    lua_rawgeti (L, index, (lua_Integer)i);
    json_t *item = convert (L, lua_gettop (L), self, depth + 1);
    lua_pop (L, 1);
    if (!item || json_array_append_new (list, item)) {
      json_decref (list);
      return refuse (self, "out of memory");
    }
  }
  return list;
}

static json_t *
convert_map (lua_State *L, int index, value_of_t *self, unsigned depth)
{
  json_t *map = json_object ();
  lua_pushnil (L);
  while (map && lua_next (L, index)) {
    size_t size;
    bool text = lua_type (L, -2) == LUA_TSTRING;
    const char *key = text ? lua_tolstring (L, -2, &size) : NULL;
    if (!text)
      refuse (self, "a table has texts as keys, or the numbers from 1 on without a gap");
    json_t *item = text ? convert (L, lua_gettop (L), self, depth + 1) : NULL;
    lua_pop (L, 1);
    if (!item || json_object_setn_new (map, key, size, item)) {
      refuse (self, key && !utf8_valid (key, size) ? "a key isn't UTF-8, or holds a NUL" : "out of memory");
      lua_pop (L, 1);
      json_decref (map);
      return NULL;
    }
  }
  if (map && self->refer && json_object_size (map) == 1 && json_object_get (map, "$input")) {
    json_decref (map);
    return refuse (self, "a table with the only key \"$input\" can't be sent: it is how inputs are named");
  }
  return map;
}

static bool
is_list (lua_State *L, int index, lua_Unsigned size)
{
  lua_Unsigned count = 0;
  lua_pushnil (L);
  while (lua_next (L, index)) {
    lua_pop (L, 1);
    if (lua_type (L, -1) != LUA_TNUMBER) {
      lua_pop (L, 1);
      return false;
    }
    count++;
  }
  return count == size && size > 0;
}

static json_t *
convert_table (lua_State *L, int index, value_of_t *self, unsigned depth)
{
  if (depth > TROUPE_VALUE_DEPTH_MAX || !lua_checkstack (L, 8))
    return refuse (self, "it is nested too deeply, or contains itself");
  lua_Unsigned size = lua_rawlen (L, index);
  if (has_metatable (L, index, &script_list_key))
    return convert_list (L, index, size, self, depth);
  if (lua_getmetatable (L, index)) {
    lua_pop (L, 1);
    return refuse (self, "an object (an agent, a pipeline ...) can't be sent, only values and messages");
  }
  return is_list (L, index, size) ? convert_list (L, index, size, self, depth) : convert_map (L, index, self, depth);
}

static json_t *
convert_text (lua_State *L, int index, value_of_t *self)
{
  size_t size;
  const char *text = lua_tolstring (L, index, &size);
  if (!utf8_valid (text, size))
    return refuse (self, "a text isn't UTF-8, or holds a NUL");
  json_t *out = json_stringn (text, size);
  return out ? out : refuse (self, "out of memory");
}

static json_t *
convert_number (lua_State *L, int index, value_of_t *self)
{
  if (lua_isinteger (L, index))
    return json_integer (lua_tointeger (L, index));
  lua_Number number = lua_tonumber (L, index);
  return isfinite (number) ? json_real (number) : refuse (self, "a number is not finite");
}

static json_t *
convert_object (lua_State *L, int index, value_of_t *self)
{
  json_t *message = message_test (L, index);
  handle_t *handle = message ? NULL : placeholder_test (L, index);
  if (message)
    return json_incref (message);
  return handle ? convert_placeholder (self, handle) : refuse (self, "such an object can't be sent");
}

static json_t *
convert (lua_State *L, int index, value_of_t *self, unsigned depth)
{
  switch (lua_type (L, index)) {
  case LUA_TNIL:
    return json_null ();
  case LUA_TBOOLEAN:
    return json_boolean (lua_toboolean (L, index));
  case LUA_TNUMBER:
    return convert_number (L, index, self);
  case LUA_TSTRING:
    return convert_text (L, index, self);
  case LUA_TTABLE:
    return convert_table (L, index, self, depth);
  case LUA_TUSERDATA:
    return convert_object (L, index, self);
  case LUA_TLIGHTUSERDATA:
    return lua_touserdata (L, index) ? refuse (self, "such an object can't be sent") : json_null ();
  default:
    return refuse (self, "a function or coroutine can't be sent");
  }
}

json_t *
value_of (lua_State *L, int index, value_of_t *self)
{
  self->inputs_count = 0;
  self->missing = self->failed = NULL;
  self->why[0] = '\0';
  json_t *value = lua_checkstack (L, 8) ? convert (L, lua_absindex (L, index), self, 0) : NULL;
  if (!value)
    refuse (self, "out of memory");
  return value;
}

// -- To Lua ------------------------------------------------------------------------------------------------------------

static void
push_list (lua_State *L, const json_t *value)
{
  size_t i;
  json_t *item;
  lua_createtable (L, (int)json_array_size (value), 0);
  json_array_foreach (value, i, item) {
    value_push (L, item);
    lua_rawseti (L, -2, (lua_Integer)i + 1);
  }
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_list_key);
  lua_setmetatable (L, -2);
}

static void
push_map (lua_State *L, const json_t *value)
{
  const char *key;
  json_t *item;
  lua_createtable (L, 0, (int)json_object_size (value));
  json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
    if (json_is_null (item))
      continue;
    lua_pushstring (L, key);
    value_push (L, item);
    lua_rawset (L, -3);
  }
}

void
value_push (lua_State *L, const json_t *value)
{
  luaL_checkstack (L, 8, "a value is nested too deeply");
  switch (value ? json_typeof (value) : JSON_NULL) {
  case JSON_NULL:
    lua_pushlightuserdata (L, NULL);
    break;
  case JSON_TRUE:
  case JSON_FALSE:
    lua_pushboolean (L, json_is_true (value));
    break;
  case JSON_INTEGER:
    lua_pushinteger (L, json_integer_value (value));
    break;
  case JSON_REAL:
    lua_pushnumber (L, json_real_value (value));
    break;
  case JSON_STRING:
    lua_pushlstring (L, json_string_value (value), json_string_length (value));
    break;
  case JSON_ARRAY:
    push_list (L, value);
    break;
  case JSON_OBJECT:
    push_map (L, value);
    break;
  }
}

// list {...}: the table, which is a list also when it is empty.
static int
make_list (lua_State *L)
{
  if (lua_isnoneornil (L, 1))
    lua_newtable (L);
  else
    luaL_checktype (L, 1, LUA_TTABLE);
  lua_settop (L, 1);
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_list_key);
  lua_setmetatable (L, 1);
  return 1;
}

static int
null_to_text (lua_State *L)
{
  lua_pushliteral (L, "null");
  return 1;
}

void
value_open (lua_State *L)
{
  lua_newtable (L);
  lua_pushliteral (L, "list");
  lua_setfield (L, -2, "__name");
  lua_rawsetp (L, LUA_REGISTRYINDEX, &script_list_key);
  lua_pushcfunction (L, make_list);
  lua_setglobal (L, "list");
  lua_pushlightuserdata (L, NULL);
  lua_newtable (L); // of all light userdata, of which scripts see no other
  lua_pushcfunction (L, null_to_text);
  lua_setfield (L, -2, "__tostring");
  lua_setmetatable (L, -2);
  lua_setglobal (L, "null");
}
