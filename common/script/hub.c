// SPDX-License-Identifier: Apache-2.0
//
// Hubs in scripts (troupe/hub.h). A hub is open from msghub to the end of its block; every call that is made meanwhile,
// by the coroutine that opened it or one that it resumed, also in functions called from the block, is said in it. The
// block's variable closes the hub (__close), and what a coroutine that nobody resumes any more has left open is closed
// by the collector, or with the strand. What a workflow asked of a hub may fail after its block: it is told of that, and
// its end waits for it.

#include "script/engine.h"

#include <stdlib.h>
#include <string.h>

typedef struct hub hub_t;

struct hub {
  hub_t *next, **link; // of the strand's, the innermost first; link is NULL once it is closed
  troupe_hub_t *hub;
  troupe_script_t *workflow; // NULL: it is of a turn
  lua_State *owner;
};

// A hub that was left.
struct leaving {
  struct leaving *next, **link; // of the engine's
  troupe_script_t *engine;
  troupe_hub_t *hub;
};

static hub_t *
check (lua_State *L)
{
  hub_t *self = lua_touserdata (L, 1);
  bool right = self && lua_getmetatable (L, 1);
  if (right) {
    lua_rawgetp (L, LUA_REGISTRYINDEX, &script_hub_key);
    right = lua_rawequal (L, -1, -2);
    lua_pop (L, 2);
  }
  luaL_argexpected (L, right, 1, "hub");
  return self;
}

static hub_t *
check_open (lua_State *L)
{
  hub_t *self = check (L);
  if (!self->link)
    failure_text (L, "the hub has ended with its block");
  return self;
}

static void
forget (struct leaving *self)
{
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  troupe_hub_close (&self->hub);
  free (self);
}

void
hub_forget_all (troupe_script_t *engine)
{
  while (engine->leaving)
    forget (engine->leaving);
}

static void
left (void *context, troupe_hub_t *hub)
{
  struct leaving *self = context;
  (void)hub;
  engine_wake (self->engine); // it may end now
  forget (self);
}

static bool
leave (troupe_script_t *engine, troupe_hub_t *hub)
{
  struct leaving *self = malloc (sizeof *self);
  if (!self || troupe_hub_leave (hub, left, self, NULL) != TROUPE_OK) {
    free (self);
    return false;
  }
  *self = (struct leaving){.next = engine->leaving, .link = &engine->leaving, .engine = engine, .hub = hub};
  if (self->next)
    self->next->link = &self->next;
  engine->leaving = self;
  return true;
}

static void
end (hub_t *self)
{
  if (!self->link)
    return;
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  self->link = NULL;
  if (!self->workflow || !leave (self->workflow, self->hub))
    troupe_hub_close (&self->hub);
}

void
hub_close_all (strand_t *strand)
{
  while (strand->hubs)
    end (strand->hubs);
}

static bool
encloses (const hub_t *hub, const strand_t *strand)
{
  if (hub->owner == strand->L)
    return true;
  for (unsigned i = 0; i < strand->chain_count; i++)
    if (hub->owner == strand->chain[i])
      return true;
  return false;
}

unsigned
hub_enclosing (lua_State *L, troupe_id_t ids[SCRIPT_HUBS_MAX])
{
  const strand_t *strand = engine_of (L)->current;
  unsigned count = 0;
  for (const hub_t *hub = strand->hubs; hub && count < SCRIPT_HUBS_MAX; hub = hub->next)
    if (encloses (hub, strand))
      ids[count++] = *troupe_hub_id (hub->hub);
  return count;
}

// A member of the workflow's own may still be on its way into the mesh: that is no news.
static void
warn (void *context, troupe_hub_t *hub, const char *text, const troupe_error_t *error)
{
  const char *session = strchr (text, '#');
  (void)context;
  if (strstr (text, "not known") && session &&
      strncmp (session + 1, troupe_hub_session (hub), strlen (troupe_hub_session (hub))) == 0)
    return;
  const char *next = error ? error->next : ""; // of an error, `text` is why
  fprintf (stderr, "troupe: hub: %s%s%s%s\n", text, *next ? " (" : "", next, *next ? ")" : "");
}

// -- Members -----------------------------------------------------------------------------------------------------------

typedef struct {
  const char *names[TROUPE_HUB_MEMBERS_MAX];
  unsigned count;
} members_t;

// The list of services at `index`, which holds them; raises.
static void
take_members (lua_State *L, int index, members_t *out)
{
  luaL_checktype (L, index, LUA_TTABLE);
  lua_Unsigned count = lua_rawlen (L, index);
  if (count > TROUPE_HUB_MEMBERS_MAX)
    failure_text (L, "a hub has at most %d members", TROUPE_HUB_MEMBERS_MAX);
  out->count = (unsigned)count;
  for (unsigned i = 0; i < out->count; i++) {
    lua_rawgeti (L, index, (lua_Integer)i + 1);
    out->names[i] = luaL_checkstring (L, -1); // the list keeps it
    lua_pop (L, 1);
  }
}

static unsigned
count_enclosing (lua_State *L)
{
  troupe_id_t ids[SCRIPT_HUBS_MAX];
  return hub_enclosing (L, ids);
}

