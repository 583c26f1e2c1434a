// SPDX-License-Identifier: Apache-2.0
//
// The engine's inside: one Lua state, the coroutines that run in it (strands), and the calls that they made (handles).
//
// Who may raise Lua errors: functions that Lua calls, and those here that say so. All else runs outside of Lua or in
// engine_protect, and returns an error. Nothing that may raise holds memory that only C knows of.
#ifndef SCRIPT_ENGINE_H
#define SCRIPT_ENGINE_H

#include "troupe/hub.h"
#include "troupe/script.h"
#include "troupe/tally.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum {
  SCRIPT_CHAIN_MAX = 190, // coroutines that resumed each other: Lua itself allows about 200
  SCRIPT_HUBS_MAX = TROUPE_HUBS_MAX,
  SCRIPT_TEXT_MAX = 8 * 1024, // of a traceback; what is longer is cut
};

typedef struct strand strand_t;
typedef struct handle handle_t;
typedef struct local local_t;

// What answers turns: a Lua table, which lies in the registry under `ref`.
typedef struct {
  troupe_script_t *engine;
  int ref;              // the table with reply, observe, init
  const json_t *config; // borrowed; NULL: none
  const char *model;    // borrowed; NULL: none
  const json_t *fallback; // models to ask instead: a list of names; borrowed; NULL: none
} actor_t;

// -- Strands: a coroutine of the engine's, with what it waits for ----------------------------------------------------

// It has ended, and what it left on the stack of `L` are its results; or `error` says why not, and `trace` where.
typedef void (strand_done_fn) (void *context, strand_t *strand, const troupe_error_t *error, const char *trace);

struct strand {
  troupe_script_t *engine;
  strand_t *next, **link; // of the engine
  strand_t *ready_next;   // of the ready ones
  bool ready;
  lua_State *L;
  int ref;             // of L in the registry
  troupe_turn_t *turn; // whose reply it makes; NULL: the workflow
  strand_done_fn *done;
  void *context;
  // While it is suspended:
  bool waiting;
  handle_t *awaited; // NULL: only for the time
  int64_t wake_at;   // TROUPE_LOOP_NEVER
  const void *ending; // session.c: the question that it waits for; only to be compared
  // While it runs:
  int64_t spent_ms;                   // of the processor's time without waiting
  const char *doom;                   // why it may not go on
  char *trace;                        // as of its error; NULL: none was made
  bool leaving;                       // os.exit
  lua_State *chain[SCRIPT_CHAIN_MAX]; // the coroutines below L that have resumed each other, the innermost last
  unsigned chain_count;
  unsigned fans, messages; // made so far, for ids that a repeated attempt makes again
  struct hub *hubs;        // open ones (hub.c)
  // Of a turn (turn.c):
  const actor_t *actor;
  const json_t *news; // what it observes, borrowed; NULL: it replies
  bool flushed;       // the input is in the memory
};

// -- Handles: a call -------------------------------------------------------------------------------------------------

struct handle {
  troupe_script_t *engine;
  handle_t *next, **link;            // of the engine, until it has settled; link is NULL then
  unsigned refs;                     // of Lua's placeholders, and one while it is in the list
  troupe_placeholder_t *placeholder; // NULL: it failed at once
  troupe_error_t *failure;           // why; NULL otherwise
  troupe_id_t id;
  char *service;     // "agent/alice"; NULL: not known
  char *name;        // "alice"; NULL: not known
  int64_t timestamp; // of its reply; 0: not known
  int64_t settled_at;
  bool own;     // an agent of this workflow is to answer
  bool of_turn; // made for a task, and ends with it
  troupe_task_t *reader; // as whose parts its own are passed on; NULL: nobody's (stream.c)
  unsigned attempt;      // that parts were passed on from last; 0: none was
};

// -- The engine ------------------------------------------------------------------------------------------------------

struct troupe_script {
  troupe_node_t *node; // NULL: not attached yet
  troupe_loop_t *loop;
  char *session;   // the workflow's; NULL: an agent's engine
  char *directory; // of the workflow's file; NULL: not known
  const troupe_agent_type_t *user;
  void *user_state;
  troupe_script_spawn_fn *spawn;
  void *spawn_context;
  lua_State *L;
  size_t memory, memory_max;
  int64_t busy_ms;
  int64_t slice_started; // on the loop's clock
  int64_t slice_spent;   // by this thread until then, in ms of the processor's time
  bool preempted; // a coroutine was suspended because its slice was over
  strand_t *strands, *ready, **ready_end, *current;
  handle_t *handles;
  local_t *locals; // agents made in the script
  struct leaving *leaving; // hubs of the workflow that were left (hub.c)
  troupe_tally_t *tally; // of the replies that the script parses
  // The workflow (workflow.c):
  strand_t *main;
  troupe_script_ended_fn *ended;
  void *ended_context;
  bool ending, interrupted;
  int64_t end_by; // TROUPE_LOOP_NEVER
  int status;
  char *trace;
};

// What Lua finds in the registry, by address.
extern const char script_placeholder_key, script_message_key, script_hub_key, script_list_key, script_error_key,
  script_suspend_key;

static inline troupe_script_t *
engine_of (lua_State *L)
{
  return *(troupe_script_t **)lua_getextraspace (L);
}

