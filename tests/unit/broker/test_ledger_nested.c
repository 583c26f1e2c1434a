// SPDX-License-Identifier: Apache-2.0
//
// Nested calls: fenced by their parent's attempt, replayed to its next one, ended with it, and queued by its root.
#include "ledger_rig.h"

// A call of `service` that is accepted and runs, or waits.
static troupe_id_t
accepted (rig_t *rig, const char *service)
{
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), service);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  return accept.call;
}

static troupe_id_t
nested (rig_t *rig, const char *service, const troupe_id_t *parent)
{
  ledger_request_t accept = rig_nested ("s", troupe_id_new (), service, parent, 1);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  return accept.call;
}

static const rig_result_t *
settle (rig_t *rig, troupe_id_t call, uint32_t attempt, const char *value)
{
  ledger_request_t request = rig_settle ("s", call, attempt, value);
  return rig_do (rig, &rig->a, &request);
}

static const rig_result_t *
await (rig_t *rig, troupe_id_t call)
{
  ledger_request_t request = rig_simple (LEDGER_AWAIT, "s", call, 0);
  return rig_do (rig, &rig->a, &request);
}

static void
retry (rig_t *rig, troupe_id_t call, uint32_t attempt)
{
  ledger_request_t request = rig_simple (LEDGER_RETRY, "s", call, attempt);
  cr_assert_eq (rig_do (rig, &rig->a, &request)->outcome, LEDGER_OK);
}

Test (ledger_nested, only_the_parents_present_attempt_may_call)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice"), waiting = accepted (rig, "agent/alice");
  troupe_id_t unknown = troupe_id_new ();
  ledger_request_t call = rig_nested ("s", troupe_id_new (), "model/m", &parent, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_STALE);
  cr_expect_eq (rig->a.last.attempt, 1, "says which attempt it is");
  call.path = &unknown;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_STALE);
  call.path = &waiting;
  call.parent_attempt = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_STALE, "its turn has not come");
  call.path = &parent;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_KNOWN);

  retry (rig, parent, 1);
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_STALE, "also for what it has called already");
  call.parent_attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_KNOWN);
  settle (rig, parent, 2, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_STALE);
  cr_expect_eq (rig->a.last.attempt, 0);
  rig_stop (rig);
}

Test (ledger_nested, the_next_attempt_gets_the_value_however_long_it_took)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice"), call = nested (rig, "model/m", &parent);
  ledger_request_t end = rig_settle ("s", call, 1, "what it said");
  end.retention_ms = 1; // and yet kept: the parent may ask again
  cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  int64_t later = troupe_loop_now () + 20;
  LOOP_UNTIL (rig->loop, troupe_loop_now () > later);
  retry (rig, parent, 1);
  ledger_request_t again = rig_nested ("s", call, "model/m", &parent, 2);
  cr_expect_eq (rig_do (rig, &rig->b, &again)->outcome, LEDGER_SETTLED);
  cr_expect_eq (rig->b.last.status, TROUPE_STATUS_VALUE);
  cr_expect_str_eq (rig->b.last.body, "what it said");
  rig_stop (rig);
}

static long long
ttl_of (rig_t *rig, troupe_id_t call)
{
  char command[128], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&call, id);
  snprintf (command, sizeof command, "PTTL troupe:{%02u}:call:s|%s", ledger_slot ("s"), id);
  redisReply *reply = redis_run (&rig->redis, command);
  long long ttl = reply->integer;
  freeReplyObject (reply);
  return ttl;
}

static long long
keys_like (rig_t *rig, const char *kind)
{
  char command[64];
  snprintf (command, sizeof command, "KEYS troupe:*:%s:*", kind);
  redisReply *reply = redis_run (&rig->redis, command);
  long long count = (long long)reply->elements;
  freeReplyObject (reply);
  return count;
}

