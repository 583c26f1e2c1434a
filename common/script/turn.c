// SPDX-License-Identifier: Apache-2.0
//
// Turns of an actor that is written in Lua: each is a strand that calls a function of the actor's table with `self`, a
// table that lives as long as the turn. What lasts is in self.memory and self.state; so that nobody loses what he meant
// to keep, setting anything else in `self` raises.
//
// `init` is called once a session, before anything else, to set up the state.

#include "script/engine.h"

#include "troupe/message.h"

#include <stdlib.h>
#include <string.h>

enum { STRAND = 1, CLASS, SELF, FIRST }; // on the strand's stack
enum { AFTER_INIT, AFTER_OBSERVE, AFTER_REPLY = -1 };

static int observe_next (lua_State *L, int status, lua_KContext context);

// -- self --------------------------------------------------------------------------------------------------------------

static int
refuse_field (lua_State *L)
{
  return luaL_error (L, "self.%s: an agent keeps what lasts in self.state, as self.state.%s",
                     luaL_tolstring (L, 2, NULL), luaL_tolstring (L, 2, NULL));
}

static void
push_self (lua_State *L, const strand_t *strand)
{
  const json_t *state = troupe_turn_state (strand->turn);
  lua_newtable (L);
  lua_pushstring (L, troupe_turn_agent (strand->turn));
  lua_setfield (L, -2, "name");
  lua_pushstring (L, troupe_task_session (troupe_turn_task (strand->turn)));
  lua_setfield (L, -2, "session");
  if (strand->actor->config)
    value_push (L, strand->actor->config);
  else
    lua_newtable (L);
  lua_setfield (L, -2, "config");
  if (state)
    value_push (L, state);
  else
    lua_newtable (L);
  lua_setfield (L, -2, "state");
  lua_getfield (L, LUA_REGISTRYINDEX, "troupe.memory");
  lua_setfield (L, -2, "memory");
  lua_getfield (L, LUA_REGISTRYINDEX, "troupe.stream");
  lua_setfield (L, -2, "stream");
  lua_getfield (L, LUA_REGISTRYINDEX, "troupe.model");
  lua_pushstring (L, strand->actor->model);
  lua_pushstring (L, troupe_turn_agent (strand->turn));
  if (json_array_size (strand->actor->fallback))
    value_push (L, strand->actor->fallback);
  else
    lua_pushnil (L);
  lua_call (L, 3, 1);
  lua_setfield (L, -2, "model");
  lua_createtable (L, 0, 2);
  lua_pushvalue (L, CLASS);
  lua_setfield (L, -2, "__index");
  lua_pushcfunction (L, refuse_field);
  lua_setfield (L, -2, "__newindex");
  lua_setmetatable (L, -2);
}

static json_t *
jansson (const json_t *value) // which takes what it only reads as changeable
{
  return (json_t *)(uintptr_t)value;
}

// One message of what it was called with, in the form in which the agent remembers it.
static void
push_message (lua_State *L, const strand_t *strand, json_t *sparse, unsigned number)
{
  troupe_task_t *task = troupe_turn_task (strand->turn);
  json_t *whole = NULL;
  json_t **slot = message_push_empty (L);
  if (troupe_message_identify (&whole, sparse, troupe_task_call (task), troupe_task_root (task), number, NULL) ==
      TROUPE_OK)
    *slot = whole;
  else
    luaL_error (L, "out of memory");
}

// What it is called with: nothing, a message, or a list of them; also one that it knows already.
static void
push_input (lua_State *L, const strand_t *strand)
{
  json_t *input = jansson (troupe_task_input (troupe_turn_task (strand->turn)));
  if (json_object_get (input, "messages"))
    input = json_object_get (input, "messages"); // with options, of which a script has none
  if (json_is_object (input)) {
    push_message (L, strand, input, 1);
  } else if (json_is_array (input) && json_array_size (input) == 1) {
    push_message (L, strand, json_array_get (input, 0), 1);
  } else if (json_array_size (input) > 0) {
    lua_createtable (L, (int)json_array_size (input), 0);
    for (size_t i = 0; i < json_array_size (input); i++) {
      push_message (L, strand, json_array_get (input, i), (unsigned)i + 1);
      lua_rawseti (L, -2, (lua_Integer)i + 1);
    }
  } else if (json_is_string (input)) { // the runtime has made a message of it
    message_push (L, json_array_get (troupe_turn_input (strand->turn), 0));
  } else {
    lua_pushnil (L);
  }
}

