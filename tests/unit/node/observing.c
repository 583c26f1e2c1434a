// SPDX-License-Identifier: Apache-2.0
//
// Actors that hear without being called: how they register, and what they are offered.

#include "rig.h"

static void
open_actor (rig_t *rig, probe_t *probe, troupe_observes_t observes, uint64_t flags)
{
  troupe_service_t service = {
    .name = "agent/alice", .actor = true, .credit = 8, .observes = observes, .serve = probe_serve, .context = probe};
  troupe_header_t header;
  troupe_error_t error = {0};
  rig_open (rig, 1);
  cr_assert (eq (int, node_core_serve (rig->core, &service, &error), TROUPE_OK));
  rig_welcome (rig, 0);
  rig_expect (rig, 0, TROUPE_CMD_REGISTER);
  cr_assert (eq (ulong, rig->header.flags, flags));
  troupe_header_init (&header, TROUPE_CMD_REGISTERED);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  rig_say (rig, 0, &header, NULL);
}

static void
offer (rig_t *rig)
{
  troupe_header_t header;
  troupe_id_t id = rig_id (rig);
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_news (&header, 1);
  troupe_header_set_flags (&header, TROUPE_FLAG_OBSERVE);
  rig_say (rig, 0, &header, json_null ());
  rig_deliver (rig);
}

static void
expect_task (troupe_observes_t observes, uint64_t flags)
{
  rig_t rig;
  probe_t probe = {0};
  open_actor (&rig, &probe, observes, TROUPE_FLAG_ACTOR | flags);
  offer (&rig);
  cr_assert (eq (uint, probe.served, 1));
  cr_assert (troupe_task_observes (probe.task));
  const json_t *input = troupe_task_input (probe.task);
  cr_assert (eq (int, json_typeof (input), JSON_NULL));
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_close (&rig);
}

Test (observing, at_once_or_late_is_said_when_it_registers)
{
  expect_task (TROUPE_OBSERVES_LIVE, TROUPE_FLAG_OBSERVE | TROUPE_FLAG_LIVE);
  expect_task (TROUPE_OBSERVES_LATE, TROUPE_FLAG_OBSERVE);
}

Test (observing, is_declined_for_an_actor_that_hears_when_it_is_called)
{
  rig_t rig;
  probe_t probe = {0};
  open_actor (&rig, &probe, TROUPE_OBSERVES_CALLED, TROUPE_FLAG_ACTOR);
  offer (&rig);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  cr_assert (eq (uint, probe.served, 0));
  rig_close (&rig);
}

Test (observing, is_an_actors_only)
{
  rig_t rig;
  troupe_error_t error = {0};
  troupe_service_t service = {.name = "tool/t", .credit = 1, .observes = TROUPE_OBSERVES_LIVE, .serve = probe_serve};
  rig_open (&rig, 1);
  cr_assert (eq (int, node_core_serve (rig.core, &service, &error), TROUPE_BAD_ARGUMENT));
  rig_close (&rig);
}
