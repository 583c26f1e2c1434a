// SPDX-License-Identifier: Apache-2.0
//
// Instances hear that their outcomes are stored, those of a busy hub a little later.

#include "core_rig.h"

enum {
  MEMBERS = 12, // so they rest for 3 ms the first time
  LATER = 400,  // ms
};

static unsigned number; // of the last call

TestSuite (core_confirming, .init = core_rig_open_serving, .fini = core_rig_close);

static void
serve (const char *name)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (name));
  troupe_header_set_credit (&header, 4);
  troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR | TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  stage_receive (stage, INSTANCE, &header, NULL);
}

static troupe_id_t
open_hub (unsigned count)
{
  json_t *members = json_array ();
  for (unsigned i = 0; i < count; i++) {
    char name[32];
    snprintf (name, sizeof name, "agent/m%u", i);
    serve (name);
    json_array_append_new (members, json_string (name));
  }
  core_rig_operate (++number, "hub/open", json_pack ("{s:o}", "members", members));
  stage_settle_store (stage);
  troupe_id_t hub = stage_id (number);
  stage_advance (stage, 10);
  stage_forget (stage);
  return hub;
}

static void
broadcast (const troupe_id_t *hub)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (hub, id);
  core_rig_operate (++number, "hub/broadcast",
                    json_pack ("{s:s, s:[{s:s, s:s}]}", "hub", id, "messages", "name", "host", "content", "words"));
  stage_settle_store (stage);
}

static void
observe_all (unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
    cr_assert_not_null (offer, "member %u", i + 1);
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_SETTLE);
    troupe_header_set_call (&header, &offer->header.call);
    troupe_header_set_session (&header, troupe_text ("s"));
    troupe_header_set_attempt (&header, 1);
    troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
    troupe_header_set_flags (&header, TROUPE_FLAG_HEARD);
    core_rig_send (INSTANCE, &header, "\xc0");
  }
}

static unsigned
confirmed (void)
{
  unsigned count = 0;
  while (core_rig_sent (INSTANCE, TROUPE_CMD_CONFIRMED))
    count++;
  return count;
}

Test (core_confirming, says_at_once_that_a_reply_is_stored)
{
  core_rig_call (++number, "agent/alice");
  core_rig_settle (INSTANCE, number, 1);
  cr_expect_eq (confirmed (), 1);
}

Test (core_confirming, says_at_once_that_a_single_member_has_heard)
{
  troupe_id_t hub = open_hub (1);
  broadcast (&hub);
  observe_all (1);
  cr_expect_eq (confirmed (), 1);
}

// Before anything else.
Test (core_confirming, tells_a_busy_hub_with_what_is_sent_next)
{
  troupe_id_t hub = open_hub (MEMBERS);
  broadcast (&hub);
  observe_all (MEMBERS);
  cr_expect_eq (confirmed (), 0);
  broadcast (&hub);
  stage_advance (stage, MEMBERS);
  const stage_message_t *first = stage->first;
  while (first != NULL && first->to != INSTANCE)
    first = first->next;
  cr_assert_not_null (first);
  cr_expect_eq (first->header.command, TROUPE_CMD_CONFIRMED);
  cr_expect_eq (confirmed (), MEMBERS);
  observe_all (MEMBERS);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_confirming, or_a_little_later)
{
  troupe_id_t hub = open_hub (MEMBERS);
  broadcast (&hub);
  observe_all (MEMBERS);
  stage_advance (stage, LATER - 1);
  cr_expect_eq (confirmed (), 0);
  stage_advance (stage, 1);
  cr_expect_eq (confirmed (), MEMBERS);
}

Test (core_confirming, holds_a_few_back_for_a_peer_with_many_members)
{
  enum { MANY = 40, HELD = 16 };
  troupe_id_t hub = open_hub (MANY);
  broadcast (&hub);
  observe_all (MANY);
  cr_expect_eq (confirmed (), MANY - MANY % HELD);
  core_rig_call (++number, "agent/alice");
  cr_expect_eq (confirmed (), MANY % HELD);
}

static void
unregister (unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    char name[32];
    troupe_header_t header;
    snprintf (name, sizeof name, "agent/m%u", i);
    troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
    troupe_header_set_service (&header, troupe_text (name));
    core_rig_send (INSTANCE, &header, NULL);
  }
}

// It waits for nothing else, and is sent nothing else.
Test (core_confirming, tells_whoever_is_about_to_leave_at_once)
{
  troupe_id_t hub = open_hub (MEMBERS);
  broadcast (&hub);
  unregister (MEMBERS);
  observe_all (MEMBERS);
  cr_expect_eq (confirmed (), MEMBERS);
}

Test (core_confirming, also_what_it_had_kept_back)
{
  troupe_id_t hub = open_hub (MEMBERS);
  broadcast (&hub);
  observe_all (MEMBERS);
  cr_expect_eq (confirmed (), 0);
  unregister (1);
  cr_expect_eq (confirmed (), MEMBERS);
}

Test (core_confirming, forgets_a_lost_peer)
{
  troupe_id_t hub = open_hub (MEMBERS);
  broadcast (&hub);
  observe_all (MEMBERS);
  core_rig_lose (INSTANCE);
  stage_advance (stage, LATER);
  cr_expect_eq (confirmed (), 0);
}
