// SPDX-License-Identifier: Apache-2.0
//
// The core's making, its events, and its time.
//
// Invariants, after every step:
//   - a call is in the table of calls, and in exactly the list that its phase says;
//   - a service's queue is empty, or none of its instances has credit;
//   - an instance's `running` is the length of its list of calls;
//   - at most one request to the ledger is under way for a call.

#include "broker/accepting.h"
#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/attempts.h"
#include "broker/calls.h"
#include "broker/confirming.h"
#include "broker/ending.h"
#include "broker/frames.h"
#include "broker/inquiry.h"
#include "broker/leases.h"
#include "broker/losses.h"
#include "broker/peers.h"
#include "broker/recovery.h"
#include "broker/rights.h"
#include "broker/rousing.h"
#include "broker/saying.h"
#include "broker/unstored.h"

#include <stdlib.h>

// -- Making and ending -----------------------------------------------------------------------------------------------

static void
init_state (broker_core_t *core, int64_t now)
{
  table_t *tables[] = {&core->peers,     &core->services, &core->calls,      &core->asks,
                       &core->inquiries, &core->rousings, &core->rouse_asks, &core->hearers};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    table_init (tables[i]);
  list_t *lists[] = {&core->all_peers,    &core->all_services, &core->all_calls, &core->all_inquiries,
                     &core->all_rousings, &core->orphans,      &core->again,     &core->untold, &core->unstored,
                     &core->unconfirmed};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    list_init (lists[i]);
  alarms_init (&core->deadlines);
  core->now = core->started = core->ticked = core->swept = now;
  core->settle_in_at = core->doubt_at = core->losses_at = TROUPE_LOOP_NEVER;
  core->again_at = INT64_MAX;
  core->recover_wanted = UINT64_MAX;
}

static bool
pack_errors (broker_core_t *core)
{
  for (int code = TROUPE_OK + 1; code < TROUPE_ERR_COUNT; code++) {
    troupe_error_t error = {0};
    troupe_error_set (&error, (troupe_err_t)code, core->name, NULL, "%s", troupe_err_text ((troupe_err_t)code));
    core->errors[code] = answer_pack (troupe_error_to_json (&error));
    if (core->errors[code] == NULL)
      return false;
  }
  return true;
}

troupe_err_t
broker_core_new (broker_core_t **out, const broker_core_options_t *options, int64_t now)
{
  broker_core_t *core = calloc (1, sizeof *core);
  if (core == NULL)
    return TROUPE_NO_MEMORY;
  init_state (core, now);
  core->options = *options;
  core->name = strdup (options->name);
  core->mesh = options->mesh != NULL ? strdup (options->mesh) : NULL;
  core->endpoint = options->endpoint != NULL ? strdup (options->endpoint) : NULL;
  if (core->name == NULL || (options->mesh != NULL && core->mesh == NULL) ||
      (options->endpoint != NULL && core->endpoint == NULL) || !pack_errors (core)) {
    broker_core_destroy (&core);
    return TROUPE_NO_MEMORY;
  }
  *out = core;
  return TROUPE_OK;
}

void
broker_core_destroy (broker_core_t **self_p)
{
  broker_core_t *core = *self_p;
  if (core == NULL)
    return;
  *self_p = NULL;
  core->stopped = true; // what credit comes free is not given out again
  inquiry_clear (core);
  rousing_clear (core);
  saying_clear (core);
  for (list_link_t *link; (link = list_first (&core->all_calls)) != NULL;)
    calls_destroy (core, LIST_ITEM (link, call_t, in_core));
  for (list_link_t *link; (link = list_first (&core->all_peers)) != NULL;)
    peers_forget (core, LIST_ITEM (link, peer_t, in_core));
  table_t *tables[] = {&core->peers,     &core->services, &core->calls,      &core->asks,
                       &core->inquiries, &core->rousings, &core->rouse_asks, &core->hearers};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    table_destroy (tables[i]);
  alarms_destroy (&core->deadlines);
  alarms_destroy (&core->rounds);
  for (size_t i = 0; i < TROUPE_ERR_COUNT; i++)
    troupe_buffer_unref (&core->errors[i]);
  troupe_buffer_unref (&core->report);
  free (core->name);
  free (core->mesh);
  free (core->endpoint);
  free (core);
}

// -- Events ----------------------------------------------------------------------------------------------------------

static void
on_unsent (broker_core_t *core, const broker_event_t *event)
{
  if (event->command == TROUPE_CMD_PART && event->full) {
    core->counters[BROKER_COUNT_PARTS_FULL]++;
    return;
  }
  core->counters[BROKER_COUNT_MESSAGES_UNSENT]++;
  peer_t *peer = peers_find (core, event->connection);
  if (peer != NULL)
    peers_end (core, peer, "lost", event->full ? "it doesn't read what is sent to it" : "its connection is gone");
}

