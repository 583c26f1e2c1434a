// SPDX-License-Identifier: Apache-2.0
//
// What was said in hubs is published, and offers say what of it there is to hear.

#include "broker/saying.h"
#include "core_rig.h"

#include <stdlib.h>

enum { PUBLISHED = 0 };

static unsigned number; // of the last call

TestSuite (core_saying, .init = core_rig_open_serving, .fini = core_rig_close);

static troupe_id_t
open_hub (void)
{
  core_rig_operate (++number, "hub/open", json_pack ("{s:[s, s]}", "members", "agent/alice", "agent/bob"));
  stage_settle_store (stage);
  stage_advance (stage, 10);
  stage_forget (stage);
  return stage_id (number);
}

// The store hasn't answered yet.
static void
broadcast (const troupe_id_t *hub, const char *content)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (hub, id);
  core_rig_operate (++number, "hub/broadcast",
                    json_pack ("{s:s, s:[{s:s, s:s}]}", "hub", id, "messages", "name", "host", "content", content));
}

// What is published after `ms`, which must be of the hub; NULL: nothing.
static const stage_message_t *
published (const troupe_id_t *hub, int64_t ms)
{
  stage_settle_store (stage);
  stage_advance (stage, ms);
  const stage_message_t *said = stage_take (stage, PUBLISHED, TROUPE_CMD_SAID);
  if (said != NULL)
    cr_assert (troupe_id_equal (&said->header.hub, hub));
  return said;
}

// A call of alice's in the hub, which runs.
static troupe_id_t
call_alice (const troupe_id_t *hub)
{
  troupe_header_t header = core_rig_call_header (++number, "agent/alice");
  troupe_header_set_hubs (&header, hub, 1);
  core_rig_send (CALLER, &header, NULL);
  return header.call;
}

Test (core_saying, publishes_what_was_broadcast_once_it_is_stored)
{
  troupe_id_t hub = open_hub ();
  broadcast (&hub, "one");
  cr_expect_null (stage_take (stage, PUBLISHED, TROUPE_CMD_SAID));
  const stage_message_t *said = published (&hub, 1);
  cr_assert_not_null (said);
  cr_expect_not (troupe_header_has (&said->header, TROUPE_F (SERVICE)));
  cr_expect_eq (said->header.steps_count, 1);
  cr_expect_eq (said->header.sizes_count, 1);
  json_t *message = core_rig_json (said);
  cr_expect_str_eq (json_string_value (json_object_get (message, "content")), "one");
  json_decref (message);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SAID), 1);
}

Test (core_saying, publishes_a_members_reply_and_who_said_it)
{
  troupe_id_t hub = open_hub (), call = call_alice (&hub);
  cr_expect_null (published (&hub, 5), "it hasn't been said");
  stage_settle (stage, INSTANCE, &call, "s", 1, "\xa3one");
  const stage_message_t *said = published (&hub, 1);
  cr_assert_not_null (said);
  cr_expect (troupe_text_equal (said->header.service, "agent/alice"));
  cr_expect (stage_body_is (said, "\xa3one"));
}

Test (core_saying, gathers_what_follows_within_a_moment)
{
  troupe_id_t hub = open_hub ();
  broadcast (&hub, "one");
  const stage_message_t *said = published (&hub, 0);
  cr_assert (said != NULL && said->header.steps_count == 1, "the first at once");
  uint64_t first = said->header.position;
  broadcast (&hub, "two");
  broadcast (&hub, "three");
  cr_expect_null (published (&hub, 1));
  said = published (&hub, 4);
  cr_assert (said != NULL && said->header.steps_count == 2);
  cr_expect_gt (said->header.position, first);
  cr_expect_eq (said->header.steps[0], 0);
  cr_expect_eq (said->header.steps[1], 2, "the broadcast itself has a place in the order, too");
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SAID), 3);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SAID_MESSAGES), 2);
}

