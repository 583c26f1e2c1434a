// SPDX-License-Identifier: Apache-2.0
//
// Every allocation of the core fails once, in a run that passes through all of it. Nobody crashes, nobody is left
// without an end, and nothing is left behind.

#include "sim/scarcity.h"
#include "sim/stage.h"

#include <criterion/criterion.h>

enum { CALLER = 1, INSTANCE = 2, SECOND = 3, CALLS = 4, ALLOCATIONS_MAX = 2000 };

static stage_t *stage;

static void
send_settle_with_memory (const troupe_id_t *id, unsigned attempt)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, id);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_status (&header, TROUPE_STATUS_VALUE);
  troupe_header_set_sizes (&header, (const uint32_t[]){3}, 1);
  troupe_buffer_t *body = stage_text ("value333");
  stage_receive (stage, INSTANCE, &header, body);
  troupe_buffer_unref (&body);
}

static void
send_call_with_path (const troupe_id_t *id)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_path (&header, id, 1);
  troupe_header_set_trace (&header, troupe_text ("00-trace-01"));
  stage_receive (stage, CALLER, &header, NULL);
}

// One that call 2 makes, with an input; one that nobody stores; one that somebody awaits while it waits for it.
static void
send_rare_calls (void)
{
  troupe_id_t parent = stage_id (2), input = stage_id (3), id = stage_id (10), unstored = stage_id (11);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_path (&header, &parent, 1);
  troupe_header_set_parent (&header, 1);
  stage_receive (stage, CALLER, &header, NULL);
  id = stage_id (12);
  troupe_header_init (&header, TROUPE_CMD_CALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_inputs (&header, &input, 1);
  stage_receive (stage, CALLER, &header, NULL);
  stage_call (stage, CALLER, &unstored, "tool/echo", "s", TROUPE_FLAG_VOLATILE, 0);
  troupe_header_init (&header, TROUPE_CMD_AWAIT);
  troupe_header_set_call (&header, &parent);
  troupe_header_set_session (&header, troupe_text ("s"));
  troupe_header_set_waiter (&header, &input);
  stage_receive (stage, CALLER, &header, NULL);
  stage_settle_store (stage);
}

static void
join (void)
{
  stage_hello (stage, CALLER, "caller-1");
  stage_hello (stage, INSTANCE, "instance-2");
  stage_register (stage, INSTANCE, "agent/alice", 4, true);
  stage_register (stage, INSTANCE, "tool/echo", 4, false);
  stage_register (stage, INSTANCE, "agent/alice", 4, true); // as nodes do that weren't answered
}

static void
ask_for_much (void)
{
  troupe_id_t id = stage_id (2);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_RECALL);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_request (&header, 1);
  troupe_header_set_from (&header, 0);
  troupe_header_set_count (&header, 1);
  stage_receive (stage, INSTANCE, &header, NULL);
  static const troupe_command_t questions[] = {TROUPE_CMD_STATUS, TROUPE_CMD_LETTERS, TROUPE_CMD_SESSIONS};
  for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++) {
    troupe_header_init (&header, questions[i]);
    troupe_header_set_request (&header, 2 + i);
    stage_receive (stage, CALLER, &header, NULL);
  }
}

// Calls, each once more, an outcome, a cancel, a lost instance, a lost broker; then memory is there again.
static void
play (ledger_model_t *model)
{
  troupe_id_t ids[CALLS + 1];
  for (unsigned i = 1; i <= CALLS; i++)
    ids[i] = stage_id (i);
  stage_ready (stage);
  join ();
  stage_call (stage, CALLER, &ids[1], "tool/unknown", "s", 0, 0);
  for (unsigned i = 2; i <= CALLS; i++)
    send_call_with_path (&ids[i]);
  stage_settle_store (stage);
  ask_for_much ();
  send_rare_calls ();
  send_settle_with_memory (&ids[2], 1);
  stage_cancel (stage, CALLER, &ids[4], "s");
  stage_await (stage, CALLER, &ids[3], "s");
  stage_settle_store (stage);
  stage_unsent (stage, INSTANCE, TROUPE_CMD_HEARTBEAT, false);
  stage_settle_store (stage);
  int64_t now = stage->now;
  stage_destroy (&stage);
  stage = stage_new (model, "broker-2", NULL, now);
  stage_ready (stage);
  stage_advance (stage, 2 * stage_limits.lease); // takes over what the first one had
}

// With memory, everything that is stored comes to its end.
static void
finish (ledger_model_t *model)
{
  scarcity_fail (0);
  stage_advance (stage, 2 * stage_limits.lease);
  stage_hello (stage, SECOND, "instance-3");
  stage_register (stage, SECOND, "agent/alice", 4, true);
  stage_settle_store (stage);
  for (const stage_message_t *offer; (offer = stage_take (stage, SECOND, TROUPE_CMD_OFFER)) != NULL;) {
    troupe_id_t id = offer->header.call;
    stage_settle (stage, SECOND, &id, "s", (unsigned)offer->header.attempt, "value");
    stage_settle_store (stage);
  }
  for (size_t i = 0; i < ledger_model_count (model); i++)
    cr_expect_neq (ledger_model_at (model, i)->status, TROUPE_STATUS_NONE, "call %zu never ended", i);
  cr_expect_eq (broker_core_open_calls (stage->core), 0);
}

Test (core_memory, every_allocation_fails_once, .timeout = 300)
{
  unsigned nth = 1;
  for (bool reached = true; reached && nth < ALLOCATIONS_MAX; nth++) {
    ledger_model_t *model = ledger_model_new ();
    stage = stage_new (model, "broker-1", NULL, 1000);
    scarcity_fail (nth);
    play (model);
    reached = scarcity_failed ();
    finish (model);
    stage_destroy (&stage);
    ledger_model_destroy (&model);
  }
  cr_expect (nth > 30 && nth < ALLOCATIONS_MAX, "%u allocations", nth);
}
