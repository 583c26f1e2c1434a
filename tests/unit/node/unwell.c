// SPDX-License-Identifier: Apache-2.0
//
// A broker that is up and worse off than another: its store is away, or it doesn't know a service that the other knows.
// What it refuses for that goes to the next one, in order; without its store it is avoided until it may be well again.

#include "rig.h"

enum { AVOIDED_MS = 1000 };

static void
open_two (rig_t *rig)
{
  rig_open (rig, 2);
  rig_welcome (rig, 0);
  rig_welcome (rig, 1);
}

static troupe_placeholder_t *
ask (rig_t *rig, const troupe_call_t *like)
{
  troupe_placeholder_t *placeholder = NULL;
  troupe_error_t error = {0};
  troupe_call_t call = *like;
  call.service = "agent/alice";
  call.session = "s";
  cr_assert (eq (int, node_core_call (rig->core, &placeholder, &call, rig->now, &error), TROUPE_OK));
  return placeholder;
}

// Reads a CALL of `call` that names `previous`; NULL: nobody.
static void
expect (rig_t *rig, unsigned broker, const troupe_placeholder_t *call, const troupe_placeholder_t *previous)
{
  rig_expect_past_heartbeats (rig, broker, TROUPE_CMD_CALL);
  cr_assert (troupe_id_equal (&rig->header.call, troupe_placeholder_id (call)));
  cr_assert (eq (int, troupe_header_has (&rig->header, TROUPE_F (PREVIOUS)), previous != NULL));
  if (previous != NULL)
    cr_assert (troupe_id_equal (&rig->header.previous, troupe_placeholder_id (previous)));
}

static void
refuse (rig_t *rig, unsigned broker, const troupe_placeholder_t *call)
{
  rig_refuse (rig, broker, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, TROUPE_STORE_UNAVAILABLE);
}

static void
accept (rig_t *rig, unsigned broker, const troupe_placeholder_t *call)
{
  rig_accepted (rig, broker, troupe_placeholder_id (call));
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_STORED));
}

static void
finish (rig_t *rig, troupe_placeholder_t **calls, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    troupe_placeholder_destroy (&calls[i]);
  rig_close (rig);
}

Test (unwell, what_is_refused_goes_to_the_next_broker_in_order)
{
  rig_t rig;
  troupe_placeholder_t *calls[4];
  open_two (&rig);
  for (unsigned i = 0; i < 3; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){0});
    expect (&rig, 0, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  for (unsigned i = 0; i < 3; i++) {
    refuse (&rig, 0, calls[i]);
    expect (&rig, 1, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  calls[3] = ask (&rig, &(troupe_call_t){0});
  rig_pass (&rig, 1, 3);
  expect (&rig, 1, calls[3], calls[2]);
  cr_assert (rig_quiet (&rig, 0));
  for (unsigned i = 0; i < 4; i++)
    accept (&rig, 1, calls[i]);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_CALLS_MOVED), 3));
  finish (&rig, calls, 4);
}

// One is made while those before it are still to be refused: it overtakes none of them.
Test (unwell, a_call_that_is_made_in_between_follows)
{
  rig_t rig;
  troupe_placeholder_t *calls[3];
  open_two (&rig);
  for (unsigned i = 0; i < 2; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){0});
    expect (&rig, 0, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  refuse (&rig, 0, calls[0]);
  expect (&rig, 1, calls[0], NULL);
  calls[2] = ask (&rig, &(troupe_call_t){0});
  rig_pass (&rig, 1, 3);
  expect (&rig, 1, calls[2], calls[1]);
  refuse (&rig, 0, calls[1]);
  expect (&rig, 1, calls[1], calls[0]);
  rig_refuse (&rig, 1, TROUPE_CMD_CALL, troupe_placeholder_id (calls[2]), 0, TROUPE_OUT_OF_ORDER);
  expect (&rig, 1, calls[2], calls[1]);
  for (unsigned i = 0; i < 3; i++)
    accept (&rig, 1, calls[i]);
  finish (&rig, calls, 3);
}

Test (unwell, a_call_that_every_broker_refuses_is_refused)
{
  rig_t rig;
  probe_t probe = {0};
  open_two (&rig);
  for (unsigned round = 0; round < 2; round++) { // also when both are known to be unwell
    troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){.settled = probe_settled, .context = &probe});
    expect (&rig, 0, call, NULL);
    refuse (&rig, 0, call);
    expect (&rig, 1, call, NULL);
    refuse (&rig, 1, call);
    rig_deliver (&rig);
    cr_assert (eq (uint, probe.settled, round + 1));
    cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_REFUSED));
    cr_assert (eq (int, troupe_placeholder_error (call)->code, TROUPE_STORE_UNAVAILABLE));
    cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1));
    troupe_placeholder_destroy (&call);
  }
  rig_close (&rig);
}

