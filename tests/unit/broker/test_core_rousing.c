// SPDX-License-Identifier: Apache-2.0
//
// A broker has members of hubs hear what is said without being called.

#include "core_rig.h"

static unsigned number; // of the last call

TestSuite (core_rousing, .init = core_rig_open, .fini = core_rig_close);

static void
serve_as (const char *name, unsigned flags)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (name));
  troupe_header_set_credit (&header, 4);
  troupe_header_set_flags (&header, TROUPE_FLAG_ACTOR | flags);
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_settle_store (stage);
  stage_forget (stage);
}

static void
serve (unsigned flags)
{
  serve_as ("agent/alice", flags);
}

static troupe_id_t
end_operation (void)
{
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL && settled->header.status == TROUPE_STATUS_VALUE);
  return stage_id (number);
}

static troupe_id_t
operate (const char *service, json_t *input)
{
  core_rig_operate (++number, service, input);
  return end_operation ();
}

static troupe_id_t
open_hub (void)
{
  return operate ("hub/open", json_pack ("{s:[s]}", "members", "agent/alice"));
}

// The store has it, and hasn't answered.
static void
begin_broadcast (troupe_id_t hub, const char *words)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&hub, id);
  core_rig_operate (++number, "hub/broadcast", json_pack ("{s:s, s:[{s:s, s:s, s:s}]}", "hub", id, "messages", "name",
                                                          "host", "role", "user", "content", words));
}

static void
broadcast (troupe_id_t hub, const char *words)
{
  begin_broadcast (hub, words);
  end_operation ();
}

static void
end_observing (const troupe_header_t *offer, troupe_status_t status)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &offer->call);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, status);
  if (status == TROUPE_STATUS_VALUE)
    troupe_header_set_flags (&header, TROUPE_FLAG_HEARD);
  core_rig_send (INSTANCE, &header, "\xc0");
}

// An observe call is offered; ends it so.
static void
expect_observing (unsigned news, troupe_status_t status)
{
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert_not_null (offer);
  cr_expect_eq (offer->header.flags, TROUPE_FLAG_OBSERVE);
  cr_expect_eq (offer->header.news, news);
  cr_expect (troupe_buffer_size (offer->body) == 1 && *(const uint8_t *)troupe_buffer_data (offer->body) == 0xc0);
  end_observing (&offer->header, status);
}

static bool
is_offered (void)
{
  return core_rig_sent (INSTANCE, TROUPE_CMD_OFFER);
}

