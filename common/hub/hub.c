// SPDX-License-Identifier: Apache-2.0
//
// A hub is a log that the brokers keep in the store; what is done to it are calls to the built-in services hub/open,
// hub/add and so on, which brokers carry out in the step that accepts them. So everything that holds for calls holds
// here: they are sent again until they are answered, take effect once and in the order in which they were made, end
// with the task that they are made for, and are the same again when that task runs a second time. The hub's id is that
// of the call which opens it, and so is known at once.
//
// A hub without a parent belongs to this process. It is renewed now and then; when that stops, the store closes it.

#include "troupe/hub.h"
#include "troupe/log.h"
#include "troupe/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  RENEW_MS = 10 * 1000, // a third of the lease that the brokers give: two may be lost
};

typedef struct op op_t;
struct op {
  op_t *next, **link; // in the hub's list
  troupe_hub_t *hub;
  troupe_placeholder_t *placeholder;
  bool closes; // if that fails, it is closed
};

struct troupe_hub {
  troupe_node_t *node;
  troupe_task_t *parent; // NULL: the process's own
  char *session;
  troupe_id_t id;
  op_t *ops; // under way
  int64_t renew_at;
  troupe_hub_warning_fn *warning;
  void *context;
  troupe_hub_left_fn *left; // it has been left; NULL: not so
  void *left_context;
};

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "hub", NULL, "out of memory");
}

// -- What comes of operations ----------------------------------------------------------------------------------------

static void
warn (troupe_hub_t *self, const char *text, const troupe_error_t *error)
{
  char id[TROUPE_ID_TEXT_SIZE];
  if (self->warning != NULL) {
    self->warning (self->context, self, text, error);
    return;
  }
  troupe_id_to_text (&self->id, id);
  if (error != NULL)
    troupe_log_error (TROUPE_LOG_WARNING, "hub operation failed", error);
  else
    troupe_log (TROUPE_LOG_WARNING, "hub", "hub", id, "warning", text, NULL);
}

static void
drop (op_t *op)
{
  *op->link = op->next;
  if (op->next != NULL)
    op->next->link = op->link;
  troupe_placeholder_destroy (&op->placeholder);
  free (op);
}

// All warnings of an operation as one text, that is freed; NULL: none (or no memory).
static char *
join (const json_t *warnings)
{
  char *text = NULL;
  for (size_t i = 0; i < json_array_size (warnings); i++) {
    const char *each = json_string_value (json_array_get (warnings, i));
    char *longer = NULL;
    if (each == NULL || asprintf (&longer, "%s%s%s", text != NULL ? text : "", text != NULL ? "; " : "", each) < 0)
      continue;
    free (text);
    text = longer;
  }
  return text;
}

// Whether the program should know. A task that is over takes its hub along.
static bool
is_news (const op_t *op, const troupe_error_t *error)
{
  return error->code != TROUPE_OK && !op->closes && (op->hub->parent == NULL || error->code != TROUPE_CANCELLED);
}

// The function that is told may close the hub, unless that was left; so it is told last.
static void
settled (void *context, troupe_placeholder_t *placeholder)
{
  op_t *op = context;
  troupe_hub_t *self = op->hub;
  troupe_error_t error = *troupe_placeholder_error (placeholder);
  char *warnings = join (json_object_get (troupe_placeholder_value (placeholder), "warnings"));
  bool news = is_news (op, &error);
  drop (op);
  bool last = self->left != NULL && self->ops == NULL;
  if (error.code == TROUPE_OK && warnings != NULL)
    warn (self, warnings, NULL);
  else if (news)
    warn (self, error.why, &error);
  free (warnings);
  if (last)
    self->left (self->left_context, self);
}

// -- Operations ------------------------------------------------------------------------------------------------------

