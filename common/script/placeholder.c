// SPDX-License-Identifier: Apache-2.0
//
// Placeholders in scripts: replies that may not be there yet. `id`, `name` and `timestamp` are known at once; any other
// field waits for the reply, and raises the error that came instead of it.

#include "script/engine.h"

#include <math.h>
#include <string.h>

static const double TIMEOUT_MAX_S = 30.0 * 24 * 3600;

handle_t *
placeholder_test (lua_State *L, int index)
{
  handle_t **self = lua_touserdata (L, index);
  if (!self || lua_islightuserdata (L, index) || !lua_getmetatable (L, index))
    return NULL;
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_placeholder_key);
  bool equal = lua_rawequal (L, -1, -2);
  lua_pop (L, 2);
  return equal ? *self : NULL;
}

handle_t *
placeholder_push (lua_State *L)
{
  handle_t **self = lua_newuserdatauv (L, sizeof *self, 0);
  *self = NULL;
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_placeholder_key);
  lua_setmetatable (L, -2);
  *self = handle_new (engine_of (L));
  if (!*self)
    luaL_error (L, "not enough memory");
  return *self;
}

static handle_t *
check (lua_State *L)
{
  handle_t *self = placeholder_test (L, 1);
  luaL_argexpected (L, self, 1, "placeholder");
  return self;
}

// -- Methods -----------------------------------------------------------------------------------------------------------

static int
done (lua_State *L)
{
  lua_pushboolean (L, handle_done (check (L)));
  return 1;
}

static int
cancel (lua_State *L)
{
  handle_cancel (check (L));
  return 0;
}

static int
waited (lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  lua_pushboolean (L, handle_done (check (L)));
  return 1;
}

// x:wait () or x:wait {timeout = seconds}: whether it has settled.
static int
wait (lua_State *L)
{
  handle_t *self = check (L);
  int64_t until = TROUPE_LOOP_NEVER;
  if (!lua_isnoneornil (L, 2)) {
    luaL_argcheck (L, lua_istable (L, 2), 2, "{timeout = seconds} expected");
    lua_getfield (L, 2, "timeout");
    luaL_argcheck (L, lua_isnil (L, -1) || lua_type (L, -1) == LUA_TNUMBER, 2, "timeout: a number of seconds expected");
    double seconds = lua_isnil (L, -1) ? INFINITY : lua_tonumber (L, -1);
    luaL_argcheck (L, seconds >= 0, 2, "timeout: seconds from now expected");
    if (seconds <= TIMEOUT_MAX_S)
      until = troupe_loop_now () + (int64_t)(seconds * 1000);
  }
  return handle_done (self) ? waited (L, LUA_OK, 0) : strand_wait (L, self, until, 0, waited);
}

static int
value_there (lua_State *L, int status, lua_KContext context)
{
  handle_t *self = check (L);
  (void)status;
  (void)context;
  if (!handle_done (self))
    return strand_wait (L, self, TROUPE_LOOP_NEVER, 0, value_there);
  const troupe_error_t *error = handle_error (self);
  if (error)
    return failure_raise (L, error, self->service);
  value_push (L, handle_value (self));
  return 1;
}

static int
get_value (lua_State *L)
{
  check (L);
  return value_there (L, LUA_OK, 0);
}

// -- Fields ------------------------------------------------------------------------------------------------------------

// A field that is known without waiting.
static bool
push_known (lua_State *L, const handle_t *self, const char *key)
{
  char id[TROUPE_ID_TEXT_SIZE];
  if (strcmp (key, "id") == 0) {
    troupe_id_to_text (&self->id, id);
    lua_pushstring (L, id);
  } else if (strcmp (key, "name") == 0 && self->name)
    lua_pushstring (L, self->name);
  else if (strcmp (key, "timestamp") == 0 && self->timestamp)
    lua_pushinteger (L, self->timestamp);
  else if (strcmp (key, "service") == 0 && self->service)
    lua_pushstring (L, self->service);
  else if (strcmp (key, "session") == 0 && self->placeholder)
    lua_pushstring (L, troupe_placeholder_session (self->placeholder));
  else
    return false;
  return true;
}

static int
field_there (lua_State *L, int status, lua_KContext context)
{
  handle_t *self = check (L);
  (void)status;
  (void)context;
  if (!handle_done (self))
    return strand_wait (L, self, TROUPE_LOOP_NEVER, 0, field_there);
  const troupe_error_t *error = handle_error (self);
  if (error)
    return failure_raise (L, error, self->service);
  json_t *value = (json_t *)(uintptr_t)handle_value (self); // jansson's getters take it so; nothing changes it
  if (json_is_array (value) && lua_isinteger (L, 2)) {
    lua_Integer n = lua_tointeger (L, 2);
    value_push (L, json_array_get (value, n > 0 ? (size_t)n - 1 : SIZE_MAX));
  } else
    message_push_field (L, value, lua_type (L, 2) == LUA_TSTRING ? lua_tostring (L, 2) : "");
  return 1;
}

static int
get_field (lua_State *L)
{
  static const luaL_Reg methods[] = {
    {"done", done}, {"wait", wait}, {"cancel", cancel}, {"value", get_value}, {NULL, NULL}};
  handle_t *self = check (L);
  const char *key = lua_type (L, 2) == LUA_TSTRING ? lua_tostring (L, 2) : "";
  if (push_known (L, self, key))
    return 1;
  for (const luaL_Reg *method = methods; method->name; method++)
    if (strcmp (method->name, key) == 0) {
      lua_pushcfunction (L, method->func);
      return 1;
    }
  return field_there (L, LUA_OK, 0);
}

static int
refuse_change (lua_State *L)
{
  return luaL_error (L, "a reply can't be changed: make a message of your own by msg (name, content, {...})");
}

static int
collect (lua_State *L)
{
  handle_t **self = lua_touserdata (L, 1);
  if (*self)
    handle_unref (*self);
  *self = NULL;
  return 0;
}

static int
to_text (lua_State *L)
{
  const handle_t *self = check (L);
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&self->id, id);
  lua_pushfstring (L, "placeholder: %s %s", self->service ? self->service : "call", id);
  return 1;
}

static int
equals (lua_State *L)
{
  const handle_t *a = placeholder_test (L, 1), *b = placeholder_test (L, 2);
  lua_pushboolean (L, a && b && troupe_id_equal (&a->id, &b->id));
  return 1;
}

void
placeholder_open (lua_State *L)
{
  static const luaL_Reg metamethods[] = {{"__index", get_field}, {"__newindex", refuse_change},
                                         {"__gc", collect},      {"__tostring", to_text},
                                         {"__eq", equals},       {NULL, NULL}};
  lua_newtable (L);
  luaL_setfuncs (L, metamethods, 0);
  lua_pushliteral (L, "placeholder");
  lua_setfield (L, -2, "__name");
  lua_rawsetp (L, LUA_REGISTRYINDEX, &script_placeholder_key);
}
