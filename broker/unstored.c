// SPDX-License-Identifier: Apache-2.0
//
// A volatile call takes the same way as any other, but where others ask the ledger it goes on at once: it is accepted
// when it is taken, its attempts are counted here, its outcome holds when it is here. It is lost with the broker; then
// its caller sends it again, elsewhere, and it may run twice. For the rest (limits, credit, deadlines, retries, how it
// is told) it is a call.
//
// Its caller learns from `settled` that it was taken, and its instance from nothing that its outcome was: `accepted`
// and `confirmed` say that something is stored, here they would be two messages of six that say nothing. A call that
// takes longer than a second is worth an `accepted`, so that its caller knows where it is. An outcome that is refused
// isn't sent again, so what it was refused for becomes the outcome.
//
// When its session ends, the brokers that are told so cancel those that they hold: the store, which does that with all
// others, doesn't know it. Whoever ends a session therefore tells all brokers that it is connected to. For a session that
// ends because it has been idle, which is what the store calls so, nobody cancels one that still runs: it isn't idle.
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
#include "broker/ending.h"
#include "broker/hubs.h"
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
  if (hubs_is_operation (header->service) || (header->present & (TROUPE_F (HUBS) | TROUPE_F (FAN))) != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "hubs", "call it without `volatile`",
                             "what is said in a hub is stored, and a volatile call isn't");
  if (troupe_header_has (header, TROUPE_F (INPUTS)) && header->inputs_count > 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "inputs", "call it without `volatile`",
                             "a volatile call can't have inputs: they are read in the store");
  if ((header->flags & TROUPE_FLAG_ONCE) != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "once", "call it without `volatile`",
                             "a volatile call may run twice, so it can't be one that runs at most once");
  return TROUPE_OK;
}

// It takes longer than most: its body goes out of what was read with it.
static void
keep_body (call_t *call)
{
  troupe_buffer_t *kept = troupe_buffer_keep (call->body);
  troupe_buffer_unref (&call->body);
  call->body = kept;
}

void
unstored_prepare (broker_core_t *core, call_t *call)
{
  if (call->service->instances_count == 0)
    keep_body (call);
  asking_abandon (core, call); // whether the store knows it
  call->unstored = true;
  list_append (&core->unstored, &call->in_unstored);
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
  call->tell_at = core->now + TELL_LATE_MS;
  list_append (&core->untold, &call->in_untold);
  if (call->outcome.status != TROUPE_STATUS_NONE) // a cancel came before the call
    settling_done (core, call);
  else
    placement_queue (core, call, false);
}

size_t
unstored_end_session (broker_core_t *core, const char *session)
{
  troupe_error_t error = {0};
  size_t count = 0;
  for (list_link_t *link = core->unstored.next, *next; link != &core->unstored; link = next) {
    call_t *call = LIST_ITEM (link, call_t, in_unstored);
    next = link->next;
    if (strcmp (call->session, session) != 0)
      continue;
    troupe_error_set (&error, TROUPE_CANCELLED, call->service->name, NULL, "its session was ended");
    count++;
    ending_begin (core, call, TROUPE_STATUS_CANCELLED, 0, &error);
  }
  return count;
}

void
unstored_on_time (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->untold)) != NULL;) {
    call_t *call = LIST_ITEM (link, call_t, in_untold);
    if (call->tell_at > core->now)
      return;
    list_remove (&call->in_untold);
    keep_body (call);
    awaiting_tell_accepted (core, call);
  }
}

int64_t
unstored_due (const broker_core_t *core)
{
  const list_link_t *link = core->untold.next;
  return link != &core->untold ? LIST_ITEM (link, const call_t, in_untold)->tell_at : TROUPE_LOOP_NEVER;
}

void
unstored_settle_refused (broker_core_t *core, const peer_t *peer, const troupe_header_t *header,
                         const troupe_error_t *error)
{
  call_t *call = calls_find (core, &header->call);
  bool runs = call != NULL && call->unstored && call->instance != NULL && call->instance->peer == peer &&
              call->attempt == header->attempt && call->outcome.status == TROUPE_STATUS_NONE;
  if (!runs)
    return;
  registry_return (core, call);
  ending_begin (core, call, TROUPE_STATUS_ERROR, call->attempt, error);
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