// A parent has minutes, and its nested calls may be thousands a second: what they gave isn't kept once it has settled.
Test (ledger_nested, what_the_next_attempt_would_ask_for_is_kept_until_the_parent_has_settled)
{
  enum { CALLS = 150, RETENTION = 60000 }; // more than one step lets go
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice"), calls[CALLS], late = nested (rig, "model/m", &parent);
  for (size_t i = 0; i < CALLS; i++) {
    calls[i] = nested (rig, "model/m", &parent);
    ledger_request_t end = rig_settle ("s", calls[i], 1, "what it said");
    end.retention_ms = RETENTION;
    cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
    cr_expect_gt (ttl_of (rig, calls[i]), 2 * RETENTION, "the parent may ask again");
  }
  ledger_request_t end = rig_settle ("s", parent, 1, "value");
  end.retention_ms = RETENTION;
  cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = ledger_slot ("s")};
  cr_assert_eq (rig_do (rig, &rig->a, &sweep)->outcome, LEDGER_OK);
  for (size_t i = 0; i < CALLS; i++)
    cr_expect_leq (ttl_of (rig, calls[i]), RETENTION);
  cr_expect_leq (ttl_of (rig, late), RETENTION, "one that ended with its parent");
  cr_expect_eq (keys_like (rig, "journal"), 0);
  rig_stop (rig);
}

// The parent ended so that its own parent may make it begin anew: then it asks for the same again.
Test (ledger_nested, what_a_call_asked_for_that_may_begin_anew_is_kept_as_well)
{
  enum { RETENTION = 60000 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t root = accepted (rig, "agent/alice"), child = nested (rig, "agent/bob", &root);
  ledger_request_t call = rig_nested ("s", troupe_id_new (), "tool/t", NULL, 1);
  const troupe_id_t path[] = {root, child};
  call.path = path;
  call.path_count = 2;
  cr_assert_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
  ledger_request_t end = rig_settle ("s", call.call, 1, "done");
  end.retention_ms = RETENTION;
  cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  end = rig_settle ("s", child, 1, "not now");
  end.status = TROUPE_STATUS_ERROR;
  end.retryable = true;
  end.retention_ms = RETENTION;
  cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  cr_expect_gt (ttl_of (rig, call.call), 2 * RETENTION);
  end = rig_settle ("s", root, 1, "value");
  end.retention_ms = RETENTION;
  cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  cr_expect_leq (ttl_of (rig, child), RETENTION);
  cr_expect_leq (ttl_of (rig, call.call), RETENTION);
  cr_expect_eq (keys_like (rig, "journal"), 0);
  rig_stop (rig);
}

Test (ledger_nested, a_permanent_error_is_replayed_and_a_retryable_one_begins_anew)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice");
  for (int retryable = 0; retryable < 2; retryable++) {
    uint32_t attempt = retryable ? 2 : 1;
    ledger_request_t call = rig_nested ("s", troupe_id_new (), "model/m", &parent, attempt);
    cr_assert_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
    ledger_request_t end = rig_settle ("s", call.call, 1, "no");
    end.status = TROUPE_STATUS_ERROR;
    end.retryable = retryable;
    cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
    cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK, "the same again");
    cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_SETTLED, "the attempt that had it gets it again");
    retry (rig, parent, attempt);
    call.parent_attempt = attempt + 1;
    if (!retryable) {
      cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_SETTLED);
      continue;
    }
    const rig_result_t *anew = rig_do (rig, &rig->a, &call);
    cr_expect_eq (anew->outcome, LEDGER_OK);
    cr_expect (anew->ready && anew->attempt == 2);
    cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_KNOWN, "made again, it changes nothing");
    cr_expect_eq (settle (rig, call.call, 1, "late")->outcome, LEDGER_STALE);
    cr_expect_eq (settle (rig, call.call, 2, "now")->outcome, LEDGER_OK);
    cr_expect_str_eq (await (rig, call.call)->body, "now");
  }
  rig_stop (rig);
}

