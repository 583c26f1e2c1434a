// SPDX-License-Identifier: Apache-2.0
//
// Agents of the type "script": a Lua file that returns a table with the agent's functions. Each agent has an engine of
// its own, wherever it runs, so it shares no globals with a workflow and behaves the same inside and outside of it. Its
// turns, of all its sessions, are strands of that engine.

#include "script/engine.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  troupe_script_t *engine;
  actor_t actor;
  json_t *settings;
  const char *file; // of the settings
} script_agent_t;

static void
script_close (void *state)
{
  script_agent_t *self = state;
  engine_destroy (&self->engine);
  json_decref (self->settings);
  free (self);
}

static void
check_function (lua_State *L, const char *file, const char *name, bool required)
{
  int type = lua_getfield (L, -1, name);
  if (type != LUA_TFUNCTION && (required || type != LUA_TNIL))
    luaL_error (L, "%s: the table that it returns has %s function %s (self, ...)", file,
                required ? "no" : "something else than a", name);
  lua_pop (L, 1);
}

static int
load_file (lua_State *L)
{
  script_agent_t *self = lua_touserdata (L, 1);
  if (luaL_loadfilex (L, self->file, "t") != LUA_OK)
    return lua_error (L);
  lua_call (L, 0, 1);
  if (!lua_istable (L, -1))
    return luaL_error (L, "%s: it returns no table with a function reply (self, x)", self->file);
  check_function (L, self->file, "reply", true);
  check_function (L, self->file, "observe", false);
  check_function (L, self->file, "init", false);
  self->actor.ref = luaL_ref (L, LUA_REGISTRYINDEX);
  return 0;
}

static troupe_err_t
script_open (void **state, const char *agent, const json_t *settings, troupe_error_t *error)
{
  troupe_error_t why;
  script_agent_t *self = calloc (1, sizeof *self);
  if (self)
    self->settings = json_deep_copy (settings);
  if (!self || !self->settings) {
    free (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, agent, NULL, "out of memory");
  }
  self->file = json_string_value (json_object_get (self->settings, "file"));
  troupe_err_t code = self->file ? engine_new (&self->engine, 0, 0, &why)
                                 : troupe_error_set (&why, TROUPE_BAD_CONFIG, agent, "set file: to the Lua file",
                                                     "an agent of the type script needs a file");
  self->actor = (actor_t){.engine = self->engine,
                          .config = json_object_get (self->settings, "config"),
                          .model = json_string_value (json_object_get (self->settings, "model")),
                          .fallback = json_object_get (self->settings, "fallback")};
  if (code == TROUPE_OK && (code = engine_protect (self->engine, load_file, self, &why)) != TROUPE_OK)
    code = troupe_error_set (&why, code == TROUPE_NO_MEMORY ? code : TROUPE_BAD_CONFIG, agent, NULL, "%s", why.why);
  if (code == TROUPE_OK) {
    *state = self;
    return TROUPE_OK;
  }
  if (error)
    *error = why;
  script_close (self);
  return code;
}

// The engine meets its node with its first turn.
static bool
attach (script_agent_t *self, troupe_turn_t *turn)
{
  troupe_error_t error;
  if (engine_attach (self->engine, troupe_turn_node (turn)) == TROUPE_OK)
    return true;
  troupe_error_set (&error, TROUPE_NO_MEMORY, troupe_turn_agent (turn), NULL, "out of memory");
  troupe_turn_fail (&turn, &error);
  return false;
}

static void
script_observe (void *state, troupe_turn_t *turn, const json_t *messages)
{
  script_agent_t *self = state;
  if (attach (self, turn))
    turn_observe (&self->actor, turn, messages);
}

static void
script_reply (void *state, troupe_turn_t *turn)
{
  script_agent_t *self = state;
  if (attach (self, turn))
    turn_reply (&self->actor, turn);
}

static void
script_cancelled (void *state, troupe_turn_t *turn)
{
  script_agent_t *self = state;
  turn_cancelled (self->engine, turn);
}

static bool
script_live (const void *state)
{
  const script_agent_t *self = state;
  return turn_observes (&self->actor);
}

static const troupe_tally_t *
script_tally (const void *state)
{
  const script_agent_t *self = state;
  return self->engine->tally;
}

const troupe_agent_type_t troupe_agent_script = {.name = "script",
                                                 .open = script_open,
                                                 .close = script_close,
                                                 .observe = script_observe,
                                                 .live = script_live,
                                                 .reply = script_reply,
                                                 .cancelled = script_cancelled,
                                                 .tally = script_tally};
