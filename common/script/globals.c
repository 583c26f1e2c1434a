// SPDX-License-Identifier: Apache-2.0
//
// What differs from plain Lua: print waits for the replies that it prints, sleep lets the others go on, os.exit ends
// the workflow in order, and debug's functions that would take the engine's clock away are not there.

#include "script/engine.h"

#include <math.h>
#include <string.h>

static const double SLEEP_MAX_S = 30.0 * 24 * 3600;

// -- print -------------------------------------------------------------------------------------------------------------

// Once all is there: a reply is printed as its text.
static void
print_one (lua_State *L, int index)
{
  handle_t *handle = placeholder_test (L, index);
  size_t size;
  if (handle) {
    const troupe_error_t *error = handle_error (handle);
    if (error) {
      failure_raise (L, error, handle->service);
      return;
    }
    message_push (L, (json_t *)(uintptr_t)handle_value (handle));
  } else
    lua_pushvalue (L, index);
  const char *text = luaL_tolstring (L, -1, &size);
  fwrite (text, 1, size, stdout);
  lua_pop (L, 2);
}

static int
print_there (lua_State *L, int status, lua_KContext context)
{
  int count = lua_gettop (L);
  (void)status;
  (void)context;
  for (int i = 1; i <= count; i++) {
    handle_t *handle = placeholder_test (L, i);
    if (handle && !handle_done (handle))
      return strand_wait (L, handle, TROUPE_LOOP_NEVER, 0, print_there);
  }
  for (int i = 1; i <= count; i++) {
    if (i > 1)
      fputc ('\t', stdout);
    print_one (L, i);
  }
  fputc ('\n', stdout);
  fflush (stdout);
  return 0;
}

static int
print (lua_State *L)
{
  return print_there (L, LUA_OK, 0);
}

// -- Time --------------------------------------------------------------------------------------------------------------

static int
slept (lua_State *L, int status, lua_KContext context)
{
  (void)L;
  (void)status;
  (void)context;
  return 0;
}

// sleep (seconds)
static int
sleep_for (lua_State *L)
{
  double seconds = luaL_checknumber (L, 1);
  luaL_argcheck (L, seconds >= 0 && seconds <= SLEEP_MAX_S, 1, "seconds, at most 30 days");
  return strand_wait (L, NULL, troupe_loop_now () + (int64_t)ceil (seconds * 1000), 0, slept);
}

// os.exit (status)
static int
leave (lua_State *L)
{
  strand_t *strand = strand_current (L, "os.exit");
  int status = lua_isboolean (L, 1) ? !lua_toboolean (L, 1) : (int)luaL_optinteger (L, 1, 0);
  if (strand->turn || !lua_isyieldable (L))
    return luaL_error (L, "os.exit ends a workflow; here it can't");
  strand->engine->status = status & 0xFF;
  strand->leaving = true;
  return strand_wait (L, NULL, TROUPE_LOOP_NEVER, 0, slept);
}

// -- For lua/coroutine.lua -------------------------------------------------------------------------------------------

// entered (coroutine): it is going to be resumed
static int
entered (lua_State *L)
{
  strand_t *strand = strand_current (L, "a coroutine");
  luaL_checktype (L, 1, LUA_TTHREAD);
  if (strand->chain_count == SCRIPT_CHAIN_MAX)
    return luaL_error (L, "more than %d coroutines in each other", SCRIPT_CHAIN_MAX);
  strand->chain[strand->chain_count++] = lua_tothread (L, 1);
  return 0;
}

// left (): the innermost one has yielded or ended
static int
left (lua_State *L)
{
  strand_t *strand = strand_current (L, "a coroutine");
  if (strand->chain_count > 0)
    strand->chain_count--;
  return 0;
}

// inside (): whether a coroutine of the script's runs
static int
inside (lua_State *L)
{
  strand_t *strand = engine_of (L)->current;
  lua_pushboolean (L, strand && strand->chain_count > 0);
  return 1;
}

static int
preempted (lua_State *L)
{
  lua_pushboolean (L, engine_of (L)->preempted);
  return 1;
}

static int
doomed (lua_State *L)
{
  strand_t *strand = engine_of (L)->current;
  lua_pushboolean (L, strand && strand->doom);
  return 1;
}

static int
in_turn (lua_State *L)
{
  strand_t *strand = engine_of (L)->current;
  lua_pushboolean (L, strand && strand->turn);
  return 1;
}

static int
workflow_session (lua_State *L)
{
  troupe_script_t *engine = engine_of (L);
  strand_t *strand = engine->current;
  if (strand && strand->turn)
    lua_pushstring (L, troupe_task_session (troupe_turn_task (strand->turn)));
  else
    lua_pushstring (L, engine->session);
  return 1;
}

static void
trim_library (lua_State *L, const char *library, const char *const *names)
{
  lua_getglobal (L, library);
  for (; *names; names++) {
    lua_pushnil (L);
    lua_setfield (L, -2, *names);
  }
  lua_pop (L, 1);
}

void
globals_open (lua_State *L)
{
  static const luaL_Reg natives[] = {
    {"entered", entered}, {"left", left},       {"inside", inside}, {"preempted", preempted},
    {"doomed", doomed},   {"in_turn", in_turn}, {NULL, NULL}};
  static const char *const keys[] = {"sethook",    "gethook",     "setmetatable", "getregistry",    "setuservalue",
                                     "setupvalue", "upvaluejoin", "setlocal",     "setcstacklimit", NULL};
  luaL_setfuncs (L, natives, 0);
  lua_pushlightuserdata (L, (void *)(uintptr_t)&script_suspend_key);
  lua_setfield (L, -2, "suspend");
  trim_library (L, "debug", keys);
  lua_getglobal (L, "os");
  lua_pushcfunction (L, leave);
  lua_setfield (L, -2, "exit");
  lua_pop (L, 1);
  lua_register (L, "print", print);
  lua_register (L, "sleep", sleep_for);
  lua_register (L, "session", workflow_session);
}