// -- The steps -------------------------------------------------------------------------------------------------------

// What reply returned; a placeholder among it is waited for.
static int
replied (lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  handle_t *handle = placeholder_test (L, FIRST);
  if (handle && !handle_done (handle))
    return strand_wait (L, handle, TROUPE_LOOP_NEVER, AFTER_REPLY, replied);
  if (handle && handle_error (handle))
    return failure_raise (L, handle_error (handle), handle->service);
  lua_settop (L, FIRST);
  lua_getfield (L, SELF, "state");
  return 2;
}

static int
reply (lua_State *L, const strand_t *strand)
{
  lua_getfield (L, CLASS, "reply");
  lua_pushvalue (L, SELF);
  push_input (L, strand);
  lua_callk (L, 2, 1, AFTER_REPLY, replied);
  return replied (L, LUA_OK, AFTER_REPLY);
}

// Calls observe with message number `context` and those after it.
static int
observe_next (lua_State *L, int status, lua_KContext context)
{
  const strand_t *strand = lua_touserdata (L, STRAND);
  (void)status;
  for (size_t i = (size_t)context; i < json_array_size (strand->news); i++) {
    lua_settop (L, SELF);
    lua_getfield (L, CLASS, "observe");
    lua_pushvalue (L, SELF);
    message_push (L, json_array_get (jansson (strand->news), i));
    lua_callk (L, 2, 0, (lua_KContext)i + 1, observe_next);
  }
  lua_settop (L, SELF);
  lua_pushnil (L);
  lua_getfield (L, SELF, "state");
  return 2;
}

static int
begun (lua_State *L, int status, lua_KContext context)
{
  const strand_t *strand = lua_touserdata (L, STRAND);
  (void)status;
  (void)context;
  lua_settop (L, SELF);
  return strand->news ? observe_next (L, LUA_OK, 0) : reply (L, strand);
}

static int
body (lua_State *L)
{
  const strand_t *strand = lua_touserdata (L, STRAND);
  lua_rawgeti (L, LUA_REGISTRYINDEX, strand->actor->ref);
  push_self (L, strand);
  if (troupe_turn_state (strand->turn) || lua_getfield (L, CLASS, "init") != LUA_TFUNCTION)
    return begun (L, LUA_OK, AFTER_INIT);
  lua_pushvalue (L, SELF);
  lua_getfield (L, SELF, "config");
  lua_callk (L, 2, 0, AFTER_INIT, begun);
  return begun (L, LUA_OK, AFTER_INIT);
}

// -- Their results ---------------------------------------------------------------------------------------------------

static troupe_err_t
code_of (const char *why)
{
  return failure_is_memory (why) ? TROUPE_NO_MEMORY : TROUPE_SERVICE_FAILED;
}

// Stores the state that lies at 2 on the strand's stack, if it isn't what it was.
static troupe_err_t
keep_state (strand_t *strand, troupe_error_t *error)
{
  value_of_t conversion = {.refer = false};
  const json_t *before = troupe_turn_state (strand->turn);
  if (lua_type (strand->L, 2) != LUA_TTABLE)
    return troupe_error_set (error, TROUPE_SERVICE_FAILED, troupe_turn_agent (strand->turn), NULL,
                             "self.state is a table, and has been set to something else");
  json_t *state = value_of (strand->L, 2, &conversion);
  if (!state)
    return troupe_error_set (error, code_of (conversion.why), troupe_turn_agent (strand->turn), NULL,
                             "self.state can't be kept: %s", conversion.why);
  if (before ? json_equal (before, state) : json_object_size (state) == 0)
    json_decref (state);
  else
    troupe_turn_set_state (strand->turn, state);
  return TROUPE_OK;
}

static troupe_err_t
nothing_said (const strand_t *strand, const char *why, troupe_error_t *error)
{
  return troupe_error_set (error, code_of (why), troupe_turn_agent (strand->turn),
                           "return a text, a message, or {content = ..., metadata = ...}", "its reply function %s",
                           why);
}

