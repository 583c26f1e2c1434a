// SPDX-License-Identifier: Apache-2.0
//
// PREVIOUS: which call each one names, and what is sent again when the order broke on the way.

#include "rig.h"

#include <string.h>

enum { BURST = 100 };

static void
open_one (rig_t *rig)
{
  rig_open (rig, 1);
  rig_welcome (rig, 0);
}

static troupe_placeholder_t *
ask (rig_t *rig, const troupe_call_t *like)
{
  troupe_placeholder_t *placeholder = NULL;
  troupe_error_t error = {0};
  troupe_call_t call = *like;
  call.service = call.service == NULL ? "agent/alice" : call.service;
  call.session = call.session == NULL && call.parent == NULL ? "s" : call.session;
  cr_assert (eq (int, node_core_call (rig->core, &placeholder, &call, rig->now, &error), TROUPE_OK));
  return placeholder;
}

// Reads a CALL of `call` that names `previous`; NULL: nobody.
static void
expect (rig_t *rig, unsigned broker, const troupe_placeholder_t *call, const troupe_placeholder_t *previous)
{
  rig_expect (rig, broker, TROUPE_CMD_CALL);
  cr_assert (troupe_id_equal (&rig->header.call, troupe_placeholder_id (call)));
  cr_assert (eq (int, troupe_header_has (&rig->header, TROUPE_F (PREVIOUS)), previous != NULL));
  if (previous != NULL)
    cr_assert (troupe_id_equal (&rig->header.previous, troupe_placeholder_id (previous)));
}

static void
refuse (rig_t *rig, unsigned broker, const troupe_placeholder_t *call, troupe_err_t code)
{
  rig_refuse (rig, broker, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, code);
}

static void
finish (rig_t *rig, troupe_placeholder_t **calls, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    troupe_placeholder_destroy (&calls[i]);
  rig_close (rig);
}

Test (ordering, each_call_names_the_one_before_it_that_is_not_known_to_be_stored)
{
  rig_t rig;
  open_one (&rig);
  troupe_placeholder_t *calls[5] = {ask (&rig, &(troupe_call_t){0}), ask (&rig, &(troupe_call_t){0}),
                                    ask (&rig, &(troupe_call_t){.session = "other"}),
                                    ask (&rig, &(troupe_call_t){.is_volatile = true})};
  expect (&rig, 0, calls[0], NULL);
  expect (&rig, 0, calls[1], calls[0]);
  expect (&rig, 0, calls[2], NULL);
  expect (&rig, 0, calls[3], NULL);
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[0]));
  calls[4] = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, calls[4], calls[1]); // the volatile one isn't stored, ever
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[1]));
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[4]));
  troupe_placeholder_destroy (&calls[3]);
  calls[3] = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, calls[3], NULL);
  finish (&rig, calls, 5);
}

Test (ordering, a_tasks_calls_follow_each_other_and_nobody_else)
{
  rig_t rig;
  probe_t probe = {0};
  open_one (&rig);
  rig_serve (&rig, &probe, "agent/bob", true, 8);
  rig_skip (&rig, 0);
  const troupe_id_t one = rig_id (&rig), two = rig_id (&rig);
  rig_offer (&rig, 0, "agent/bob", &one, 1);
  rig_deliver (&rig);
  troupe_task_t *first = probe.task;
  rig_offer (&rig, 0, "agent/bob", &two, 1);
  rig_deliver (&rig);
  troupe_task_t *second = probe.task;
  troupe_placeholder_t *calls[4] = {
    ask (&rig, &(troupe_call_t){.session = "session-1"}), ask (&rig, &(troupe_call_t){.parent = first}),
    ask (&rig, &(troupe_call_t){.parent = second}), ask (&rig, &(troupe_call_t){.parent = first})};
  expect (&rig, 0, calls[0], NULL);
  expect (&rig, 0, calls[1], NULL);
  expect (&rig, 0, calls[2], NULL);
  expect (&rig, 0, calls[3], calls[1]);
  troupe_task_reply (&first, json_null ()); // its calls end with it
  troupe_task_reply (&second, json_null ());
  rig_deliver (&rig);
  finish (&rig, calls, 4);
}

// The first of a burst is lost on its way: it is sent again soon, and the others once, behind it.
Test (ordering, a_burst_whose_first_call_is_lost)
{
  rig_t rig;
  troupe_placeholder_t *calls[BURST];
  open_one (&rig);
  for (unsigned i = 0; i < BURST; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){0});
    expect (&rig, 0, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  for (unsigned i = 1; i < BURST; i++)
    refuse (&rig, 0, calls[i], TROUPE_OUT_OF_ORDER);
  rig_deliver (&rig);
  cr_assert (rig_quiet (&rig, 0));
  cr_assert (eq (int, troupe_placeholder_state (calls[1]), TROUPE_CALL_NOT_SENT));
  rig_pass (&rig, 260, 1);
  expect (&rig, 0, calls[0], NULL);
  cr_assert (rig_quiet (&rig, 0));
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[0]));
  for (unsigned i = 1; i < BURST; i++)
    expect (&rig, 0, calls[i], i > 1 ? calls[i - 1] : NULL);
  for (unsigned i = 1; i < BURST; i++)
    rig_accepted (&rig, 0, troupe_placeholder_id (calls[i]));
  rig_deliver (&rig);
  cr_assert (rig_quiet (&rig, 0));
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_CALLS_HELD_BACK), BURST - 1));
  finish (&rig, calls, BURST);
}

