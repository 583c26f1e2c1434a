// SPDX-License-Identifier: Apache-2.0
//
// Making placeholders: what troupe_node_call and troupe_node_await check, and what a call inherits from the task that
// it is made for (its id, session, path, deadline, trace). Everything that can fail fails here, before anything has
// happened: once a placeholder exists, it settles or is refused.

#include "node/calling.h"
#include "node/deriving.h"
#include "node/inputs.h"
#include "node/ordering.h"
#include "node/serving.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  // A caller that hits the limit of open calls: time for some to settle.
  OVERLOADED_RETRY_MS = 250
};

static bool
session_valid (const char *session)
{
  size_t size = strnlen (session, NODE_SESSION_MAX + 1);
  if (size < 1 || size > NODE_SESSION_MAX)
    return false;
  for (size_t i = 0; i < size; i++)
    if (session[i] <= ' ' || session[i] > '~')
      return false;
  return true;
}

static troupe_err_t
check_session (const char *session, troupe_error_t *error)
{
  if (session == NULL || session_valid (session))
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "session", "leave it out to begin a new one",
                           "a session's name is 1 to %d printable ASCII characters without spaces", NODE_SESSION_MAX);
}

static troupe_err_t
check_room (node_core_t *core, const char *object, troupe_error_t *error)
{
  if (core->open_calls < NODE_CALLS_MAX)
    return TROUPE_OK;
  node_core_count (core, NODE_COUNT_CALLS_OVERLOADED);
  troupe_err_t err = troupe_error_set (error, TROUPE_OVERLOADED, object, "wait for some to settle",
                                       "%d calls of this process are open", NODE_CALLS_MAX);
  if (error != NULL)
    error->retry_after_ms = OVERLOADED_RETRY_MS;
  return err;
}

static troupe_err_t
check_parent (const troupe_task_t *parent, const char *object, troupe_error_t *error)
{
  if (parent == NULL || (!parent->cancelled && parent->core != NULL))
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_CANCELLED, object, NULL, "the task that it is made for was cancelled");
}

static troupe_err_t
check_nesting (const troupe_call_t *call, troupe_error_t *error)
{
  const troupe_task_t *parent = call->parent;
  if (parent == NULL)
    return TROUPE_OK;
  if (call->session != NULL && strcmp (call->session, parent->session) != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "leave the session or the parent out",
                             "a call made for a task is in the task's session");
  if (parent->path_count > TROUPE_PATH_MAX)
    return troupe_error_set (error, TROUPE_TOO_DEEP, call->service, "look for services that call each other in a ring",
                             "calls are nested more than %d deep", TROUPE_PATH_MAX);
  return check_parent (parent, call->service, error);
}

static bool
is_volatile (const troupe_call_t *call)
{
  return call->is_volatile || (call->parent != NULL && call->parent->is_volatile);
}

static troupe_err_t
check_hubs (const troupe_call_t *call, troupe_error_t *error)
{
  if (call->hubs_count > TROUPE_HUBS_MAX)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, NULL, "it is said in %u hubs; at most %d",
                             call->hubs_count, TROUPE_HUBS_MAX);
  if ((call->hubs_count > 0 || call->fan != NULL) && is_volatile (call))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "leave the hubs out, or call it durably",
                             "what is said in a hub is stored, and a volatile call isn't");
  return TROUPE_OK;
}

static troupe_err_t
check_call (node_core_t *core, const troupe_call_t *call, troupe_error_t *error)
{
  if (call->service == NULL || !troupe_service_name_valid (call->service))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "write kind/name, such as agent/alice",
                             "not a service's name");
  if (call->deadline_ms < 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "give milliseconds from now, or 0",
                             "the deadline is negative");
  if (call->once && is_volatile (call))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service, "call it durably",
                             "a volatile call may run twice, so it can't be one that runs at most once");
  troupe_err_t err = check_session (call->session, error);
  if (err == TROUPE_OK)
    err = check_nesting (call, error);
  if (err == TROUPE_OK)
    err = node_inputs_check (call, error);
  if (err == TROUPE_OK)
    err = check_hubs (call, error);
  return err != TROUPE_OK ? err : check_room (core, call->service, error);
}

// The smallest limit of the brokers that are up: whichever gets the call will take it.
size_t
node_size_limit (const node_core_t *core)
{
  size_t limit = TROUPE_VALUE_SIZE_MAX;
  for (unsigned i = 0; i < core->connections_count; i++) {
    const node_connection_t *connection = &core->connections[i];
    if (node_connection_up (connection) && connection->limit < limit)
      limit = connection->limit;
  }
  return limit;
}

