// SPDX-License-Identifier: Apache-2.0
//
// Where the master is. It is asked, on a connection that is good for nothing else: not subscribed to, because whoever
// is connected to a master that is none any more finds that out by its errors, or is cut off by the Sentinels.
//
// A Sentinel that is gone, wants another password or knows no such master is an attempt that failed; the next one asks
// the next Sentinel.
//
// Two connections to one Redis must not end at two, of which one is just being replaced: the second one takes the place
// that the first one has, waits as long as that isn't up, and is given up when it has moved.

#include "store/store.h"

#include <string.h>

enum {
  LOOK_AGAIN = 20 // ms, while the other connection is down: as long as its own shortest delay
};

static bool
follows (const troupe_store_t *self)
{
  return self->with != NULL && self->with->url.master != NULL;
}

bool
store_sentinel_moved (const troupe_store_t *self)
{
  return follows (self) && self->state != STORE_WAITING && self->seen != self->with->moves;
}

static bool
take_place (troupe_store_t *self, const char *host, const char *port)
{
  store_place_t place = {strdup (host), strdup (port)};
  if (place.host == NULL || place.port == NULL) {
    store_place_clear (&place);
    store_break (self, TROUPE_NO_MEMORY, NULL, "no memory for the address of Redis");
    return false;
  }
  bool moved = self->place.host == NULL || strcmp (self->place.host, host) != 0 || strcmp (self->place.port, port) != 0;
  store_place_clear (&self->place);
  self->place = place;
  self->moves += moved;
  return true;
}

static void
follow (troupe_store_t *self)
{
  if (!troupe_store_up (self->with)) {
    self->retry_at = troupe_loop_now () + LOOK_AGAIN;
    return;
  }
  self->seen = self->with->moves;
  if (take_place (self, self->with->place.host, self->with->place.port))
    store_connect_to (self, &self->place);
}

void
store_sentinel_begin (troupe_store_t *self)
{
  if (follows (self)) {
    follow (self);
    return;
  }
  self->asks = true;
  self->sentinel %= self->url.sentinels_count;
  store_connect_to (self, &self->url.sentinels[self->sentinel++]);
}

static bool
is_address (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
         reply->element[1]->type == REDIS_REPLY_STRING;
}

static void
on_address (void *context, const struct redisReply *reply)
{
  troupe_store_t *self = context;
  if (reply == NULL || self->broken)
    return;
  const store_place_t *sentinel = self->to;
  if (reply->type == REDIS_REPLY_NIL)
    store_break (self, TROUPE_STORE_UNAVAILABLE,
                 "see the name of the master in the url, and the Sentinel's configuration",
                 "the Sentinel at %s:%s knows no master %s", sentinel->host, sentinel->port, self->url.master);
  else if (!is_address (reply))
    store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "the Sentinel at %s:%s says: %.200s", sentinel->host,
                 sentinel->port, reply->type == REDIS_REPLY_ERROR ? reply->str : "what is no address");
  else if (take_place (self, reply->element[0]->str, reply->element[1]->str))
    self->found = true;
}

static void
on_password (void *context, const struct redisReply *reply)
{
  troupe_store_t *self = context;
  if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
    store_break (self, TROUPE_STORE_UNAVAILABLE, "see store.sentinel_password", "the Sentinel at %s:%s says: %.200s",
                 self->to->host, self->to->port, reply->str);
}

void
store_sentinel_ask (troupe_store_t *self)
{
  troupe_err_t err = TROUPE_OK;
  if (self->sentinel_password != NULL)
    err = store_queue (self, 2, (const char *[]){"AUTH", self->sentinel_password}, NULL,
                       (store_waiter_t){on_password, self});
  if (err == TROUPE_OK)
    err = store_queue (self, 3, (const char *[]){"SENTINEL", "get-master-addr-by-name", self->url.master}, NULL,
                       (store_waiter_t){on_address, self});
  if (err != TROUPE_OK)
    store_break (self, err, NULL, "no memory to ask a Sentinel");
}

void
store_sentinel_found (troupe_store_t *self)
{
  self->asks = self->found = false;
  store_connect_to (self, &self->place);
}