Test (core_rousing, offers_what_is_heard_at_once_and_all_that_came_meanwhile_after_it)
{
  serve (TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  troupe_id_t hub = open_hub ();
  cr_expect_not (is_offered ());
  broadcast (hub, "one");
  broadcast (hub, "two");
  broadcast (hub, "three");
  expect_observing (1, TROUPE_STATUS_VALUE);
  expect_observing (2, TROUPE_STATUS_VALUE);
  cr_expect_not (is_offered ());
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

static troupe_id_t
open_live_hub (int count)
{
  json_t *members = json_array ();
  for (int i = 0; i < count; i++) {
    char name[32];
    snprintf (name, sizeof name, "agent/m%d", i);
    serve_as (name, TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
    json_array_append_new (members, json_string (name));
  }
  return operate ("hub/open", json_pack ("{s:o}", "members", members));
}

// Each member costs the store some time: what is said meanwhile is heard together.
Test (core_rousing, rests_after_many_members_were_told)
{
  enum { MEMBERS = 5 };
  troupe_id_t hub = open_live_hub (MEMBERS);
  broadcast (hub, "one");
  for (int i = 0; i < MEMBERS; i++)
    expect_observing (1, TROUPE_STATUS_VALUE);
  broadcast (hub, "two");
  broadcast (hub, "three");
  cr_expect_not (is_offered ());
  stage_advance (stage, MEMBERS);
  for (int i = 0; i < MEMBERS; i++)
    expect_observing (2, TROUPE_STATUS_VALUE);
  stage_advance (stage, 100);
  broadcast (hub, "four");
  expect_observing (1, TROUPE_STATUS_VALUE); // at once
}

// The busier a hub shows to be, the longer: a quarter of a millisecond for each member, a half, one.
Test (core_rousing, rests_are_short_at_first)
{
  enum { MEMBERS = 8 };
  static const int rests[] = {2, 4, 8, 8};
  troupe_id_t hub = open_live_hub (MEMBERS);
  broadcast (hub, "first");
  for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
    for (int j = 0; j < MEMBERS; j++)
      expect_observing (1, TROUPE_STATUS_VALUE);
    broadcast (hub, "next");
    stage_advance (stage, rests[i] - 1);
    cr_expect_not (is_offered (), "after rest %zu", i);
    stage_advance (stage, 1);
  }
}

enum { CROWD = 32, PAUSE = CROWD / 8 }; // so a whole rest is 32 ms, the first one 8 ms, and then 16 ms

// All but the last `silent` of them have observed.
static void
expect_crowd (unsigned silent)
{
  for (unsigned i = 0; i < CROWD - silent; i++) {
    const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
    cr_assert_not_null (offer, "member %u", i + 1);
    end_observing (&offer->header, TROUPE_STATUS_VALUE);
  }
  for (unsigned i = 0; i < silent; i++)
    cr_assert (is_offered ());
}

// One message follows the other until members have rested for twice a whole rest.
static troupe_id_t
open_flowing_hub (void)
{
  troupe_id_t hub = open_live_hub (CROWD);
  broadcast (hub, "first");
  expect_crowd (0);
  for (int i = 0; i < CROWD; i++) {
    broadcast (hub, "more");
    cr_assert_not (is_offered (), "after %d ms", 2 * i);
    stage_advance (stage, 2);
  }
  return hub;
}

Test (core_rousing, rests_longer_while_one_message_follows_the_other)
{
  open_flowing_hub ();
  expect_crowd (0);
}

// Something waits to be heard, 1 ms before the rest is over.
static troupe_id_t
open_rested_hub (void)
{
  troupe_id_t hub = open_live_hub (CROWD);
  broadcast (hub, "first");
  expect_crowd (0);
  stage_advance (stage, 5);
  broadcast (hub, "second");
  stage_advance (stage, 2);
  return hub;
}

Test (core_rousing, ends_a_rest_when_there_is_a_pause)
{
  troupe_id_t hub = open_rested_hub ();
  broadcast (hub, "third");
  stage_advance (stage, PAUSE - 1);
  cr_assert_not (is_offered ());
  stage_advance (stage, 1);
  expect_crowd (0);
}

// Time passes in which the store answers nothing.
static void
pass_unanswered (int64_t ms)
{
  for (int64_t end = stage->now + ms; stage->now < end;) {
    stage->now++;
    stage_step (stage, &(broker_event_t){.kind = BROKER_TIME});
  }
}

// Who speaks may wait for the store.
Test (core_rousing, takes_no_pause_for_one_while_the_store_works)
{
  troupe_id_t hub = open_rested_hub ();
  begin_broadcast (hub, "third");
  pass_unanswered (2 * PAUSE);
  cr_assert_eq (ledger_link_waiting (stage->link), 1, "it isn't asked who is to hear");
  end_operation ();
  stage_advance (stage, PAUSE);
  expect_crowd (0);
}

// Who rested longer before may rest the less.
Test (core_rousing, makes_up_for_a_longer_rest)
{
  troupe_id_t hub = open_flowing_hub ();
  expect_crowd (0);
  broadcast (hub, "one");
  stage_advance (stage, PAUSE - 1);
  cr_assert_not (is_offered ());
  stage_advance (stage, 1);
  expect_crowd (0);
}

// While members hear, processors may be too busy for anybody to speak.
Test (core_rousing, takes_no_pause_for_one_while_members_hear)
{
  troupe_id_t hub = open_flowing_hub ();
  expect_crowd (1);
  broadcast (hub, "one");
  stage_advance (stage, CROWD / 2 - 1);
  cr_assert_not (is_offered ());
  stage_advance (stage, 1);
  for (int i = 0; i < CROWD - 1; i++)
    expect_observing (1, TROUPE_STATUS_VALUE);
  cr_assert_not (is_offered (), "one of them still hears");
}

Test (core_rousing, rests_longer_while_most_members_hear)
{
  enum { SILENT = CROWD / 2 + 1 };
  troupe_id_t hub = open_live_hub (CROWD);
  broadcast (hub, "first");
  expect_crowd (SILENT);
  stage_forget (stage);
  broadcast (hub, "one");
  stage_advance (stage, 2 * CROWD - 1);
  cr_assert_not (is_offered ());
  stage_advance (stage, 1);
  for (int i = 0; i < CROWD - SILENT; i++)
    expect_observing (1, TROUPE_STATUS_VALUE);
  cr_assert_not (is_offered ());
}

// Where members are known to hear at once, the store is asked to tell them behind what is said, and needs no other asking.
Test (core_rousing, follows_at_once_what_is_said_in_a_lively_hub)
{
  serve (TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  troupe_id_t hub = open_hub ();
  broadcast (hub, "one"); // the store says that somebody hears it
  expect_observing (1, TROUPE_STATUS_VALUE);
  stage_settle_store (stage);
  stage_advance (stage, 10);
  begin_broadcast (hub, "two");
  cr_expect_eq (ledger_link_waiting (stage->link), 2, "to say it, and to tell it");
  stage_settle_store (stage);
  expect_observing (1, TROUPE_STATUS_VALUE);
  cr_expect_eq (ledger_link_waiting (stage->link), 0);
  cr_expect_not (is_offered ());
}

// But not where nobody was there to be told the last time.
Test (core_rousing, does_not_follow_in_a_hub_where_nobody_hears_at_once)
{
  serve (TROUPE_FLAG_OBSERVE);
  troupe_id_t hub = open_hub ();
  broadcast (hub, "one");
  begin_broadcast (hub, "two");
  cr_expect_eq (ledger_link_waiting (stage->link), 1);
  stage_settle_store (stage);
}

Test (core_rousing, is_not_for_those_that_hear_when_they_are_called)
{
  serve (TROUPE_FLAG_OBSERVE);
  broadcast (open_hub (), "one");
  stage_advance (stage, 10000);
  cr_expect_not (is_offered ());
}

Test (core_rousing, is_tried_again_after_a_while)
{
  serve (TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  broadcast (open_hub (), "one");
  expect_observing (1, TROUPE_STATUS_ERROR);
  cr_expect_not (is_offered ());
  for (int i = 0; i < 8; i++) {
    stage_advance (stage, 1000);
    stage_say (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
  expect_observing (1, TROUPE_STATUS_VALUE);
}

Test (core_rousing, goes_on_when_the_store_was_away)
{
  serve (TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  troupe_id_t hub = open_hub ();
  broadcast (hub, "one");
  expect_observing (1, TROUPE_STATUS_VALUE);
  ledger_link_fail_next (stage->link, "out of memory");
  ledger_link_break (stage->link, 0, stage->now);
  ledger_link_up (stage->link);
  stage_settle_store (stage);
  broadcast (hub, "two");
  expect_observing (1, TROUPE_STATUS_VALUE);
}

Test (core_rousing, is_not_asked_of_an_instance_that_does_not_observe)
{
  serve (TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  troupe_id_t hub = open_hub ();
  serve (0);
  broadcast (hub, "one");
  cr_expect_not (is_offered ());
  cr_expect_eq (broker_core_counter (stage->core, BROKER_COUNT_CALLS_ERROR), 1);
}

Test (core_rousing, is_no_callers_business)
{
  serve (TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  troupe_id_t id = stage_id (1);
  stage_call (stage, CALLER, &id, "agent/alice", "s", TROUPE_FLAG_OBSERVE, 0);
  cr_expect_eq (core_rig_refused (CALLER), TROUPE_BAD_ARGUMENT);
}
