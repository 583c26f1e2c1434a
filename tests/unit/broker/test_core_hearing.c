// SPDX-License-Identifier: Apache-2.0
//
// What instances are told of what their actors have to hear in hubs.

#include "core_rig.h"

#include <string.h>

TestSuite (core_hearing, .init = core_rig_open_serving, .fini = core_rig_close);

static void
open_hub (json_t *members, const char *announcement)
{
  json_t *said =
    announcement != NULL ? json_pack ("[{s:s, s:s}]", "name", "host", "content", announcement) : json_array ();
  core_rig_operate (1, "hub/open", json_pack ("{s:o, s:o}", "members", members, "announcement", said));
  stage_settle_store (stage);
  cr_assert (core_rig_sent (CALLER, TROUPE_CMD_SETTLED));
}

// A call of a member, said in the hub.
static void
say (unsigned number, const char *service, const troupe_id_t *fan)
{
  troupe_id_t hub = stage_id (1);
  troupe_header_t header = core_rig_call_header (number, service);
  troupe_header_set_hubs (&header, &hub, 1);
  if (fan != NULL)
    troupe_header_set_fan (&header, fan);
  core_rig_send (CALLER, &header, "\xc0");
}

static const stage_message_t *
offered (unsigned number)
{
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_assert_not_null (message, "call %u wasn't offered", number);
  cr_assert_eq (message->header.call.bytes[15], number);
  return message;
}

static uint64_t
news (const stage_message_t *offer)
{
  return troupe_header_has (&offer->header, TROUPE_F (NEWS)) ? offer->header.news : 0;
}

static void
hear (unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEAR);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_request (&header, 77);
  stage_receive (stage, INSTANCE, &header, NULL);
  stage_settle_store (stage);
}

// What the call hears, as its contents; all of it must come at once.
static void
expect_heard (unsigned number, const char *first, const char *second)
{
  hear (number, 1);
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_HEARD);
  cr_assert_not_null (message);
  cr_assert_eq (message->header.request, 77);
  cr_assert_eq (message->header.call.bytes[15], number);
  cr_assert_not (troupe_header_has (&message->header, TROUPE_F (POSITION)));
  json_t *list = core_rig_json (message);
  cr_assert_eq (json_array_size (list), (first != NULL) + (second != NULL));
  const char *const expected[] = {first, second};
  for (size_t i = 0; i < json_array_size (list); i++) {
    json_t *said = json_array_get (list, i);
    json_t *text = json_is_object (said) ? json_object_get (said, "content") : said;
    cr_expect_str_eq (json_string_value (text), expected[i]);
  }
  json_decref (list);
}

static void
settle (unsigned number, const char *text, uint64_t flags)
{
  char string[32];
  troupe_header_t header = core_rig_settle_header (number, 1, TROUPE_STATUS_VALUE);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  snprintf (string, sizeof string, "%c%s", (int)(0xa0 + strlen (text)), text);
  core_rig_send (INSTANCE, &header, string);
}

Test (core_hearing, a_member_is_offered_its_call_once_what_stands_before_it_is_there)
{
  open_hub (json_pack ("[s, s]", "agent/alice", "agent/bob"), "Welcome");
  say (2, "agent/alice", NULL);
  say (3, "agent/bob", NULL);
  cr_expect_eq (news (offered (2)), 1);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_OFFER), "bob waits for what alice says");
  expect_heard (2, "Welcome", NULL);
  settle (2, "I am Alice", TROUPE_FLAG_HEARD);
  cr_expect_eq (news (offered (3)), 2);
  expect_heard (3, "Welcome", "I am Alice");
  settle (3, "I am Bob", TROUPE_FLAG_HEARD);
  say (4, "agent/alice", NULL);
  cr_expect_eq (news (offered (4)), 1, "she has heard the welcome, and doesn't hear herself");
  expect_heard (4, "I am Bob", NULL);
}

Test (core_hearing, what_was_not_heard_comes_again)
{
  open_hub (json_pack ("[s]", "agent/alice"), "Welcome");
  say (2, "agent/alice", NULL);
  cr_expect_eq (news (offered (2)), 1);
  settle (2, "I slept", 0);
  say (3, "agent/alice", NULL);
  cr_expect_eq (news (offered (3)), 1);
  expect_heard (3, "Welcome", NULL);
}

Test (core_hearing, a_group_runs_in_parallel)
{
  troupe_id_t fan = stage_id (99);
  open_hub (json_pack ("[s, s]", "agent/alice", "agent/bob"), NULL);
  say (2, "agent/alice", &fan);
  say (3, "agent/bob", &fan);
  cr_expect_eq (news (offered (2)), 0);
  cr_expect_eq (news (offered (3)), 0);
  settle (2, "a", TROUPE_FLAG_HEARD);
  settle (3, "b", TROUPE_FLAG_HEARD);
  say (4, "agent/bob", NULL);
  offered (4);
  expect_heard (4, "a", NULL);
}

Test (core_hearing, only_the_instance_that_runs_the_call_hears)
{
  open_hub (json_pack ("[s, s]", "agent/alice", "agent/bob"), NULL);
  say (2, "agent/alice", NULL);
  offered (2);
  hear (2, 7);
  const stage_message_t *message = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_assert_not_null (message);
  cr_expect_eq (stage_error (message), TROUPE_STALE);
  cr_expect_eq (message->header.of, TROUPE_CMD_HEAR);
  settle (2, "a", TROUPE_FLAG_HEARD);
  hear (2, 1);
  message = stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED);
  cr_assert_not_null (message);
  cr_expect_eq (stage_error (message), TROUPE_STALE);
}
