// SPDX-License-Identifier: Apache-2.0
//
// Agents that a workflow makes. One that stays inside is served by the workflow's own node, as agent/<name>#<session>,
// through the brokers like every other one; its type is one of the library's, the person at the terminal, or functions
// of the script. One that moves out is the program's business (troupe_script_options_t.spawn).

#include "script/engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONCURRENCY = 4 }; // its calls are of one session, so one at a time; more only while an attempt is superseded

struct local {
  local_t *next;
  troupe_script_t *engine;
  troupe_agent_t *agent;
  json_t *settings;
  actor_t actor;
};

// -- Functions of the script -------------------------------------------------------------------------------------------

static void
observe (void *state, troupe_turn_t *turn, const json_t *messages)
{
  const local_t *self = state;
  turn_observe (&self->actor, turn, messages);
}

static void
reply (void *state, troupe_turn_t *turn)
{
  const local_t *self = state;
  turn_reply (&self->actor, turn);
}

static void
cancelled (void *state, troupe_turn_t *turn)
{
  const local_t *self = state;
  turn_cancelled (self->engine, turn);
}

static bool
live (const void *state)
{
  const local_t *self = state;
  return turn_observes (&self->actor);
}

static const troupe_agent_type_t functions_type = {
  .name = "script", .observe = observe, .live = live, .reply = reply, .cancelled = cancelled};

// -- Serving -----------------------------------------------------------------------------------------------------------

static void
local_free (local_t *self)
{
  troupe_agent_destroy (&self->agent);
  json_decref (self->settings);
  free (self);
}

void
local_destroy_all (troupe_script_t *engine)
{
  while (engine->locals) {
    local_t *local = engine->locals;
    engine->locals = local->next;
    local_free (local);
  }
}

static const troupe_agent_type_t *
find_type (const troupe_script_t *engine, const char *type, bool functions)
{
  if (functions)
    return &functions_type;
  if (strcmp (type, "user") == 0)
    return engine->user;
  return strcmp (type, "script") == 0 ? &troupe_agent_script : troupe_agent_type_of_name (type);
}

static troupe_err_t
serve_agent (local_t *self, const char *type, const char *name, troupe_error_t *error)
{
  troupe_script_t *engine = self->engine;
  troupe_agent_options_t options = {.name = name,
                                    .session = engine->session,
                                    .type = find_type (engine, type, self->actor.engine),
                                    .settings = self->settings,
                                    .state = self->actor.engine ? (void *)self : engine->user_state,
                                    .description = json_string_value (json_object_get (self->settings, "description")),
                                    .concurrency = CONCURRENCY};
  if (!options.type)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, NULL, "there are no agents of the type %s here", type);
  return troupe_agent_new (&self->agent, engine->node, &options, error);
}

// The settings at `index`, a new reference; raises.
static json_t *
take_settings (lua_State *L, int index)
{
  value_of_t conversion = {.refer = false};
  json_t *settings = value_of (L, index, &conversion);
  if (!settings)
    failure_text (L, "the agent's settings: %s", conversion.why);
  return settings;
}

// serve (type, name, settings, functions): nil, or why not
static int
serve (lua_State *L)
{
  troupe_script_t *engine = engine_of (L);
  const char *type = luaL_checkstring (L, 1), *name = luaL_checkstring (L, 2);
  troupe_error_t error;
  int ref = LUA_NOREF;
  if (lua_istable (L, 4)) {
    lua_pushvalue (L, 4);
    ref = luaL_ref (L, LUA_REGISTRYINDEX);
  }
  json_t *settings = take_settings (L, 3);
  local_t *self = calloc (1, sizeof *self);
  if (!self) {
    json_decref (settings);
    return failure_text (L, "not enough memory");
  }
  *self = (local_t){.next = engine->locals, .engine = engine, .settings = settings};
  if (ref != LUA_NOREF)
    self->actor = (actor_t){.engine = engine,
                            .ref = ref,
                            .config = json_object_get (settings, "config"),
                            .model = json_string_value (json_object_get (settings, "model")),
                            .fallback = json_object_get (settings, "fallback")};
  troupe_err_t code = serve_agent (self, type, name, &error);
  if (code == TROUPE_OK) {
    engine->locals = self;
    return 0;
  }
  local_free (self);
  luaL_unref (L, LUA_REGISTRYINDEX, ref);
  failure_push (L, &error, NULL);
  return 1;
}

// spawn (type, name, settings)
static int
spawn (lua_State *L)
{
  troupe_script_t *engine = engine_of (L);
  const char *type = luaL_checkstring (L, 1), *name = luaL_checkstring (L, 2);
  troupe_error_t error;
  if (!engine->spawn)
    return failure_text (L, "%s can't move out: whoever runs this workflow starts no processes", name);
  json_t *settings = take_settings (L, 3);
  troupe_err_t code = json_object_set_new (settings, "type", json_string (type))
                        ? troupe_error_set (&error, TROUPE_NO_MEMORY, name, NULL, "out of memory")
                        : engine->spawn (engine->spawn_context, name, settings, &error);
  json_decref (settings);
  return code == TROUPE_OK ? 0 : failure_raise (L, &error, NULL);
}

// service_name (name): that of an agent of this script's
static int
service_name (lua_State *L)
{
  const char *session = engine_of (L)->session;
  if (!session)
    return failure_text (L, "agents are made by workflows");
  const char *name = luaL_checkstring (L, 1);
  lua_pushfstring (L, "agent/%s", name);
  if (!troupe_service_name_valid (lua_tostring (L, -1)) || strchr (name, '#'))
    return failure_text (L, "\"%s\" is no agent's name: 1 to 64 letters, digits, '.', '_' and '-'", name);
  lua_pushfstring (L, "agent/%s#%s", name, session);
  if (!troupe_service_name_valid (lua_tostring (L, -1)))
    return failure_text (L, "agent/%s#%s has more than %d characters: name the agent or the session shorter", name,
                         session, TROUPE_SERVICE_NAME_MAX);
  return 1;
}

// absolute_path (path): seen from the workflow's file
static int
absolute_path (lua_State *L)
{
  char whole[PATH_MAX];
  const char *path = luaL_checkstring (L, 1), *directory = engine_of (L)->directory;
  if (path[0] == '/' || !directory)
    lua_pushstring (L, path);
  else
    lua_pushfstring (L, "%s/%s", directory, path);
  if (!realpath (lua_tostring (L, -1), whole) || access (whole, R_OK) != 0)
    return failure_text (L, "%s: there is no such file, or it can't be read", lua_tostring (L, -1));
  lua_pushstring (L, whole);
  return 1;
}

void
local_open (lua_State *L)
{
  static const luaL_Reg natives[] = {
    {"serve", serve}, {"spawn", spawn}, {"service_name", service_name}, {"absolute_path", absolute_path}, {NULL, NULL}};
  luaL_setfuncs (L, natives, 0);
}
