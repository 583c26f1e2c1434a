// SPDX-License-Identifier: Apache-2.0
//
// Making calls. A call returns its placeholder at once, whatever it depends on: replies among its input are named, not
// waited for. There are three exceptions, in which a reply's value has to be put in: beyond sixteen different ones in
// one call, of another session, and in a workflow one that came long ago, whose stored value may be gone by now.
//
// What is wrong with the call itself (no service's name, an input that is no value) is raised here; whatever happens to
// it later is raised where its reply is used.

#include "script/engine.h"

#include "troupe/message.h"

#include <stdlib.h>
#include <string.h>

enum {
  SERVICE = 1,
  INPUT,
  OPTIONS,
  FAN,
  ARGUMENTS = FAN,
  HANDLE_BYTES = 4,       // KiB that a call costs outside of Lua's own memory, for its collector to know
  OLD_MS = 10 * 60 * 1000 // a stored outcome is kept for an hour, unless the mesh says otherwise
};

static const double DEADLINE_MAX_S = 30.0 * 24 * 3600;

// -- What a call is made with ----------------------------------------------------------------------------------------

typedef struct {
  int64_t deadline_ms;
  bool wait, once, own, has_fan, more, stream;
  troupe_id_t fan;
} options_t;

// "<id>", or "<id>+": others of the group follow.
static void
read_fan (lua_State *L, options_t *out)
{
  char id[TROUPE_ID_TEXT_SIZE] = "";
  const char *text = luaL_checkstring (L, FAN);
  size_t size = strlen (text);
  out->more = size > 0 && text[size - 1] == '+';
  snprintf (id, sizeof id, "%.*s", (int)(size - out->more), text);
  out->has_fan = troupe_id_of_text (&out->fan, id);
  luaL_argcheck (L, out->has_fan, FAN, "the id of a group expected");
}

static void
read_options (lua_State *L, options_t *out)
{
  *out = (options_t){0};
  if (lua_istable (L, OPTIONS)) {
    lua_getfield (L, OPTIONS, "deadline");
    double seconds = lua_isnil (L, -1) ? 0 : luaL_checknumber (L, -1);
    luaL_argcheck (L, seconds >= 0 && seconds <= DEADLINE_MAX_S, OPTIONS, "deadline: seconds, at most 30 days");
    out->deadline_ms = seconds > 0 && seconds < 0.001 ? 1 : (int64_t)(seconds * 1000);
    lua_getfield (L, OPTIONS, "wait");
    out->wait = lua_toboolean (L, -1);
    lua_getfield (L, OPTIONS, "once");
    out->once = lua_toboolean (L, -1);
    lua_getfield (L, OPTIONS, "own");
    out->own = lua_toboolean (L, -1);
    lua_getfield (L, OPTIONS, "stream");
    out->stream = lua_toboolean (L, -1);
    lua_pop (L, 5);
  }
  if (!lua_isnil (L, FAN))
    read_fan (L, out);
}

// Its reply's time, as the agent will tell it.
static int64_t
reply_time (const strand_t *strand, const troupe_id_t *id)
{
  troupe_task_t *task = strand->turn ? troupe_turn_task (strand->turn) : NULL;
  json_t *sparse = json_pack ("{s:s, s:s}", "name", "x", "content", ""), *whole = NULL;
  int64_t time = 0;
  if (sparse && troupe_message_identify (&whole, sparse, id, task ? troupe_task_root (task) : id, 0, NULL) == TROUPE_OK)
    time = json_integer_value (json_object_get (whole, "timestamp"));
  json_decref (sparse);
  json_decref (whole);
  return time;
}

static bool
name_handle (handle_t *self, const char *service)
{
  const char *name = strchr (service, '/');
  name = name ? name + 1 : service;
  self->service = strdup (service);
  self->name = strndup (name, strcspn (name, "#@"));
  return self->service && self->name;
}

static bool
keep_failure (handle_t *self, const troupe_error_t *error)
{
  self->id = troupe_id_new ();
  self->failure = malloc (sizeof *self->failure);
  if (self->failure)
    *self->failure = *error;
  return self->failure;
}

// -- Making one ------------------------------------------------------------------------------------------------------

typedef struct {
  lua_State *L;
  strand_t *strand;
  handle_t *handle;
  const char *service;
  options_t options;
  value_of_t input;
} making_t;

static troupe_err_t
send (making_t *self, const json_t *input, troupe_error_t *error)
{
  troupe_script_t *engine = engine_of (self->L);
  troupe_placeholder_t *inputs[TROUPE_INPUTS_MAX];
  troupe_id_t hubs[SCRIPT_HUBS_MAX];
  for (unsigned i = 0; i < self->input.inputs_count; i++)
    inputs[i] = self->input.inputs[i]->placeholder;
  troupe_task_t *task = self->strand->turn ? troupe_turn_task (self->strand->turn) : NULL;
  bool reads = self->options.stream && task && !self->strand->news && troupe_task_streams (task);
  self->handle->reader = reads ? task : NULL;
  troupe_call_t call = {.service = self->service,
                        .input = input,
                        .session = self->strand->turn ? NULL : engine->session,
                        .parent = task,
                        .deadline_ms = self->options.deadline_ms,
                        .wait = self->options.wait,
                        .once = self->options.once,
                        .inputs = inputs,
                        .inputs_count = self->input.inputs_count,
                        .hubs = hubs,
                        .hubs_count = hub_enclosing (self->L, hubs),
                        .fan = self->options.has_fan ? &self->options.fan : NULL,
                        .more = self->options.more,
                        .part = reads ? stream_pass_on : NULL,
                        .settled = handle_settled,
                        .context = self->handle};
  return troupe_node_call (engine->node, &self->handle->placeholder, &call, error);
}