// A call that is refused for good holds up nobody.
Test (ordering, the_call_before_was_refused)
{
  rig_t rig;
  troupe_placeholder_t *calls[4];
  open_one (&rig);
  for (unsigned i = 0; i < 4; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){0});
    expect (&rig, 0, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[0]));
  refuse (&rig, 0, calls[1], TROUPE_UNKNOWN_SERVICE);
  cr_assert (eq (int, troupe_placeholder_state (calls[1]), TROUPE_CALL_REFUSED));
  refuse (&rig, 0, calls[2], TROUPE_OUT_OF_ORDER);
  expect (&rig, 0, calls[2], NULL);
  refuse (&rig, 0, calls[3], TROUPE_OUT_OF_ORDER); // the one before it has been sent again since: at once
  expect (&rig, 0, calls[3], calls[2]);
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[2]));
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[3]));
  cr_assert (eq (int, troupe_placeholder_state (calls[3]), TROUPE_CALL_STORED));
  finish (&rig, calls, 4);
}

// The first call waits for its service. Those behind it wait here.
Test (ordering, behind_a_call_that_waits_for_its_service)
{
  rig_t rig;
  open_one (&rig);
  troupe_placeholder_t *calls[3] = {ask (&rig, &(troupe_call_t){.service = "agent/late", .wait = true}),
                                    ask (&rig, &(troupe_call_t){.deadline_ms = 2000}), ask (&rig, &(troupe_call_t){0})};
  expect (&rig, 0, calls[0], NULL);
  expect (&rig, 0, calls[1], calls[0]);
  expect (&rig, 0, calls[2], calls[1]);
  refuse (&rig, 0, calls[1], TROUPE_OUT_OF_ORDER);
  refuse (&rig, 0, calls[2], TROUPE_OUT_OF_ORDER);
  unsigned calls_sent = 0;
  rig_pass (&rig, 2500, 1);
  while (!rig_quiet (&rig, 0)) {
    rig_read (&rig, 0);
    calls_sent += rig.header.command == TROUPE_CMD_CALL;
  }
  cr_assert (eq (uint, calls_sent, 1)); // the first one, in case that it was lost
  cr_assert (eq (int, troupe_placeholder_status (calls[1]), TROUPE_STATUS_DEADLINE));
  cr_assert_not_null (strstr (troupe_placeholder_error (calls[1])->why, "made before it"));
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[0]));
  expect (&rig, 0, calls[2], NULL);
  finish (&rig, calls, 3);
}

Test (ordering, held_back_calls_move_to_another_broker_in_order)
{
  rig_t rig;
  troupe_placeholder_t *calls[3];
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 1);
  for (unsigned i = 0; i < 3; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){0});
    expect (&rig, 0, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  refuse (&rig, 0, calls[1], TROUPE_OUT_OF_ORDER);
  rig_disconnect (&rig, 0);
  for (unsigned i = 0; i < 3; i++)
    expect (&rig, 1, calls[i], i > 0 ? calls[i - 1] : NULL);
  finish (&rig, calls, 3);
}

Test (ordering, a_held_back_call_is_cancelled_here)
{
  rig_t rig;
  troupe_placeholder_t *calls[3];
  open_one (&rig);
  for (unsigned i = 0; i < 3; i++) {
    calls[i] = ask (&rig, &(troupe_call_t){0});
    expect (&rig, 0, calls[i], i > 0 ? calls[i - 1] : NULL);
  }
  refuse (&rig, 0, calls[1], TROUPE_OUT_OF_ORDER);
  refuse (&rig, 0, calls[2], TROUPE_OUT_OF_ORDER);
  troupe_placeholder_cancel (calls[1]);
  cr_assert (eq (int, troupe_placeholder_status (calls[1]), TROUPE_STATUS_CANCELLED));
  rig_deliver (&rig);
  cr_assert (rig_quiet (&rig, 0)); // no cancel, and nothing before the first one is known
  rig_accepted (&rig, 0, troupe_placeholder_id (calls[0]));
  expect (&rig, 0, calls[2], NULL);
  finish (&rig, calls, 3);
}

Test (ordering, a_broker_that_talks_nonsense_ends_the_call)
{
  rig_t rig;
  open_one (&rig);
  troupe_placeholder_t *call = ask (&rig, &(troupe_call_t){0});
  expect (&rig, 0, call, NULL);
  refuse (&rig, 0, call, TROUPE_OUT_OF_ORDER);
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_REFUSED));
  finish (&rig, &call, 1);
}
