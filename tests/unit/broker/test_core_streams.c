// SPDX-License-Identifier: Apache-2.0
//
// Reading along: which instances are told that a broker wants the parts of a call, and who may send them.

#include "core_pair.h"

TestSuite (core_streams, .init = core_pair_open, .fini = core_pair_close);

static void
await_parts (stage_t *at, unsigned number)
{
  troupe_header_t header;
  troupe_id_t id = stage_id (number);
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  stage_receive (at, CALLER, &header, NULL);
  stage_settle_store (at);
}

static bool
streams (stage_t *at, unsigned number)
{
  const stage_message_t *stream = stage_take (at, INSTANCE, TROUPE_CMD_STREAM);
  return stream != NULL && stream->header.call.bytes[15] == number && stream->header.attempt == 1;
}

Test (core_streams, parts_of_a_call_that_another_broker_offers)
{
  troupe_id_t ids[] = {stage_id (1), stage_id (2)};
  core_pair_call (first, 1, "agent/alice");
  await_parts (second, 1);
  cr_expect (streams (second, 1));
  core_pair_call (first, 2, "tool/echo");
  stage_call (second, CALLER, &ids[1], "tool/echo", "s", TROUPE_FLAG_STREAM, 0); // known to the store
  stage_settle_store (second);
  cr_expect (streams (second, 2));
  for (int i = 0; i < 2; i++) {
    stage_part (second, OTHER, &ids[i], 1, 0);
    stage_hello (second, OTHER, "other-3");
    stage_part (second, OTHER, &ids[i], 1, 0);
    cr_expect_null (stage_take (second, CALLER, TROUPE_CMD_PART), "of one that doesn't serve it");
    stage_part (second, INSTANCE, &ids[i], 1, 0);
    cr_expect_not_null (stage_take (second, CALLER, TROUPE_CMD_PART));
  }
}

Test (core_streams, parts_of_a_call_that_runs_here_already)
{
  core_pair_call (first, 1, "tool/echo");
  await_parts (first, 1);
  cr_expect (streams (first, 1));
  await_parts (first, 1);
  cr_expect (!streams (first, 1), "it knows");
}
