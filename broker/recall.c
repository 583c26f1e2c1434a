// SPDX-License-Identifier: Apache-2.0
//
// Of a memory, or of what was said in hubs. A read changes nothing, so when its answer is lost the instance is told and
// asks again. Only the instance that runs the call may read: a memory is the actor's own.

#include "broker/recall.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/calls.h"
#include "broker/peers.h"

#include <stdlib.h>

// NULL: `error` says why.
static recall_t *
make_recall (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  if (core->recalls.count >= RECALLS_MAX) {
    core->drops[BROKER_QUEUE_RECALLS]++;
    troupe_error_set (error, TROUPE_OVERLOADED, core->name, "send it again later",
                      "%d reads of memories are under way, which is the limit", RECALLS_MAX);
    error->retry_after_ms = RETRY_AFTER_MS;
    return NULL;
  }
  recall_t *recall = calloc (1, sizeof *recall);
  if (recall == NULL) {
    answer_no_memory (core, core->name, error);
    return NULL;
  }
  recall->token = asking_token (core, ASKING_RECALL);
  recall->from = peer->connection;
  recall->of = header->command;
  recall->call = header->call;
  recall->request = header->request;
  recall->first = header->command == TROUPE_CMD_RECALL ? header->from : 0;
  table_insert (&core->recalls, &recall->by_token, table_hash_number (recall->token));
  list_append (&core->all_recalls, &recall->in_core);
  return recall;
}

static void
drop (broker_core_t *core, recall_t *recall)
{
  table_remove (&core->recalls, &recall->by_token);
  list_remove (&recall->in_core);
  free (recall);
}

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
  const recall_t *recall = make_recall (core, peer, header, error);
  if (recall == NULL)
    return error->code;
  core->counters[BROKER_COUNT_RECALLS]++;
  bool hears = header->command == TROUPE_CMD_HEAR;
  ledger_request_t request = {.op = hears ? LEDGER_HEAR : LEDGER_RECALL,
                              .token = recall->token,
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
send_recalled (broker_core_t *core, const recall_t *recall, const ledger_result_t *result)
{
  troupe_header_t header;
  bool hears = recall->of == TROUPE_CMD_HEAR;
  troupe_header_init (&header, hears ? TROUPE_CMD_HEARD : TROUPE_CMD_RECALLED);
  troupe_header_set_request (&header, recall->request);
  troupe_header_set_call (&header, &recall->call);
  if (hears && result->position > 0)
    troupe_header_set_position (&header, result->position);
  if (!hears) {
    troupe_header_set_from (&header, recall->first);
    troupe_header_set_memory (&header, result->memory);
  }
  answer_send (core, recall->from, &header, result->body);
}

static void
refuse (broker_core_t *core, const recall_t *recall, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  if (result->outcome == LEDGER_STALE || result->outcome == LEDGER_UNKNOWN)
    troupe_error_set (&error, TROUPE_STALE, "call", "stop this attempt", "another attempt owns the call");
  else if (result->outcome == LEDGER_FAILED)
    troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, core->name, "see the log of Redis",
                      "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
  else
    answer_store_down (core, &error);
  troupe_header_t about;
  troupe_header_init (&about, recall->of);
  troupe_header_set_call (&about, &recall->call);
  troupe_header_set_request (&about, recall->request);
  answer_refuse (core, recall->from, recall->of, &about, &error);
}

static recall_t *
recall_of (const broker_core_t *core, uint64_t token)
{
  table_link_t *link = table_first (&core->recalls, table_hash_number (token));
  for (; link != NULL; link = table_next (link)) {
    recall_t *recall = LIST_ITEM (link, recall_t, by_token);
    if (recall->token == token)
      return recall;
  }
  return NULL;
}

void
recall_result (broker_core_t *core, const ledger_result_t *result)
{
  recall_t *recall = recall_of (core, result->token);
  if (recall == NULL)
    return;
  if (peers_find (core, recall->from) == NULL)
    ; // nobody to tell
  else if (result->outcome == LEDGER_OK)
    send_recalled (core, recall, result);
  else
    refuse (core, recall, result);
  drop (core, recall);
}

void
recall_clear (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->all_recalls)) != NULL;)
    drop (core, LIST_ITEM (link, recall_t, in_core));
}