// `input` is given up; NULL: there was no memory for it.
static troupe_err_t
operate (troupe_hub_t *self, const char *service, json_t *input, troupe_error_t *error)
{
  op_t *op = calloc (1, sizeof *op);
  if (op == NULL || input == NULL) {
    free (op);
    json_decref (input);
    return no_memory (error);
  }
  troupe_call_t call = {.service = service,
                        .input = input,
                        .session = self->session,
                        .parent = self->parent,
                        .settled = settled,
                        .context = op};
  troupe_err_t err = troupe_node_call (self->node, &op->placeholder, &call, error);
  json_decref (input);
  if (err != TROUPE_OK) {
    free (op);
    return err;
  }
  *op = (op_t){.next = self->ops, .link = &self->ops, .hub = self, .placeholder = op->placeholder};
  if (op->next != NULL)
    op->next->link = &op->next;
  self->ops = op;
  self->renew_at = troupe_loop_now () + RENEW_MS;
  return TROUPE_OK;
}

// {"hub": id}, for the operations on one that is open.
static json_t *
about (const troupe_hub_t *self)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&self->id, id);
  return json_pack ("{s:s}", "hub", id);
}

// The object with one member more, which is given up like the object; NULL: no memory.
static json_t *
with (json_t *object, const char *key, json_t *member)
{
  if (object != NULL && member != NULL && json_object_set (object, key, member) == 0) {
    json_decref (member);
    return object;
  }
  json_decref (object);
  json_decref (member);
  return NULL;
}

static troupe_err_t
check_members (const char *const *members, unsigned count, troupe_error_t *error)
{
  if (count > TROUPE_HUB_MEMBERS_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, "hub", NULL, "%u members; a hub has at most %d", count,
                             TROUPE_HUB_MEMBERS_MAX);
  for (unsigned i = 0; i < count; i++)
    if (members[i] == NULL || !troupe_service_name_valid (members[i]))
      return troupe_error_set (error, TROUPE_BAD_ARGUMENT, members[i], "write kind/name, such as agent/alice",
                               "not a service's name");
  return TROUPE_OK;
}

static json_t *
list_of (const char *const *members, unsigned count)
{
  json_t *list = json_array ();
  for (unsigned i = 0; i < count && list != NULL; i++)
    if (json_array_append_new (list, json_string (members[i])) != 0) {
      json_decref (list);
      list = NULL;
    }
  return list;
}

// A message or a list of messages, as a list; NULL: no memory. The brokers give ids to those that have none, so that
// it is here only seen that they are messages.
static json_t *
messages_of (const json_t *messages, troupe_error_t *error)
{
  json_t *list = json_array ();
  size_t count = json_is_array (messages) ? json_array_size (messages) : 1;
  troupe_err_t err = list == NULL ? no_memory (error) : TROUPE_OK;
  for (size_t i = 0; i < count && err == TROUPE_OK; i++) {
    json_t *each = json_is_array (messages) ? json_incref (json_array_get (messages, i)) : json_pack ("O", messages);
    troupe_message_t *read = NULL;
    err = troupe_message_of_json (&read, each, error);
    troupe_message_unref (&read);
    if (json_array_append_new (list, each) != 0)
      err = no_memory (error);
  }
  if (err == TROUPE_OK)
    return list;
  json_decref (list);
  return NULL;
}

troupe_err_t
troupe_hub_add (troupe_hub_t *self, const char *const *members, unsigned count, troupe_error_t *error)
{
  troupe_err_t err = check_members (members, count, error);
  return err != TROUPE_OK ? err
                          : operate (self, "hub/add", with (about (self), "members", list_of (members, count)), error);
}

troupe_err_t
troupe_hub_delete (troupe_hub_t *self, const char *const *members, unsigned count, troupe_error_t *error)
{
  troupe_err_t err = check_members (members, count, error);
  return err != TROUPE_OK
           ? err
           : operate (self, "hub/delete", with (about (self), "members", list_of (members, count)), error);
}

