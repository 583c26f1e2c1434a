// SPDX-License-Identifier: Apache-2.0
//
// What an actor has to hear before it replies: how a task brings it, and when the outcome says that it was heard.

#include "rig.h"

static void
offer_news (rig_t *rig, const troupe_id_t *call, unsigned attempt, uint64_t news)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, call);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_deadline (&header, 600 * 1000);
  if (news > 0)
    troupe_header_set_news (&header, news);
  rig_say (rig, 0, &header, json_string ("input"));
}

// A rig with one broker, and a task of alice's that has three messages to hear.
static troupe_id_t
open_task (rig_t *rig, probe_t *probe)
{
  rig_open_alice (rig, probe);
  troupe_id_t id = rig_id (rig);
  offer_news (rig, &id, 1, 3);
  rig_deliver (rig);
  cr_assert (eq (uint, probe->served, 1));
  cr_assert (eq (sz, troupe_task_news (probe->task), 3));
  return id;
}

static void
hear (rig_t *rig, probe_t *probe)
{
  cr_assert (eq (int, troupe_task_hear (probe->task, probe_recalled, probe), TROUPE_OK));
  rig_expect (rig, 0, TROUPE_CMD_HEAR);
  cr_assert (not(troupe_header_has (&rig->header, TROUPE_F (POSITION))), "from the beginning");
}

// The answer to the HEAR that was read last; `position` of the next page, 0: that was all.
static void
answer (rig_t *rig, const troupe_id_t *call, uint64_t position, json_t *messages)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARD);
  troupe_header_set_request (&header, rig->header.request);
  troupe_header_set_call (&header, call);
  if (position > 0)
    troupe_header_set_position (&header, position);
  rig_say (rig, 0, &header, messages);
}

static void
refuse (rig_t *rig, const troupe_id_t *call, const char *code)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, TROUPE_CMD_HEAR);
  troupe_header_set_call (&header, call);
  troupe_header_set_request (&header, rig->header.request);
  rig_say (rig, 0, &header, json_pack ("{s:s, s:s}", "code", code, "why", "so"));
}

// Ends the task and the rig; the outcome must say whether the actor has heard all.
static void
reply (rig_t *rig, probe_t *probe, bool heard)
{
  troupe_task_reply (&probe->task, json_null ());
  rig_expect (rig, 0, TROUPE_CMD_SETTLE);
  uint64_t flags = troupe_header_has (&rig->header, TROUPE_F (FLAGS)) ? rig->header.flags : 0;
  cr_assert (eq (int, (flags & TROUPE_FLAG_HEARD) != 0, heard));
  json_decref (probe->last);
  rig_close (rig);
}

Test (hearing, brings_all_pages_as_one_list)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  uint64_t first = rig.header.request;
  answer (&rig, &id, 17, json_pack ("[s, s]", "a", "b"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 0));
  rig_expect (&rig, 0, TROUPE_CMD_HEAR);
  cr_assert (eq (ulong, rig.header.position, 17));
  cr_assert (ne (ulong, rig.header.request, first));
  answer (&rig, &id, 0, json_pack ("[s]", "c"));
  answer (&rig, &id, 0, json_pack ("[s]", "d")); // once more: nobody waits for it
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 3));
  cr_assert_str_eq (json_string_value (json_array_get (probe.last, 2)), "c");
  reply (&rig, &probe, true);
}

Test (hearing, that_is_empty_counts)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  answer (&rig, &id, 0, json_array ());
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 0));
  reply (&rig, &probe, true);
}

