// SPDX-License-Identifier: Apache-2.0
//
// Calls that wait for their service: each broker is asked, the last one keeps the call, and from time to time it is
// taken back and goes round anew.

#include "rig.h"

enum { ROUND_MS = 5000, ROUNDS_MS = 600 * 1000 };

static void
open_with (rig_t *rig, unsigned brokers)
{
  rig_open (rig, brokers);
  for (unsigned i = 0; i < brokers; i++)
    rig_welcome (rig, i);
}

static troupe_placeholder_t *
ask (rig_t *rig, int64_t deadline_ms)
{
  troupe_placeholder_t *placeholder = NULL;
  troupe_call_t call = {.service = "tool/late", .session = "s", .wait = true, .deadline_ms = deadline_ms};
  cr_assert (eq (int, node_core_call (rig->core, &placeholder, &call, rig->now, NULL), TROUPE_OK));
  return placeholder;
}

// Reads a CALL; whether the broker is asked to keep it.
static bool
sent (rig_t *rig, unsigned broker)
{
  rig_expect_past_heartbeats (rig, broker, TROUPE_CMD_CALL);
  return troupe_header_has (&rig->header, TROUPE_F (FLAGS)) && (rig->header.flags & TROUPE_FLAG_WAIT) != 0;
}

// Both brokers live until that one is sent a CALL.
static void
pass_until_sent (rig_t *rig, unsigned broker)
{
  for (unsigned i = 0; i < 400; i++) {
    rig_pass (rig, 100, 3);
    for (; !rig_quiet (rig, broker); rig_read (rig, broker))
      if (troupe_header_decode (&rig->header, node_core_frame (rig->core, broker)->header,
                                node_core_frame (rig->core, broker)->header_size, NULL) == TROUPE_OK &&
          rig->header.command == TROUPE_CMD_CALL)
        return;
  }
  cr_assert (false, "nothing was sent");
}

static void
refuse (rig_t *rig, unsigned broker, const troupe_placeholder_t *call, troupe_err_t code)
{
  rig_refuse (rig, broker, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, code);
}

static void
finish (rig_t *rig, troupe_placeholder_t *call)
{
  troupe_placeholder_destroy (&call);
  rig_close (rig);
}

// The first broker of two refuses it, so the second one is asked to keep it.
static troupe_placeholder_t *
ask_until_kept (rig_t *rig, int64_t deadline_ms)
{
  troupe_placeholder_t *call = ask (rig, deadline_ms);
  cr_assert (not(sent (rig, 0)));
  refuse (rig, 0, call, TROUPE_UNKNOWN_SERVICE);
  cr_assert (sent (rig, 1));
  return call;
}

Test (parked, the_only_broker_keeps_it)
{
  rig_t rig;
  open_with (&rig, 1);
  troupe_placeholder_t *call = ask (&rig, 60 * 1000);
  cr_assert (sent (&rig, 0));
  rig_pass (&rig, ROUND_MS + 1, 1);
  cr_assert (sent (&rig, 0)); // it may have been lost
  finish (&rig, call);
}

Test (parked, the_last_broker_keeps_it)
{
  rig_t rig;
  open_with (&rig, 3);
  troupe_placeholder_t *call = ask (&rig, 60 * 1000);
  for (unsigned i = 0; i < 2; i++) {
    cr_assert (not(sent (&rig, i)));
    refuse (&rig, i, call, TROUPE_UNKNOWN_SERVICE);
  }
  cr_assert (sent (&rig, 2));
  rig_accepted (&rig, 2, troupe_placeholder_id (call));
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_STORED));
  finish (&rig, call);
}

// The service has come to the first one in between.
Test (parked, it_is_taken_back_and_goes_round)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask_until_kept (&rig, 60 * 1000);
  rig_skip (&rig, 0);
  rig_pass (&rig, ROUND_MS + 1, 3);
  cr_assert (not(sent (&rig, 1)));
  rig_skip (&rig, 0);
  refuse (&rig, 1, call, TROUPE_UNKNOWN_SERVICE);
  cr_assert (sent (&rig, 0)); // now this one would keep it
  rig_accepted (&rig, 0, troupe_placeholder_id (call));
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_STORED));
  rig_pass (&rig, ROUND_MS, 3);
  rig_skip (&rig, 1);
  finish (&rig, call);
}

