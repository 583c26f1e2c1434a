// SPDX-License-Identifier: Apache-2.0
//
// Where an actor lives: its owner and epoch.
#include "ledger_rig.h"

// An epoch counts from the beginning of the store's generation.
static uint64_t
count_of (uint64_t epoch)
{
  return epoch % LEDGER_GENERATION_SIZE;
}

static ledger_request_t
claim_for (troupe_id_t call, uint32_t attempt, const char *instance)
{
  ledger_request_t claim = rig_simple (LEDGER_CLAIM, "s", call, attempt);
  claim.instance = instance;
  return claim;
}

Test (ledger_owners, an_actor_is_claimed_and_stays_until_it_is_claimed_again)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
  const rig_result_t *result = rig_do (rig, &rig->a, &accept);
  cr_expect_str_eq (result->owner, "");
  cr_expect_eq (result->epoch, 0);
  ledger_request_t claim = claim_for (accept.call, 1, "alice-1");
  for (int again = 0; again < 2; again++) {
    cr_expect_eq (rig_do (rig, &rig->a, &claim)->outcome, LEDGER_OK);
    cr_expect_str_eq (rig->a.last.owner, "alice-1");
    cr_expect_eq (count_of (rig->a.last.epoch), 1, "made again, it changes nothing");
  }
  cr_expect_str_eq (rig_do (rig, &rig->a, &accept)->owner, "alice-1");

  ledger_request_t second = rig_accept ("s", troupe_id_new (), "agent/alice");
  rig_do (rig, &rig->a, &second);
  ledger_request_t settle = rig_settle ("s", accept.call, 1, "value");
  settle.epoch = rig->a.last.epoch;
  cr_assert_eq (rig_do (rig, &rig->a, &settle)->calls_count, 1);
  cr_expect_str_eq (rig->a.last.calls[0].owner, "alice-1");
  cr_expect_eq (rig->a.last.calls[0].epoch, settle.epoch);

  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", second.call, 1);
  cr_expect_eq (rig_do (rig, &rig->b, &retry)->outcome, LEDGER_OK);
  cr_expect_str_eq (rig->b.last.owner, "alice-1");
  claim = claim_for (second.call, 2, "alice-2");
  cr_expect_eq (rig_do (rig, &rig->b, &claim)->epoch, settle.epoch + 1);
  ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = ledger_slot ("s")};
  cr_assert_eq (rig_do (rig, &rig->b, &recover)->calls_count, 1);
  cr_expect_str_eq (rig->b.last.calls[0].owner, "alice-2");
  cr_expect_eq (rig->b.last.calls[0].epoch, settle.epoch + 1);
  rig_stop (rig);
}

Test (ledger_owners, who_is_not_to_run_the_call_cannot_claim)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
  rig_do (rig, &rig->a, &accept);
  ledger_request_t waiting = rig_accept ("s", troupe_id_new (), "agent/alice");
  rig_do (rig, &rig->a, &waiting);
  ledger_request_t stateless = rig_accept ("s", troupe_id_new (), "model/m");
  rig_do (rig, &rig->a, &stateless);
  const struct {
    ledger_request_t claim;
    ledger_outcome_t outcome;
  } claims[] = {{claim_for (accept.call, 2, "alice-1"), LEDGER_STALE},
                {claim_for (waiting.call, 0, "alice-1"), LEDGER_STALE},
                {claim_for (waiting.call, 1, "alice-1"), LEDGER_STALE},
                {claim_for (troupe_id_new (), 1, "alice-1"), LEDGER_UNKNOWN},
                {claim_for (stateless.call, 1, "m-1"), LEDGER_FAILED},
                {claim_for (accept.call, 1, NULL), LEDGER_FAILED}};
  for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
    cr_expect_eq (rig_do (rig, &rig->a, &claims[i].claim)->outcome, claims[i].outcome, "%zu", i);
  ledger_request_t settle = rig_settle ("s", accept.call, 1, "value");
  rig_do (rig, &rig->a, &settle);
  ledger_request_t late = claim_for (accept.call, 1, "alice-1");
  cr_expect_eq (rig_do (rig, &rig->a, &late)->outcome, LEDGER_SETTLED);
  cr_expect_eq (rig->a.downs, 0);
  rig_stop (rig);
}

Test (ledger_owners, the_result_of_an_instance_that_the_actor_has_left_is_refused)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
  rig_do (rig, &rig->a, &accept);
  ledger_request_t first = claim_for (accept.call, 1, "alice-1"), second = claim_for (accept.call, 1, "alice-2");
  uint64_t epoch = rig_do (rig, &rig->a, &first)->epoch;
  rig_do (rig, &rig->a, &second);
  ledger_request_t settle = rig_settle ("s", accept.call, 1, "value");
  settle.epoch = epoch;
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_STALE);
  settle.epoch = epoch + 1;
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK, "the same again");
  rig_stop (rig);
}
