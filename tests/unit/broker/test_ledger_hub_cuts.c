// SPDX-License-Identifier: Apache-2.0
//
// An actor in several hubs of one caller: what is said in two of them it hears once, and all in one order.
#include "hub_rig.h"

#define HEARS(rig, call, text) cr_expect_str_eq (hub_rig_heard_in_hubs (rig, call), text)

static const troupe_id_t group = {{7}};

static ledger_request_t
call_in (const char *service, const troupe_id_t *parent, const troupe_id_t *hubs, uint32_t count, bool grouped)
{
  ledger_request_t request = hub_rig_call (service, parent, hubs, count);
  if (grouped)
    request.fan = group;
  return request;
}

static troupe_id_t
make (rig_t *rig, const ledger_request_t *request)
{
  const rig_result_t *result = rig_do (rig, &rig->a, request);
  cr_assert_eq (result->outcome, LEDGER_OK, "%d %s", (int)result->outcome, result->why);
  return request->call;
}

// Says in the hubs what one letter has, in a call that may be of the group.
static void
say (rig_t *rig, const char *service, const troupe_id_t *parent, const troupe_id_t *hubs, uint32_t count, bool grouped,
     const char *text)
{
  ledger_request_t request = call_in (service, parent, hubs, count, grouped);
  hub_rig_settle (rig, make (rig, &request), text);
}

static void
open_two (rig_t *rig, const troupe_id_t *parent, troupe_id_t hubs[2])
{
  for (int i = 0; i < 2; i++)
    hubs[i] = hub_rig_open (rig, parent, "", MEMBERS ("agent/a", "agent/b", "agent/c", "agent/x"));
}

// The last member is asked in both; then it is asked again, and has still to hear what it didn't before.
static void
ask_twice (rig_t *rig, const troupe_id_t *parent, const troupe_id_t hubs[2], const char *first, const char *second)
{
  ledger_request_t request = call_in ("agent/x", parent, hubs, 2, true);
  troupe_id_t call = make (rig, &request);
  HEARS (rig, call, first);
  hub_rig_settle (rig, call, "X");
  request = call_in ("agent/x", parent, hubs, 2, false);
  call = make (rig, &request);
  HEARS (rig, call, second);
  hub_rig_settle (rig, call, "X");
}

Test (ledger_hub_cuts, a_group_stands_at_one_place_whatever_hubs_its_calls_name)
{
  for (int nested = 0; nested < 2; nested++) {
    rig_t *rig = rig_start (NULL);
    troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL), hubs[2], *parent = nested ? &flow : NULL;
    open_two (rig, parent, hubs);
    say (rig, "agent/a", parent, &hubs[0], 1, true, "A");
    say (rig, "agent/c", parent, hubs, 2, false, "C");
    say (rig, "agent/b", parent, &hubs[1], 1, true, "B"); // in the other hub it is the first of the group
    ask_twice (rig, parent, hubs, "", "ACB");
    rig_stop (rig);
  }
}

Test (ledger_hub_cuts, a_hub_that_was_closed_meanwhile_is_heard_up_to_the_same_place)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL), hubs[2];
  open_two (rig, &flow, hubs);
  say (rig, "agent/a", &flow, &hubs[1], 1, true, "A");
  say (rig, "agent/c", &flow, hubs, 2, false, "C");
  hub_rig_op (rig, LEDGER_HUB_CLOSE, &hubs[0], &flow, NULL);
  ledger_request_t request = call_in ("agent/x", &flow, &hubs[1], 1, true);
  troupe_id_t call = make (rig, &request);
  HEARS (rig, call, "");
  hub_rig_settle (rig, call, "X");
  HEARS (rig, hub_rig_say (rig, "agent/x", &flow, &hubs[1]), "AC");
  rig_stop (rig);
}

Test (ledger_hub_cuts, who_is_of_a_group_and_says_nothing_hears_no_more_than_the_others)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t flow = hub_rig_say (rig, "workflow/w", NULL, NULL), hubs[2];
  open_two (rig, &flow, hubs);
  say (rig, "agent/a", &flow, &hubs[0], 1, true, "A");
  ledger_request_t request = call_in ("agent/x", &flow, NULL, 0, true);
  HEARS (rig, make (rig, &request), "");
  rig_stop (rig);
}

// A nested call that has nothing to do with the hubs waits for nothing that is younger than its root.
Test (ledger_hub_cuts, what_holds_a_call_back_in_one_hub_does_so_in_the_others)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = hub_rig_say (rig, "tool/t", NULL, NULL), hubs[2];
  open_two (rig, NULL, hubs);
  say (rig, "agent/b", NULL, &hubs[1], 1, true, "B");
  troupe_id_t slow = hub_rig_say (rig, "agent/a", NULL, &hubs[0]);
  say (rig, "agent/c", NULL, hubs, 2, true, "C"); // of the group, so it doesn't wait for that one
  troupe_id_t asked = hub_rig_say (rig, "agent/x", &old, NULL);
  HEARS (rig, asked, "B");
  hub_rig_settle (rig, asked, "-");
  hub_rig_settle (rig, slow, "A");
  HEARS (rig, hub_rig_say (rig, "agent/x", NULL, NULL), "AC");
  rig_stop (rig);
}

// A call that names one of a caller's hubs stands in all of them, and so does what is asked for it.
Test (ledger_hub_cuts, what_a_call_asks_stands_where_it_stands_in_every_hub_of_its_caller)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hubs[2];
  open_two (rig, NULL, hubs);
  troupe_id_t first = hub_rig_say (rig, "agent/a", NULL, &hubs[0]);
  hub_rig_op (rig, LEDGER_HUB_BROADCAST, &hubs[1], NULL, MEMBERS ("1"));
  troupe_id_t inner = hub_rig_say (rig, "agent/x", &first, NULL);
  HEARS (rig, inner, "");
  hub_rig_settle (rig, inner, "-");
  hub_rig_settle (rig, first, "A");
  HEARS (rig, hub_rig_say (rig, "agent/x", NULL, NULL), "A1");
  rig_stop (rig);
}

static troupe_id_t
roused (rig_t *rig, troupe_id_t hub, const char *service)
{
  ledger_request_t request = rig_simple (LEDGER_ROUSE, "s", hub, 0);
  request.deadline_ms = 60000;
  const rig_result_t *result = rig_do (rig, &rig->a, &request);
  for (size_t i = 0; i < result->calls_count; i++)
    if (strcmp (result->calls[i].service, service) == 0)
      return result->calls[i].call;
  cr_assert_fail ("%s is not roused", service);
  return hub;
}

Test (ledger_hub_cuts, who_hears_without_being_called_stands_at_one_place_too)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t hubs[2];
  for (int i = 0; i < 2; i++)
    hubs[i] = hub_rig_open_live (rig, "", MEMBERS ("agent/a", "agent/b", "agent/c", "agent/x"));
  say (rig, "agent/b", NULL, &hubs[1], 1, true, "B");
  troupe_id_t slow = hub_rig_say (rig, "agent/a", NULL, &hubs[0]);
  say (rig, "agent/c", NULL, hubs, 2, true, "C"); // of the group, so it doesn't wait for that one
  troupe_id_t call = roused (rig, hubs[1], "agent/x");
  HEARS (rig, call, "B");
  hub_rig_settle (rig, call, "-");
  hub_rig_settle (rig, slow, "A");
  HEARS (rig, roused (rig, hubs[0], "agent/x"), "AC");
  rig_stop (rig);
}