// Each refusal answers all that was sent to that broker, so nobody need doubt whether it ran.
Test (parked, however_often_it_goes_round_its_refusal_is_certain)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask_until_kept (&rig, ROUNDS_MS);
  for (unsigned round = 0; round < 6; round++) {
    unsigned keeps = round % 2 == 0 ? 1 : 0;
    rig_skip (&rig, 1 - keeps);
    pass_until_sent (&rig, keeps);
    cr_assert (not(sent (&rig, keeps)));
    refuse (&rig, keeps, call, TROUPE_UNKNOWN_SERVICE);
    cr_assert (sent (&rig, 1 - keeps));
  }
  refuse (&rig, 1, call, TROUPE_BAD_ARGUMENT);
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_REFUSED));
  finish (&rig, call);
}

Test (parked, cancelled_while_it_is_kept)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask_until_kept (&rig, 60 * 1000);
  troupe_placeholder_cancel (call);
  rig_pass (&rig, 1, 3);
  rig_expect_past_heartbeats (&rig, 1, TROUPE_CMD_CANCEL);
  refuse (&rig, 1, call, TROUPE_CANCELLED);
  cr_assert (eq (int, troupe_placeholder_status (call), TROUPE_STATUS_CANCELLED));
  finish (&rig, call);
}

// The one that keeps it is lost; so is the call there.
Test (parked, it_goes_on_when_its_broker_is_lost)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask_until_kept (&rig, 60 * 1000);
  rig_disconnect (&rig, 1);
  rig_pass (&rig, 1, 1);
  cr_assert (sent (&rig, 0)); // the only one that is up
  finish (&rig, call);
}

// The other one has gone before the first one's refusal came.
Test (parked, a_refusal_that_nobody_else_can_answer_is_no_end)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask (&rig, 60 * 1000);
  cr_assert (not(sent (&rig, 0)));
  rig_disconnect (&rig, 1);
  refuse (&rig, 0, call, TROUPE_UNKNOWN_SERVICE);
  rig_pass (&rig, 300, 1);
  cr_assert (sent (&rig, 0));
  finish (&rig, call);
}

// A broker whose store is away takes no call, so none is taken back for its sake.
Test (parked, a_broker_without_its_store_is_not_asked)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask (&rig, 60 * 1000);
  cr_assert (not(sent (&rig, 0)));
  refuse (&rig, 0, call, TROUPE_STORE_UNAVAILABLE);
  cr_assert (sent (&rig, 1));
  finish (&rig, call);
}

// Without a deadline of its own the last broker's default ends it, which must begin once.
Test (parked, without_a_deadline_it_comes_to_rest)
{
  rig_t rig;
  open_with (&rig, 2);
  troupe_placeholder_t *call = ask (&rig, 0);
  cr_assert (not(sent (&rig, 0)));
  refuse (&rig, 0, call, TROUPE_UNKNOWN_SERVICE);
  cr_assert (sent (&rig, 1));
  unsigned keeps = 1;
  for (int64_t until = rig.now + ROUNDS_MS; rig.now < until; keeps = 1 - keeps) {
    rig_skip (&rig, 1 - keeps);
    pass_until_sent (&rig, keeps);
    if (sent (&rig, keeps)) // at rest
      break;
    refuse (&rig, keeps, call, TROUPE_UNKNOWN_SERVICE);
    cr_assert (sent (&rig, 1 - keeps));
  }
  for (unsigned i = 0; i < 5; i++) { // it may have been lost
    pass_until_sent (&rig, keeps);
    cr_assert (sent (&rig, keeps));
  }
  finish (&rig, call);
}