// Whether the handle may stand for the call; else `error` is to be raised.
static bool
settle_down (making_t *self, troupe_err_t code, const troupe_error_t *error)
{
  handle_t *handle = self->handle;
  if (code != TROUPE_OK) {
    bool of_input = code == TROUPE_UNKNOWN_CALL || code == TROUPE_UNKNOWN_SERVICE;
    return troupe_err_class (code) != TROUPE_CLASS_CALLER || of_input ? keep_failure (handle, error) : false;
  }
  handle->id = *troupe_placeholder_id (handle->placeholder);
  handle->timestamp = reply_time (self->strand, &handle->id);
  handle->own = self->options.own;
  handle->of_turn = self->strand->turn != NULL;
  handle_track (handle);
  return true;
}

// Puts in by value what came long ago: only in a workflow, since a turn must ask the same when it is attempted again.
static bool
is_old (const strand_t *strand, const value_of_t *input)
{
  int64_t now = troupe_loop_now ();
  for (unsigned i = 0; !strand->turn && i < input->inputs_count; i++)
    if (input->inputs[i]->settled_at && now - input->inputs[i]->settled_at > OLD_MS)
      return true;
  return false;
}

static json_t *
read_input (making_t *self)
{
  self->input = (value_of_t){.refer = true,
                             .session = self->strand->turn ? troupe_task_session (troupe_turn_task (self->strand->turn))
                                                           : engine_of (self->L)->session};
  json_t *input = value_of (self->L, INPUT, &self->input);
  if (input && is_old (self->strand, &self->input)) {
    json_decref (input);
    self->input.refer = false;
    input = value_of (self->L, INPUT, &self->input);
  }
  return input;
}

static int
make (lua_State *L, int status, lua_KContext context)
{
  troupe_error_t error;
  making_t self = {.L = L, .strand = strand_current (L, "a call"), .service = luaL_checkstring (L, SERVICE)};
  (void)status;
  (void)context;
  lua_settop (L, ARGUMENTS);
  read_options (L, &self.options);
  self.handle = placeholder_push (L);
  if (!name_handle (self.handle, self.service))
    return failure_text (L, "not enough memory");
  json_t *input = read_input (&self);
  if (!input && self.input.missing)
    return strand_wait (L, self.input.missing, TROUPE_LOOP_NEVER, 0, make);
  if (!input && self.input.failed) {
    if (!keep_failure (self.handle, handle_error (self.input.failed)))
      return failure_text (L, "not enough memory");
    return 1;
  }
  if (!input)
    return failure_text (L, "%s: its input: %s", self.service, self.input.why);
  bool made = settle_down (&self, send (&self, input, &error), &error);
  json_decref (input);
  if (!made)
    return failure_raise (L, &error, self.service);
  lua_gc (L, LUA_GCSTEP, HANDLE_BYTES);
  return 1;
}

// call (service, input, options, fan): its placeholder. options: deadline (s), wait, once, own, stream. fan: the id
// of the group, with a + behind it if others of it follow
static int
call (lua_State *L)
{
  lua_settop (L, ARGUMENTS);
  return make (L, LUA_OK, 0);
}

// placeholder (id, session): of a call that somebody else made, or this program in an earlier run.
static int
find (lua_State *L)
{
  troupe_script_t *engine = engine_of (L);
  strand_t *strand = strand_current (L, "a look for a call");
  troupe_task_t *task = strand->turn ? troupe_turn_task (strand->turn) : NULL;
  troupe_id_t id;
  troupe_error_t error;
  luaL_argcheck (L, troupe_id_of_text (&id, luaL_checkstring (L, 1)), 1, "the id of a call expected");
  const char *session = luaL_optstring (L, 2, NULL);
  handle_t *handle = placeholder_push (L);
  troupe_await_t await = {.id = &id,
                          .session = session || task ? session : engine->session,
                          .parent = task,
                          .settled = handle_settled,
                          .context = handle};
  if (troupe_node_await (engine->node, &handle->placeholder, &await, &error) != TROUPE_OK)
    return failure_raise (L, &error, NULL);
  handle->id = id;
  handle_track (handle);
  return 1;
}

// fan (): the id of a group of calls that don't hear each other; in a turn, the same in each attempt.
static int
fan (lua_State *L)
{
  strand_t *strand = strand_current (L, "a call");
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = strand->turn ? *troupe_task_call (troupe_turn_task (strand->turn)) : troupe_id_new ();
  unsigned number = ++strand->fans;
  for (int i = TROUPE_ID_SIZE - 1; strand->turn && number > 0; i--, number >>= 8)
    id.bytes[i] ^= (uint8_t)number;
  troupe_id_to_text (&id, text);
  lua_pushstring (L, text);
  return 1;
}

void
call_open (lua_State *L)
{
  static const luaL_Reg natives[] = {{"call", call}, {"fan", fan}, {NULL, NULL}};
  luaL_setfuncs (L, natives, 0);
  lua_pushcfunction (L, find);
  lua_setglobal (L, "placeholder");
}