Test (core_saying, keeps_hubs_and_speakers_apart)
{
  troupe_id_t first = open_hub (), second = open_hub ();
  troupe_id_t call = call_alice (&first);
  broadcast (&first, "one");
  broadcast (&second, "two");
  stage_settle (stage, INSTANCE, &call, "s", 1, "\xa3one");
  stage_settle_store (stage);
  stage_advance (stage, 10);
  unsigned count = 0;
  for (const stage_message_t *said; (said = stage_take (stage, PUBLISHED, TROUPE_CMD_SAID)) != NULL; count++)
    cr_expect_eq (said->header.steps_count, 1);
  cr_expect_eq (count, 3);
}

Test (core_saying, what_several_say_in_a_hub_leaves_together)
{
  troupe_id_t hub = open_hub (), call = call_alice (&hub);
  broadcast (&hub, "one");
  cr_assert_not_null (published (&hub, 0));
  broadcast (&hub, "two");
  stage_settle (stage, INSTANCE, &call, "s", 1, "\xa5three");
  cr_assert_null (published (&hub, 1));
  const stage_message_t *said = published (&hub, 4);
  cr_assert (said != NULL && said->more && !troupe_header_has (&said->header, TROUPE_F (SERVICE)));
  said = published (&hub, 0);
  cr_assert (said != NULL && !said->more && troupe_header_has (&said->header, TROUPE_F (SERVICE)));
  cr_expect (stage_body_is (said, "\xa5three"));
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SAID_MESSAGES), 2);
}

// Two hubs that speak in turn gather all the same.
Test (core_saying, gathers_for_each_hub)
{
  troupe_id_t first = open_hub (), second = open_hub ();
  for (int i = 0; i < 4; i++) {
    broadcast (&first, "one");
    broadcast (&second, "two");
  }
  stage_settle_store (stage);
  stage_advance (stage, 10);
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_SAID), 8);
  cr_expect_leq (broker_core_counter (stage->core, BROKER_COUNT_SAID_MESSAGES), 4);
}

// -- A busy hub, whose members rest -----------------------------------------------------------------------------------

enum { MEMBERS = 40 }; // so they rest for 10 ms the first time

static troupe_id_t
open_live_hub (void)
{
  json_t *members = json_array ();
  for (int i = 0; i < MEMBERS; i++) {
    char name[32];
    troupe_header_t header;
    snprintf (name, sizeof name, "agent/m%d", i);
    troupe_header_init (&header, TROUPE_CMD_REGISTER);
    troupe_header_set_service (&header, troupe_text (name));
    troupe_header_set_credit (&header, 4);
    troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR | TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
    stage_receive (stage, INSTANCE, &header, NULL);
    json_array_append_new (members, json_string (name));
  }
  core_rig_operate (++number, "hub/open", json_pack ("{s:o}", "members", members));
  stage_settle_store (stage);
  stage_advance (stage, 10);
  stage_forget (stage);
  return stage_id (number);
}

// All that are told observe it.
static unsigned
observe_all (void)
{
  unsigned told = 0;
  for (const stage_message_t *offer; (offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER)) != NULL; told++) {
    troupe_header_t header;
    troupe_header_init (&header, TROUPE_CMD_SETTLE);
    troupe_header_set_call (&header, &offer->header.call);
    troupe_header_set_session (&header, troupe_text ("s"));
    troupe_header_set_attempt (&header, 1);
    troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
    troupe_header_set_flags (&header, TROUPE_FLAG_HEARD);
    core_rig_send (INSTANCE, &header, "\xc0");
  }
  return told;
}

Test (core_saying, what_is_said_in_a_busy_hub_waits_until_it_can_be_heard)
{
  troupe_id_t hub = open_live_hub ();
  broadcast (&hub, "one");
  cr_assert_not_null (published (&hub, 0));
  cr_assert_eq (observe_all (), MEMBERS);
  stage_advance (stage, 1);
  broadcast (&hub, "two");
  cr_expect_null (published (&hub, 5), "they rest");
  broadcast (&hub, "three");
  const stage_message_t *said = published (&hub, 4);
  cr_assert (said != NULL && said->header.steps_count == 2);
  stage_settle_store (stage);
  cr_assert_eq (observe_all (), MEMBERS);
}