static void
on_up (broker_core_t *core, const ledger_notice_t *notice)
{
  core->up = true;
  core->generation = notice->generation;
  if (core->settle_in_at == TROUPE_LOOP_NEVER)
    core->settle_in_at = core->now + SETTLE_IN_MS;
  answer_note (core, TROUPE_LOG_INFO, "store up", NULL, NULL, NULL, NULL);
  // First its lease, so that nobody takes what is read next; then what it stores already, so that a call is known
  // before somebody sends it again.
  leases_on_up (core);
  if (notice->changed)
    losses_store_changed (core, notice->generation);
  recovery_on_up (core);
  asking_on_up (core);
}

static void
on_notice (broker_core_t *core, const ledger_notice_t *notice)
{
  call_t *call;
  switch (notice->kind) {
  case LEDGER_NOTICE_UP:
    on_up (core, notice);
    break;
  case LEDGER_NOTICE_DOWN:
    core->up = false;
    answer_note (core, TROUPE_LOG_WARNING, "store down", NULL, NULL, NULL, NULL);
    break;
  case LEDGER_NOTICE_SETTLED:
    call = calls_find (core, &notice->call.call);
    if (call != NULL) {
      call->await_wanted = true;
      asking_continue (core, call);
    }
    break;
  case LEDGER_NOTICE_READY:
    recovery_next (core, &notice->call);
    break;
  }
}

static void
on_time (broker_core_t *core)
{
  if (!core->settled_in && core->settle_in_at != TROUPE_LOOP_NEVER && core->now >= core->settle_in_at) {
    core->settled_in = true;
    attempts_settled_in (core);
    accepting_settled_in (core);
  }
  for (alarm_t *alarm; (alarm = alarms_first (&core->deadlines)) != NULL && alarm->at <= core->now;) {
    alarms_clear (&core->deadlines, alarm);
    ending_expire (core, LIST_ITEM (alarm, call_t, deadline));
  }
  unstored_on_time (core);
  rousing_on_time (core);
  confirming_on_time (core);
  asking_on_time (core);
  leases_on_time (core);
  losses_on_time (core);
  recovery_on_time (core);
  peers_on_time (core);
  saying_on_time (core);
}

// The services that left meanwhile are about to come back.
static void
wake (broker_core_t *core)
{
  answer_note (core, TROUPE_LOG_WARNING, "this broker stood still", NULL, NULL, NULL, NULL);
  peers_renew (core);
  core->settled_in = false;
  core->settle_in_at = core->now + SETTLE_IN_MS;
}

void
broker_core_step (broker_core_t *core, const broker_event_t *event, int64_t now)
{
  if (now > core->now)
    core->now = now;
  if (peers_stood_still (core))
    wake (core);
  switch (event->kind) {
  case BROKER_FRAME:
    frames_on_event (core, event);
    break;
  case BROKER_UNSENT:
    on_unsent (core, event);
    break;
  case BROKER_RESULT:
    asking_on_result (core, event->result);
    break;
  case BROKER_NOTICE:
    on_notice (core, event->notice);
    break;
  case BROKER_TIME:
    on_time (core);
    break;
  case BROKER_REVOKED:
    rights_revoke (core, event->user);
    break;
  case BROKER_STOP:
    core->stopped = true;
    peers_bye (core);
    break;
  }
}

// -- Looking ---------------------------------------------------------------------------------------------------------

static int64_t
earlier (int64_t a, int64_t b)
{
  if (a == TROUPE_LOOP_NEVER)
    return b;
  return b == TROUPE_LOOP_NEVER || a < b ? a : b;
}

int64_t
broker_core_due (const broker_core_t *core)
{
  const alarm_t *deadline = alarms_first (&core->deadlines);
  int64_t due = deadline != NULL ? deadline->at : TROUPE_LOOP_NEVER;
  if (!core->settled_in)
    due = earlier (due, core->settle_in_at);
  if (core->up && core->again_at != INT64_MAX)
    due = earlier (due, core->again_at);
  due = earlier (due, saying_due (core));
  due = earlier (due, rousing_due (core));
  due = earlier (due, confirming_due (core));
  due = earlier (due, unstored_due (core));
  due = earlier (due, leases_due (core));
  due = earlier (due, losses_due (core));
  due = earlier (due, recovery_due (core));
  return earlier (due, peers_due (core));
}

bool
broker_core_idle (const broker_core_t *core)
{
  return core->requests == 0;
}

uint64_t
broker_core_counter (const broker_core_t *core, broker_counter_t counter)
{
  return core->counters[counter];
}

void
broker_core_count (broker_core_t *core, broker_counter_t counter)
{
  core->counters[counter]++;
}

void
broker_core_drop (broker_core_t *core, broker_queue_t queue)
{
  core->drops[queue]++;
}

void
broker_core_note_unread (broker_core_t *core, size_t most, size_t total)
{
  core->unread = most;
  core->unread_total = total;
}

size_t
broker_core_open_calls (const broker_core_t *core)
{
  return core->calls.count + core->detached;
}

size_t
broker_core_open_bytes (const broker_core_t *core)
{
  return core->open_bytes;
}
