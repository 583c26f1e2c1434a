// SPDX-License-Identifier: Apache-2.0
//
// A broker has members of hubs hear what is said without being called.

#include "sim/stage.h"
#include "troupe/value.h"

#include <criterion/criterion.h>

enum { CALLER = 1, INSTANCE = 2 };

static ledger_model_t *model;
static stage_t *stage;
static unsigned number;

static void
open (void)
{
  model = ledger_model_new ();
  stage = stage_new (model, "broker-1", NULL, 1000);
  stage_ready (stage);
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  number = 0;
}

static void
close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&stage);
  ledger_model_destroy (&model);
}

TestSuite (core_rousing, .init = open, .fini = close);

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

// An operation on a hub, with its input as JSON.
static troupe_id_t
operate (const char *service, json_t *input)
{
  troupe_header_t header;
  troupe_buffer_t *body = NULL;
  troupe_id_t id = stage_id (++number);
  cr_assert_eq (troupe_value_pack (input, &body, NULL), TROUPE_OK);
  json_decref (input);
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("s"));
  stage_receive (stage, CALLER, &header, body);
  troupe_buffer_unref (&body);
  stage_settle_store (stage);
  const stage_message_t *settled = stage_take (stage, CALLER, TROUPE_CMD_SETTLED);
  cr_assert (settled != NULL && settled->header.status == TROUPE_STATUS_VALUE);
  return id;
}

static troupe_id_t
open_hub (void)
{
  return operate ("hub/open", json_pack ("{s:[s]}", "members", "agent/alice"));
}

static void
broadcast (troupe_id_t hub, const char *words)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&hub, id);
  operate ("hub/broadcast", json_pack ("{s:s, s:[{s:s, s:s, s:s}]}", "hub", id, "messages", "name", "host", "role",
                                       "user", "content", words));
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
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &offer->header.call);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_status (&header, status);
  if (status == TROUPE_STATUS_VALUE)
    troupe_header_set_flags (&header, TROUPE_FLAG_HEARD);
  troupe_buffer_t *body = stage_text ("\xc0");
  stage_receive (stage, INSTANCE, &header, body);
  troupe_buffer_unref (&body);
  stage_settle_store (stage);
}

static bool
is_offered (void)
{
  return stage_take (stage, INSTANCE, TROUPE_CMD_OFFER) != NULL;
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

// Each member costs the store some time: what is said meanwhile is heard together.
Test (core_rousing, rests_after_many_members_were_told)
{
  enum { MEMBERS = 5 };
  json_t *members = json_array ();
  for (int i = 0; i < MEMBERS; i++) {
    char name[32];
    snprintf (name, sizeof name, "agent/m%d", i);
    serve_as (name, TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
    json_array_append_new (members, json_string (name));
  }
  troupe_id_t hub = operate ("hub/open", json_pack ("{s:o}", "members", members));
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
  const stage_message_t *refused = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  cr_assert_not_null (refused);
  cr_expect_eq (stage_error (refused), TROUPE_BAD_ARGUMENT);
}