static troupe_err_t
pack_input (const node_core_t *core, const troupe_call_t *call, troupe_buffer_t **out, troupe_error_t *error)
{
  troupe_err_t err = troupe_value_pack (call->input == NULL ? json_null () : call->input, out, error);
  if (err != TROUPE_OK)
    return err;
  size_t size = troupe_buffer_size (*out), limit = node_size_limit (core);
  if (size <= limit)
    return TROUPE_OK;
  troupe_buffer_unref (out);
  return troupe_error_set (error, TROUPE_TOO_LARGE, call->service, "send a URL of it, or raise limits.message",
                           "the input has %zu bytes; the mesh takes %zu", size, limit);
}

// -- Making ----------------------------------------------------------------------------------------------------------

static troupe_err_t
new_placeholder (node_core_t *core, const troupe_id_t *id, const char *session, const char *service,
                 troupe_placeholder_t **out)
{
  size_t session_size = strlen (session) + 1, service_size = service != NULL ? strlen (service) + 1 : 0;
  troupe_placeholder_t *self = malloc (sizeof *self + session_size + service_size);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  *self = (troupe_placeholder_t){.core = core}; // calloc would pass by the C library's caches
  self->id = *id;
  self->made_at = core->now;
  self->deadline = self->retry_at = self->refused_at = TROUPE_LOOP_NEVER;
  self->answered = true;
  self->timer.fire = node_placeholder_fire;
  self->ready.deliver = node_placeholder_deliver;
  node_list_init (&self->ready.place);
  node_list_init (&self->place);
  node_list_init (&self->sibling);
  node_list_init (&self->in_row);
  node_list_init (&self->needed_by);
  node_list_init (&self->parts);
  self->session = memcpy (self->texts, session, session_size);
  if (service != NULL)
    self->service = memcpy (self->texts + session_size, service, service_size);
  *out = self;
  return TROUPE_OK;
}

// Into the table (behind others of the same call) and the list of what waits for a connection.
static troupe_err_t
enter (troupe_placeholder_t *self)
{
  node_core_t *core = self->core;
  troupe_err_t err = node_timers_reserve (&core->timers);
  if (err != TROUPE_OK)
    return err;
  troupe_placeholder_t *first = node_table_find (&core->calls, &self->id);
  if (first == NULL)
    err = node_table_put (&core->calls, &self->id, self);
  else {
    self->twin = first->twin;
    first->twin = self;
  }
  if (err != TROUPE_OK) {
    node_timers_release (&core->timers, &self->timer);
    return err;
  }
  core->open_calls++;
  self->order = core->order++;
  node_list_append (&core->pending, &self->place);
  node_placeholder_arm (self);
  node_calling_watch (core);
  return TROUPE_OK;
}

static bool
inherit (troupe_placeholder_t *self, troupe_task_t *parent)
{
  if (parent->deadline != TROUPE_LOOP_NEVER &&
      (self->deadline == TROUPE_LOOP_NEVER || parent->deadline < self->deadline))
    self->deadline = parent->deadline;
  self->path = malloc (parent->path_count * sizeof *self->path);
  if (self->path == NULL)
    return false;
  memcpy (self->path, parent->path, parent->path_count * sizeof *self->path);
  self->path_count = parent->path_count;
  if (parent->trace != NULL && (self->trace = strdup (parent->trace)) == NULL)
    return false;
  self->parent = parent;
  node_list_append (&parent->children, &self->sibling);
  return true;
}

static bool
copy_inputs (troupe_placeholder_t *self, const troupe_call_t *call)
{
  if (call->inputs_count == 0)
    return true;
  self->inputs = malloc (call->inputs_count * sizeof *self->inputs);
  if (self->inputs == NULL)
    return false;
  for (unsigned i = 0; i < call->inputs_count; i++)
    self->inputs[i] = call->inputs[i]->id;
  self->inputs_count = call->inputs_count;
  return node_depending_enter (self, call->inputs, call->inputs_count) == TROUPE_OK;
}

static bool
copy_hubs (troupe_placeholder_t *self, const troupe_call_t *call)
{
  if (call->fan != NULL)
    self->fan = *call->fan;
  if (call->hubs_count == 0)
    return true;
  self->hubs = malloc (call->hubs_count * sizeof *self->hubs);
  if (self->hubs == NULL)
    return false;
  memcpy (self->hubs, call->hubs, call->hubs_count * sizeof *self->hubs);
  self->hubs_count = call->hubs_count;
  return true;
}

static const char *
session_of (node_core_t *core, const troupe_call_t *call, char fresh[TROUPE_ID_TEXT_SIZE])
{
  if (call->session != NULL)
    return call->session;
  if (call->parent != NULL)
    return call->parent->session;
  if (call->inputs_count > 0)
    return call->inputs[0]->session;
  troupe_id_t id = core->options.new_id (core->options.context);
  troupe_id_to_text (&id, fresh);
  return fresh;
}

