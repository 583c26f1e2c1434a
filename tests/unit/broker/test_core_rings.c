// SPDX-License-Identifier: Apache-2.0
//
// Who waits for whom: the wait that would close a ring is refused.

#include "core_rig.h"

TestSuite (core_rings, .init = core_rig_open_serving, .fini = core_rig_close);

Test (core_rings, a_call_that_waits_for_itself_ends_as_a_cycle)
{
  core_rig_call (1, "agent/alice");
  core_rig_nested (2, "agent/alice", 1, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_ACCEPTED));
  const stage_message_t *settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_CYCLE);
  core_rig_nested (3, "agent/bob", 1, 1);
  core_rig_nested (4, "agent/alice", 3, 1);
  settled = stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED);
  cr_expect (settled != NULL && stage_error (settled) == TROUPE_CYCLE);
}

static void
await_within (unsigned number, unsigned waiter, broker_connection_t from)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number), waits = stage_id (waiter);
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  if (waiter != 0)
    troupe_header_set_waiter (&header, &waits);
  stage_receive (stage, from, &header, NULL);
}

Test (core_rings, an_await_that_closes_a_ring_is_refused)
{
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/bob");
  await_within (2, 1, INSTANCE);
  stage_settle_store (stage);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED));
  await_within (1, 2, INSTANCE);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_CYCLE);
  stage_forget (stage);
  core_rig_settle (INSTANCE, 2, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED), "who waits without a ring hears the end");
}

Test (core_rings, only_the_one_that_closes_the_ring_is_refused)
{
  stage_hello (stage, OTHER, "other-3");
  core_rig_call (1, "agent/alice");
  core_rig_call (2, "agent/bob");
  await_within (2, 1, INSTANCE);
  stage_settle_store (stage);
  await_within (1, 2, OTHER); // both while the store hasn't answered
  await_within (1, 0, INSTANCE);
  stage_settle_store (stage);
  cr_expect_eq (core_rig_refused (OTHER), TROUPE_CYCLE);
  cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_REFUSED));
  core_rig_settle (INSTANCE, 1, 1);
  cr_expect_not_null (stage_take (stage, INSTANCE, TROUPE_CMD_SETTLED));
  cr_expect_null (stage_take (stage, OTHER, TROUPE_CMD_SETTLED));
}
