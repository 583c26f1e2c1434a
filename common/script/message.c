// SPDX-License-Identifier: Apache-2.0
//
// Messages in scripts: userdata around their JSON, which never changes. Their fields are those of a message, then those
// of the metadata, so that a structured reply reads as x.agreement. Any other value that a service answered is read in
// the same way.
//
// A message that a turn makes gets its id from the turn's call and its number in it: when the call is attempted again,
// the same script makes the same message, and what it asked with it is found in the journal.

#include "script/engine.h"

#include "troupe/message.h"

#include <string.h>

enum { MADE_FROM = 1000 }; // numbers below are those of the input's messages (agent/input.c)

json_t *
message_test (lua_State *L, int index)
{
  json_t **self = lua_touserdata (L, index);
  if (!self || lua_islightuserdata (L, index) || !lua_getmetatable (L, index))
    return NULL;
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_message_key);
  bool equal = lua_rawequal (L, -1, -2);
  lua_pop (L, 2);
  return equal ? *self : NULL;
}

json_t **
message_push_empty (lua_State *L)
{
  json_t **self = lua_newuserdatauv (L, sizeof *self, 0);
  *self = NULL;
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_message_key);
  lua_setmetatable (L, -2);
  return self;
}

void
message_push (lua_State *L, json_t *value)
{
  json_t **self = message_push_empty (L);
  *self = json_incref (value);
}

// -- Fields ------------------------------------------------------------------------------------------------------------

static void
push_text (lua_State *L, const json_t *content)
{
  size_t i, count = 0;
  json_t *block;
  luaL_Buffer buffer;
  if (json_is_string (content)) {
    lua_pushlstring (L, json_string_value (content), json_string_length (content));
    return;
  }
  luaL_buffinit (L, &buffer);
  json_array_foreach (content, i, block) {
    const char *text = json_string_value (json_object_get (block, "text"));
    if (text && count++ > 0)
      luaL_addchar (&buffer, '\n');
    if (text)
      luaL_addstring (&buffer, text);
  }
  luaL_pushresult (&buffer);
}

void
message_push_field (lua_State *L, json_t *value, const char *key)
{
  json_t *member = json_object_get (value, key);
  if (!member && strcmp (key, "text") == 0 && json_object_get (value, "content")) {
    push_text (L, json_object_get (value, "content"));
    return;
  }
  if (!member)
    member = json_object_get (json_object_get (value, "metadata"), key);
  if (!member || json_is_null (member))
    lua_pushnil (L);
  else
    value_push (L, member);
}

static int
get_value (lua_State *L)
{
  json_t *self = message_test (L, 1);
  luaL_argexpected (L, self, 1, "message");
  value_push (L, self);
  return 1;
}

// What placeholders have as well: a message is a reply that is there.
static int
always (lua_State *L)
{
  lua_pushboolean (L, 1);
  return 1;
}

static int
nothing (lua_State *L)
{
  (void)L;
  return 0;
}

static int
get_field (lua_State *L)
{
  static const luaL_Reg methods[] = {
    {"value", get_value}, {"done", always}, {"wait", always}, {"cancel", nothing}, {NULL, NULL}};
  json_t *self = message_test (L, 1);
  const char *key = lua_type (L, 2) == LUA_TSTRING ? lua_tostring (L, 2) : "";
  if (json_is_array (self) && lua_isinteger (L, 2)) {
    lua_Integer n = lua_tointeger (L, 2);
    value_push (L, json_array_get (self, n > 0 ? (size_t)n - 1 : SIZE_MAX));
    return 1;
  }
  for (const luaL_Reg *method = methods; method->name; method++)
    if (strcmp (method->name, key) == 0) {
      lua_pushcfunction (L, method->func);
      return 1;
    }
  message_push_field (L, self, key);
  return 1;
}

static int
refuse_change (lua_State *L)
{
  return luaL_error (L, "a message can't be changed: make a new one by msg (name, content, {...})");
}

static int
collect (lua_State *L)
{
  json_t **self = lua_touserdata (L, 1);
  json_decref (*self);
  *self = NULL;
  return 0;
}

