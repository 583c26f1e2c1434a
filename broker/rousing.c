// SPDX-License-Identifier: Apache-2.0
//
// For a hub one request is under way at a time. What is said meanwhile is asked about once more after it, however much
// it is: one observe call hears all that is there. So a busy hub costs one request after the other, and an idle one
// nothing. And the more members were roused, the longer the next request waits: each of them costs the store some
// 0.1 ms, and what is said by then is heard by the same call. So a busy hub takes a share of the store's time, not all
// of it; what is said in a quiet one is heard at once. Whether it is busy shows when there is something to hear again and
// again: the first rests are shorter.
//
// Each round also wakes every member's process a few times, whatever there is to hear. So as long as one message follows
// the other, the members rest up to twice as long; and as soon as there is a pause, they hear what was said before it,
// if by then they have rested for their time on the average of the last rounds. While the store owes answers it is no
// pause: who speaks waits for them.
//
// The store takes requests in order. So in a hub whose members are known to hear at once, the request is made right
// behind the one that says something, and both take one turn of the store, and one of its disk. It may find nobody to
// tell; then it isn't made ahead again before the store names that hub. And what the store has done before a request
// needs no other one.
//
// Nothing is lost when a request is not made, or its result doesn't come: the store keeps the hub's mark until it has
// done the work, and a sweep names it again; and calls that were made are among the slot's.

#include "broker/rousing.h"

#include "broker/asking.h"
#include "broker/recovery.h"

#include <stdlib.h>

enum {
  ROUSED_MS = 1,   // for each member of a busy hub: a tenth of the store's time
  CALM_ROUNDS = 2, // after which a hub is busy: the first rest is a quarter of that, the second one half
  REST_MAX_MS = 250,
  PAUSE_PART = 8,  // of a rest, without a message: what was said waits no more for what may follow
  FLOW_FACTOR = 2, // a rest without a pause is so much longer at most
};

static uint64_t
hash_of (const broker_core_t *core, const troupe_id_t *hub)
{
  return table_hash (&core->options.key, hub->bytes, sizeof hub->bytes);
}

static rousing_t *
find (const broker_core_t *core, const troupe_id_t *hub)
{
  table_link_t *link = table_first (&core->rousings, hash_of (core, hub));
  for (; link != NULL; link = table_next (link)) {
    rousing_t *rousing = LIST_ITEM (link, rousing_t, by_hub);
    if (troupe_id_equal (&rousing->hub, hub))
      return rousing;
  }
  return NULL;
}

static void
drop (broker_core_t *core, rousing_t *rousing)
{
  table_remove (&core->rousings, &rousing->by_hub);
  list_remove (&rousing->in_core);
  alarms_clear (&core->rounds, &rousing->next);
  free (rousing);
}

static void
request (broker_core_t *core, rousing_t *rousing)
{
  if (rousing->position == 0) {
    rousing->asked_at = core->now;
    rousing->hearing = 0;
  }
  rousing->token = asking_token (core, ASKING_ROUSE);
  table_insert (&core->rouse_asks, &rousing->by_token, table_hash_number (rousing->token));
  ledger_request_t ask = {.op = LEDGER_ROUSE,
                          .token = rousing->token,
                          .session = rousing->session,
                          .call = rousing->hub,
                          .deadline_ms = core->options.limits.deadline,
                          .position = rousing->position};
  asking_request (core, &ask);
}

static void
begin (broker_core_t *core, const ledger_hub_t *hub)
{
  bool full = core->rousings.count >= ROUSINGS_MAX;
  bool room = !full && alarms_reserve (&core->rounds, core->rousings.count + 1) == TROUPE_OK;
  rousing_t *rousing = room ? calloc (1, sizeof *rousing + hub->session.size + 1) : NULL;
  core->drops[BROKER_QUEUE_ROUSINGS] += full;
  if (rousing == NULL)
    return; // a sweep will name it
  memcpy (rousing->session, hub->session.data, hub->session.size);
  rousing->hub = hub->hub;
  rousing->said_at = core->now;
  table_insert (&core->rousings, &rousing->by_hub, hash_of (core, &hub->hub));
  list_append (&core->all_rousings, &rousing->in_core);
  request (core, rousing);
}

