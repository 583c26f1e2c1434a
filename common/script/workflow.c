// SPDX-License-Identifier: Apache-2.0
//
// A workflow: a file that runs as the engine's first strand. When it has ended, the engine waits until nothing is lost
// by leaving: calls to agents that run inside have settled, all others are stored (whoever wants them finds them by
// their ids). When it failed or was interrupted, its calls are cancelled first, and the wait is short.

#include "script/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
  STORED_MS = 10 * 1000, // as long as a node waits for a broker
  CANCELLED_MS = 3000    // a turn that ignores its end keeps nobody
};

// It stands in the names of the workflow's own agents.
static troupe_err_t
check_session (const char *session, troupe_error_t *error)
{
  char name[TROUPE_SERVICE_NAME_MAX + 1];
  int size = snprintf (name, sizeof name, "agent/a#%s", session);
  if (size > 0 && (size_t)size < sizeof name && troupe_service_name_valid (name))
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "session",
                           "take at most 128 printable ASCII characters other than the space, '|', '#' and '@'",
                           "\"%.60s\" can't be the name of a session", session);
}

troupe_err_t
troupe_script_new (troupe_script_t **out, const troupe_script_options_t *options, troupe_error_t *error)
{
  troupe_script_t *self;
  troupe_err_t code = check_session (options->session, error);
  if (code == TROUPE_OK)
    code = engine_new (&self, options->memory_max, options->busy_ms, error);
  if (code != TROUPE_OK)
    return code;
  self->user = options->user;
  self->user_state = options->user_state;
  self->spawn = options->spawn;
  self->spawn_context = options->context;
  self->session = strdup (options->session);
  self->end_by = TROUPE_LOOP_NEVER;
  if (!self->session || engine_attach (self, options->node) != TROUPE_OK) {
    engine_destroy (&self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, "script", NULL, "out of memory");
  }
  *out = self;
  return TROUPE_OK;
}

void
troupe_script_destroy (troupe_script_t **self_p)
{
  engine_destroy (self_p);
}

// -- Ending ------------------------------------------------------------------------------------------------------------

static void
cancel_all (troupe_script_t *self)
{
  for (handle_t *handle = self->handles; handle; handle = handle->next)
    handle_cancel (handle);
}

static void
begin_end (troupe_script_t *self, int status, const char *trace, bool cancel)
{
  self->ending = true;
  self->status = status;
  if (trace && !self->trace)
    self->trace = strdup (trace);
  if (cancel)
    cancel_all (self);
  self->end_by = troupe_loop_now () + (cancel ? CANCELLED_MS : STORED_MS);
  engine_wake (self);
}

static void
main_done (void *context, strand_t *strand, const troupe_error_t *error, const char *trace)
{
  troupe_script_t *self = context;
  (void)strand;
  self->main = NULL;
  if (error)
    begin_end (self, troupe_err_exit (error->code), trace, true);
  else
    begin_end (self, self->status, NULL, false);
}

// Whether leaving now would lose a call.
static bool
needs (const handle_t *handle, bool late)
{
  troupe_call_state_t state = troupe_placeholder_state (handle->placeholder);
  if (handle->of_turn || state == TROUPE_CALL_SETTLED || state == TROUPE_CALL_REFUSED)
    return false;
  return handle->own || (state != TROUPE_CALL_STORED && !late);
}

int64_t
workflow_prepare (troupe_script_t *self, int64_t now)
{
  if (!self->ending || !self->ended)
    return TROUPE_LOOP_NEVER;
  bool late = now >= self->end_by, open = self->leaving && !late;
  for (const handle_t *handle = self->handles; handle; handle = handle->next)
    open = open || needs (handle, late);
  bool impatient = self->interrupted || self->trace;
  if (open && !(impatient && late))
    return late ? TROUPE_LOOP_NEVER : self->end_by;
  troupe_script_ended_fn *ended = self->ended;
  self->ended = NULL;
  ended (self->ended_context, self->status, self->trace);
  return TROUPE_LOOP_NEVER;
}

