// SPDX-License-Identifier: Apache-2.0
//
// Which instance gets a call: by credit, by load, and by session.

#include "core_rig.h"

static void
open (void)
{
  core_rig_open ();
  stage_hello (stage, OTHER, "instance-3");
}

TestSuite (core_placement, .init = open, .fini = core_rig_close);

Test (core_placement, credit_is_never_exceeded_and_the_queue_is_in_order)
{
  stage_register (stage, INSTANCE, "tool/echo", 2, false);
  for (unsigned i = 1; i <= 5; i++)
    core_rig_call (i, "tool/echo");
  cr_expect_eq (core_rig_offered (INSTANCE), 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 2);
  cr_expect_eq (core_rig_offered (INSTANCE), 0);
  core_rig_settle (INSTANCE, 2, 1);
  cr_expect_eq (core_rig_offered (INSTANCE), 3);
  cr_expect_eq (core_rig_offered (INSTANCE), 0);
  troupe_header_t grant;
  troupe_header_init (&grant, TROUPE_CMD_GRANT);
  troupe_header_set_service (&grant, troupe_text ("tool/echo"));
  troupe_header_set_credit (&grant, 3);
  stage_receive (stage, INSTANCE, &grant, NULL);
  cr_expect_eq (core_rig_offered (INSTANCE), 4);
  cr_expect_eq (core_rig_offered (INSTANCE), 0);
}

Test (core_placement, load_is_shared_evenly)
{
  stage_register (stage, INSTANCE, "tool/echo", 10, false);
  stage_register (stage, OTHER, "tool/echo", 10, false);
  for (unsigned i = 1; i <= 10; i++)
    core_rig_call (i, "tool/echo");
  unsigned first = 0, second = 0;
  while (core_rig_offered (INSTANCE) != 0)
    first++;
  while (core_rig_offered (OTHER) != 0)
    second++;
  cr_expect_eq (first, 5);
  cr_expect_eq (second, 5);
}

Test (core_placement, a_session_stays_with_its_instance)
{
  stage_register (stage, INSTANCE, "agent/alice", 100, true);
  stage_register (stage, OTHER, "agent/alice", 100, true);
  unsigned homes[2] = {0};
  for (unsigned session = 0; session < 40; session++) {
    char name[16];
    snprintf (name, sizeof name, "s%u", session);
    broker_connection_t home = 0;
    for (unsigned turn = 0; turn < 3; turn++) {
      troupe_id_t id = stage_id (1000 + session * 10 + turn);
      stage_call (stage, CALLER, &id, "agent/alice", name, 0, 0);
      stage_settle_store (stage);
      bool first = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER) != NULL;
      broker_connection_t to = first ? INSTANCE : OTHER;
      cr_expect (first || stage_take (stage, OTHER, TROUPE_CMD_OFFER) != NULL);
      cr_expect (home == 0 || home == to);
      home = to;
      stage_settle (stage, to, &id, name, 1, "value");
      stage_settle_store (stage);
    }
    homes[home == INSTANCE]++;
  }
  cr_expect (homes[0] > 8 && homes[1] > 8, "%u and %u of 40 sessions", homes[0], homes[1]);
}

Test (core_placement, instances_hear_how_many_calls_wait)
{
  stage_register (stage, INSTANCE, "tool/echo", 1, false);
  for (unsigned i = 1; i <= 3; i++)
    core_rig_call (i, "tool/echo");
  const stage_message_t *offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.queue == 0, "when it was offered");
  stage_forget (stage);
  stage_advance (stage, 500);
  const stage_message_t *beat = stage_take (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  while (beat != NULL && !troupe_header_has (&beat->header, TROUPE_F (QUEUE)))
    beat = stage_take (stage, INSTANCE, TROUPE_CMD_HEARTBEAT);
  cr_expect (beat != NULL && beat->header.queue == 2 && troupe_text_equal (beat->header.service, "tool/echo"));
  core_rig_settle (INSTANCE, 1, 1);
  offer = stage_take (stage, INSTANCE, TROUPE_CMD_OFFER);
  cr_expect (offer != NULL && offer->header.queue == 1);
  core_rig_settle (INSTANCE, 2, 1);
  stage_forget (stage);
  stage_advance (stage, 500);
  bool none = false;
  while ((beat = stage_take (stage, INSTANCE, TROUPE_CMD_HEARTBEAT)) != NULL)
    none = none || (troupe_header_has (&beat->header, TROUPE_F (QUEUE)) && beat->header.queue == 0);
  cr_expect (none, "and that none do any more");
}
