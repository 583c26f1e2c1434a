// SPDX-License-Identifier: Apache-2.0
//
// The order of a caller's calls, where the broker delays or loses one of them.

#include "core_rig.h"

static void
open (void)
{
  core_rig_open ();
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
}

TestSuite (core_order, .init = open, .fini = core_rig_close);

// `previous` 0: none. The store hasn't answered yet.
static void
send (unsigned number, unsigned previous, const char *service, unsigned flags)
{
  troupe_id_t before = stage_id (previous);
  troupe_header_t header = core_rig_call_header (number, service);
  if (previous != 0)
    troupe_header_set_previous (&header, &before);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  troupe_buffer_t *body = stage_text ("input");
  stage_receive (stage, CALLER, &header, body);
  troupe_buffer_unref (&body);
}

static unsigned
accepted (void)
{
  const stage_message_t *message = stage_take (stage, CALLER, TROUPE_CMD_ACCEPTED);
  return message != NULL ? message->header.call.bytes[15] : 0;
}

static unsigned
refused_as (troupe_err_t code)
{
  const stage_message_t *message = stage_take (stage, CALLER, TROUPE_CMD_REFUSED);
  return message != NULL && stage_error (message) == code ? message->header.call.bytes[15] : 0;
}

Test (core_order, pipelined_calls_need_no_answer_in_between)
{
  for (unsigned i = 1; i <= 50; i++)
    send (i, i - 1, "agent/alice", 0);
  stage_settle_store (stage);
  for (unsigned i = 1; i <= 50; i++) {
    cr_expect_eq (accepted (), i);
    cr_expect_eq (ledger_model_at (model, i - 1)->id.bytes[15], i);
  }
}

Test (core_order, a_call_after_one_that_was_lost_on_its_way)
{
  send (2, 1, "agent/alice", 0);
  stage_settle_store (stage);
  cr_expect_eq (refused_as (TROUPE_OUT_OF_ORDER), 2);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
  send (1, 0, "agent/alice", 0);
  send (2, 1, "agent/alice", 0);
  stage_settle_store (stage);
  cr_expect_eq (accepted (), 1);
  cr_expect_eq (accepted (), 2);
  send (3, 3, "agent/alice", 0);
  cr_expect_eq (refused_as (TROUPE_BAD_ARGUMENT), 3, "after itself");
}

Test (core_order, behind_a_call_that_waits_for_its_service)
{
  send (1, 0, "agent/late", TROUPE_FLAG_WAIT);
  send (2, 1, "agent/late", TROUPE_FLAG_WAIT);
  send (3, 2, "agent/alice", 0);
  stage_settle_store (stage);
  cr_expect_eq (refused_as (TROUPE_OUT_OF_ORDER), 3);
  stage_register (stage, INSTANCE, "agent/late", 4, true);
  stage_settle_store (stage);
  cr_expect_eq (accepted (), 1);
  cr_expect_eq (accepted (), 2, "held ones keep their order");
  send (3, 0, "agent/alice", 0);
  stage_settle_store (stage);
  cr_expect_eq (accepted (), 3);
}

Test (core_order, a_held_call_follows_what_its_caller_knows_now)
{
  troupe_id_t first = stage_id (1);
  send (1, 0, "agent/late", TROUPE_FLAG_WAIT);
  send (2, 1, "agent/late", TROUPE_FLAG_WAIT);
  stage_settle_store (stage);
  stage_cancel (stage, CALLER, &first, "s");
  stage_settle_store (stage);
  cr_expect_eq (refused_as (TROUPE_CANCELLED), 1);
  send (2, 0, "agent/late", TROUPE_FLAG_WAIT);
  stage_register (stage, INSTANCE, "agent/late", 4, true);
  stage_settle_store (stage);
  cr_expect_eq (accepted (), 2);
}

Test (core_order, behind_a_call_that_the_store_could_not_take)
{
  ledger_link_fail_next (stage->link, "OOM");
  send (1, 0, "agent/alice", 0);
  send (2, 1, "agent/alice", 0);
  stage_settle_store (stage);
  cr_expect_eq (refused_as (TROUPE_STORE_UNAVAILABLE), 1);
  cr_expect_eq (refused_as (TROUPE_OUT_OF_ORDER), 2, "it would stand before the first one, sent again");
}
