// SPDX-License-Identifier: Apache-2.0
//
// Parts are not stored, so they come here only if the instance that runs the call is told to send them here. An
// instance is connected to every broker: of an actor the store says which one it is; of another service it may be any,
// so all of them are asked, and those that don't run the attempt take no notice.
//
// A caller who only awaits a call of a service that is no actor reads nothing along when another broker offers it: here
// nobody knows which service that is.

#include "broker/streaming.h"

#include "broker/answer.h"
#include "broker/registry.h"

bool
streaming_wanted (const call_t *call)
{
  for (const list_link_t *link = call->waiters.next; link != &call->waiters; link = link->next)
    if (LIST_ITEM (link, const waiter_t, in_call)->stream)
      return true;
  return false;
}

static void
ask (broker_core_t *core, const call_t *call, const peer_t *peer, uint32_t attempt)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_STREAM);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_attempt (&header, attempt);
  answer_send (core, peer->connection, &header, NULL);
}

void
streaming_begin (broker_core_t *core, const call_t *call)
{
  ask (core, call, call->instance->peer, call->attempt);
}

static void
ask_owner (broker_core_t *core, const call_t *call, const ledger_result_t *result)
{
  LIST_EACH (link, &core->all_peers)
  {
    const peer_t *peer = LIST_ITEM (link, const peer_t, in_core);
    if (peer->instances_count > 0 && strcmp (peer->name, result->owner) == 0)
      ask (core, call, peer, result->attempt);
  }
}

void
streaming_ask (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  if (call->phase != CALL_STORED || call->outcome.status != TROUPE_STATUS_NONE || result->attempt == 0 ||
      !streaming_wanted (call))
    return;
  call->reads = result->attempt;
  call->reads_from = registry_identity (core, result->owner);
  if (result->owner != NULL) {
    ask_owner (core, call, result);
    return;
  }
  for (list_link_t *link = call->whole ? call->service->instances.next : NULL;
       link != NULL && link != &call->service->instances; link = link->next)
    ask (core, call, LIST_ITEM (link, instance_t, in_service)->peer, result->attempt);
}

bool
streaming_takes (const broker_core_t *core, const call_t *call, const peer_t *peer, uint64_t attempt)
{
  if (call->phase != CALL_STORED || call->reads == 0 || attempt < call->reads)
    return false;
  if (peer->identity != NULL && call->service != NULL &&
      !troupe_identity_serves (peer->identity, troupe_text (call->service->name)))
    return false;
  if (call->reads_from != 0)
    return peer->instances_count > 0 && registry_identity (core, peer->name) == call->reads_from;
  return call->whole && registry_instance (peer, call->service) != NULL;
}
