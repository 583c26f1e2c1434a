// SPDX-License-Identifier: Apache-2.0
//
// The instance that an actor lives on: as long as it has credit, and until it is lost.

#include "core_rig.h"

TestSuite (core_owners, .init = core_rig_open_serving, .fini = core_rig_close);

Test (core_owners, an_actor_s_calls_go_to_its_owner_as_long_as_that_has_credit)
{
  stage_hello (stage, OTHER, "instance-3");
  stage_register (stage, OTHER, "agent/alice", 4, true);
  core_rig_call (1, "agent/alice");
  const char *name = ledger_model_owner (model, "s", "agent/alice");
  cr_assert (name != NULL);
  bool here = strcmp (name, "instance-2") == 0;
  broker_connection_t owner = here ? INSTANCE : OTHER, other = here ? OTHER : INSTANCE;
  const stage_message_t *offer = stage_take (stage, owner, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.epoch == 1);
  core_rig_settle (owner, 1, 1);
  stage_register (stage, owner, "agent/alice", 0, true); // its credit is elsewhere
  core_rig_call (2, "agent/alice");
  offer = stage_take (stage, other, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.epoch == 2, "an idle actor may move");
  stage_register (stage, owner, "agent/alice", 4, true);
  core_rig_settle (other, 2, 1);
  core_rig_call (3, "agent/alice");
  cr_expect_eq (core_rig_offered (other), 3, "and stays there");
}

Test (core_owners, an_instance_lost_while_it_is_made_the_owner)
{
  stage_hello (stage, OTHER, "instance-3");
  troupe_header_t header = core_rig_call_header (1, "agent/alice");
  stage_receive (stage, CALLER, &header, NULL);
  ledger_link_deliver (stage->link, stage->now); // accepted, and placed
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_register (stage, OTHER, "agent/alice", 1, true);
  stage_settle_store (stage);
  const stage_message_t *offer = stage_take (stage, OTHER, TROUPE_CMD_OFFER);
  cr_assert (offer != NULL);
  cr_expect_eq (offer->header.attempt, 1, "nobody was offered it");
  cr_expect_eq (offer->header.epoch, 2);
  core_rig_settle (OTHER, 1, 1);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_owners, cancelled_while_its_instance_is_made_the_owner)
{
  for (int down = 0; down < 2; down++) {
    unsigned number = 1 + (unsigned)down;
    stage_register (stage, INSTANCE, down ? "agent/bob" : "agent/alice", 1, true);
    troupe_header_t header = core_rig_call_header (number, down ? "agent/bob" : "agent/alice");
    stage_receive (stage, CALLER, &header, NULL);
    ledger_link_deliver (stage->link, stage->now);
    if (down)
      ledger_link_break (stage->link, 0, stage->now);
    troupe_id_t id = stage_id (number);
    stage_cancel (stage, CALLER, &id, "s");
    if (down)
      stage_up (stage);
    stage_settle_store (stage);
    cr_expect_null (stage_take (stage, INSTANCE, TROUPE_CMD_OFFER));
    cr_expect_not_null (stage_take (stage, CALLER, TROUPE_CMD_SETTLED));
    cr_expect_eq (broker_core_open_calls (stage->core), 0);
  }
}

Test (core_owners, an_outcome_of_an_actor_that_moved_is_refused)
{
  core_rig_call (1, "agent/alice");
  troupe_header_t header = core_rig_settle_header (1, 1, TROUPE_STATUS_VALUE);
  troupe_header_set_epoch (&header, 7);
  stage_forget (stage);
  core_rig_send (INSTANCE, &header, "value");
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_STALE);
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.attempt == 2, "the next attempt begins");
}