// A request is under way, from the first member on: whatever has a result by now, it came after.
static bool
covers (const rousing_t *rousing)
{
  return rousing->next.place == 0 && rousing->position == 0;
}

// -- Rests -----------------------------------------------------------------------------------------------------------

static int64_t
rest_of (const rousing_t *rousing)
{
  return rousing->roused < REST_MAX_MS / ROUSED_MS ? rousing->roused * ROUSED_MS : REST_MAX_MS;
}

// When the rest ends, as far as that is known: the next message may put it off. Nobody is roused who still hears; and
// while most members do, nothing is said because the processors are busy, which is no pause.
static int64_t
rest_end (const rousing_t *rousing)
{
  int64_t least = rousing->hearing > 0 ? rousing->full_at : rousing->least_at;
  int64_t end = least > rousing->flows_until ? least : rousing->flows_until;
  if (!rousing->again)
    return rousing->full_at;
  return end < rousing->most_at && rousing->hearing <= rousing->told / 2 ? end : rousing->most_at;
}

static void
begin_rest (broker_core_t *core, rousing_t *rousing)
{
  int64_t whole = rest_of (rousing), ms = whole;
  if (rousing->rounds < CALM_ROUNDS)
    ms >>= CALM_ROUNDS - rousing->rounds++;
  rousing->pause_ms = whole / PAUSE_PART;
  rousing->spare = rousing->spare < ms ? rousing->spare : ms;
  rousing->least_at = core->now + ms - rousing->spare;
  rousing->full_at = core->now + ms;
  rousing->most_at = core->now + (whole * FLOW_FACTOR < REST_MAX_MS ? whole * FLOW_FACTOR : REST_MAX_MS);
  rousing->told = rousing->roused;
  rousing->roused = 0;
  alarms_set (&core->rounds, &rousing->next, rest_end (rousing));
}

static void
move_rest_end (broker_core_t *core, rousing_t *rousing)
{
  int64_t end = rest_end (rousing);
  if (rousing->next.place != 0 && end < rousing->next.at)
    alarms_set (&core->rounds, &rousing->next, end);
}

// Something was said, or there is another reason to look at the members once more.
static void
want (broker_core_t *core, rousing_t *rousing, bool said)
{
  rousing->again = true;
  if (said && core->now - rousing->said_at < rousing->pause_ms)
    rousing->flows_until = core->now + rousing->pause_ms;
  if (said)
    rousing->said_at = core->now;
  move_rest_end (core, rousing);
}

void
rousing_heard (broker_core_t *core, const troupe_id_t *hub)
{
  rousing_t *rousing = find (core, hub);
  if (rousing == NULL || rousing->hearing == 0)
    return;
  rousing->hearing--;
  rousing->flows_until = core->now + rousing->pause_ms;
  move_rest_end (core, rousing);
}

static bool
says (const ledger_result_t *result, const troupe_id_t *hub)
{
  for (size_t i = 0; i < result->said_count; i++)
    if (troupe_id_equal (&result->said[i].hub, hub))
      return true;
  return false;
}

// -- Rounds ----------------------------------------------------------------------------------------------------------

static troupe_id_t *
lively_at (broker_core_t *core, const troupe_id_t *hub)
{
  return &core->lively[hash_of (core, hub) % LIVELY_HUBS];
}

void
rousing_wanted (broker_core_t *core, const ledger_result_t *result)
{
  for (size_t i = 0; i < result->hubs_count; i++) {
    rousing_t *rousing = find (core, &result->hubs[i].hub);
    *lively_at (core, &result->hubs[i].hub) = result->hubs[i].hub;
    if (rousing == NULL)
      begin (core, &result->hubs[i]);
    else if (!covers (rousing))
      want (core, rousing, says (result, &result->hubs[i].hub));
  }
}