troupe_err_t
troupe_hub_broadcast (troupe_hub_t *self, const json_t *messages, troupe_error_t *error)
{
  troupe_error_t why = {0};
  json_t *list = messages_of (messages, &why);
  if (list != NULL)
    return operate (self, "hub/broadcast", with (about (self), "messages", list), error);
  if (error != NULL)
    *error = why;
  return why.code;
}

troupe_err_t
troupe_hub_set_auto_broadcast (troupe_hub_t *self, bool on, troupe_error_t *error)
{
  return operate (self, "hub/auto", with (about (self), "on", json_boolean (on)), error);
}

// -- Opening and closing ---------------------------------------------------------------------------------------------

static int64_t
renew (void *context, int64_t now)
{
  troupe_hub_t *self = context;
  if (now >= self->renew_at) {
    self->renew_at = now + RENEW_MS;
    operate (self, "hub/renew", about (self), NULL); // what can't be made now is made a while later
  }
  return self->renew_at;
}

static void
free_hub (troupe_hub_t *self)
{
  while (self->ops != NULL)
    drop (self->ops);
  free (self->session);
  free (self);
}

static troupe_err_t
begin (troupe_hub_t *self, const troupe_hub_options_t *options, troupe_error_t *error)
{
  json_t *input = with (json_object (), "members", list_of (options->members, options->members_count));
  if (options->announcement != NULL) {
    troupe_error_t why = {0};
    json_t *list = messages_of (options->announcement, &why);
    if (list == NULL) {
      json_decref (input);
      if (error != NULL)
        *error = why;
      return why.code;
    }
    input = with (input, "announcement", list);
  }
  if (options->silent)
    input = with (input, "auto", json_false ());
  troupe_err_t err = operate (self, "hub/open", input, error);
  if (err == TROUPE_OK)
    self->id = *troupe_placeholder_id (self->ops->placeholder);
  return err;
}

troupe_err_t
troupe_hub_open (troupe_hub_t **out, troupe_node_t *node, const troupe_hub_options_t *options, troupe_error_t *error)
{
  const char *session = options->session;
  if (session == NULL && options->parent != NULL)
    session = troupe_task_session (options->parent);
  if (session == NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "hub", "name the session whose actors meet in it",
                             "a hub belongs to a session");
  troupe_err_t err = check_members (options->members, options->members_count, error);
  if (err != TROUPE_OK)
    return err;
  troupe_hub_t *self = calloc (1, sizeof *self);
  if (self == NULL || (self->session = strdup (session)) == NULL) {
    free (self);
    return no_memory (error);
  }
  self->node = node;
  self->parent = options->parent;
  self->warning = options->warning;
  self->context = options->context;
  err = begin (self, options, error);
  if (err == TROUPE_OK && self->parent == NULL &&
      troupe_loop_add_prepare (troupe_node_loop (node), renew, self) != TROUPE_OK)
    err = no_memory (error);
  if (err == TROUPE_OK)
    *out = self;
  else
    free_hub (self);
  return err;
}

static void
stop_renewing (troupe_hub_t *self)
{
  if (self->parent == NULL)
    troupe_loop_remove_prepare (troupe_node_loop (self->node), renew, self);
}

void
troupe_hub_close (troupe_hub_t **self_p)
{
  troupe_hub_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  if (self->left == NULL) {
    stop_renewing (self);
    operate (self, "hub/close", about (self), NULL); // without memory for it, the lease closes it
  }
  free_hub (self);
}

troupe_err_t
troupe_hub_leave (troupe_hub_t *self, troupe_hub_left_fn *left, void *context, troupe_error_t *error)
{
  troupe_err_t err = operate (self, "hub/close", about (self), error);
  if (err != TROUPE_OK)
    return err;
  stop_renewing (self);
  self->ops->closes = true;
  self->left = left;
  self->left_context = context;
  return TROUPE_OK;
}

const troupe_id_t *
troupe_hub_id (const troupe_hub_t *self)
{
  return &self->id;
}

const char *
troupe_hub_session (const troupe_hub_t *self)
{
  return self->session;
}