static int
to_text (lua_State *L)
{
  json_t *self = message_test (L, 1);
  const char *name = json_string_value (json_object_get (self, "name"));
  if (!name) { // written where Lua keeps it, so that nothing is lost when this raises
    luaL_Buffer buffer;
    size_t size = json_dumpb (self, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = luaL_buffinitsize (L, &buffer, size);
    luaL_pushresultsize (&buffer, json_dumpb (self, text, size, JSON_COMPACT | JSON_ENCODE_ANY));
    return 1;
  }
  lua_pushfstring (L, "%s: ", name);
  push_text (L, json_object_get (self, "content"));
  lua_concat (L, 2);
  return 1;
}

static int
equals (lua_State *L)
{
  json_t *a = message_test (L, 1), *b = message_test (L, 2);
  const char *left = json_string_value (json_object_get (a, "id"));
  const char *right = json_string_value (json_object_get (b, "id"));
  lua_pushboolean (L, left && right ? strcmp (left, right) == 0 : a && b && json_equal (a, b));
  return 1;
}

// -- Making ------------------------------------------------------------------------------------------------------------

// The message in its full form, a new reference; NULL with the error.
static json_t *
complete (lua_State *L, json_t *sparse, troupe_error_t *error)
{
  strand_t *strand = engine_of (L)->current;
  json_t *whole = NULL;
  troupe_message_t *message;
  if (strand && strand->turn) {
    troupe_task_t *task = troupe_turn_task (strand->turn);
    if (troupe_message_identify (&whole, sparse, troupe_task_call (task), troupe_task_root (task),
                                 MADE_FROM + strand->messages++, error) != TROUPE_OK)
      return NULL;
  } else if (troupe_message_of_json (&message, sparse, error) == TROUPE_OK) {
    whole = troupe_message_to_json (message);
    troupe_message_unref (&message);
    if (!whole)
      troupe_error_set (error, TROUPE_NO_MEMORY, "msg", NULL, "out of memory");
  }
  return whole;
}

static json_t *
take_argument (lua_State *L, int index, const char *what, char why[200])
{
  value_of_t conversion = {.refer = false};
  json_t *value = value_of (L, index, &conversion);
  if (!value)
    snprintf (why, 200, "%s: %s", what, conversion.why);
  return value;
}

// {name, role, content, url, metadata} of msg's arguments; NULL: `why` tells.
static json_t *
gather (lua_State *L, char why[200])
{
  static const char *const options[] = {"role", "url", "metadata"};
  json_t *sparse = json_object (), *value = sparse ? take_argument (L, 1, "name", why) : NULL;
  bool fine = value && !json_object_set_new (sparse, "name", value);
  value = fine ? take_argument (L, 2, "content", why) : NULL;
  fine = fine && value && !json_object_set_new (sparse, "content", value);
  for (size_t i = 0; fine && i < sizeof options / sizeof *options && lua_istable (L, 3); i++) {
    lua_pushstring (L, options[i]); // short and interned since msg was opened: needs no memory
    lua_rawget (L, 3);
    if (!lua_isnil (L, -1)) {
      value = take_argument (L, lua_gettop (L), options[i], why);
      fine = value && !json_object_set_new (sparse, options[i], value);
    }
    lua_pop (L, 1);
  }
  if (fine)
    return sparse;
  json_decref (sparse);
  return NULL;
}

static void
check_arguments (lua_State *L)
{
  luaL_checktype (L, 1, LUA_TSTRING);
  luaL_argcheck (L, lua_isstring (L, 2) || lua_istable (L, 2), 2, "text or a list of blocks expected");
  lua_settop (L, 3);
  if (lua_isnil (L, 3))
    return;
  luaL_checktype (L, 3, LUA_TTABLE);
  lua_pushnil (L);
  while (lua_next (L, 3)) {
    const char *key = lua_type (L, -2) == LUA_TSTRING ? lua_tostring (L, -2) : "?";
    if (strcmp (key, "role") != 0 && strcmp (key, "url") != 0 && strcmp (key, "metadata") != 0)
      luaL_error (L, "msg: unknown option %s; there are role, url and metadata", key);
    lua_pop (L, 1);
  }
}

// msg (name, content, {role=, url=, metadata=})
int
message_make (lua_State *L)
{
  char why[200] = "out of memory";
  troupe_error_t error;
  check_arguments (L);
  json_t **self = message_push_empty (L);
  lua_pushliteral (L, "role"), lua_pushliteral (L, "url"), lua_pushliteral (L, "metadata");
  luaL_checkstack (L, 8, NULL);
  json_t *sparse = gather (L, why);
  if (!sparse)
    return luaL_error (L, "msg: %s", why);
  *self = complete (L, sparse, &error);
  json_decref (sparse);
  if (!*self)
    return luaL_error (L, "msg: %s", error.why);
  lua_pop (L, 3);
  return 1;
}

void
message_open (lua_State *L)
{
  static const luaL_Reg metamethods[] = {{"__index", get_field}, {"__newindex", refuse_change},
                                         {"__gc", collect},      {"__tostring", to_text},
                                         {"__eq", equals},       {NULL, NULL}};
  lua_newtable (L);
  luaL_setfuncs (L, metamethods, 0);
  lua_pushliteral (L, "message");
  lua_setfield (L, -2, "__name");
  lua_rawsetp (L, LUA_REGISTRYINDEX, &script_message_key);
  lua_pushcfunction (L, message_make);
  lua_setglobal (L, "msg");
}
