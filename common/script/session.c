// SPDX-License-Identifier: Apache-2.0
//
// A workflow ends a session, by default the one that it runs in. The mesh is asked once everything that the workflow
// has called is stored, so that nothing that was called before is accepted behind the end, by another broker, and
// begins the session anew.
//
// What is asked lies in a userdata on the strand's stack: whoever closes the strand or the state takes the question
// back. The strand may be gone by then, so an answer looks for the one that waits for it.

#include "script/engine.h"

enum {
  STORED_MS = 10 * 1000, // as long as a node waits for a broker
  ANSWER_MS = 60 * 1000, // of a session of thousands of calls, on a slow disk
  LOOK_MS = 10,          // between looks whether all is stored
};

static const char type_name[] = "troupe.ending";

typedef struct {
  troupe_script_t *engine;
  int64_t stored_by;
  bool asked, done, ended;
  troupe_error_t error; // code OK: none
} ending_t;

static void
reported (void *context, const json_t *list)
{
  ending_t *self = context;
  const json_t *answer = json_array_get (list, 0), *error = json_object_get (answer, "error");
  self->done = true;
  self->ended = json_is_true (json_object_get (answer, "ended"));
  if (error)
    troupe_error_of_json (&self->error, error);
  else if (!answer)
    troupe_error_set (&self->error, TROUPE_NO_MEMORY, "session", NULL, "out of memory");
  for (strand_t *strand = self->engine->strands; strand; strand = strand->next)
    if (strand->ending == self)
      strand_ready (strand);
}

static int
collect (lua_State *L)
{
  ending_t *self = lua_touserdata (L, 1);
  if (self->asked && !self->done)
    troupe_node_stop_asking (self->engine->node, self);
  return 0;
}

static bool
all_stored (const troupe_script_t *engine)
{
  for (const handle_t *handle = engine->handles; handle; handle = handle->next) {
    troupe_call_state_t state = troupe_placeholder_state (handle->placeholder);
    if (state == TROUPE_CALL_NOT_SENT || state == TROUPE_CALL_MAYBE)
      return false;
  }
  return true;
}

// session, ending
static int
proceed (lua_State *L, int status, lua_KContext context)
{
  ending_t *self = lua_touserdata (L, 2);
  const char *session = lua_tostring (L, 1);
  int64_t now = troupe_loop_now ();
  (void)status;
  (void)context;
  if (!self->asked && !all_stored (self->engine) && now < self->stored_by)
    return strand_wait (L, NULL, now + LOOK_MS, 0, proceed);
  if (!self->asked) {
    troupe_err_t err = troupe_node_end_session (self->engine->node, session, ANSWER_MS, reported, self);
    self->asked = true;
    self->done = err != TROUPE_OK;
    if (err != TROUPE_OK)
      troupe_error_set (&self->error, err, "session", NULL, "it can't be ended: %s", troupe_err_text (err));
  }
  if (!self->done)
    return strand_wait (L, NULL, TROUPE_LOOP_NEVER, 0, proceed);
  self->engine->current->ending = NULL;
  if (self->error.code != TROUPE_OK)
    return failure_raise (L, &self->error, NULL);
  lua_pushboolean (L, self->ended);
  return 1;
}

// end_session (name): of this workflow without a name; whether there was one.
static int
end_session (lua_State *L)
{
  troupe_script_t *engine = engine_of (L);
  strand_t *strand = strand_current (L, "the end of a session");
  if (strand->turn)
    return luaL_error (L, "end_session is for workflows: an agent's reply is a part of its session");
  if (!lua_isyieldable (L))
    return luaL_error (L, "end_session waits for the mesh, which isn't possible here, inside a function that Lua's "
                          "library called");
  lua_settop (L, 1);
  if (lua_isnil (L, 1)) {
    lua_pushstring (L, engine->session);
    lua_replace (L, 1);
  }
  luaL_checkstring (L, 1);
  ending_t *self = lua_newuserdatauv (L, sizeof *self, 0);
  *self = (ending_t){.engine = engine, .stored_by = troupe_loop_now () + STORED_MS};
  luaL_setmetatable (L, type_name);
  strand->ending = self;
  return proceed (L, LUA_OK, 0);
}

void
session_open (lua_State *L)
{
  luaL_newmetatable (L, type_name);
  lua_pushcfunction (L, collect);
  lua_setfield (L, -2, "__gc");
  lua_pop (L, 1);
  lua_register (L, "end_session", end_session);
}
