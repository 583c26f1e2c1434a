// SPDX-License-Identifier: Apache-2.0
//
// A request to the ledger carries a token, and its result brings it back: so a call may be gone by then, which an
// address couldn't tell. One request at a time for a call, because each one depends on what came of the one before.
//
// Every request may be made twice without harm, so one whose result is lost is simply made again, in the old order, as
// soon as the store is back; what Redis answers by an error (it is out of memory, its disk is full), after a while.
// Nothing is asked before the store has given this broker its lease: nobody would take its calls over.

#include "broker/asking.h"

#include "broker/accepting.h"
#include "broker/answer.h"
#include "broker/attempts.h"
#include "broker/awaiting.h"
#include "broker/hubs.h"
#include "broker/inquiry.h"
#include "broker/leases.h"
#include "broker/losses.h"
#include "broker/placement.h"
#include "broker/recovery.h"
#include "broker/rousing.h"
#include "broker/saying.h"
#include "broker/settling.h"
#include "broker/unstored.h"

enum { KIND_MASK = (1 << ASKING_KIND_BITS) - 1 };

uint64_t
asking_token (broker_core_t *core, asking_kind_t kind)
{
  return ++core->token << ASKING_KIND_BITS | kind;
}

void
asking_request (broker_core_t *core, const ledger_request_t *request)
{
  core->requests++;
  core->counters[BROKER_COUNT_STORE_REQUESTS]++;
  core->options.outlet.request (core->options.outlet.context, request);
}

// -- Making requests -------------------------------------------------------------------------------------------------

static void
fill_accept (const broker_core_t *core, const call_t *call, ledger_request_t *request)
{
  const broker_limits_t *limits = &core->options.limits;
  request->service = call->service->name;
  request->actor = call->actor;
  request->flags = call->flags;
  request->default_deadline_ms = limits->deadline;
  if (call->deadline_ms > 0) {
    int64_t remains = call->deadline.at - core->now;
    request->deadline_ms = remains > 1 ? remains : 1;
  }
  request->mailbox_limit = limits->mailbox;
  request->path = call->path;
  request->path_count = call->path_count;
  request->parent_attempt = call->parent;
  request->inputs = call->inputs;
  request->inputs_count = call->inputs_count;
  request->previous = call->previous;
  request->retention_ms = limits->retention;
  request->trace = call->trace;
  request->body = call->body;
  hubs_fill_accept (call, request);
}

static void
fill_settle (const broker_core_t *core, const call_t *call, ledger_request_t *request)
{
  request->attempt = call->outcome.attempt;
  request->status = call->outcome.status;
  request->body = call->outcome.body;
  request->sizes = call->outcome.sizes;
  request->sizes_count = call->outcome.sizes_count;
  request->retention_ms = core->options.limits.retention;
  request->retryable = call->outcome.retryable;
  request->epoch = call->outcome.epoch;
  bool owned = call->actor || call->epoch != 0 || call->outcome.epoch != 0;
  if (call->whole && !call->detached && !owned && call->outcome.attempt != 0)
    request->epoch = call->generation * LEDGER_GENERATION_SIZE;
  request->under = call->outcome.under;
  request->heard = call->outcome.heard;
  request->serves = call->outcome.by != NULL ? troupe_identity_services (call->outcome.by) : NULL;
}

// For what is said by this request.
static void
rouse_ahead (broker_core_t *core, const call_t *call, const ledger_request_t *request)
{
  bool broadcasts = request->op == LEDGER_ACCEPT && request->hub_op == LEDGER_HUB_BROADCAST;
  bool replies = request->op == LEDGER_SETTLE && request->status == TROUPE_STATUS_VALUE;
  for (uint32_t i = 0; broadcasts && i < request->hubs_count; i++)
    rousing_ahead (core, call->session, &request->hubs[i]);
  for (uint32_t i = 0; replies && i < call->hubs_count; i++)
    rousing_ahead (core, call->session, &call->hubs[i]);
}

static void
submit (broker_core_t *core, call_t *call)
{
  ledger_death_t death;
  ledger_request_t request = {.op = call->op, .token = call->token, .session = call->session, .call = call->id};
  if (call->op == LEDGER_ACCEPT)
    fill_accept (core, call, &request);
  else if (call->op == LEDGER_SETTLE)
    fill_settle (core, call, &request);
  else if (call->op != LEDGER_AWAIT)
    request.attempt = call->attempt;
  if (call->op == LEDGER_RETRY && call->behind != 0)
    request.attempt = call->behind;
  if (call->op == LEDGER_RETRY) {
    request.death = attempts_fill_death (core, call, &death) ? &death : NULL;
    request.retention_ms = core->options.limits.retention;
    request.letters_max = core->options.limits.dead_letters;
    request.letters_ms = core->options.limits.dead_retention;
  }
  if (call->op == LEDGER_AWAIT)
    request.waiter = call->checking = awaiting_unchecked (call);
  if (call->op == LEDGER_CLAIM)
    request.instance = call->instance->peer->name;
  asking_request (core, &request);
  rouse_ahead (core, call, &request);
}

