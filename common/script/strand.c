// SPDX-License-Identifier: Apache-2.0
//
// Strands: the coroutines that the engine itself runs, the workflow and each turn of an agent's. One runs at a time,
// until it ends, waits, or has had its slice; then the loop turns. Coroutines that a script makes run inside a strand
// (lua/coroutine.lua passes their waiting on to it).
//
// A strand waits for one handle, for a time, or both. Who settles a handle makes those ready that wait for it.
//
// A slice is a time on the clock, because the loop has others to serve meanwhile. How long a strand may compute is the
// processor's time: on a machine that is busy with other things, or in a process that was stopped, hardly any of it
// passes. A strand that has computed for longer than it may is doomed: it is suspended and never resumed, so that no pcall
// holds it; where it can't be suspended (under table.sort, say), each of its instructions raises until it can, or ends.
// Blocks are closed afterwards under the same rule. (An error that a hook raises leaves hooks off in a coroutine that
// dies of it; so a strand's function runs in a pcall of the engine's own, which switches them on again before blocks
// are closed.)

#include "script/engine.h"

#include <stdlib.h>
#include <string.h>

enum {
  SLICE_MS = 20,      // a heartbeat is 500 ms
  HOOK_COUNT = 10000, // instructions between looks at the clock: some 100 us
  PER_TURN_MAX = 64   // strands run before the loop turns
};

static const char too_long[] = "the script has run for too long without waiting";

typedef struct {
  strand_t *strand;
  lua_CFunction body;
} start_t;

// The message handler: the traceback as of the error.
static int
keep_trace (lua_State *L)
{
  strand_t *self = engine_of (L)->current;
  lua_settop (L, 1);
  const char *message = luaL_tolstring (L, 1, NULL);
  luaL_traceback (L, L, message, 1);
  if (self && !self->trace)
    self->trace = strndup (lua_tostring (L, -1), SCRIPT_TEXT_MAX);
  lua_settop (L, 1);
  return 1;
}

static int
guarded (lua_State *L, int status, lua_KContext context)
{
  (void)context;
  if (status != LUA_OK && status != LUA_YIELD)
    return lua_error (L);
  return lua_gettop (L) - 1;
}

// handler, body, strand
static int
guard (lua_State *L)
{
  return guarded (L, lua_pcallk (L, 1, LUA_MULTRET, 1, 0, guarded), 0);
}

// Makes the coroutine; what is pushed to it needs no memory.
static int
start (lua_State *L)
{
  start_t *self = lua_touserdata (L, 1);
  lua_State *thread = lua_newthread (L);
  self->strand->ref = luaL_ref (L, LUA_REGISTRYINDEX);
  self->strand->L = thread;
  lua_pushcfunction (thread, guard);
  lua_pushcfunction (thread, keep_trace);
  lua_pushcfunction (thread, self->body);
  lua_pushlightuserdata (thread, self->strand);
  return 0;
}

static void
unlink_ready (strand_t *self)
{
  troupe_script_t *engine = self->engine;
  strand_t **at = &engine->ready;
  while (self->ready && *at != self)
    at = &(*at)->ready_next;
  if (!self->ready)
    return;
  *at = self->ready_next;
  if (engine->ready_end == &self->ready_next)
    engine->ready_end = at;
  self->ready = false;
}

static void
strand_free (strand_t *self)
{
  unlink_ready (self);
  hub_close_all (self);
  free (self->trace);
  if (self->ref != LUA_NOREF)
    luaL_unref (self->engine->L, LUA_REGISTRYINDEX, self->ref);
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  free (self);
}

troupe_err_t
strand_new (strand_t **out, troupe_script_t *engine, lua_CFunction body, strand_done_fn *done, void *context)
{
  strand_t *self = calloc (1, sizeof *self);
  if (!self)
    return TROUPE_NO_MEMORY;
  *self = (strand_t){.engine = engine,
                     .done = done,
                     .context = context,
                     .wake_at = TROUPE_LOOP_NEVER,
                     .ref = LUA_NOREF,
                     .next = engine->strands,
                     .link = &engine->strands};
  if (self->next)
    self->next->link = &self->next;
  engine->strands = self;
  if (engine_protect (engine, start, &(start_t){self, body}, NULL) != TROUPE_OK) {
    strand_free (self);
    return TROUPE_NO_MEMORY;
  }
  strand_ready (self);
  *out = self;
  return TROUPE_OK;
}

void
strand_ready (strand_t *self)
{
  if (self->ready)
    return;
  self->ready = true;
  self->ready_next = NULL;
  *self->engine->ready_end = self;
  self->engine->ready_end = &self->ready_next;
  engine_wake (self->engine);
}

// Closes the blocks that it stands in.
static void
unwind (strand_t *self)
{
  troupe_script_t *engine = self->engine;
  strand_t *before = engine->current;
  engine->current = self;
  engine_begin_slice (engine);
#if LUA_VERSION_RELEASE_NUM >= 50406
  lua_closethread (self->L, engine->L);
#else
  lua_resetthread (self->L);
#endif
  engine->current = before;
}

void
strand_kill (strand_t **self_p)
{
  strand_t *self = *self_p;
  if (!self)
    return;
  *self_p = NULL;
  if (self->L)
    unwind (self);
  strand_free (self);
}

// -- Ending ------------------------------------------------------------------------------------------------------------

