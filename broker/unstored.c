// SPDX-License-Identifier: Apache-2.0
//
// A volatile call takes the same way as any other, but where others ask the ledger it goes on at once: it is accepted
// when it is taken, its attempts are counted here, its outcome holds when it is here. It is lost with the broker; then
// its caller sends it again, elsewhere, and it may run twice. For the rest (limits, credit, deadlines, retries, how it
// is told) it is a call.
//
// Nobody but its caller can ask for it. So when that is gone for a lease, and has sent it to another broker, it is of
// no use here any more.
//
// An actor's call can't be volatile: its order and its memory are in the store. Nor can one with inputs, which are read
// there.

#include "broker/unstored.h"

#include "broker/accepting.h"
#include "broker/asking.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/placement.h"
#include "broker/registry.h"
#include "broker/settling.h"

static troupe_err_t
refuse_actor (const char *service, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, service, "call it without `volatile`",
                           "an actor's calls are stored: their order and its memory depend on it");
}

troupe_err_t
unstored_check (const broker_core_t *core, const troupe_header_t *header, troupe_error_t *error)
{
  const service_t *service = registry_find (core, header->service);
  if (service != NULL && service->instances_count > 0 && service->actor)
    return refuse_actor (service->name, error);
  if (troupe_header_has (header, TROUPE_F (INPUTS)) && header->inputs_count > 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "inputs", "call it without `volatile`",
                             "a volatile call can't have inputs: they are read in the store");
  return TROUPE_OK;
}

void
unstored_prepare (broker_core_t *core, call_t *call)
{
  asking_abandon (core, call); // whether the store knows it
  call->unstored = true;
  int64_t remaining = call->deadline_ms > 0 ? call->deadline_ms : core->options.limits.deadline;
  call->ends_at = core->now + remaining;
  calls_set_deadline (core, call, remaining);
}

void
unstored_left (broker_core_t *core, call_t *call)
{
  int64_t soon = core->now + core->options.limits.lease;
  if (call->deadline.at > soon)
    calls_set_deadline (core, call, soon - core->now);
}

void
unstored_joined (broker_core_t *core, call_t *call)
{
  int64_t remaining = call->ends_at - core->now;
  calls_set_deadline (core, call, remaining > 1 ? remaining : 1);
}

static void
accept (broker_core_t *core, call_t *call)
{
  if (call->service->actor) { // it was held, and nobody knew
    troupe_error_t error = {0};
    refuse_actor (call->service->name, &error);
    calls_refuse (core, call, &error);
    return;
  }
  call->phase = CALL_STORED;
  call->attempt = 1;
  core->counters[BROKER_COUNT_CALLS_VOLATILE]++;
  awaiting_tell_accepted (core, call);
  if (call->outcome.status != TROUPE_STATUS_NONE) // a cancel came before the call
    settling_done (core, call);
  else
    placement_queue (core, call, false);
}

void
unstored_continue (broker_core_t *core, call_t *call)
{
  bool accepting = call->accept_wanted;
  call->accept_wanted = call->await_wanted = false;
  if (accepting) {
    accept (core, call);
  } else if (call->outcome.status != TROUPE_STATUS_NONE) {
    settling_done (core, call);
  } else if (call->phase == CALL_RETRYING) {
    call->attempt++;
    placement_queue (core, call, true);
  }
}