Test (unwell, one_that_waits_goes_round)
{
  rig_t rig;
  open_two (&rig);
  troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){.wait = true, .deadline_ms = 20000});
  expect (&rig, 0, call, NULL);
  refuse (&rig, 0, call);
  expect (&rig, 1, call, NULL);
  refuse (&rig, 1, call);
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_NOT_SENT));
  rig_pass (&rig, 300, 3);
  expect (&rig, 0, call, NULL);
  accept (&rig, 0, call);
  finish (&rig, &call, 1);
}

Test (unwell, the_preferred_broker_is_tried_again_after_a_while)
{
  rig_t rig;
  troupe_placeholder_t *calls[4];
  open_two (&rig);
  calls[0] = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, calls[0], NULL);
  refuse (&rig, 0, calls[0]);
  expect (&rig, 1, calls[0], NULL);
  accept (&rig, 1, calls[0]);
  rig_pass (&rig, AVOIDED_MS - 10, 3);
  calls[1] = ask (&rig, &(troupe_call_t){0});
  rig_pass (&rig, 1, 3);
  expect (&rig, 1, calls[1], NULL);
  accept (&rig, 1, calls[1]);
  rig_pass (&rig, 10, 3);
  calls[2] = ask (&rig, &(troupe_call_t){0});
  rig_pass (&rig, 1, 3);
  expect (&rig, 0, calls[2], NULL);
  refuse (&rig, 0, calls[2]); // not yet
  expect (&rig, 1, calls[2], NULL);
  accept (&rig, 1, calls[2]);
  rig_pass (&rig, AVOIDED_MS, 3);
  calls[3] = ask (&rig, &(troupe_call_t){0});
  rig_pass (&rig, 1, 3);
  expect (&rig, 0, calls[3], NULL);
  accept (&rig, 0, calls[3]);
  finish (&rig, calls, 4);
}

Test (unwell, what_is_awaited_is_asked_of_another_broker)
{
  rig_t rig;
  open_two (&rig);
  troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, call, NULL);
  accept (&rig, 0, call);
  rig_pass (&rig, 30 * 1000, 3);
  rig_expect_past_heartbeats (&rig, 0, TROUPE_CMD_AWAIT);
  rig_skip (&rig, 1);
  rig_refuse (&rig, 0, TROUPE_CMD_AWAIT, troupe_placeholder_id (call), 0, TROUPE_STORE_UNAVAILABLE);
  rig_expect (&rig, 1, TROUPE_CMD_AWAIT);
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_STORED));
  finish (&rig, &call, 1);
}

static void
refuse_unknown (rig_t *rig, unsigned broker, const troupe_placeholder_t *call)
{
  rig_refuse (rig, broker, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, TROUPE_UNKNOWN_SERVICE);
}

// As a broker that has just started, and that the service has yet to find.
Test (unwell, a_service_that_one_broker_does_not_know_is_asked_of_the_next)
{
  rig_t rig;
  troupe_placeholder_t *calls[3];
  open_two (&rig);
  for (unsigned i = 0; i < 2; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){.is_volatile = i == 1});
    expect (&rig, 0, calls[i], NULL);
    refuse_unknown (&rig, 0, calls[i]);
    expect (&rig, 1, calls[i], NULL);
    rig_accepted (&rig, 1, troupe_placeholder_id (calls[i]));
  }
  cr_assert (eq (int, troupe_placeholder_state (calls[0]), TROUPE_CALL_STORED));
  calls[2] = ask (&rig, &(troupe_call_t){0}); // other services may be known there: it isn't avoided
  rig_pass (&rig, 1, 3);
  expect (&rig, 0, calls[2], NULL);
  accept (&rig, 0, calls[2]);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_CALLS_MOVED), 2));
  finish (&rig, calls, 3);
}

Test (unwell, a_service_that_no_broker_knows_is_unknown)
{
  rig_t rig;
  open_two (&rig);
  troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, call, NULL);
  refuse_unknown (&rig, 0, call);
  expect (&rig, 1, call, NULL);
  refuse_unknown (&rig, 1, call);
  cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1));
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_REFUSED));
  cr_assert (eq (int, troupe_placeholder_error (call)->code, TROUPE_UNKNOWN_SERVICE));
  finish (&rig, &call, 1);
}

// Whether it exists is not known as long as a broker without its store is among those that were asked.
Test (unwell, a_service_that_is_unknown_to_one_and_refused_by_the_other_may_come)
{
  rig_t rig;
  open_two (&rig);
  troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, call, NULL);
  refuse_unknown (&rig, 0, call);
  expect (&rig, 1, call, NULL);
  refuse (&rig, 1, call);
  cr_assert (eq (int, troupe_placeholder_error (call)->code, TROUPE_STORE_UNAVAILABLE));
  finish (&rig, &call, 1);
}

// The first send was refused before the service registered, the second one accepted after that.
Test (unwell, a_refusal_of_one_send_says_nothing_of_the_next)
{
  rig_t rig;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, call, NULL);
  rig_pass (&rig, 5001, 1);
  expect (&rig, 0, call, NULL);
  refuse_unknown (&rig, 0, call);
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_MAYBE));
  accept (&rig, 0, call);
  finish (&rig, &call, 1);
}
