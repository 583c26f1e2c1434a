// SPDX-License-Identifier: Apache-2.0
//
// Mailboxes and memories: one at a time, in order, and nothing of a stale attempt.
#include "ledger_rig.h"

Test (ledger_actors, one_at_a_time_in_the_order_of_acceptance)
{
  enum { CALLS = 20 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t ids[CALLS];
  for (int i = 0; i < CALLS; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = rig_accept ("s", ids[i], "agent/alice");
    const rig_result_t *result = rig_do (rig, &rig->a, &accept);
    cr_assert_eq (result->outcome, LEDGER_OK);
    cr_expect_eq (result->ready, i == 0);
    cr_expect_eq (result->attempt, i == 0);
    cr_expect_eq (result->deadline_ms, i == 0 ? 600000 : 0, "the others' begins with their turn");
  }
  for (int i = 0; i < CALLS; i++) {
    ledger_request_t settle = rig_settle ("s", ids[i], 1, "value");
    for (int again = 0; again < 2; again++) { // the second says what the first did, the next call too
      const rig_result_t *result = rig_do (rig, &rig->a, &settle);
      cr_assert_eq (result->outcome, LEDGER_OK);
      cr_assert_eq (result->calls_count, i + 1 < CALLS);
      if (i + 1 == CALLS)
        continue;
      cr_expect (troupe_id_equal (&result->calls[0].call, &ids[i + 1]));
      cr_expect (result->calls[0].ready && result->calls[0].actor);
      cr_expect_eq (result->calls[0].attempt, 1);
      cr_expect_str_eq (result->calls[0].service, "agent/alice");
      cr_expect (result->calls[0].deadline_ms > 590000 && result->calls[0].deadline_ms <= 600000);
    }
  }
  rig_stop (rig);
}

Test (ledger_actors, sessions_and_services_have_mailboxes_of_their_own)
{
  rig_t *rig = rig_start (NULL);
  const char *const pairs[][2] = {{"s", "agent/a"}, {"s", "agent/b"}, {"t", "agent/a"}, {"s|agent/a", "agent/a"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    ledger_request_t accept = rig_accept (pairs[i][0], troupe_id_new (), pairs[i][1]);
    cr_expect (rig_do (rig, &rig->a, &accept)->ready);
  }
  rig_stop (rig);
}

Test (ledger_actors, a_full_mailbox_refuses)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t first = troupe_id_new ();
  for (int i = 0; i < 5; i++) {
    ledger_request_t accept = rig_accept ("s", i == 0 ? first : troupe_id_new (), "agent/alice");
    accept.mailbox_limit = 3;
    cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, i < 4 ? LEDGER_OK : LEDGER_OVERLOADED, "%d", i);
    if (i == 4) {
      ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", accept.call, 0);
      cr_expect_eq (rig_do (rig, &rig->a, &await)->outcome, LEDGER_UNKNOWN, "it was not stored");
      ledger_request_t settle = rig_settle ("s", first, 1, "");
      rig_do (rig, &rig->a, &settle);
      cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
    }
  }
  rig_stop (rig);
}

Test (ledger_actors, a_waiting_call_can_be_cancelled_and_its_turn_does_not_come)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t ids[3];
  for (int i = 0; i < 3; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = rig_accept ("s", ids[i], "agent/alice");
    rig_do (rig, &rig->a, &accept);
  }
  ledger_request_t early = rig_settle ("s", ids[1], 1, "an attempt that never was");
  cr_expect_eq (rig_do (rig, &rig->a, &early)->outcome, LEDGER_STALE);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", ids[1], 0);
  cr_expect_eq (rig_do (rig, &rig->a, &retry)->outcome, LEDGER_STALE);
  ledger_request_t cancel = rig_settle ("s", ids[1], 0, "cancelled");
  cancel.status = TROUPE_STATUS_CANCELLED;
  cr_expect_eq (rig_do (rig, &rig->a, &cancel)->outcome, LEDGER_OK);
  cr_expect_eq (rig->a.last.calls_count, 0, "the first one still runs");
  ledger_request_t settle = rig_settle ("s", ids[0], 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->calls_count, 1);
  cr_expect (troupe_id_equal (&rig->a.last.calls[0].call, &ids[2]));
  cr_expect_eq (redis_number (&rig->redis, "ZCARD troupe:{52}:mailbox:s|agent/alice"), 0);
  rig_stop (rig);
}

