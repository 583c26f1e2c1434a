// SPDX-License-Identifier: Apache-2.0
//
// The engine: a Lua state with a limit on its memory, the libraries, and its place on the loop. It is a hook of the
// loop's: before every wait it runs the strands that can go on. Nothing of Lua ever runs inside a function that the
// node called, so a script may make calls and drop placeholders wherever it stands.
//
// Whatever C asks of Lua that might raise goes through engine_protect; Lua's panic function is never reached.

#include "script/engine.h"

#include "script/prelude.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  MEMORY_MAX = 256 * 1024 * 1024, // far more than any conversation, and less than any machine has
  BUSY_MS = 30 * 1000
};

const char script_placeholder_key, script_message_key, script_hub_key, script_list_key, script_error_key,
  script_suspend_key;

static void *
allocate (void *context, void *block, size_t old, size_t size)
{
  troupe_script_t *self = context;
  if (!block)
    old = 0; // Lua says here what it is for
  if (size == 0) {
    free (block);
    self->memory -= old;
    return NULL;
  }
  if (size > old && self->memory + (size - old) > self->memory_max)
    return NULL;
  void *out = realloc (block, size);
  if (out)
    self->memory += size - old;
  return out;
}

// -- Opening -----------------------------------------------------------------------------------------------------------

static void
open_libraries (lua_State *L)
{
  static const luaL_Reg libraries[] = {{LUA_GNAME, luaopen_base},          {LUA_LOADLIBNAME, luaopen_package},
                                       {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
                                       {LUA_IOLIBNAME, luaopen_io},        {LUA_OSLIBNAME, luaopen_os},
                                       {LUA_STRLIBNAME, luaopen_string},   {LUA_MATHLIBNAME, luaopen_math},
                                       {LUA_UTF8LIBNAME, luaopen_utf8},    {LUA_DBLIBNAME, luaopen_debug}};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    luaL_requiref (L, libraries[i].name, libraries[i].func, 1);
    lua_pop (L, 1);
  }
}

static int
open_all (lua_State *L)
{
  open_libraries (L);
  failure_open (L);
  value_open (L);
  message_open (L);
  placeholder_open (L);
  lua_newtable (L);
  failure_add (L);
  call_open (L);
  hub_open (L);
  globals_open (L);
  json_open (L);
  local_open (L);
  memory_open (L);
  parse_open (L);
  session_open (L);
  stream_open (L);
  tool_open (L);
  for (const prelude_part_t *part = prelude_parts; part->name; part++) {
    if (luaL_loadbufferx (L, part->text, part->size, part->name, "t") != LUA_OK)
      return lua_error (L);
    lua_pushvalue (L, -2);
    lua_call (L, 1, 0);
  }
  lua_sethook (L, strand_hook, LUA_MASKCOUNT, 1); // it sets its own interval
  return 0;
}

int64_t
engine_spent (void)
{
  struct timespec spent = {0};
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &spent);
  return (int64_t)spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

void
engine_begin_slice (troupe_script_t *self)
{
  self->slice_started = troupe_loop_now ();
  self->slice_spent = engine_spent ();
}

troupe_err_t
engine_protect (troupe_script_t *self, lua_CFunction fn, void *argument, troupe_error_t *error)
{
  lua_State *L = self->L;
  if (!self->current)
    engine_begin_slice (self);
  lua_pushcfunction (L, fn);
  lua_pushlightuserdata (L, argument);
  if (lua_pcall (L, 1, 0, 0) == LUA_OK)
    return TROUPE_OK;
  troupe_error_t why;
  failure_of (L, &why);
  lua_pop (L, 1);
  if (error)
    *error = why;
  return why.code;
}

troupe_err_t
engine_new (troupe_script_t **out, size_t memory_max, int64_t busy_ms, troupe_error_t *error)
{
  troupe_script_t *self = calloc (1, sizeof *self);
  if (!self)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "script", NULL, "out of memory");
  self->memory_max = memory_max ? memory_max : MEMORY_MAX;
  self->busy_ms = busy_ms ? busy_ms : BUSY_MS;
  self->ready_end = &self->ready;
  self->L = lua_newstate (allocate, self);
  troupe_err_t code = TROUPE_NO_MEMORY;
  if (!self->L) {
    troupe_error_set (error, code, "script", NULL, "out of memory");
  } else {
    *(troupe_script_t **)lua_getextraspace (self->L) = self;
    code = engine_protect (self, open_all, NULL, error);
  }
  if (code == TROUPE_OK)
    *out = self;
  else
    engine_destroy (&self);
  return code;
}

// -- On the loop -------------------------------------------------------------------------------------------------------

static int64_t
prepare (void *context, int64_t now)
{
  int64_t strands = strand_run_all (context, now), workflow = workflow_prepare (context, now);
  return workflow == TROUPE_LOOP_NEVER || (strands != TROUPE_LOOP_NEVER && strands < workflow) ? strands : workflow;
}

troupe_err_t
engine_attach (troupe_script_t *self, troupe_node_t *node)
{
  if (self->node)
    return TROUPE_OK;
  troupe_err_t code = troupe_loop_add_prepare (troupe_node_loop (node), prepare, self);
  if (code != TROUPE_OK)
    return code;
  self->node = node;
  self->loop = troupe_node_loop (node);
  return TROUPE_OK;
}

void
engine_wake (troupe_script_t *self)
{
  if (self->loop)
    troupe_loop_again (self->loop);
}

void
engine_destroy (troupe_script_t **self_p)
{
  troupe_script_t *self = *self_p;
  if (!self)
    return;
  if (self->loop)
    troupe_loop_remove_prepare (self->loop, prepare, self);
  local_destroy_all (self); // its turns end, and with them their strands
  while (self->strands) {
    strand_t *strand = self->strands;
    strand_kill (&strand);
  }
  if (self->L)
    lua_close (self->L);
  hub_forget_all (self);
  while (self->handles) { // nobody waits for them any more; the calls go on
    handle_t *handle = self->handles;
    handle->refs = 1;
    handle_unref (handle);
  }
  troupe_tally_log (self->tally);
  troupe_tally_destroy (&self->tally);
  free (self->trace);
  free (self->session);
  free (self->directory);
  free (self);
  *self_p = NULL;
}
