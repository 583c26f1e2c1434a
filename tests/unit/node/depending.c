// SPDX-License-Identifier: Apache-2.0
//
// Calls whose inputs are refused: what went wrong first is what the last one tells.

#include "rig.h"

enum { LONG = 20 * 1000 };

static troupe_placeholder_t *
ask (rig_t *rig, const char *service, troupe_placeholder_t *input)
{
  troupe_placeholder_t *placeholder = NULL;
  troupe_call_t call = {.service = service, .session = "s", .inputs = &input, .inputs_count = input != NULL};
  cr_assert (eq (int, node_core_call (rig->core, &placeholder, &call, rig->now, NULL), TROUPE_OK));
  return placeholder;
}

static void
open_with (rig_t *rig, unsigned brokers)
{
  rig_open (rig, brokers);
  for (unsigned i = 0; i < brokers; i++)
    rig_welcome (rig, i);
}

static void
refuse (rig_t *rig, unsigned broker, const troupe_placeholder_t *call, troupe_err_t code)
{
  rig_refuse (rig, broker, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, code);
}

static void
expect (const troupe_placeholder_t *call, troupe_err_t code, const char *why)
{
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_REFUSED));
  cr_assert (eq (int, troupe_placeholder_error (call)->code, code));
  cr_assert_str_eq (troupe_placeholder_error (call)->why, why);
}

static void
finish (rig_t *rig, troupe_placeholder_t **calls, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    troupe_placeholder_destroy (&calls[i]);
  rig_close (rig);
}

// All are on their way when the first is refused; what the broker says of the others is its consequence.
Test (depending, the_next_one_tells_what_the_first_was_refused_for)
{
  static const troupe_err_t said[] = {TROUPE_UNKNOWN_SERVICE, TROUPE_OUT_OF_ORDER, TROUPE_UNKNOWN_CALL};
  rig_t rig;
  troupe_placeholder_t *calls[3] = {NULL};
  open_with (&rig, 1);
  for (unsigned i = 0; i < 3; i++) {
    calls[i] = ask (&rig, "agent/x", i > 0 ? calls[i - 1] : NULL);
    rig_expect (&rig, 0, TROUPE_CMD_CALL);
  }
  for (unsigned i = 0; i < 3; i++) {
    refuse (&rig, 0, calls[i], said[i]);
    expect (calls[i], TROUPE_UNKNOWN_SERVICE, "why");
  }
  cr_assert (rig_quiet (&rig, 0));
  finish (&rig, calls, 3);
}

// They were refused before the input was, which goes to another broker first.
Test (depending, one_that_is_held_back_ends_unsent)
{
  rig_t rig;
  troupe_placeholder_t *calls[3] = {NULL};
  open_with (&rig, 2);
  for (unsigned i = 0; i < 3; i++) {
    calls[i] = ask (&rig, "agent/x", i > 0 ? calls[i - 1] : NULL);
    rig_expect (&rig, 0, TROUPE_CMD_CALL);
  }
  refuse (&rig, 0, calls[1], TROUPE_OUT_OF_ORDER);
  refuse (&rig, 0, calls[2], TROUPE_OUT_OF_ORDER);
  refuse (&rig, 0, calls[0], TROUPE_UNKNOWN_SERVICE);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  refuse (&rig, 1, calls[0], TROUPE_UNKNOWN_SERVICE);
  for (unsigned i = 0; i < 3; i++)
    expect (calls[i], TROUPE_UNKNOWN_SERVICE, "why");
  cr_assert (rig_quiet (&rig, 0));
  cr_assert (rig_quiet (&rig, 1));
  finish (&rig, calls, 3);
}