// Its service said itself that it may be asked again; what came of the first time only it knows.
Test (ledger_nested, a_call_that_may_run_once_does_not_begin_anew)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice");
  ledger_request_t call = rig_nested ("s", troupe_id_new (), "tool/pay", &parent, 1);
  call.flags = TROUPE_FLAG_ONCE;
  cr_assert_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
  ledger_request_t end = rig_settle ("s", call.call, 1, "no");
  end.status = TROUPE_STATUS_ERROR;
  end.retryable = true;
  cr_assert_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  retry (rig, parent, 1);
  call.parent_attempt = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_SETTLED);
  cr_expect_str_eq (await (rig, call.call)->body, "no");
  rig_stop (rig);
}

Test (ledger_nested, when_the_parent_settles_all_below_it_are_cancelled)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t root = accepted (rig, "agent/alice");
  troupe_id_t done = nested (rig, "model/m", &root), child = nested (rig, "agent/bob", &root);
  troupe_id_t waiting = nested (rig, "agent/bob", &root), grandchild = nested (rig, "tool/t", &child);
  troupe_id_t other = accepted (rig, "agent/bob"); // nobody's: it waits behind them
  cr_assert_eq (settle (rig, done, 1, "done")->outcome, LEDGER_OK);
  ledger_request_t await_there = rig_simple (LEDGER_AWAIT, "s", grandchild, 0);
  cr_expect_eq (rig_do (rig, &rig->b, &await_there)->outcome, LEDGER_PENDING);

  ledger_request_t end = rig_settle ("s", root, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK, "the same again");
  const troupe_id_t cancelled[] = {child, waiting, grandchild};
  for (size_t i = 0; i < 3; i++) {
    cr_expect_eq (await (rig, cancelled[i])->outcome, LEDGER_SETTLED);
    cr_expect_eq (rig->a.last.status, TROUPE_STATUS_CANCELLED);
    cr_expect (rig_body_has (&rig->a.last, "cancelled"));
    LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_SETTLED, &cancelled[i]) == 1);
  }
  cr_expect_str_eq (await (rig, done)->body, "done");
  LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &grandchild) == 1);
  LOOP_UNTIL (rig->loop, rig_notices (&rig->a, LEDGER_NOTICE_READY, &other) == 1);
  cr_expect_eq (settle (rig, other, 1, "value")->outcome, LEDGER_OK);
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:open troupe:{52}:mailbox:s|agent/bob"), 0);
  rig_stop (rig);
}

Test (ledger_nested, very_many_nested_calls_end_in_batches)
{
  enum { CALLS = 450 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t root = accepted (rig, "agent/alice");
  for (int i = 0; i < CALLS; i++) {
    ledger_request_t call = rig_nested ("s", troupe_id_new (), "model/m", &root, 1);
    ledger_submit (rig->a.ledger, &call);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count == CALLS + 1);
  ledger_request_t end = rig_settle ("s", root, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &end)->outcome, LEDGER_OK);
  cr_expect_eq (redis_number (&rig->redis, "ZCARD troupe:{52}:open"), CALLS - 100);
  ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = ledger_slot ("s")};
  int sweeps = 0;
  do {
    cr_assert_eq (rig_do (rig, &rig->b, &sweep)->outcome, LEDGER_OK);
    sweeps++;
  } while (rig->b.last.more);
  cr_expect_eq (redis_number (&rig->redis, "EXISTS troupe:{52}:open troupe:{52}:ending"), 0);
  cr_expect_leq (sweeps, CALLS / 100 + 1);
  LOOP_UNTIL (rig->loop, rig->a.notices_count == CALLS);
  rig_stop (rig);
}