// The messages at `index` as a list; NULL with *missing: wait for that first, and come again.
static json_t *
take_messages (lua_State *L, int index, handle_t **missing)
{
  value_of_t conversion = {.refer = false};
  json_t *value = value_of (L, index, &conversion);
  *missing = conversion.missing;
  if (!value && conversion.failed)
    failure_raise (L, handle_error (conversion.failed), conversion.failed->service);
  else if (!value && !conversion.missing)
    failure_text (L, "the hub's messages: %s", conversion.why);
  return value;
}

static int
open_there (lua_State *L, int status, lua_KContext context)
{
  strand_t *strand = strand_current (L, "a hub");
  handle_t *missing = NULL;
  members_t members;
  troupe_error_t error;
  (void)status;
  (void)context;
  lua_settop (L, 2);
  take_members (L, 1, &members);
  if (count_enclosing (L) == SCRIPT_HUBS_MAX)
    return failure_text (L, "more than %d hubs in each other", SCRIPT_HUBS_MAX);
  hub_t *self = lua_newuserdatauv (L, sizeof *self, 0);
  *self = (hub_t){.workflow = strand->turn ? NULL : strand->engine, .owner = L};
  lua_rawgetp (L, LUA_REGISTRYINDEX, &script_hub_key);
  lua_setmetatable (L, -2);
  json_t *announcement = lua_isnil (L, 2) ? NULL : take_messages (L, 2, &missing);
  if (missing)
    return strand_wait (L, missing, TROUPE_LOOP_NEVER, 0, open_there);
  troupe_task_t *task = strand->turn ? troupe_turn_task (strand->turn) : NULL;
  troupe_hub_options_t options = {.session = task ? NULL : strand->engine->session,
                                  .parent = task,
                                  .members = members.names,
                                  .members_count = members.count,
                                  .announcement = announcement,
                                  .warning = warn};
  troupe_err_t code = troupe_hub_open (&self->hub, strand->engine->node, &options, &error);
  json_decref (announcement);
  if (code != TROUPE_OK)
    return failure_raise (L, &error, NULL);
  self->next = strand->hubs;
  self->link = &strand->hubs;
  if (self->next)
    self->next->link = &self->next;
  strand->hubs = self;
  return 1;
}

// hub_open (services, announcement)
static int
open_hub (lua_State *L)
{
  lua_settop (L, 2);
  return open_there (L, LUA_OK, 0);
}

static int
change (lua_State *L, troupe_err_t (*operation) (troupe_hub_t *, const char *const *, unsigned, troupe_error_t *))
{
  hub_t *self = check_open (L);
  members_t members;
  troupe_error_t error;
  lua_settop (L, 2);
  lua_getfield (L, LUA_REGISTRYINDEX, "troupe.services");
  lua_pushvalue (L, 2);
  lua_call (L, 1, 1);
  take_members (L, 3, &members);
  return operation (self->hub, members.names, members.count, &error) == TROUPE_OK ? 0 : failure_raise (L, &error, NULL);
}

static int
add (lua_State *L)
{
  return change (L, troupe_hub_add);
}

static int delete (lua_State *L)
{
  return change (L, troupe_hub_delete);
}

static int
broadcast_there (lua_State *L, int status, lua_KContext context)
{
  hub_t *self = check_open (L);
  handle_t *missing;
  troupe_error_t error;
  (void)status;
  (void)context;
  json_t *messages = take_messages (L, 2, &missing);
  if (!messages)
    return strand_wait (L, missing, TROUPE_LOOP_NEVER, 0, broadcast_there);
  troupe_err_t code = troupe_hub_broadcast (self->hub, messages, &error);
  json_decref (messages);
  return code == TROUPE_OK ? 0 : failure_raise (L, &error, NULL);
}

static int
broadcast (lua_State *L)
{
  check_open (L);
  lua_settop (L, 2);
  luaL_argcheck (L, !lua_isnil (L, 2), 2, "a message or a list of messages expected");
  return broadcast_there (L, LUA_OK, 0);
}

static int
set_auto_broadcast (lua_State *L)
{
  hub_t *self = check_open (L);
  troupe_error_t error;
  luaL_checktype (L, 2, LUA_TBOOLEAN);
  return troupe_hub_set_auto_broadcast (self->hub, lua_toboolean (L, 2), &error) == TROUPE_OK
           ? 0
           : failure_raise (L, &error, NULL);
}

static int
close (lua_State *L)
{
  end (check (L));
  return 0;
}

// remember_services (of): of (agents) gives the list of their services
static int
remember_services (lua_State *L)
{
  lua_settop (L, 1);
  lua_setfield (L, LUA_REGISTRYINDEX, "troupe.services");
  return 0;
}

void
hub_open (lua_State *L)
{
  static const luaL_Reg methods[] = {{"add", add},
                                     {"delete", delete},
                                     {"broadcast", broadcast},
                                     {"set_auto_broadcast", set_auto_broadcast},
                                     {NULL, NULL}};
  lua_newtable (L);
  luaL_newlib (L, methods);
  lua_setfield (L, -2, "__index");
  lua_pushcfunction (L, close);
  lua_setfield (L, -2, "__close");
  lua_pushcfunction (L, close);
  lua_setfield (L, -2, "__gc");
  lua_pushliteral (L, "hub");
  lua_setfield (L, -2, "__name");
  lua_rawsetp (L, LUA_REGISTRYINDEX, &script_hub_key);
  lua_pushcfunction (L, open_hub);
  lua_setfield (L, -2, "hub_open");
  lua_pushcfunction (L, remember_services);
  lua_setfield (L, -2, "remember_services");
}
