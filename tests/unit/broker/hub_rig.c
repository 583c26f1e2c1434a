// SPDX-License-Identifier: Apache-2.0
#include "hub_rig.h"

bool hub_rig_twice;

// An accept that is made again says how the call stands.
static ledger_outcome_t
outcome_again (const ledger_request_t *request, ledger_outcome_t first)
{
  return request->op == LEDGER_ACCEPT && first == LEDGER_OK ? LEDGER_KNOWN : first;
}

const rig_result_t *
hub_rig_do (rig_t *rig, const ledger_request_t *request)
{
  static rig_result_t first;
  first = *rig_do (rig, &rig->a, request);
  if (!hub_rig_twice)
    return &first;
  const rig_result_t *again = rig_do (rig, &rig->a, request);
  cr_expect_eq (again->outcome, outcome_again (request, first.outcome), "%d: %d, %d", (int)request->op,
                (int)first.outcome, (int)again->outcome);
  cr_expect (again->ready == first.ready && again->attempt == first.attempt && again->status == first.status);
  cr_expect (again->news == first.news && again->position == first.position);
  cr_expect (again->body_size == first.body_size && memcmp (again->body, first.body, sizeof first.body) == 0);
  return &first;
}

static void
add_messages (ledger_request_t *request, const char *const *texts)
{
  static uint32_t sizes[LEDGER_MESSAGES_MAX];
  char bytes[4096] = "";
  for (; texts != NULL && *texts != NULL; texts++) {
    sizes[request->sizes_count++] = (uint32_t)strlen (*texts);
    strcat (bytes, *texts);
  }
  request->body = rig_buffer (bytes, strlen (bytes));
  request->sizes = sizes;
}

static ledger_request_t
operation (ledger_hub_op_t op, const troupe_id_t *hub, const troupe_id_t *parent)
{
  ledger_request_t request = hub_rig_call ("hub/op", parent, hub, hub != NULL ? 1 : 0);
  request.hub_op = op;
  request.lease_ms = 30000;
  return request;
}

const rig_result_t *
hub_rig_op (rig_t *rig, ledger_hub_op_t op, const troupe_id_t *hub, const troupe_id_t *parent, const char *const *texts)
{
  ledger_request_t request = operation (op, hub, parent);
  if (op == LEDGER_HUB_BROADCAST)
    add_messages (&request, texts);
  else
    request.members = texts;
  while (request.members != NULL && request.members[request.members_count] != NULL)
    request.members_count++;
  const rig_result_t *result = hub_rig_do (rig, &request);
  cr_expect_eq (result->outcome, LEDGER_SETTLED, "%d %s", (int)result->outcome, result->why);
  return result;
}

static troupe_id_t
open_hub (rig_t *rig, const troupe_id_t *parent, const char *announcement, const char *const *members,
          const uint64_t *live)
{
  ledger_request_t request = operation (LEDGER_HUB_OPEN, NULL, parent);
  request.live = live;
  request.members = members;
  while (members[request.members_count] != NULL)
    request.members_count++;
  add_messages (&request, announcement[0] != '\0' ? MEMBERS (announcement) : NULL);
  const rig_result_t *result = hub_rig_do (rig, &request);
  cr_assert_eq (result->outcome, LEDGER_SETTLED, "%s", result->why);
  cr_assert_eq (result->status, TROUPE_STATUS_VALUE);
  return request.call;
}

troupe_id_t
hub_rig_open (rig_t *rig, const troupe_id_t *parent, const char *announcement, const char *const *members)
{
  return open_hub (rig, parent, announcement, members, NULL);
}

troupe_id_t
hub_rig_open_live (rig_t *rig, const char *announcement, const char *const *members)
{
  static uint64_t all[LEDGER_MEMBERS_MAX / 64 + 1];
  memset (all, 0xff, sizeof all);
  return open_hub (rig, NULL, announcement, members, all);
}

ledger_request_t
hub_rig_call (const char *service, const troupe_id_t *parent, const troupe_id_t *hubs, uint32_t hubs_count)
{
  ledger_request_t request = rig_accept ("s", troupe_id_new (), service);
  if (parent != NULL)
    request = rig_nested ("s", request.call, service, parent, 1);
  request.retention_ms = 3600000;
  request.hubs = hubs;
  request.hubs_count = hubs_count;
  return request;
}

troupe_id_t
hub_rig_say (rig_t *rig, const char *service, const troupe_id_t *parent, const troupe_id_t *hub)
{
  ledger_request_t request = hub_rig_call (service, parent, hub, hub != NULL ? 1 : 0);
  const rig_result_t *result = hub_rig_do (rig, &request);
  cr_assert_eq (result->outcome, LEDGER_OK, "%d %s", (int)result->outcome, result->why);
  return request.call;
}

void
hub_rig_settle (rig_t *rig, troupe_id_t call, const char *value)
{
  ledger_request_t request = rig_settle ("s", call, 1, value);
  request.heard = true;
  cr_assert_eq (hub_rig_do (rig, &request)->outcome, LEDGER_OK);
}

void
hub_rig_end (rig_t *rig, troupe_id_t call, uint32_t attempt, troupe_status_t status)
{
  ledger_request_t request = rig_settle ("s", call, attempt, "!");
  request.status = status;
  cr_assert_eq (hub_rig_do (rig, &request)->outcome, LEDGER_OK);
}

bool
hub_rig_is_ready (rig_t *rig, troupe_id_t call)
{
  ledger_request_t request = {.op = LEDGER_AWAIT, .session = "s", .call = call};
  const rig_result_t *result = rig_do (rig, &rig->a, &request);
  cr_assert_eq (result->outcome, LEDGER_PENDING);
  return result->attempt > 0;
}

// Behind the head of the packed list.
static const char *
texts_of (const rig_result_t *result)
{
  const unsigned char *bytes = (const unsigned char *)result->body;
  cr_assert_gt (result->body_size, 0);
  return result->body + (bytes[0] >= 0x90 && bytes[0] < 0xa0 ? 1 : 3);
}

static const char *
hear (rig_t *rig, troupe_id_t call, uint32_t *news)
{
  static char text[RIG_NOTICES_MAX];
  *news = 0;
  if (!hub_rig_is_ready (rig, call))
    return "not ready";
  ledger_request_t request = rig_simple (LEDGER_HEAR, "s", call, 1);
  const rig_result_t *result = hub_rig_do (rig, &request);
  cr_assert_eq (result->outcome, LEDGER_OK, "%s", result->why);
  cr_expect_eq (result->position, 0);
  snprintf (text, sizeof text, "%s", texts_of (result));
  *news = result->news;
  return text;
}

const char *
hub_rig_heard (rig_t *rig, troupe_id_t call)
{
  uint32_t news;
  const char *text = hear (rig, call, &news);
  cr_expect (!hub_rig_is_ready (rig, call) || news == strlen (text), "%s: %d", text, (int)news);
  return text;
}

const char *
hub_rig_heard_in_hubs (rig_t *rig, troupe_id_t call)
{
  uint32_t news;
  const char *text = hear (rig, call, &news);
  cr_expect (!hub_rig_is_ready (rig, call) || news >= strlen (text), "%s: %d", text, (int)news);
  return text;
}
