// SPDX-License-Identifier: Apache-2.0
//
// An instance keeps an outcome until it hears that it is stored, and then forgets it: nothing waits for that. So while
// the members of a busy hub rest, the confirmations of their observe calls wait for what is sent next to the same
// peer, which is mostly the next observe call: else each would wake a process, of which a hub has many, for nothing
// else. Whoever isn't sent anything else is told a little later. An instance that doesn't serve any more is about to
// leave, and waits for nothing but this: it is told at once. If a peer is lost meanwhile, it settles again, and that
// changes nothing.

#include "broker/confirming.h"

#include "broker/answer.h"
#include "broker/peers.h"
#include "broker/rousing.h"

enum {
  LATER_MS = 400, // longer than members rest, and far less than after which an outcome is sent again (5 s)
};

static void
tell (broker_core_t *core, broker_connection_t to, const unconfirmed_t *told)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CONFIRMED);
  troupe_header_set_call (&header, &told->call);
  troupe_header_set_attempt (&header, told->attempt);
  answer_send (core, to, &header, NULL);
}

void
confirming_tell_left (broker_core_t *core, peer_t *peer)
{
  unsigned count = peer->unconfirmed_count;
  peer->unconfirmed_count = 0; // so that nothing is left to tell before the first of them
  list_remove (&peer->in_unconfirmed);
  for (unsigned i = 0; i < count; i++)
    tell (core, peer->connection, &peer->unconfirmed[i]);
}

static bool
serves (const peer_t *peer, const service_t *service)
{
  for (const list_link_t *link = service->instances.next; link != &service->instances; link = link->next)
    if (LIST_ITEM (link, const instance_t, in_service)->peer == peer)
      return true;
  return false;
}

static bool
may_wait (const broker_core_t *core, const peer_t *peer, const call_t *call)
{
  bool observes = (call->flags & TROUPE_FLAG_OBSERVE) != 0 && call->stretch.entries > 0;
  return observes && !core->stopped && call->service != NULL && serves (peer, call->service) &&
         rousing_rests_until (core, &call->stretch.hub, 0) > core->now;
}

void
confirming_tell (broker_core_t *core, call_t *call)
{
  broker_connection_t to = call->outcome.from;
  unconfirmed_t told = {call->id, call->outcome.said};
  peer_t *peer = to != 0 ? peers_find (core, to) : NULL;
  call->outcome.from = 0;
  if (peer == NULL || call->unstored)
    return;
  if (!may_wait (core, peer, call)) {
    tell (core, to, &told);
    return;
  }
  if (peer->unconfirmed_count == UNCONFIRMED_MAX)
    confirming_tell_left (core, peer);
  if (peer->unconfirmed_count == 0) {
    peer->unconfirmed_until = core->now + LATER_MS;
    list_append (&core->unconfirmed, &peer->in_unconfirmed);
  }
  peer->unconfirmed[peer->unconfirmed_count++] = told;
}

static peer_t *
first (const broker_core_t *core)
{
  list_link_t *link = list_first (&core->unconfirmed);
  return link != NULL ? LIST_ITEM (link, peer_t, in_unconfirmed) : NULL;
}

void
confirming_on_time (broker_core_t *core)
{
  for (peer_t *peer; (peer = first (core)) != NULL && core->now >= peer->unconfirmed_until;)
    confirming_tell_left (core, peer);
}

int64_t
confirming_due (const broker_core_t *core)
{
  const peer_t *peer = first (core);
  return peer != NULL ? peer->unconfirmed_until : TROUPE_LOOP_NEVER;
}
