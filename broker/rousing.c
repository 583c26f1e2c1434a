// SPDX-License-Identifier: Apache-2.0
//
// For a hub one request is under way at a time. What is said meanwhile is asked about once more after it, however much
// it is: one observe call hears all that is there. So a busy hub costs one request after the other, and an idle one
// nothing.
//
// Nothing is lost when a request is not made, or its result doesn't come: the store keeps the hub's mark until it has
// done the work, and a sweep names it again; and calls that were made are among the slot's.

#include "broker/rousing.h"

#include "broker/asking.h"
#include "broker/recovery.h"

#include <stdlib.h>

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
  free (rousing);
}

static void
request (broker_core_t *core, rousing_t *rousing)
{
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
  rousing_t *rousing = core->rousings.count < ROUSINGS_MAX ? calloc (1, sizeof *rousing + hub->session.size + 1) : NULL;
  if (rousing == NULL)
    return; // a sweep will name it
  memcpy (rousing->session, hub->session.data, hub->session.size);
  rousing->hub = hub->hub;
  table_insert (&core->rousings, &rousing->by_hub, hash_of (core, &hub->hub));
  list_append (&core->all_rousings, &rousing->in_core);
  request (core, rousing);
}

void
rousing_wanted (broker_core_t *core, const ledger_result_t *result)
{
  for (size_t i = 0; i < result->hubs_count; i++) {
    rousing_t *rousing = find (core, &result->hubs[i].hub);
    if (rousing != NULL)
      rousing->again = true;
    else
      begin (core, &result->hubs[i]);
  }
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
  if (!rousing->again) {
    drop (core, rousing);
    return;
  }
  rousing->again = false;
  request (core, rousing);
}

void
rousing_clear (broker_core_t *core)
{
  for (list_link_t *link; (link = list_first (&core->all_rousings)) != NULL;)
    drop (core, LIST_ITEM (link, rousing_t, in_core));
}