// Another broker may have them hear it earlier.
Test (core_saying, but_not_beside_another_broker)
{
  stage_t *other = stage_new (model, "broker-2", NULL, stage->now);
  stage_ready (other);
  stage_advance (stage, 1500); // a heartbeat
  stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  stage_settle_store (stage);
  troupe_id_t hub = open_live_hub ();
  broadcast (&hub, "one");
  cr_assert_not_null (published (&hub, 0));
  cr_assert_eq (observe_all (), MEMBERS);
  broadcast (&hub, "two");
  cr_expect_null (published (&hub, 1));
  cr_expect_not_null (published (&hub, 3));
  stage_destroy (&other);
}

// -- Sizes ------------------------------------------------------------------------------------------------------------

Test (core_saying, a_large_entry_is_only_named_and_a_message_has_a_bound)
{
  enum { LARGE = 70 * 1024, MIDDLE = 60 * 1024, FIT = 4 };
  troupe_id_t hub = open_hub ();
  char *text = calloc (1, LARGE + 1);
  memset (text, 'x', LARGE);
  broadcast (&hub, text);
  const stage_message_t *said = published (&hub, 0);
  cr_assert (said != NULL && said->header.sizes_count == 1);
  cr_expect (said->header.sizes[0] == 0 && troupe_buffer_size (said->body) == 0);
  text[MIDDLE] = '\0';
  for (int i = 0; i <= FIT; i++)
    broadcast (&hub, text);
  free (text);
  said = published (&hub, 0);
  cr_assert (said != NULL && said->header.steps_count == FIT, "one more doesn't fit into the message");
  said = published (&hub, 5);
  cr_assert (said != NULL && said->header.steps_count == 1);
}

Test (core_saying, says_nothing_twice)
{
  troupe_id_t hub = open_hub ();
  broadcast (&hub, "one");
  cr_assert_not_null (published (&hub, 10));
  number--; // the same call
  broadcast (&hub, "one");
  cr_expect_null (published (&hub, 10));
}

Test (core_saying, an_offer_says_what_there_is_to_hear)
{
  troupe_id_t hub = open_hub ();
  broadcast (&hub, "one");
  broadcast (&hub, "two");
  stage_settle_store (stage);
  call_alice (&hub);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert_not_null (offer);
  cr_assert (troupe_header_has (&offer->header, TROUPE_F (HUB) | TROUPE_F (SINCE) | TROUPE_F (POSITION)));
  cr_expect (troupe_id_equal (&offer->header.hub, &hub));
  cr_expect_eq (offer->header.news, 2);
  cr_expect_eq (offer->header.entries, 2);
  cr_expect_lt (offer->header.since, offer->header.position);
}

Test (core_saying, what_is_to_be_heard_in_two_hubs_is_left_to_the_log)
{
  troupe_id_t first = open_hub (), second = open_hub ();
  broadcast (&first, "one");
  broadcast (&second, "two");
  stage_settle_store (stage);
  call_alice (&first);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert_not_null (offer);
  cr_expect_eq (offer->header.news, 2);
  cr_expect_not (troupe_header_has (&offer->header, TROUPE_F (HUB)));
}

Test (core_saying, subscriptions_are_to_whole_topics)
{
  static const struct {
    const char *topic;
    bool allowed;
  } cases[] = {{"mesh", true},
               {"", false},
               {"m", false},
               {"hub/", false},
               {"hub/018f3c00-0000-7000-8000-000000000001", true},
               {"hub/018f3c00-0000-7000-8000-00000000000", false},
               {"hub/018f3c00-0000-7000-8000-0000000000012", false},
               {"hub/018f3c00-0000-7000-8000-00000000000g", false},
               {"hab/018f3c00-0000-7000-8000-000000000001", false},
               {"meshes", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq (saying_allows (stage->core, NULL, cases[i].topic, strlen (cases[i].topic)), cases[i].allowed, "%s",
                  cases[i].topic);
}
