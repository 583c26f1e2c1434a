// SPDX-License-Identifier: Apache-2.0
//
// This is the one place where a broker looks into the body of a call, because the call is to itself. What the ledger
// gets is checked names and packed messages, so that no bytes of a caller's are ever unpacked inside Redis.

#include "broker/hubs.h"

#include "broker/answer.h"
#include "broker/registry.h"

#include "troupe/message.h"

#include <stdlib.h>

struct hub_work {
  ledger_hub_op_t op;
  troupe_id_t hub; // zero: it is opened
  const char **members;
  json_t *input; // holds their names
  uint64_t *unknown, *live;
  uint32_t members_count, messages_count;
  troupe_buffer_t *messages;
  uint32_t *sizes;
  bool silent;
};

static const struct {
  const char *name;
  ledger_hub_op_t op;
  const char *list; // the input's list that must be there
} operations[] = {
  {"hub/open", LEDGER_HUB_OPEN, "members"},     {"hub/add", LEDGER_HUB_ADD, "members"},
  {"hub/delete", LEDGER_HUB_DELETE, "members"}, {"hub/broadcast", LEDGER_HUB_BROADCAST, "messages"},
  {"hub/auto", LEDGER_HUB_AUTO_ON, NULL},       {"hub/close", LEDGER_HUB_CLOSE, NULL},
  {"hub/renew", LEDGER_HUB_RENEW, NULL},
};

bool
hubs_is_operation (troupe_text_t service)
{
  return service.size > 4 && memcmp (service.data, "hub/", 4) == 0;
}

static troupe_err_t
bad (const call_t *call, troupe_error_t *error, const char *why)
{
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service->name, "see the protocol's page about hubs", "%s",
                           why);
}

// -- Members ---------------------------------------------------------------------------------------------------------

static troupe_err_t
take_members (broker_core_t *core, const call_t *call, hub_work_t *work, const json_t *list, troupe_error_t *error)
{
  size_t count = json_array_size (list);
  if (count > LEDGER_MEMBERS_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, call->service->name, NULL, "%zu members; at most %d are taken",
                             count, LEDGER_MEMBERS_MAX);
  work->members = calloc (count + 1, sizeof *work->members);
  work->unknown = calloc (count / 64 + 1, sizeof *work->unknown);
  work->live = calloc (count / 64 + 1, sizeof *work->live);
  if (work->members == NULL || work->unknown == NULL || work->live == NULL)
    return answer_no_memory (core, call->service->name, error);
  for (size_t i = 0; i < count; i++) {
    const char *name = json_string_value (json_array_get (list, i));
    if (name == NULL || !troupe_service_name_valid (name))
      return bad (call, error, "members holds something that is not a service's name, such as agent/alice");
    const service_t *service = registry_find (core, troupe_text (name));
    bool served = service != NULL && service->instances_count > 0, of_session = strchr (name, '#') != NULL;
    if (!served && of_session) // its workflow is about to serve it: that is nothing to warn of
      work->live[i / 64] |= UINT64_C (1) << (i % 64);
    else if (!served)
      work->unknown[i / 64] |= UINT64_C (1) << (i % 64);
    else if (!service->actor)
      return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "name agents",
                               "it is no actor, so it has nothing to hear with");
    else if (registry_is_live (service))
      work->live[i / 64] |= UINT64_C (1) << (i % 64);
    work->members[i] = name;
  }
  work->members_count = (uint32_t)count;
  return TROUPE_OK;
}

// -- Messages --------------------------------------------------------------------------------------------------------

// One message in its full form, packed.
static troupe_err_t
pack_message (const call_t *call, json_t *message, unsigned number, troupe_buffer_t **out, troupe_error_t *error)
{
  json_t *whole = NULL;
  const troupe_id_t *root = call->path_count > 0 ? &call->path[0] : &call->id;
  if (!json_is_object (message))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, call->service->name, "send a list of messages",
                             "something in it is no message");
  troupe_err_t err = troupe_message_identify (&whole, message, &call->id, root, number, error);
  if (err == TROUPE_OK)
    err = troupe_value_pack (whole, out, error);
  json_decref (whole);
  return err;
}

static troupe_err_t
pack_all (const call_t *call, const json_t *list, troupe_buffer_t **packed, size_t *size, troupe_error_t *error)
{
  for (size_t i = 0; i < json_array_size (list); i++) {
    troupe_err_t err = pack_message (call, json_array_get (list, i), (unsigned)i + 1, &packed[i], error);
    if (err != TROUPE_OK)
      return err;
    *size += troupe_buffer_size (packed[i]);
  }
  return TROUPE_OK;
}

static troupe_err_t
join (broker_core_t *core, const call_t *call, hub_work_t *work, troupe_buffer_t *const *packed, size_t count,
      size_t size, troupe_error_t *error)
{
  char *bytes = malloc (size > 0 ? size : 1);
  work->sizes = calloc (count, sizeof *work->sizes);
  size_t at = 0;
  for (size_t i = 0; i < count && bytes != NULL && work->sizes != NULL; i++) {
    work->sizes[i] = (uint32_t)troupe_buffer_size (packed[i]);
    memcpy (bytes + at, troupe_buffer_data (packed[i]), work->sizes[i]);
    at += work->sizes[i];
  }
  work->messages_count = (uint32_t)count;
  bool joined = bytes != NULL && work->sizes != NULL &&
                troupe_buffer_new (&work->messages, bytes, size) == TROUPE_OK;
  free (bytes);
  return joined ? TROUPE_OK : answer_no_memory (core, call->service->name, error);
}

