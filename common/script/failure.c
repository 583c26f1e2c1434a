// SPDX-License-Identifier: Apache-2.0
//
// Errors in scripts. What a call failed with is raised as an object around its record, so that a script can tell one
// error from another (err.code == "deadline"), and an agent that fails because another did fails with the same code.
// Printed, it is a line like Lua's own: where, who, what, why.

#include "script/engine.h"

#include <stdarg.h>
#include <string.h>

enum { WHERE_MAX = 128, SERVICE_MAX = TROUPE_SERVICE_NAME_MAX + 1, TEXT_MAX = 2048 };

typedef struct {
  troupe_error_t error;
  char where[WHERE_MAX]; // "game.lua:12: "
  char service[SERVICE_MAX];
} failure_t;

static failure_t *
test (lua_State *L, int index)
{
  failure_t *self = lua_touserdata (L, index);
  if (!self || lua_islightuserdata (L, index) || !lua_getmetatable (L, index))
    return NULL;
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_error_key);
  bool equal = lua_rawequal (L, -1, -2);
  lua_pop (L, 2);
  return equal ? self : NULL;
}

// "agent/alice", with the error's own object behind it where that tells more.
static void
name_object (const troupe_error_t *error, const char *service, char *out, size_t size)
{
  if (!service || !service[0] || strstr (error->object, service))
    snprintf (out, size, "%s", error->object);
  else if (!error->object[0])
    snprintf (out, size, "%s", service);
  else
    snprintf (out, size, "%s: %s", service, error->object);
}

// "game.lua:12: " of the script's line that runs: not of this engine's own part (its chunks are named "=[...]").
static void
find_where (lua_State *L, char *out, size_t size)
{
  lua_Debug record;
  out[0] = '\0';
  for (int level = 0; lua_getstack (L, level, &record); level++) {
    lua_getinfo (L, "Sl", &record);
    if (record.currentline > 0 && strncmp (record.source, "=[", 2) != 0) {
      snprintf (out, size, "%s:%d: ", record.short_src, record.currentline);
      return;
    }
  }
}

void
failure_push (lua_State *L, const troupe_error_t *error, const char *service)
{
  failure_t *self = lua_newuserdatauv (L, sizeof *self, 0);
  self->error = *error;
  snprintf (self->service, sizeof self->service, "%s", service ? service : "");
  find_where (L, self->where, sizeof self->where);
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_error_key);
  lua_setmetatable (L, -2);
}

int
failure_raise (lua_State *L, const troupe_error_t *error, const char *service)
{
  failure_push (L, error, service);
  return lua_error (L);
}

bool
failure_is_memory (const char *text)
{
  static const char *const ends[] = {"not enough memory", "out of memory"}; // Lua's own, and ours
  size_t size = strlen (text);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
    if (size >= strlen (ends[i]) && strcmp (text + size - strlen (ends[i]), ends[i]) == 0)
      return true;
  return false;
}

void
failure_of (lua_State *L, troupe_error_t *out)
{
  char object[TROUPE_ERROR_OBJECT_MAX];
  const failure_t *failure = test (L, -1);
  if (failure) {
    *out = failure->error;
    name_object (&failure->error, failure->service, object, sizeof object);
    snprintf (out->object, sizeof out->object, "%s", object);
    return;
  }
  const char *text = lua_type (L, -1) == LUA_TSTRING ? lua_tostring (L, -1) : NULL;
  bool memory = text && failure_is_memory (text);
  troupe_error_set (out, memory ? TROUPE_NO_MEMORY : TROUPE_SERVICE_FAILED, "script",
                    memory ? "keep less, or raise the script's limit" : NULL, "%s",
                    text ? text : "an error that is no text was raised");
}

static int
to_text (lua_State *L)
{
  const failure_t *self = test (L, 1);
  char object[TROUPE_ERROR_OBJECT_MAX], text[TEXT_MAX];
  name_object (&self->error, self->service, object, sizeof object);
  snprintf (text, sizeof text, "%s%s%s%s: %s%s%s%s", self->where, object, object[0] ? ": " : "",
            troupe_err_name (self->error.code), self->error.why, self->error.next[0] ? " (" : "", self->error.next,
            self->error.next[0] ? ")" : "");
  lua_pushstring (L, text);
  return 1;
}

static int
get_field (lua_State *L)
{
  const failure_t *self = test (L, 1);
  const char *key = lua_type (L, 2) == LUA_TSTRING ? lua_tostring (L, 2) : "";
  const struct {
    const char *name, *text;
  } fields[] = {{"code", troupe_err_name (self->error.code)},
                {"service", self->service},
                {"object", self->error.object},
                {"why", self->error.why},
                {"next", self->error.next},
                {"where", self->where}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (strcmp (fields[i].name, key) == 0) {
      lua_pushstring (L, fields[i].text);
      return 1;
    }
  if (strcmp (key, "retryable") == 0)
    lua_pushboolean (L, troupe_err_class (self->error.code) == TROUPE_CLASS_RETRYABLE);
  else if (strcmp (key, "retry_after") == 0 && self->error.retry_after_ms)
    lua_pushnumber (L, self->error.retry_after_ms / 1000.0);
  else
    lua_pushnil (L);
  return 1;
}

int
failure_text (lua_State *L, const char *format, ...)
{
  char where[WHERE_MAX];
  va_list arguments;
  find_where (L, where, sizeof where);
  lua_pushstring (L, where);
  va_start (arguments, format);
  lua_pushvfstring (L, format, arguments);
  va_end (arguments);
  lua_concat (L, 2);
  return lua_error (L);
}

// fail (text): raises it as of the script's line.
static int
fail (lua_State *L)
{
  return failure_text (L, "%s", luaL_checkstring (L, 1));
}

void
failure_add (lua_State *L)
{
  lua_pushcfunction (L, fail);
  lua_setfield (L, -2, "fail");
}

void
failure_open (lua_State *L)
{
  static const luaL_Reg metamethods[] = {{"__index", get_field}, {"__tostring", to_text}, {NULL, NULL}};
  lua_newtable (L);
  luaL_setfuncs (L, metamethods, 0);
  lua_pushliteral (L, "error");
  lua_setfield (L, -2, "__name");
  lua_rawsetp (L, LUA_REGISTRYINDEX, &script_error_key);
}
