// SPDX-License-Identifier: Apache-2.0
//
// What an actor remembers: how a task reads it, whatever happens to the connection, the attempt and the store.

#include "rig.h"

// The answer to the RECALL that was read last.
static void
answer (rig_t *rig, const troupe_id_t *call, unsigned from, unsigned memory, json_t *entries)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_RECALLED);
  troupe_header_set_request (&header, rig->header.request);
  troupe_header_set_call (&header, call);
  troupe_header_set_from (&header, from);
  troupe_header_set_memory (&header, memory);
  rig_say (rig, 0, &header, entries);
}

static void
refuse (rig_t *rig, const troupe_id_t *call, uint64_t request, const char *code)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, TROUPE_CMD_RECALL);
  troupe_header_set_call (&header, call);
  troupe_header_set_request (&header, request);
  rig_say (rig, 0, &header, json_pack ("{s:s, s:s}", "code", code, "why", "it is a test"));
}

Test (recalling, recall)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 0, probe_recalled, &probe), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, troupe_task_recall (probe.task, 1, 2, probe_recalled, &probe), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  cr_assert (eq (ulong, rig.header.from, 1));
  cr_assert (eq (ulong, rig.header.count, 2));
  // The connection is lost before the answer; after the next offer it is asked again.
  rig_reconnect (&rig);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_expect_grant (&rig, 0, 8);
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  cr_assert (eq (ulong, rig.header.attempt, 2));
  for (int i = 0; i < 2; i++) // the second one to nobody
    answer (&rig, &id, 1, 3, json_pack ("[s, s]", "b", "c"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 2));
  // Nobody answers: an error in the end, and one at once with the cancellation.
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  rig_pass (&rig, 31 * 1000, 1);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 2));
  cr_assert (eq (int, probe.code, TROUPE_UNAVAILABLE));
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  rig_cancel (&rig, 0, &id, 2);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 3));
  cr_assert (eq (int, probe.code, TROUPE_CANCELLED));
  troupe_task_reply (&probe.task, json_null ());
  json_decref (probe.last);
  rig_close (&rig);
}

// The answer to what an attempt asked that is over says nothing of the one that goes on.
Test (recalling, a_recall_refused_under_an_earlier_attempt)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  uint64_t request = rig.header.request;
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  rig_expect (&rig, 0, TROUPE_CMD_RECALL);
  for (int late = 1; late >= 0; late--) {
    refuse (&rig, &id, late ? request : rig.header.request, "stale");
    cr_assert (eq (int, troupe_task_cancelled (probe.task), !late));
  }
  troupe_task_reply (&probe.task, json_null ());
  rig_deliver (&rig);
  json_decref (probe.last);
  rig_close (&rig);
}

// A task whose call is accepted doesn't fail because Redis is away for a minute: it couldn't even tell.
Test (recalling, a_recall_waits_for_the_store)
{
  enum { REFUSALS = 12 };
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id = rig_open_task (&rig, &probe);
  cr_assert (eq (int, troupe_task_recall (probe.task, 0, 1, probe_recalled, &probe), TROUPE_OK));
  for (unsigned i = 0; i < REFUSALS; i++) {
    rig_expect_past_heartbeats (&rig, 0, TROUPE_CMD_RECALL);
    refuse (&rig, &id, rig.header.request, "store_unavailable");
    rig_pass (&rig, 4500, 1);
    rig_deliver (&rig);
  }
  cr_assert (eq (uint, probe.recalled, 0));
  rig_expect_past_heartbeats (&rig, 0, TROUPE_CMD_RECALL);
  answer (&rig, &id, 0, 1, json_pack ("[s]", "a"));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), 1));
  troupe_task_reply (&probe.task, json_null ());
  json_decref (probe.last);
  rig_close (&rig);
}