static troupe_err_t
take_messages (broker_core_t *core, const call_t *call, hub_work_t *work, const json_t *list, troupe_error_t *error)
{
  size_t count = json_array_size (list), size = 0;
  if (count == 0)
    return TROUPE_OK;
  if (count > LEDGER_MESSAGES_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, call->service->name, "broadcast them one after another",
                             "%zu messages at once; at most %d are taken", count, LEDGER_MESSAGES_MAX);
  troupe_buffer_t **packed = calloc (count, sizeof (troupe_buffer_t *));
  if (packed == NULL)
    return answer_no_memory (core, call->service->name, error);
  troupe_err_t err = pack_all (call, list, packed, &size, error);
  if (err == TROUPE_OK)
    err = join (core, call, work, packed, count, size, error);
  for (size_t i = 0; i < count; i++)
    troupe_buffer_unref (&packed[i]);
  free (packed);
  return err;
}

// -- The input -------------------------------------------------------------------------------------------------------

static bool
is_list_or_missing (const json_t *value)
{
  return value == NULL || json_is_array (value);
}

static bool
is_bool_or_missing (const json_t *value)
{
  return value == NULL || json_is_boolean (value);
}

static troupe_err_t
take_flags (const call_t *call, hub_work_t *work, const json_t *input, troupe_error_t *error)
{
  const json_t *on = json_object_get (input, "on"), *automatic = json_object_get (input, "auto");
  if (!is_bool_or_missing (automatic) || (work->op == LEDGER_HUB_AUTO_ON && !json_is_boolean (on)))
    return bad (call, error, "\"on\" (of hub/auto) and \"auto\" (of hub/open) are true or false");
  work->silent = json_is_false (automatic);
  if (work->op == LEDGER_HUB_AUTO_ON && json_is_false (on))
    work->op = LEDGER_HUB_AUTO_OFF;
  return TROUPE_OK;
}

static troupe_err_t
take_input (broker_core_t *core, const call_t *call, hub_work_t *work, const char *list, troupe_error_t *error)
{
  const json_t *input = work->input, *members = json_object_get (input, "members");
  const json_t *messages = json_object_get (input, work->op == LEDGER_HUB_OPEN ? "announcement" : "messages");
  const char *hub = json_string_value (json_object_get (input, "hub"));
  if (!json_is_object (input))
    return bad (call, error, "the input is no map");
  if (work->op != LEDGER_HUB_OPEN && (hub == NULL || !troupe_id_of_text (&work->hub, hub)))
    return bad (call, error, "\"hub\" is no id of a hub");
  if ((list != NULL && !json_is_array (json_object_get (input, list))) || !is_list_or_missing (members) ||
      !is_list_or_missing (messages))
    return bad (call, error, "\"members\" is a list of services, \"announcement\" and \"messages\" are lists of messages");
  troupe_err_t err = take_flags (call, work, input, error);
  if (err == TROUPE_OK)
    err = take_members (core, call, work, members, error);
  return err != TROUPE_OK ? err : take_messages (core, call, work, messages, error);
}

static troupe_err_t
unknown_operation (const call_t *call, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_UNKNOWN_SERVICE, call->service->name,
                           "call hub/open, hub/add, hub/delete, hub/broadcast, hub/auto, hub/close or hub/renew",
                           "there is no such operation on hubs");
}

troupe_err_t
hubs_prepare (broker_core_t *core, call_t *call, troupe_buffer_t *body, troupe_error_t *error)
{
  size_t count = sizeof operations / sizeof operations[0], i = 0;
  while (i < count && strcmp (operations[i].name, call->service->name) != 0)
    i++;
  if (i == count)
    return unknown_operation (call, error);
  if (call->inputs_count > 0)
    return bad (call, error, "an operation on a hub takes no values of other calls");
  call->hub_work = calloc (1, sizeof *call->hub_work);
  if (call->hub_work == NULL)
    return answer_no_memory (core, call->service->name, error);
  call->hub_work->op = operations[i].op;
  troupe_err_t err = troupe_value_unpack (troupe_buffer_data (body), troupe_buffer_size (body),
                                          &call->hub_work->input, error);
  return err != TROUPE_OK ? err : take_input (core, call, call->hub_work, operations[i].list, error);
}

const char *
hubs_messages (const call_t *call, const uint32_t **sizes, uint32_t *count)
{
  const hub_work_t *work = call->hub_work;
  *sizes = work != NULL ? work->sizes : NULL;
  *count = work != NULL ? work->messages_count : 0;
  return work != NULL ? troupe_buffer_data (work->messages) : NULL;
}

void
hubs_clear (call_t *call)
{
  hub_work_t *work = call->hub_work;
  call->hub_work = NULL;
  if (work == NULL)
    return;
  free (work->members);
  free (work->unknown);
  free (work->live);
  free (work->sizes);
  troupe_buffer_unref (&work->messages);
  json_decref (work->input);
  free (work);
}

void
hubs_fill_accept (const call_t *call, ledger_request_t *request)
{
  const hub_work_t *work = call->hub_work;
  request->hubs = call->hubs;
  request->hubs_count = call->hubs_count;
  request->fan = call->fan;
  if (work == NULL)
    return;
  request->hub_op = work->op;
  request->hubs = &work->hub;
  request->hubs_count = work->op == LEDGER_HUB_OPEN ? 0 : 1;
  request->members = work->members;
  request->members_count = work->members_count;
  request->unknown = work->unknown;
  request->live = work->live;
  request->body = work->messages;
  request->sizes = work->sizes;
  request->sizes_count = work->messages_count;
  request->silent = work->silent;
  request->lease_ms = HUBS_LEASE_MS;
}
