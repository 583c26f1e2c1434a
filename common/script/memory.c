// SPDX-License-Identifier: Apache-2.0
//
// self.memory: what the actor remembers of its session, with what it is asked now. Adding is stored with the reply; a
// message that is known by its id is added once. And self.model, which asks the agent's model for the turn.

#include "script/engine.h"

static strand_t *
turn_of (lua_State *L)
{
  strand_t *strand = engine_of (L)->current;
  if (!strand || !strand->turn)
    failure_text (L, "a memory is there while its agent replies or observes");
  return strand;
}

// How many messages of the input are not in the memory yet; the input is heard as soon as the turn begins.
static size_t
input_count (const strand_t *strand)
{
  return strand->flushed || strand->news ? 0 : json_array_size (troupe_turn_input (strand->turn));
}

static json_t *
message_at (const strand_t *strand, size_t i)
{
  const json_t *memory = troupe_turn_memory (strand->turn);
  size_t count = json_array_size (memory);
  return i < count ? json_array_get (memory, i) : json_array_get (troupe_turn_input (strand->turn), i - count);
}

// memory:size ()
static int
size (lua_State *L)
{
  const strand_t *strand = turn_of (L);
  lua_pushinteger (L, (lua_Integer)(json_array_size (troupe_turn_memory (strand->turn)) + input_count (strand)));
  return 1;
}

// memory:get (n): the last n messages, all without n
static int
get (lua_State *L)
{
  const strand_t *strand = turn_of (L);
  size_t count = json_array_size (troupe_turn_memory (strand->turn)) + input_count (strand);
  lua_Integer wanted = luaL_optinteger (L, 2, LUA_MAXINTEGER);
  luaL_argcheck (L, wanted >= 0, 2, "how many messages, a whole number");
  size_t from = (lua_Unsigned)wanted < count ? count - (size_t)wanted : 0;
  lua_createtable (L, (int)(count - from), 0);
  for (size_t i = from; i < count; i++) {
    message_push (L, message_at (strand, i));
    lua_rawseti (L, -2, (lua_Integer)(i - from) + 1);
  }
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_list_key);
  lua_setmetatable (L, -2);
  return 1;
}

// Into the memory, behind what was asked.
static troupe_err_t
remember (strand_t *strand, const json_t *messages, troupe_error_t *error)
{
  const json_t *input = troupe_turn_input (strand->turn);
  size_t before = input_count (strand), count = json_array_size (messages);
  troupe_err_t code = TROUPE_OK;
  for (size_t i = 0; i < before + count && code == TROUPE_OK; i++)
    code = troupe_turn_remember (
      strand->turn, json_incref (i < before ? json_array_get (input, i) : json_array_get (messages, i - before)),
      error);
  if (!strand->news)
    strand->flushed = true;
  return code;
}

static int
add_there (lua_State *L, int status, lua_KContext context)
{
  strand_t *strand = turn_of (L);
  value_of_t conversion = {.refer = false};
  troupe_error_t error;
  (void)status;
  (void)context;
  json_t *value = value_of (L, 2, &conversion);
  if (!value && conversion.missing)
    return strand_wait (L, conversion.missing, TROUPE_LOOP_NEVER, 0, add_there);
  if (!value && conversion.failed)
    return failure_raise (L, handle_error (conversion.failed), conversion.failed->service);
  if (!value)
    return failure_text (L, "memory:add: %s", conversion.why);
  json_t *list = json_is_array (value) ? json_incref (value) : json_pack ("[O]", value);
  troupe_err_t code =
    list ? remember (strand, list, &error) : troupe_error_set (&error, TROUPE_NO_MEMORY, NULL, NULL, "out of memory");
  json_decref (list);
  json_decref (value);
  return code == TROUPE_OK ? 0 : failure_raise (L, &error, NULL);
}

// memory:add (message or a list of them)
static int
add (lua_State *L)
{
  lua_settop (L, 2);
  return lua_isnil (L, 2) ? 0 : add_there (L, LUA_OK, 0);
}

// remember_model (make): make (model's name, agent's name, names of models to ask instead or nil) is called for each
// turn's self.model
static int
remember_model (lua_State *L)
{
  lua_settop (L, 1);
  lua_setfield (L, LUA_REGISTRYINDEX, "troupe.model");
  return 0;
}

void
memory_open (lua_State *L)
{
  static const luaL_Reg methods[] = {{"add", add}, {"get", get}, {"size", size}, {NULL, NULL}};
  luaL_newlib (L, methods);
  lua_setfield (L, LUA_REGISTRYINDEX, "troupe.memory");
  lua_pushcfunction (L, remember_model);
  lua_setfield (L, -2, "remember_model");
}
