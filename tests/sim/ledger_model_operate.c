// SPDX-License-Identifier: Apache-2.0
//
// Operations on hubs, and their leases, in the model.

#include "sim/ledger_model_hub.h"

#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum { LONGER_MS = 1000 }; // that a hub stays open at most after its lease

static const char *
text_of (const troupe_id_t *id)
{
  static char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (id, text);
  return text;
}

static troupe_buffer_t *
pack (json_t *json)
{
  troupe_buffer_t *value = NULL;
  if (troupe_value_pack (json, &value, NULL) != TROUPE_OK)
    abort ();
  json_decref (json);
  return value;
}

static void
warn (json_t *warnings, const char *service, const char *what)
{
  json_array_append_new (warnings, json_sprintf ("%s %s", service, what));
}

static void
add_member (model_hub_t *hub, const char *service, uint64_t sequence, bool live)
{
  model_member_t *member = model_hub_member (hub, service);
  if (member == NULL) {
    hub->members = model_need (realloc (hub->members, (hub->members_count + 1) * sizeof *hub->members));
    member = &hub->members[hub->members_count++];
    *member = (model_member_t){.service = model_need (strdup (service)), .cursor = sequence};
  }
  member->live = live;
  member->times = model_need (realloc (member->times, (member->times_count + 1) * sizeof *member->times));
  member->times[member->times_count++] = (model_time_t){sequence, UINT64_MAX};
}

static void
add_members (const ledger_request_t *request, model_hub_t *hub, uint64_t sequence, json_t *warnings)
{
  for (uint32_t i = 0; i < request->members_count; i++) {
    if (model_hub_has (hub, request->members[i])) {
      warn (warnings, request->members[i], "is a member already");
      continue;
    }
    bool unknown = request->unknown != NULL && (request->unknown[i / 64] >> (i % 64) & 1) != 0;
    if (unknown)
      warn (warnings, request->members[i], "is not known here: nobody serves it now");
    bool live = unknown || (request->live != NULL && (request->live[i / 64] >> (i % 64) & 1) != 0);
    add_member (hub, request->members[i], sequence, live);
  }
}

static void
delete_members (const ledger_request_t *request, model_hub_t *hub, uint64_t sequence, json_t *warnings)
{
  for (uint32_t i = 0; i < request->members_count; i++) {
    model_member_t *member = model_hub_member (hub, request->members[i]);
    if (model_hub_has (hub, request->members[i]))
      member->times[member->times_count - 1].to = sequence;
    else
      warn (warnings, request->members[i], "is no member");
  }
}

static void
speak (model_step_t *step, model_hub_t *hub)
{
  const char *bytes = troupe_buffer_data (step->request->body);
  if (step->request->sizes_count > 0)
    model_hub_say (step, hub, step->model->sequence + 1);
  for (uint32_t i = 0; i < step->request->sizes_count; bytes += step->request->sizes[i++])
    model_hub_add_entry (hub, ++step->model->sequence, "")->said = model_bytes (bytes, step->request->sizes[i]);
}

static int64_t
retention_of (const model_step_t *step)
{
  enum { HOUR_MS = 3600 * 1000 };
  if (step->model->retention > 0)
    return step->model->retention;
  return step->request->retention_ms > HOUR_MS ? step->request->retention_ms : HOUR_MS;
}

static model_hub_t *
open_hub (model_step_t *step, const ledger_model_call_t *call, ledger_model_call_t *parent)
{
  model_hub_t *hub = model_need (calloc (1, sizeof *hub));
  *hub = (model_hub_t){.next = step->model->hubs,
                       .id = call->id,
                       .session = model_need (strdup (call->session)),
                       .open = true,
                       .automatic = !step->request->silent,
                       .retention = retention_of (step)};
  if (parent != NULL) {
    hub->parent = parent->id;
    parent->opens = true;
  }
  return step->model->hubs = hub;
}

static void
apply (model_step_t *step, model_hub_t *hub, uint64_t sequence, json_t *warnings)
{
  ledger_hub_op_t op = step->request->hub_op;
  if (op == LEDGER_HUB_OPEN || op == LEDGER_HUB_ADD)
    add_members (step->request, hub, sequence, warnings);
  if (op == LEDGER_HUB_DELETE)
    delete_members (step->request, hub, sequence, warnings);
  if (op == LEDGER_HUB_AUTO_ON || op == LEDGER_HUB_AUTO_OFF)
    hub->automatic = op == LEDGER_HUB_AUTO_ON;
  if (op == LEDGER_HUB_CLOSE) {
    hub->open = false;
    model_hub_tidy (hub, step->now);
  }
  int64_t least = step->now + step->request->lease_ms;
  if (troupe_id_is_zero (&hub->parent) && (hub->lease < least || hub->lease > least + LONGER_MS))
    hub->lease = least + LONGER_MS;
}

void
model_hub_operate (model_step_t *step, ledger_model_call_t *call, ledger_model_call_t *parent)
{
  const ledger_request_t *request = step->request;
  bool opens = request->hub_op == LEDGER_HUB_OPEN;
  troupe_err_t wrong = opens ? TROUPE_OK : model_hub_check (step->model, &request->hubs[0], parent);
  if (wrong == TROUPE_OK) {
    model_hub_t *hub = opens ? open_hub (step, call, parent) : model_hub_find (step->model, &request->hubs[0]);
    json_t *warnings = json_array (), *value = json_pack ("{ss}", "hub", text_of (&hub->id));
    apply (step, hub, call->sequence, warnings);
    if (opens || request->hub_op == LEDGER_HUB_BROADCAST)
      speak (step, hub);
    if (json_array_size (warnings) > 0)
      json_object_set (value, "warnings", warnings);
    json_decref (warnings);
    call->status = TROUPE_STATUS_VALUE;
    call->value = pack (value);
  } else {
    troupe_error_t error = {0};
    troupe_error_set (&error, wrong, "hub", NULL, "the hub is not there, or not the caller's");
    call->status = TROUPE_STATUS_ERROR;
    call->value = pack (troupe_error_to_json (&error));
  }
  model_settled (step, call);
}

// Its members hear on from where they were, unless it was given up.
static void
open_again (model_hub_t *hub)
{
  hub->open = true;
  hub->ends = 0;
  if (hub->gone)
    model_hub_let_all_go (hub);
  hub->gone = false;
}

void
model_hub_operate_again (model_step_t *step, ledger_model_call_t *parent)
{
  const ledger_request_t *request = step->request;
  bool opens = request->hub_op == LEDGER_HUB_OPEN;
  model_hub_t *hub = model_hub_find (step->model, opens ? &request->call : &request->hubs[0]);
  if (!opens && model_hub_check (step->model, &request->hubs[0], parent) != TROUPE_OK)
    return;
  if (opens) {
    open_again (hub);
    hub->automatic = !request->silent;
  }
  json_t *warnings = json_array ();
  apply (step, hub, step->model->sequence, warnings);
  json_decref (warnings);
}

void
model_hub_sweep (ledger_model_t *self, unsigned slot, int64_t now)
{
  for (model_hub_t *hub = self->hubs; hub != NULL; hub = hub->next) {
    if (ledger_slot (hub->session) != slot)
      continue;
    if (hub->lease != 0 && hub->lease <= now)
      hub->open = false;
    model_hub_tidy (hub, now);
  }
}