Test (hearing, that_was_not_asked_for_or_is_not_complete_is_not_claimed)
{
  rig_t rig;
  probe_t probe = {0};
  open_task (&rig, &probe);
  reply (&rig, &probe, false);

  probe = (probe_t){0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  answer (&rig, &id, 17, json_pack ("[s]", "a"));
  rig_expect (&rig, 0, TROUPE_CMD_HEAR);
  reply (&rig, &probe, false);
}

// Cursors move with a reply only: who fails has heard nothing, and hears it again.
Test (hearing, is_not_claimed_with_an_error)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_error_t error;
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  answer (&rig, &id, 0, json_pack ("[s]", "a"));
  rig_deliver (&rig);
  troupe_error_set (&error, TROUPE_SERVICE_FAILED, "agent/alice", NULL, "no");
  troupe_task_fail (&probe.task, &error);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  cr_assert (eq (int, troupe_header_has (&rig.header, TROUPE_F (FLAGS)) && (rig.header.flags & TROUPE_FLAG_HEARD), 0));
  json_decref (probe.last);
  rig_close (&rig);
}

Test (hearing, goes_on_where_it_was_when_the_call_is_offered_again)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  answer (&rig, &id, 17, json_pack ("[s]", "a"));
  rig_expect (&rig, 0, TROUPE_CMD_HEAR);
  uint64_t lost = rig.header.request;
  rig_reconnect (&rig);
  offer_news (&rig, &id, 2, 3);
  do
    rig_read (&rig, 0);
  while (rig.header.command == TROUPE_CMD_GRANT);
  cr_assert (eq (int, rig.header.command, TROUPE_CMD_HEAR));
  cr_assert (eq (ulong, rig.header.attempt, 2));
  cr_assert (eq (ulong, rig.header.position, 17));
  cr_assert (ne (ulong, rig.header.request, lost));
  answer (&rig, &id, 0, json_pack ("[s]", "b"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 2));
  reply (&rig, &probe, true);
}

Test (hearing, is_asked_for_again_when_it_is_refused_in_passing)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  refuse (&rig, &id, "store_unavailable");
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 0));
  rig_pass (&rig, 300, 1);
  rig_expect (&rig, 0, TROUPE_CMD_HEAR);
  answer (&rig, &id, 0, json_pack ("[s]", "a"));
  rig_deliver (&rig);
  cr_assert (eq (sz, json_array_size (probe.last), 1));
  reply (&rig, &probe, true);
}

Test (hearing, that_is_refused_for_good_or_not_answered_is_an_error)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  refuse (&rig, &id, "too_large");
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (int, probe.code, TROUPE_TOO_LARGE));
  cr_assert_null (probe.last);
  hear (&rig, &probe);
  answer (&rig, &id, 0, json_string ("a"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 2));
  cr_assert (eq (int, probe.code, TROUPE_BAD_FRAME), "no list");
  hear (&rig, &probe);
  rig_pass (&rig, 31 * 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 3));
  cr_assert (eq (int, probe.code, TROUPE_UNAVAILABLE));
  rig_skip (&rig, 0);
  reply (&rig, &probe, false);
}

Test (hearing, that_is_refused_as_stale_cancels)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = open_task (&rig, &probe);
  hear (&rig, &probe);
  uint64_t request = rig.header.request;
  offer_news (&rig, &id, 2, 3);
  rig_expect (&rig, 0, TROUPE_CMD_HEAR);
  uint64_t current = rig.header.request;
  rig.header.request = request;
  refuse (&rig, &id, "stale"); // of the earlier attempt
  cr_assert (not(troupe_task_cancelled (probe.task)));
  rig.header.request = current;
  refuse (&rig, &id, "stale");
  cr_assert (troupe_task_cancelled (probe.task));
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_hear (probe.task, probe_recalled, &probe), TROUPE_CANCELLED));
  troupe_task_reply (&probe.task, json_null ());
  json_decref (probe.last);
  rig_close (&rig);
}

Test (hearing, is_for_actors)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_serve (&rig, &probe, "tool/echo", false, 8);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_REGISTER);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "tool/echo", &id, 1);
  rig_deliver (&rig);
  cr_assert (eq (sz, troupe_task_news (probe.task), 0));
  cr_assert (eq (int, troupe_task_hear (probe.task, probe_recalled, &probe), TROUPE_BAD_ARGUMENT));
  troupe_task_reply (&probe.task, json_null ());
  rig_close (&rig);
}