void
troupe_script_interrupt (troupe_script_t *self)
{
  if (self->interrupted) {
    self->end_by = troupe_loop_now ();
    engine_wake (self);
    return;
  }
  self->interrupted = true;
  strand_kill (&self->main);
  begin_end (self, troupe_err_exit (TROUPE_CANCELLED), NULL, true);
}

void
troupe_script_fail (troupe_script_t *self, const troupe_error_t *error)
{
  char text[TROUPE_ERROR_OBJECT_MAX + TROUPE_ERROR_WHY_MAX + TROUPE_ERROR_NEXT_MAX + 64];
  if (self->ending && !self->handles)
    return;
  snprintf (text, sizeof text, "%s: %s: %s%s%s%s", error->object, troupe_err_name (error->code), error->why,
            error->next[0] ? " (" : "", error->next, error->next[0] ? ")" : "");
  strand_kill (&self->main);
  begin_end (self, troupe_err_exit (error->code), text, true);
}

// -- Beginning ---------------------------------------------------------------------------------------------------------

typedef struct {
  const char *path;
  const char *const *arguments;
} load_t;

static int
load (lua_State *L)
{
  const load_t *self = lua_touserdata (L, 1);
  lua_newtable (L);
  lua_pushstring (L, self->path);
  lua_rawseti (L, -2, 0);
  for (int i = 0; self->arguments && self->arguments[i]; i++) {
    lua_pushstring (L, self->arguments[i]);
    lua_rawseti (L, -2, i + 1);
  }
  lua_setglobal (L, "arg");
  if (luaL_loadfilex (L, self->path, "t") != LUA_OK)
    return lua_error (L);
  lua_setfield (L, LUA_REGISTRYINDEX, "troupe.main");
  return 0;
}

static int
finished (lua_State *L, int status, lua_KContext context)
{
  (void)L;
  (void)status;
  (void)context;
  return 0;
}

static int
body (lua_State *L)
{
  int count;
  lua_getfield (L, LUA_REGISTRYINDEX, "troupe.main");
  lua_getglobal (L, "arg");
  count = (int)lua_rawlen (L, -1);
  luaL_checkstack (L, count, "too many arguments");
  for (int i = 1; i <= count; i++)
    lua_rawgeti (L, 3, i);
  lua_remove (L, 3);
  lua_callk (L, count, 0, 0, finished);
  return 0;
}

static troupe_err_t
check_file (const char *path, troupe_error_t *error)
{
  FILE *file = fopen (path, "re");
  if (!file)
    return troupe_error_set (error, errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO, path, "check the name",
                             "can't be read: %s", strerror (errno));
  fclose (file);
  return TROUPE_OK;
}

troupe_err_t
troupe_script_run (troupe_script_t *self, const char *path, const char *const *arguments, troupe_script_ended_fn *ended,
                   void *context, troupe_error_t *error)
{
  const char *slash = strrchr (path, '/');
  troupe_err_t code = check_file (path, error);
  if (code != TROUPE_OK)
    return code;
  self->directory = strndup (slash ? path : ".", slash ? (size_t)(slash - path) + (slash == path) : 1);
  troupe_error_t why = {.code = TROUPE_NO_MEMORY};
  code = self->directory ? engine_protect (self, load, &(load_t){path, arguments}, &why) : TROUPE_NO_MEMORY;
  if (code == TROUPE_OK) {
    code = strand_new (&self->main, self, body, main_done, self);
    self->ended = ended;
    self->ended_context = context;
  }
  if (code == TROUPE_NO_MEMORY)
    return troupe_error_set (error, code, path, NULL, "out of memory");
  return code == TROUPE_OK ? code : troupe_error_set (error, TROUPE_BAD_ARGUMENT, NULL, NULL, "%s", why.why);
}