void
rousing_ahead (broker_core_t *core, const char *session, const troupe_id_t *hub)
{
  if (troupe_id_equal (lively_at (core, hub), hub) && find (core, hub) == NULL)
    begin (core, &(ledger_hub_t){.session = troupe_text (session), .hub = *hub});
}

static rousing_t *
of_token (const broker_core_t *core, uint64_t token)
{
  table_link_t *link = table_first (&core->rouse_asks, table_hash_number (token));
  for (; link != NULL; link = table_next (link)) {
    rousing_t *rousing = LIST_ITEM (link, rousing_t, by_token);
    if (rousing->token == token)
      return rousing;
  }
  return NULL;
}

static void
go_on (broker_core_t *core, rousing_t *rousing)
{
  if (!rousing->again) {
    drop (core, rousing);
    return;
  }
  rousing->again = false;
  request (core, rousing);
}

// A round is over.
static void
rest (broker_core_t *core, rousing_t *rousing)
{
  bool alone = rousing->roused <= 1; // it is as busy as it can be by itself
  if (rousing->roused == 0 && troupe_id_equal (lively_at (core, &rousing->hub), &rousing->hub))
    *lively_at (core, &rousing->hub) = (troupe_id_t){{0}};
  rousing->rested = !alone;
  if (rousing->rested) {
    begin_rest (core, rousing);
    return;
  }
  rousing->roused = 0;
  go_on (core, rousing);
}

void
rousing_result (broker_core_t *core, const ledger_result_t *result)
{
  rousing_t *rousing = of_token (core, result->token);
  if (rousing == NULL)
    return;
  table_remove (&core->rouse_asks, &rousing->by_token);
  if (result->outcome == LEDGER_LOST) // it may have been done
    recovery_read_slot (core, rousing->session);
  bool done = result->outcome == LEDGER_OK;
  rousing->again = done && (rousing->again || result->more);
  rousing->position = done && result->more ? result->position : 0;
  for (size_t i = 0; i < result->calls_count; i++)
    recovery_begin (core, &result->calls[i]);
  rousing->roused += (unsigned)result->calls_count;
  rousing->hearing += (unsigned)result->calls_count;
  if (rousing->position > 0)
    go_on (core, rousing);
  else
    rest (core, rousing);
}

void
rousing_on_time (broker_core_t *core)
{
  for (alarm_t *alarm; (alarm = alarms_first (&core->rounds)) != NULL && alarm->at <= core->now;) {
    rousing_t *rousing = LIST_ITEM (alarm, rousing_t, next);
    if (core->requests > 0 && rousing->flows_until <= core->now)
      rousing->flows_until = core->now + rousing->pause_ms;
    int64_t end = rest_end (rousing);
    if (end > core->now) {
      alarms_set (&core->rounds, alarm, end);
      continue;
    }
    alarms_clear (&core->rounds, alarm);
    rousing->spare += core->now - rousing->full_at;
    go_on (core, rousing);
  }
}

int64_t
rousing_due (const broker_core_t *core)
{
  const alarm_t *alarm = alarms_first (&core->rounds);
  return alarm != NULL ? alarm->at : TROUPE_LOOP_NEVER;
}

int64_t
rousing_rests_until (const broker_core_t *core, const troupe_id_t *hub, int64_t asked_ms)
{
  const rousing_t *rousing = find (core, hub);
  if (rousing == NULL || !rousing->rested)
    return 0;
  return rousing->next.place != 0 ? rest_end (rousing) : rousing->asked_at + asked_ms;
}

void
rousing_clear (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->all_rousings)) != NULL;)
    drop (core, LIST_ITEM (link, rousing_t, in_core));
}