Test (depending, one_that_is_made_afterwards_is_refused_for_the_same)
{
  rig_t rig;
  troupe_error_t error = {0};
  open_with (&rig, 1);
  troupe_placeholder_t *input = ask (&rig, "agent/x", NULL), *call = NULL;
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  refuse (&rig, 0, input, TROUPE_UNKNOWN_SERVICE);
  troupe_call_t made = {.service = "agent/y", .session = "s", .inputs = &input, .inputs_count = 1};
  cr_assert (eq (int, node_core_call (rig.core, &call, &made, rig.now, &error), TROUPE_UNKNOWN_SERVICE));
  cr_assert_str_eq (error.object, "object");
  cr_assert_str_eq (error.why, "why");
  finish (&rig, &input, 1);
}

// As long as it takes: nothing of this is recursion.
Test (depending, a_long_chain_ends_at_once)
{
  rig_t rig;
  static troupe_placeholder_t *calls[LONG];
  rig_open (&rig, 1);
  for (unsigned i = 0; i < LONG; i++)
    calls[i] = ask (&rig, "agent/x", i > 0 ? calls[i - 1] : NULL);
  troupe_placeholder_cancel (calls[0]); // it wasn't sent
  rig_pass (&rig, 1, 0);
  for (unsigned i = 1; i < LONG; i++) {
    cr_assert (eq (int, troupe_placeholder_state (calls[i]), TROUPE_CALL_REFUSED));
    cr_assert (eq (int, troupe_placeholder_status (calls[i]), TROUPE_STATUS_CANCELLED));
  }
  finish (&rig, calls, LONG);
}

// What is stored ends as the store says.
Test (depending, an_input_that_is_stored_is_no_cause)
{
  rig_t rig;
  troupe_placeholder_t *calls[2] = {NULL};
  open_with (&rig, 1);
  for (unsigned i = 0; i < 2; i++) {
    calls[i] = ask (&rig, "agent/x", i > 0 ? calls[i - 1] : NULL);
    rig_expect (&rig, 0, TROUPE_CMD_CALL);
    rig_accepted (&rig, 0, troupe_placeholder_id (calls[i]));
  }
  rig_settled (&rig, 0, troupe_placeholder_id (calls[0]), TROUPE_STATUS_ERROR, NULL);
  rig_pass (&rig, 1, 1);
  cr_assert (eq (int, troupe_placeholder_state (calls[1]), TROUPE_CALL_STORED));
  finish (&rig, calls, 2);
}

// The user lets go of both, in whichever order.
Test (depending, without_anybody_who_waits)
{
  rig_t rig;
  for (unsigned round = 0; round < 2; round++) {
    open_with (&rig, 1);
    troupe_placeholder_t *input = ask (&rig, "agent/x", NULL), *call = ask (&rig, "agent/y", input);
    troupe_id_t id = *troupe_placeholder_id (input);
    rig_skip (&rig, 0);
    troupe_placeholder_destroy (round == 0 ? &input : &call);
    troupe_placeholder_destroy (round == 0 ? &call : &input);
    rig_refuse (&rig, 0, TROUPE_CMD_CALL, &id, 0, TROUPE_UNKNOWN_SERVICE);
    rig_close (&rig);
  }
}

// Those behind the first one go with it, while what has a deadline waits on.
Test (depending, a_chain_is_given_up_when_no_broker_is_up)
{
  rig_t rig;
  troupe_placeholder_t *calls[4] = {NULL}, *other = NULL;
  rig_open (&rig, 1);
  other = rig_call (&rig, NULL, "agent/x", 2 * LONG);
  for (unsigned i = 0; i < 4; i++)
    calls[i] = ask (&rig, "agent/x", i % 3 > 0 ? calls[i - 1] : NULL);
  rig_pass (&rig, LONG, 0);
  for (unsigned i = 0; i < 4; i++) {
    cr_assert (eq (int, troupe_placeholder_state (calls[i]), TROUPE_CALL_REFUSED), "%u", i);
    cr_assert (eq (int, troupe_placeholder_error (calls[i])->code, TROUPE_UNAVAILABLE));
  }
  cr_assert (eq (int, troupe_placeholder_state (other), TROUPE_CALL_NOT_SENT));
  troupe_placeholder_destroy (&other);
  finish (&rig, calls, 4);
}