// engine.c
troupe_err_t engine_new (troupe_script_t **out, size_t memory_max, int64_t busy_ms, troupe_error_t *error);
troupe_err_t engine_attach (troupe_script_t *self, troupe_node_t *node);
void engine_destroy (troupe_script_t **self_p);
// Calls fn (L) with `argument` as a light userdata at 1, so that errors are caught; the message is in `error`.
troupe_err_t engine_protect (troupe_script_t *self, lua_CFunction fn, void *argument, troupe_error_t *error);
// Lua begins to run: from here on it is watched (strand_hook).
void engine_begin_slice (troupe_script_t *self);
// What this thread has computed so far, in ms of the processor's time.
int64_t engine_spent (void);
// Makes the loop turn again without waiting.
void engine_wake (troupe_script_t *self);

// strand.c
troupe_err_t strand_new (strand_t **out, troupe_script_t *engine, lua_CFunction body, strand_done_fn *done,
                         void *context);
void strand_ready (strand_t *self);
// Runs those that are ready, and those whose time has come; when to be called again.
int64_t strand_run_all (troupe_script_t *engine, int64_t now);
// Ends it without a word; its blocks are closed.
void strand_kill (strand_t **self_p);
// Raises, or suspends the running strand until the handle has settled (NULL: nothing) or `until`: then k is called.
int strand_wait (lua_State *L, handle_t *handle, int64_t until, lua_KContext context, lua_KFunction k);
// The running one; raises when there is none.
strand_t *strand_current (lua_State *L, const char *what);
void strand_hook (lua_State *L, lua_Debug *record);

// handle.c
handle_t *handle_new (troupe_script_t *engine);
void handle_ref (handle_t *self);
void handle_unref (handle_t *self);
// It is a call now: kept until it has settled.
void handle_track (handle_t *self);
void handle_settled (void *context, troupe_placeholder_t *placeholder);
bool handle_done (const handle_t *self);
// NULL: it has a value, or isn't done.
const troupe_error_t *handle_error (const handle_t *self);
const json_t *handle_value (const handle_t *self);
void handle_cancel (handle_t *self);

// placeholder.c
// A new placeholder on the stack, which owns a new handle; raises.
handle_t *placeholder_push (lua_State *L);
handle_t *placeholder_test (lua_State *L, int index); // NULL: it is none. Doesn't raise
void placeholder_open (lua_State *L);

// message.c
// A message (or other value) on the stack; takes a reference of `value` itself. Raises.
void message_push (lua_State *L, json_t *value);
// One whose value the caller puts in before anything may raise that needs it.
json_t **message_push_empty (lua_State *L);
json_t *message_test (lua_State *L, int index); // borrowed; NULL: it is none. Doesn't raise
// Its field on the stack, nil if there is none; raises. `key` is a member, or a key of the metadata.
void message_push_field (lua_State *L, json_t *value, const char *key);
// A new message of name, content, and options, for the running strand; raises.
int message_make (lua_State *L);
void message_open (lua_State *L);

// value.c
void value_push (lua_State *L, const json_t *value); // raises
typedef struct {
  handle_t *inputs[TROUPE_INPUTS_MAX]; // by reference, borrowed
  unsigned inputs_count;
  bool refer;          // replies that aren't there may be named; else each is waited for
  const char *session; // that inputs must be of
  handle_t *missing;   // convert again when it has settled
  handle_t *failed;    // what was meant to be sent failed
  char why[160];       // it can't be converted; empty: it can
} value_of_t;
// The Lua value as JSON, a new reference; NULL: see `self`. Doesn't raise.
json_t *value_of (lua_State *L, int index, value_of_t *self);
void value_open (lua_State *L);

// failure.c
// An error on the stack, as scripts see it; `service` may be NULL. Raises when out of memory.
void failure_push (lua_State *L, const troupe_error_t *error, const char *service);
int failure_raise (lua_State *L, const troupe_error_t *error, const char *service);
// Raises a text as of the script's line; the format is lua_pushfstring's.
int failure_text (lua_State *L, const char *format, ...);
// Whether a text that was raised says that memory ran out: it ends so, whatever stands before.
bool failure_is_memory (const char *text);
// What was raised, which lies on top of the stack of L, as a record. Doesn't raise.
void failure_of (lua_State *L, troupe_error_t *out);
void failure_open (lua_State *L);
void failure_add (lua_State *L); // its native, as below

// call.c, hub.c, globals.c, json.c, local.c, memory.c, parse.c, session.c, stream.c, tool.c: natives. Each adds its functions to
// the table on top of the stack; raises.
void call_open (lua_State *L);
void hub_open (lua_State *L);
void json_open (lua_State *L);
void globals_open (lua_State *L);
void local_open (lua_State *L);
void memory_open (lua_State *L);
void parse_open (lua_State *L);
void session_open (lua_State *L);
void stream_open (lua_State *L);
void tool_open (lua_State *L);

// stream.c: a part of a call whose handle has a reader.
void stream_pass_on (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part);

// hub.c: the hubs whose blocks the caller runs in, filled in; how many.
unsigned hub_enclosing (lua_State *L, troupe_id_t ids[SCRIPT_HUBS_MAX]);
void hub_close_all (strand_t *strand);
// Nobody is told any more what comes of hubs that were left.
void hub_forget_all (troupe_script_t *engine);

// workflow.c: after each round of strands; when to be called again.
int64_t workflow_prepare (troupe_script_t *engine, int64_t now);

// local.c: agents made in the script.
void local_destroy_all (troupe_script_t *engine);

// turn.c: turns of an actor, each a strand.
void turn_reply (const actor_t *actor, troupe_turn_t *turn);
// Whether it has a function observe.
bool turn_observes (const actor_t *actor);
void turn_observe (const actor_t *actor, troupe_turn_t *turn, const json_t *messages);
void turn_cancelled (troupe_script_t *engine, troupe_turn_t *turn);

#endif