void
asking_for (broker_core_t *core, call_t *call, ledger_op_t op)
{
  call->op = op;
  call->asking = true;
  call->token = asking_token (core, ASKING_CALL);
  table_insert (&core->asks, &call->by_token, table_hash_number (call->token));
  if (core->up && core->leased)
    submit (core, call);
  else
    list_append (&core->again, &call->in_again);
}

void
asking_continue (broker_core_t *core, call_t *call)
{
  if (call->unstored) {
    unstored_continue (core, call);
    return;
  }
  if (call->asking)
    return;
  if (call->accept_wanted) {
    call->accept_wanted = false;
    asking_for (core, call, LEDGER_ACCEPT);
  } else if (call->outcome.status != TROUPE_STATUS_NONE) {
    asking_for (core, call, LEDGER_SETTLE);
  } else if (call->await_wanted) {
    call->await_wanted = false;
    asking_for (core, call, LEDGER_AWAIT);
  } else if (call->phase == CALL_RETRYING) {
    asking_for (core, call, LEDGER_RETRY);
  } else if (call->phase == CALL_PLACED) {
    placement_continue (core, call);
  }
}

void
asking_abandon (broker_core_t *core, call_t *call)
{
  if (!call->asking)
    return;
  call->asking = false;
  table_remove (&core->asks, &call->by_token);
  list_remove (&call->in_again);
}

// -- Making them again -----------------------------------------------------------------------------------------------

bool
asking_waits (const call_t *call)
{
  return !list_empty (&call->in_again);
}

void
asking_again (broker_core_t *core, call_t *call, const ledger_result_t *result)
{
  (void)result;
  call->asking = true;
  table_insert (&core->asks, &call->by_token, table_hash_number (call->token));
  list_append (&core->again, &call->in_again);
  if (core->again_at == INT64_MAX)
    core->again_at = core->now + STORE_AGAIN_MS;
}

static void
submit_again (broker_core_t *core)
{
  list_t again;
  list_init (&again);
  list_take (&again, &core->again);
  core->again_at = INT64_MAX;
  for (list_link_t *link; (link = list_first (&again)) != NULL;) {
    list_remove (link);
    submit (core, LIST_ITEM (link, call_t, in_again));
  }
}

void
asking_on_up (broker_core_t *core)
{
  if (core->leased)
    submit_again (core);
}

void
asking_on_time (broker_core_t *core)
{
  if (core->up && core->leased && core->now >= core->again_at)
    submit_again (core);
}

// -- Results ---------------------------------------------------------------------------------------------------------

static call_t *
call_of (const broker_core_t *core, uint64_t token)
{
  table_link_t *link = table_first (&core->asks, table_hash_number (token));
  for (; link != NULL; link = table_next (link)) {
    call_t *call = LIST_ITEM (link, call_t, by_token);
    if (call->token == token)
      return call;
  }
  return NULL;
}

// The store has an earlier attempt than this broker, which it told of the later one.
static bool
is_behind (const call_t *call, const ledger_result_t *result)
{
  uint32_t attempt = call->behind != 0 ? call->behind : call->attempt;
  return result->outcome == LEDGER_STALE && call->whole && !call->detached && call->op != LEDGER_ACCEPT &&
         result->attempt < attempt;
}

static void
on_call_result (broker_core_t *core, const ledger_result_t *result)
{
  call_t *call = call_of (core, result->token);
  if (call == NULL || asking_waits (call))
    return; // forgotten meanwhile
  table_remove (&core->asks, &call->by_token);
  call->asking = false;
  saying_result (core, call, result);
  if (is_behind (call, result)) {
    losses_roll_back (core, call, result->attempt);
    return;
  }
  switch (call->op) {
  case LEDGER_ACCEPT:
    accepting_result (core, call, result);
    break;
  case LEDGER_SETTLE:
    settling_result (core, call, result);
    break;
  case LEDGER_AWAIT:
    awaiting_result (core, call, result);
    break;
  case LEDGER_CLAIM:
  case LEDGER_INPUTS:
    placement_result (core, call, result);
    break;
  default:
    attempts_result (core, call, result);
  }
}

void
asking_on_result (broker_core_t *core, const ledger_result_t *result)
{
  if (core->requests > 0)
    core->requests--;
  core->counters[BROKER_COUNT_STORE_LOST] += result->outcome == LEDGER_LOST;
  core->counters[BROKER_COUNT_STORE_FAILED] += result->outcome == LEDGER_FAILED;
  core->drops[BROKER_QUEUE_STORE] += result->full;
  if (result->outcome == LEDGER_FAILED)
    answer_note (core, TROUPE_LOG_ERROR, "the store reports an error", "why", result->why, NULL, NULL);
  rousing_wanted (core, result);
  switch ((asking_kind_t)(result->token & KIND_MASK)) {
  case ASKING_CALL:
    on_call_result (core, result);
    break;
  case ASKING_SLOT:
    recovery_result (core, result);
    break;
  case ASKING_LEASE:
    leases_result (core, result);
    break;
  case ASKING_ROUSE:
    rousing_result (core, result);
    break;
  case ASKING_INQUIRY:
    inquiry_result (core, result);
    break;
  }
}
