// SPDX-License-Identifier: Apache-2.0
//
// Hubs that a call opened and closed, for what it makes afterwards: in the same attempt, and in the next one.
#include "hub_rig.h"

#define HEARS(rig, call, text) cr_expect_str_eq (hub_rig_heard (rig, call), text)

static ledger_request_t
operation (ledger_hub_op_t op, const troupe_id_t *parent, const troupe_id_t *hub, const char *const *members)
{
  ledger_request_t request = hub_rig_call ("hub/op", parent, hub, hub != NULL ? 1 : 0);
  request.hub_op = op;
  request.lease_ms = 30000;
  request.body = NULL;
  request.members = members;
  while (members != NULL && members[request.members_count] != NULL)
    request.members_count++;
  return request;
}

// The parent's next attempt makes it, twice.
static ledger_outcome_t
again (rig_t *rig, ledger_request_t *request)
{
  request->parent_attempt = 2;
  ledger_outcome_t first = rig_do (rig, &rig->a, request)->outcome;
  cr_expect_eq (rig_do (rig, &rig->a, request)->outcome, first == LEDGER_OK ? LEDGER_KNOWN : first);
  return first;
}

static void
ask (rig_t *rig, ledger_request_t *request)
{
  ledger_outcome_t outcome = rig_do (rig, &rig->a, request)->outcome;
  cr_assert_eq (outcome, request->hub_op != LEDGER_HUB_NONE ? LEDGER_SETTLED : LEDGER_OK, "%d", (int)outcome);
}

static void
fail (rig_t *rig, troupe_id_t call)
{
  ledger_request_t fails = rig_settle ("s", call, 1, "!");
  fails.status = TROUPE_STATUS_ERROR;
  fails.retryable = true;
  cr_assert_eq (rig_do (rig, &rig->a, &fails)->outcome, LEDGER_OK);
}

static void
retry (rig_t *rig, troupe_id_t call)
{
  ledger_request_t request = rig_simple (LEDGER_RETRY, "s", call, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &request)->outcome, LEDGER_OK);
}

static void
settle_anew (rig_t *rig, troupe_id_t call, const char *value)
{
  ledger_request_t settle = rig_settle ("s", call, 2, value);
  settle.heard = true;
  cr_assert_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
}

Test (ledger_hub_attempts, a_closed_hub_is_open_for_the_next_attempt)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  ledger_request_t open = operation (LEDGER_HUB_OPEN, &flow, NULL, MEMBERS ("agent/a", "agent/b"));
  ask (rig, &open);
  ledger_request_t add = operation (LEDGER_HUB_ADD, &flow, &open.call, MEMBERS ("agent/c"));
  ask (rig, &add);
  ledger_request_t first = hub_rig_call ("agent/a", &flow, &open.call, 1);
  ask (rig, &first);
  fail (rig, first.call);
  ledger_request_t close = operation (LEDGER_HUB_CLOSE, &flow, &open.call, NULL);
  ask (rig, &close); // nobody has anything to hear: it is gone
  retry (rig, flow);
  cr_expect_eq (again (rig, &open), LEDGER_SETTLED);
  cr_expect_eq (again (rig, &add), LEDGER_SETTLED);
  cr_expect_eq (again (rig, &first), LEDGER_OK, "it begins anew, in the hub");
  settle_anew (rig, first.call, "A");
  ledger_request_t second = hub_rig_call ("agent/b", &flow, &open.call, 1);
  second.parent_attempt = 2;
  ask (rig, &second);
  HEARS (rig, second.call, "A");
  ledger_request_t third = hub_rig_call ("agent/c", &flow, &open.call, 1);
  third.parent_attempt = 2;
  ask (rig, &third);
  hub_rig_settle (rig, second.call, "B");
  HEARS (rig, third.call, "AB");
  cr_expect_eq (again (rig, &close), LEDGER_SETTLED);
  ledger_request_t late = hub_rig_call ("agent/a", &flow, &open.call, 1);
  late.parent_attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &late)->outcome, LEDGER_SETTLED);
  cr_expect (rig_body_has (&rig->a.last, "unknown_hub"), "closed again");
  rig_stop (rig);
}