// Calls to bob, in this order: a long one that runs; one of a young root; one that an older root makes.
Test (ledger_nested, a_mailbox_is_ordered_by_the_acceptance_of_roots)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = accepted (rig, "agent/alice"), older_sibling = accepted (rig, "agent/carol");
  troupe_id_t runs = accepted (rig, "agent/bob"), young = accepted (rig, "agent/bob");
  troupe_id_t second = nested (rig, "agent/bob", &older_sibling);
  troupe_id_t first = nested (rig, "agent/bob", &old), first_too = nested (rig, "agent/bob", &old);
  const troupe_id_t expected[] = {runs, first, first_too, second, young};
  for (size_t i = 0; i < 5; i++) {
    const rig_result_t *result = settle (rig, expected[i], 1, "value");
    cr_assert_eq (result->outcome, LEDGER_OK, "%zu", i);
    cr_assert_eq (result->calls_count, i < 4);
    if (i < 4)
      cr_expect (troupe_id_equal (&result->calls[0].call, &expected[i + 1]), "%zu", i);
  }
  rig_stop (rig);
}

// What is made for older work waits for nobody who came later, nor for room that those take.
Test (ledger_nested, a_mailbox_that_is_full_of_later_calls_has_room)
{
  enum { LIMIT = 2 };
  rig_t *rig = rig_start (NULL);
  troupe_id_t old = accepted (rig, "agent/alice"), runs = accepted (rig, "agent/bob");
  for (int i = 0; i < LIMIT; i++)
    accepted (rig, "agent/bob");
  for (int i = 0; i <= LIMIT; i++) {
    ledger_request_t call = rig_nested ("s", troupe_id_new (), "agent/bob", &old, 1);
    call.mailbox_limit = LIMIT;
    cr_expect_eq (rig_do (rig, &rig->a, &call)->outcome, i < LIMIT ? LEDGER_OK : LEDGER_OVERLOADED, "%d", i);
  }
  ledger_request_t late = rig_accept ("s", troupe_id_new (), "agent/bob");
  late.mailbox_limit = LIMIT;
  cr_expect_eq (rig_do (rig, &rig->a, &late)->outcome, LEDGER_OVERLOADED);
  cr_expect_eq (settle (rig, runs, 1, "value")->calls_count, 1);
  rig_stop (rig);
}

Test (ledger_nested, a_grandchild_has_its_roots_place)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t root = accepted (rig, "agent/alice"), runs = accepted (rig, "agent/bob");
  troupe_id_t young = accepted (rig, "agent/bob"), child = nested (rig, "tool/t", &root);
  const troupe_id_t path[] = {root, child};
  ledger_request_t call = rig_nested ("s", troupe_id_new (), "agent/bob", path, 1);
  call.path_count = 2;
  cr_assert_eq (rig_do (rig, &rig->a, &call)->outcome, LEDGER_OK);
  cr_expect (troupe_id_equal (&settle (rig, runs, 1, "value")->calls[0].call, &call.call));
  cr_expect_eq (rig->a.last.calls[0].path_count, 2);
  cr_expect (troupe_id_equal (&settle (rig, call.call, 1, "value")->calls[0].call, &young));
  rig_stop (rig);
}

Test (ledger_nested, only_the_parents_present_attempt_may_cancel)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t parent = accepted (rig, "agent/alice"), call = nested (rig, "model/m", &parent);
  retry (rig, parent, 1);
  ledger_request_t cancel = rig_settle ("s", call, 0, "cancelled");
  cancel.status = TROUPE_STATUS_CANCELLED;
  cancel.under = 1;
  cr_expect_eq (rig_do (rig, &rig->a, &cancel)->outcome, LEDGER_STALE);
  cr_expect_eq (await (rig, call)->outcome, LEDGER_PENDING);
  cancel.under = 2;
  cr_expect_eq (rig_do (rig, &rig->a, &cancel)->outcome, LEDGER_OK);
  cr_expect_eq (await (rig, call)->status, TROUPE_STATUS_CANCELLED);
  rig_stop (rig);
}
