// SPDX-License-Identifier: Apache-2.0
//
// Of a memory, or of what was said in hubs. A read changes nothing, so when its answer is lost the instance is told and
// asks again. Only the instance that runs the call may read: a memory is the actor's own.

#include "broker/recall.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/calls.h"

static troupe_err_t
take_recall (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  call_t *call = calls_find (core, &header->call);
  if (call == NULL || !attempts_runs (core, call, peer, header->attempt))
    return troupe_error_set (error, TROUPE_STALE, "call", "stop this attempt",
                             "%s does not run this attempt of the call", peer->name);
  if (call->unstored)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, call->service->name, NULL, "a volatile call has no memory");
  if (!core->up)
    return answer_store_down (core, error);
  const inquiry_t *self = inquiry_new (core, peer, header, error);
  if (self == NULL)
    return error->code;
  core->counters[BROKER_COUNT_RECALLS]++;
  bool hears = header->command == TROUPE_CMD_HEAR;
  ledger_request_t request = {.op = hears ? LEDGER_HEAR : LEDGER_RECALL,
                              .token = self->token,
                              .session = call->session,
                              .service = call->service->name,
                              .call = call->id,
                              .attempt = call->attempt};
  if (hears) {
    request.position = troupe_header_has (header, TROUPE_F (POSITION)) ? header->position : 0;
  } else {
    request.from = (uint32_t)header->from;
    request.count = (uint32_t)header->count;
  }
  asking_request (core, &request);
  return TROUPE_OK;
}

void
recall_on_recall (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_error_t error = {0};
  if (take_recall (core, peer, header, &error) != TROUPE_OK)
    answer_refuse (core, peer->connection, header->command, header, &error);
}

static void
send_recalled (broker_core_t *core, const inquiry_t *self, const ledger_result_t *result)
{
  troupe_header_t header;
  bool hears = self->of == TROUPE_CMD_HEAR;
  troupe_header_init (&header, hears ? TROUPE_CMD_HEARD : TROUPE_CMD_RECALLED);
  troupe_header_set_request (&header, self->request);
  troupe_header_set_call (&header, &self->call);
  if (hears && result->position > 0)
    troupe_header_set_position (&header, result->position);
  if (!hears) {
    troupe_header_set_from (&header, self->first);
    troupe_header_set_memory (&header, result->memory);
  }
  answer_send (core, self->from, &header, result->body);
}

bool
recall_tell (broker_core_t *core, inquiry_t *self, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  if (result->outcome == LEDGER_OK) {
    send_recalled (core, self, result);
  } else if (result->outcome == LEDGER_STALE || result->outcome == LEDGER_UNKNOWN) {
    troupe_error_set (&error, TROUPE_STALE, "call", "stop this attempt", "another attempt owns the call");
    inquiry_refuse (core, self, &error);
  } else {
    inquiry_refuse_unanswered (core, self, result);
  }
  return false;
}