static troupe_err_t
make_call (node_core_t *core, troupe_placeholder_t **out, const troupe_call_t *call, const troupe_id_t *id)
{
  char fresh[TROUPE_ID_TEXT_SIZE];
  troupe_placeholder_t *self = NULL;
  troupe_err_t err = new_placeholder (core, id, session_of (core, call, fresh), call->service, &self);
  if (err != TROUPE_OK)
    return err;
  self->flags = (call->part != NULL ? TROUPE_FLAG_STREAM : 0) | (call->wait ? TROUPE_FLAG_WAIT : 0) |
                (is_volatile (call) ? TROUPE_FLAG_VOLATILE : 0) | (call->once ? TROUPE_FLAG_ONCE : 0) |
                (call->fan != NULL && call->more ? TROUPE_FLAG_MORE : 0);
  self->part = call->part;
  self->settled = call->settled;
  self->context = call->context;
  if (call->deadline_ms > 0)
    self->deadline = core->now + call->deadline_ms;
  bool copied = copy_inputs (self, call) && copy_hubs (self, call);
  err = !copied || (call->parent != NULL && !inherit (self, call->parent)) ? TROUPE_NO_MEMORY : TROUPE_OK;
  if (err == TROUPE_OK)
    err = node_ordering_enter (self);
  if (err == TROUPE_OK)
    err = enter (self);
  if (err == TROUPE_OK)
    *out = self;
  else
    node_placeholder_free (self);
  return err;
}

// What an id is derived from is the journal of what is stored: a volatile call has a new one.
static troupe_err_t
choose_id (node_core_t *core, const troupe_call_t *call, troupe_id_t *id, node_derived_t **derived,
           troupe_error_t *error)
{
  if (call->parent != NULL && !is_volatile (call))
    return node_derive (call, id, derived, error);
  *id = core->options.new_id (core->options.context);
  return TROUPE_OK;
}

static void
move_to (node_core_t *core, int64_t now)
{
  if (now > core->now)
    core->now = now;
}

troupe_err_t
node_core_call (node_core_t *core, troupe_placeholder_t **out, const troupe_call_t *call, int64_t now,
                troupe_error_t *error)
{
  troupe_buffer_t *input = NULL;
  node_derived_t *derived = NULL;
  troupe_id_t id;
  move_to (core, now);
  troupe_err_t err = check_call (core, call, error);
  if (err == TROUPE_OK)
    err = choose_id (core, call, &id, &derived, error);
  if (err == TROUPE_OK)
    err = pack_input (core, call, &input, error);
  if (err != TROUPE_OK)
    return err;
  err = make_call (core, out, call, &id);
  if (err != TROUPE_OK) {
    troupe_buffer_unref (&input);
    return troupe_error_set (error, err, call->service, NULL, "%s", troupe_err_text (err));
  }
  if (derived != NULL)
    derived->count++;
  (*out)->input = input;
  node_core_wake (core);
  return TROUPE_OK;
}

static troupe_err_t
check_await (node_core_t *core, const troupe_await_t *await, const char *object, troupe_error_t *error)
{
  if (await->session == NULL && await->parent == NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, object, "name the session that the call was made in",
                             "a call is found by its session and its id");
  troupe_err_t err = check_session (await->session, error);
  if (err == TROUPE_OK)
    err = check_parent (await->parent, object, error);
  return err != TROUPE_OK ? err : check_room (core, object, error);
}

troupe_err_t
node_core_await (node_core_t *core, troupe_placeholder_t **out, const troupe_await_t *await, int64_t now,
                 troupe_error_t *error)
{
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_placeholder_t *self = NULL;
  move_to (core, now);
  troupe_id_to_text (await->id, text);
  troupe_err_t err = check_await (core, await, text, error);
  if (err != TROUPE_OK)
    return err;
  err = new_placeholder (core, await->id, await->session != NULL ? await->session : await->parent->session, NULL,
                         &self);
  if (err == TROUPE_OK && (err = enter (self)) != TROUPE_OK)
    node_placeholder_free (self);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, text, NULL, "%s", troupe_err_text (err));
  self->flags = await->part != NULL ? TROUPE_FLAG_STREAM : 0;
  self->part = await->part;
  self->settled = await->settled;
  self->context = await->context;
  if (await->parent != NULL) {
    self->parent = await->parent;
    node_list_append (&await->parent->children, &self->sibling);
  }
  node_core_wake (core);
  *out = self;
  return TROUPE_OK;
}