Test (ledger_hub_attempts, what_was_said_is_not_said_again_and_is_heard_once)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  ledger_request_t open = operation (LEDGER_HUB_OPEN, &flow, NULL, MEMBERS ("agent/a", "agent/b"));
  open.body = rig_buffer ("W", 1);
  open.sizes = (const uint32_t[]){1};
  open.sizes_count = 1;
  ask (rig, &open);
  ledger_request_t first = hub_rig_call ("agent/a", &flow, &open.call, 1);
  ask (rig, &first);
  HEARS (rig, first.call, "W");
  hub_rig_settle (rig, first.call, "A");
  ledger_request_t second = hub_rig_call ("agent/b", &flow, &open.call, 1);
  ask (rig, &second);
  fail (rig, second.call);
  ledger_request_t close = operation (LEDGER_HUB_CLOSE, &flow, &open.call, NULL);
  ask (rig, &close);
  retry (rig, flow);
  cr_expect_eq (again (rig, &open), LEDGER_SETTLED);
  cr_expect_eq (again (rig, &first), LEDGER_SETTLED);
  cr_expect_eq (again (rig, &second), LEDGER_OK);
  cr_expect_eq (rig->a.last.news, 2);
  ledger_request_t hear = rig_simple (LEDGER_HEAR, "s", second.call, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &hear)->outcome, LEDGER_OK);
  cr_expect (memcmp (rig->a.last.body + rig->a.last.body_size - 2, "WA", 2) == 0);
  settle_anew (rig, second.call, "B");
  ledger_request_t third = hub_rig_call ("agent/a", &flow, &open.call, 1);
  third.parent_attempt = 2;
  ask (rig, &third);
  HEARS (rig, third.call, "B");
  rig_stop (rig);
}

// What was lost on its way is not overtaken by what follows: that would find the hub closed.
Test (ledger_hub_attempts, the_next_attempt_too_goes_in_order)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  ledger_request_t open = operation (LEDGER_HUB_OPEN, &flow, NULL, MEMBERS ("agent/a", "agent/b"));
  ask (rig, &open);
  ledger_request_t first = hub_rig_call ("agent/a", &flow, &open.call, 1);
  ask (rig, &first);
  fail (rig, first.call);
  ledger_request_t close = operation (LEDGER_HUB_CLOSE, &flow, &open.call, NULL);
  ask (rig, &close);
  retry (rig, flow);
  first.previous = open.call;
  close.previous = first.call;
  cr_expect_eq (again (rig, &first), LEDGER_OUT_OF_ORDER);
  cr_expect_eq (again (rig, &close), LEDGER_OUT_OF_ORDER);
  cr_expect_eq (again (rig, &open), LEDGER_SETTLED);
  cr_expect_eq (again (rig, &first), LEDGER_OK);
  cr_expect_eq (again (rig, &close), LEDGER_SETTLED);
  rig_stop (rig);
}

// As callers outside of calls do.
Test (ledger_hub_attempts, behind_a_closed_hub_a_member_waits_for_what_was_asked_in_it)
{
  rig_t *rig = rig_start (NULL);
  hub_rig_twice = true;
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL);
  troupe_id_t hub = hub_rig_open (rig, &flow, "W", MEMBERS ("agent/a", "agent/b"));
  troupe_id_t said = hub_rig_say (rig, "agent/b", &flow, &hub);
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, &flow, NULL);
  troupe_id_t later = hub_rig_say (rig, "agent/a", &flow, NULL);
  cr_expect_not (hub_rig_is_ready (rig, later));
  hub_rig_settle (rig, said, "B");
  HEARS (rig, later, "WB");
  hub_rig_settle (rig, later, "-");
  rig_stop (rig);
}

Test (ledger_hub_attempts, behind_many_closed_hubs_too)
{
  enum { HUBS = 17 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL), said[HUBS];
  for (int i = 0; i < HUBS; i++) {
    troupe_id_t hub = hub_rig_open (rig, &flow, "", MEMBERS ("agent/a", "agent/b", "agent/c"));
    said[i] = hub_rig_say (rig, "agent/b", &flow, &hub);
    hub_rig_op (rig, LEDGER_HUB_CLOSE, &hub, &flow, NULL);
  }
  troupe_id_t later = hub_rig_say (rig, "agent/a", &flow, NULL);
  for (int i = 0; i < HUBS; i++) {
    cr_expect_not (hub_rig_is_ready (rig, later), "%d", i);
    if (i > 0)
      hub_rig_settle (rig, said[i - 1], "B");
  }
  hub_rig_settle (rig, said[HUBS - 1], "B");
  HEARS (rig, later, "BBBBBBBBBBBBBBBBB");
  rig_stop (rig);
}