static troupe_err_t
read_reply (strand_t *strand, json_t **out, troupe_error_t *error)
{
  value_of_t conversion = {.refer = false};
  if (lua_isnil (strand->L, 1))
    return nothing_said (strand, "returned nothing", error);
  json_t *value = value_of (strand->L, 1, &conversion);
  if (!value) {
    snprintf (error->why, sizeof error->why, "returned something that can't be said: %s", conversion.why);
    return nothing_said (strand, error->why, error);
  }
  bool text = json_is_string (value) || json_is_array (value);
  if (!text && !json_object_get (value, "content")) {
    json_decref (value);
    return nothing_said (strand, "returned something without content", error);
  }
  *out = text ? json_pack ("{s:o}", "content", value) : value;
  return *out ? TROUPE_OK : troupe_error_set (error, TROUPE_NO_MEMORY, "script", NULL, "out of memory");
}

static void
fail_turn (strand_t *strand, const troupe_error_t *why)
{
  troupe_turn_t *turn = strand->turn;
  troupe_error_t error = *why;
  const char *name = troupe_turn_agent (turn);
  if (!strstr (why->object, name))
    snprintf (error.object, sizeof error.object, "agent/%s, %s", name, why->object[0] ? why->object : "script");
  strand->turn = NULL;
  troupe_turn_fail (&turn, &error);
}

static void
say (strand_t *strand, json_t *message)
{
  troupe_turn_t *turn = strand->turn;
  json_t *url = json_object_get (message, "url"), *metadata = json_object_get (message, "metadata");
  strand->turn = NULL;
  if (json_is_string (url) || json_array_size (url) > 0)
    troupe_turn_set_url (turn, json_incref (url));
  troupe_turn_reply (&turn, json_incref (json_object_get (message, "content")),
                     json_object_size (metadata) > 0 ? json_incref (metadata) : NULL);
  json_decref (message);
}

static void
done (void *context, strand_t *strand, const troupe_error_t *failure, const char *trace)
{
  troupe_error_t error;
  json_t *message = NULL;
  (void)context;
  (void)trace;
  if (!strand->turn)
    return;
  troupe_err_t code = failure ? failure->code : keep_state (strand, &error);
  if (code == TROUPE_OK && !strand->news)
    code = read_reply (strand, &message, &error);
  if (code != TROUPE_OK) {
    fail_turn (strand, failure ? failure : &error);
  } else if (strand->news) {
    troupe_turn_t *turn = strand->turn;
    strand->turn = NULL;
    troupe_turn_observed (turn);
  } else {
    say (strand, message);
  }
}

static void
begin (const actor_t *actor, troupe_turn_t *turn, const json_t *news)
{
  strand_t *strand;
  troupe_error_t error;
  if (strand_new (&strand, actor->engine, body, done, NULL) == TROUPE_OK) {
    strand->turn = turn;
    strand->actor = actor;
    strand->news = news;
    return;
  }
  troupe_error_set (&error, TROUPE_NO_MEMORY, troupe_turn_agent (turn), NULL, "the script's memory is full");
  troupe_turn_fail (&turn, &error);
}

void
turn_reply (const actor_t *actor, troupe_turn_t *turn)
{
  begin (actor, turn, NULL);
}

static int
has_observe (lua_State *L)
{
  const actor_t *actor = lua_touserdata (L, 1);
  lua_rawgeti (L, LUA_REGISTRYINDEX, actor->ref);
  if (lua_getfield (L, -1, "observe") != LUA_TFUNCTION)
    return luaL_error (L, "no");
  return 0;
}

bool
turn_observes (const actor_t *actor)
{
  return engine_protect (actor->engine, has_observe, (void *)(uintptr_t)actor, NULL) == TROUPE_OK;
}

void
turn_observe (const actor_t *actor, troupe_turn_t *turn, const json_t *messages)
{
  troupe_error_t error;
  if (turn_observes (actor)) {
    begin (actor, turn, messages);
    return;
  }
  for (size_t i = 0; i < json_array_size (messages); i++)
    if (troupe_turn_remember (turn, json_incref (json_array_get (messages, i)), &error) != TROUPE_OK) {
      troupe_turn_fail (&turn, &error);
      return;
    }
  troupe_turn_observed (turn);
}

void
turn_cancelled (troupe_script_t *engine, troupe_turn_t *turn)
{
  for (strand_t *strand = engine->strands; strand; strand = strand->next)
    if (strand->turn == turn) {
      strand_kill (&strand);
      return;
    }
}
