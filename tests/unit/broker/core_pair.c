// SPDX-License-Identifier: Apache-2.0
//
// Each broker has a time of its own: so one stands still, or is dead, as soon as a test goes on with the other alone.

#include "core_pair.h"

stage_t *first, *second;

void
core_pair_join (stage_t *broker)
{
  stage_hello (broker, CALLER, "caller-1");
  stage_hello (broker, INSTANCE, "instance-2");
  stage_register (broker, INSTANCE, "agent/alice", 4, true);
  stage_register (broker, INSTANCE, "tool/echo", 4, false);
}

void
core_pair_open (void)
{
  model = ledger_model_new ();
  first = stage_new (model, "broker-1", NULL, 1000);
  second = stage_new (model, "broker-2", NULL, 1000);
  stage_ready (first);
  stage_ready (second);
  core_pair_join (first);
  core_pair_join (second);
  stage_forget (first);
  stage_forget (second);
}

void
core_pair_close (void)
{
  cr_expect_eq (ledger_model_violations (model), 0);
  stage_destroy (&first);
  stage_destroy (&second);
  ledger_model_destroy (&model);
}

void
core_pair_live (stage_t *broker, int64_t ms)
{
  for (int64_t passed = 0; passed < ms; passed += 250) {
    stage_advance (broker, 250);
    stage_say (broker, CALLER, TROUPE_CMD_HEARTBEAT);
    stage_say (broker, INSTANCE, TROUPE_CMD_HEARTBEAT);
  }
}

void
core_pair_call (stage_t *broker, unsigned number, const char *service)
{
  troupe_id_t id = stage_id (number);
  stage_call (broker, CALLER, &id, service, "s", 0, 0);
  stage_settle_store (broker);
}

void
core_pair_settle (stage_t *broker, unsigned number, unsigned attempt)
{
  troupe_id_t id = stage_id (number);
  stage_settle (broker, INSTANCE, &id, "s", attempt, "value");
  stage_settle_store (broker);
}

uint64_t
core_pair_offered (stage_t *broker)
{
  const stage_message_t *message = stage_take (broker, INSTANCE, TROUPE_CMD_OFFER);
  return message != NULL ? message->header.attempt : 0;
}