Test (ledger_actors, a_cancelled_call_gives_its_place_in_the_mailbox_back)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t ids[3];
  for (int i = 0; i < 3; i++) {
    ids[i] = troupe_id_new ();
    ledger_request_t accept = rig_accept ("s", ids[i], "agent/alice");
    accept.mailbox_limit = 1;
    if (i == 2) {
      cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OVERLOADED);
      ledger_request_t cancel = rig_settle ("s", ids[1], 0, "cancelled");
      rig_do (rig, &rig->a, &cancel);
    }
    cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  }
  rig_stop (rig);
}

// Settles with `count` entries "<name><i>".
static ledger_request_t
settle_with_entries (const char *session, troupe_id_t id, uint32_t attempt, const char *name, uint32_t count)
{
  static uint32_t sizes[TROUPE_SIZES_MAX];
  char bytes[8192] = "value";
  size_t size = 5;
  for (uint32_t i = 0; i < count; i++) {
    sizes[i] = (uint32_t)snprintf (bytes + size, sizeof bytes - size, "%s%u", name, i);
    size += sizes[i];
  }
  ledger_request_t settle = rig_settle (session, id, attempt, "");
  settle.body = rig_buffer (bytes, size);
  settle.sizes = sizes;
  settle.sizes_count = count;
  return settle;
}

Test (ledger_actors, memory_grows_with_the_outcome_and_only_with_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t first = troupe_id_new (), second = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", first, "agent/alice");
  rig_do (rig, &rig->a, &accept);
  ledger_request_t retry = rig_simple (LEDGER_RETRY, "s", first, 1);
  rig_do (rig, &rig->a, &retry);

  ledger_request_t stale = settle_with_entries ("s", first, 1, "stale", 3);
  cr_expect_eq (rig_do (rig, &rig->a, &stale)->outcome, LEDGER_STALE);
  ledger_request_t settle = settle_with_entries ("s", first, 2, "m", 3);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK, "again, and no entry twice");
  ledger_request_t await = rig_simple (LEDGER_AWAIT, "s", first, 0);
  cr_expect_str_eq (rig_do (rig, &rig->a, &await)->body, "value", "the value, without the entries");

  accept.call = second;
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->memory, 3);
  ledger_request_t recall = rig_simple (LEDGER_RECALL, "s", second, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &recall)->outcome, LEDGER_OK);
  cr_expect_eq (rig->a.last.memory, 3);
  cr_expect_str_eq (rig->a.last.body, "\x93m0m1m2");
  recall.from = 1;
  recall.count = 1;
  cr_expect_str_eq (rig_do (rig, &rig->a, &recall)->body, "\x91m1");
  recall.from = 3;
  cr_expect_str_eq (rig_do (rig, &rig->a, &recall)->body, "\x90");
  recall.attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &recall)->outcome, LEDGER_STALE);
  recall.call = first;
  cr_expect_eq (rig_do (rig, &rig->a, &recall)->outcome, LEDGER_STALE, "it has settled");
  recall.call = troupe_id_new ();
  cr_expect_eq (rig_do (rig, &rig->a, &recall)->outcome, LEDGER_UNKNOWN);
  rig_stop (rig);
}

Test (ledger_actors, a_long_memory_is_recalled_in_parts)
{
  rig_t *rig = rig_start (NULL);
  for (int i = 0; i < 8; i++) {
    ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
    rig_do (rig, &rig->a, &accept);
    ledger_request_t settle = settle_with_entries ("s", accept.call, 1, "entry", 250);
    cr_assert_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  }
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "agent/alice");
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->memory, 2000);
  ledger_request_t recall = rig_simple (LEDGER_RECALL, "s", accept.call, 0);
  const unsigned char *body = (const unsigned char *)rig_do (rig, &rig->a, &recall)->body;
  cr_expect_eq (body[0], 0xdc);
  cr_expect_eq (body[1] << 8 | body[2], 1000);

  // Three entries of 2 MiB: two of them at a time.
  size_t size = 2 * 1024 * 1024 - 1;
  char *large = calloc (1, 3 * size);
  const uint32_t sizes[] = {(uint32_t)size, (uint32_t)size, (uint32_t)size};
  ledger_request_t settle = rig_settle ("s", accept.call, 1, "");
  settle.body = rig_buffer (large, 3 * size);
  settle.sizes = sizes;
  settle.sizes_count = 3;
  cr_assert_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  free (large);
  accept.call = recall.call = troupe_id_new ();
  rig_do (rig, &rig->a, &accept);
  recall.from = 2000;
  cr_expect_eq (rig_do (rig, &rig->a, &recall)->body_size, 1 + 2 * size);
  recall.from = 2002;
  cr_expect_eq (rig_do (rig, &rig->a, &recall)->body_size, 1 + size);
  rig_stop (rig);
}