typedef struct {
  strand_t *strand;
  char text[SCRIPT_TEXT_MAX];
} trace_t;

static int
make_trace (lua_State *L)
{
  trace_t *self = lua_touserdata (L, 1);
  const char *message = self->strand->doom ? self->strand->doom : luaL_tolstring (self->strand->L, -1, NULL);
  luaL_traceback (L, self->strand->L, message, 0);
  snprintf (self->text, sizeof self->text, "%s", lua_tostring (L, -1));
  return 0;
}

static void
fail (strand_t *self)
{
  troupe_error_t error;
  trace_t trace = {.strand = self};
  failure_of (self->L, &error);
  if (self->doom)
    troupe_error_set (&error, TROUPE_SERVICE_FAILED, "script", "wait for something now and then: sleep (0) will do",
                      "%s (%lld ms)", self->doom, (long long)self->engine->busy_ms);
  if (self->trace)
    snprintf (trace.text, sizeof trace.text, "%s", self->trace);
  else if (engine_protect (self->engine, make_trace, &trace, NULL) != TROUPE_OK)
    snprintf (trace.text, sizeof trace.text, "%s", error.why);
  unwind (self);
  self->done (self->context, self, &error, trace.text);
  strand_free (self);
}

static void
finish (strand_t *self)
{
  if (self->leaving)
    unwind (self);
  self->done (self->context, self, NULL, NULL);
  strand_free (self);
}

// -- Running -----------------------------------------------------------------------------------------------------------

static void
run (strand_t *self)
{
  troupe_script_t *engine = self->engine;
  int results, arguments = lua_status (self->L) == LUA_YIELD ? 0 : 3;
  if (self->waiting)
    self->spent_ms = 0;
  self->waiting = false;
  self->awaited = NULL;
  self->wake_at = TROUPE_LOOP_NEVER;
  engine->current = self;
  engine_begin_slice (engine);
  int64_t spent = engine->slice_spent; // of the beginning
  int status = lua_resume (self->L, engine->L, arguments, &results);
  engine->current = NULL;
  self->spent_ms += engine_spent () - spent;
  bool preempted = engine->preempted;
  engine->preempted = false;
  if (status == LUA_OK || (status == LUA_YIELD && self->leaving)) {
    finish (self);
  } else if (status == LUA_YIELD && !self->doom) {
    lua_pop (self->L, results);
    if (preempted || !self->waiting)
      strand_ready (self);
  } else {
    fail (self);
  }
}

int64_t
strand_run_all (troupe_script_t *engine, int64_t now)
{
  int64_t next = TROUPE_LOOP_NEVER;
  for (strand_t *strand = engine->strands; strand; strand = strand->next)
    if (strand->waiting && strand->wake_at != TROUPE_LOOP_NEVER && strand->wake_at <= now)
      strand_ready (strand);
  for (int i = 0; i < PER_TURN_MAX && engine->ready; i++) {
    strand_t *strand = engine->ready;
    unlink_ready (strand);
    run (strand);
    engine_wake (engine); // what it called is to be sent before the loop waits
  }
  for (strand_t *strand = engine->strands; strand; strand = strand->next)
    if (strand->waiting && strand->wake_at != TROUPE_LOOP_NEVER &&
        (next == TROUPE_LOOP_NEVER || strand->wake_at < next))
      next = strand->wake_at;
  return engine->ready ? now : next;
}

strand_t *
strand_current (lua_State *L, const char *what)
{
  strand_t *self = engine_of (L)->current;
  if (!self)
    luaL_error (L, "%s is not possible while a file is loaded; do it in a function", what);
  return self;
}

int
strand_wait (lua_State *L, handle_t *handle, int64_t until, lua_KContext context, lua_KFunction k)
{
  strand_t *self = strand_current (L, "waiting");
  if (!lua_isyieldable (L))
    return luaL_error (L, "waiting is not possible here, inside a function that Lua's library called (table.sort, "
                          "string.gsub, a finalizer ...); wait before: x:wait ()");
  self->waiting = true;
  self->awaited = handle;
  self->wake_at = until;
  lua_pushlightuserdata (L, (void *)(uintptr_t)&script_suspend_key);
  return lua_yieldk (L, 1, context, k);
}

// -- The clock ---------------------------------------------------------------------------------------------------------

static void
raise_doom (lua_State *L, const char *doom)
{
  lua_sethook (L, strand_hook, LUA_MASKCOUNT, 1);
  luaL_error (L, "%s", doom);
}

void
strand_hook (lua_State *L, lua_Debug *record)
{
  troupe_script_t *engine = engine_of (L);
  strand_t *self = engine->current;
  int64_t spent = engine_spent () - engine->slice_spent;
  (void)record;
  if (!self && spent > engine->busy_ms)
    raise_doom (L, too_long); // a file is being loaded
  if (self && self->spent_ms + spent > engine->busy_ms)
    self->doom = too_long;
  bool over = self && (self->doom || troupe_loop_now () - engine->slice_started >= SLICE_MS);
  if (over && lua_isyieldable (L) && !self->waiting && !engine->preempted) {
    engine->preempted = true;
    lua_yield (L, 0);
  } else if (over && self->doom) {
    raise_doom (L, self->doom);
  } else if (lua_gethookcount (L) != HOOK_COUNT) {
    lua_sethook (L, strand_hook, LUA_MASKCOUNT, HOOK_COUNT);
  }
}
