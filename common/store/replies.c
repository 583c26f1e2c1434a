// SPDX-License-Identifier: Apache-2.0
//
// What comes in from Redis: bytes to replies (hiredis's parser), replies to whoever waits, in order; on a subscribed
// connection an array that begins with "message" is none's reply but what was published.
//
// A reply that nobody waits for is how Redis says why it hangs up ("max number of clients reached"), or nonsense:
// the connection is given up for either. Functions called here may ask for a restart, so `broken` is looked at
// after each.

#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
  READS_A_TURN = 16 // a megabyte; then the loop's other sources have their turn
};

static bool
is_message (const troupe_store_t *self, const redisReply *reply)
{
  if (self->channel == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
    return false;
  const redisReply *kind = reply->element[0], *data = reply->element[2];
  return kind->type == REDIS_REPLY_STRING && strcmp (kind->str, "message") == 0 && data->type == REDIS_REPLY_STRING;
}

static void
handle (troupe_store_t *self, const redisReply *reply)
{
  if (is_message (self, reply)) {
    if (self->on_message != NULL && self->state == STORE_UP)
      self->on_message (self->context, reply->element[2]->str, reply->element[2]->len);
    return;
  }
  store_waiter_t waiter;
  if (store_pipeline_pop (&self->pipeline, &waiter))
    waiter.reply (waiter.context, reply);
  else
    store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "Redis sent what was not asked for: %.200s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "a reply");
}

static void
parse (troupe_store_t *self, size_t size)
{
  if (redisReaderFeed (self->reader, self->chunk, size) != REDIS_OK) {
    store_break (self, TROUPE_NO_MEMORY, NULL, "no memory for a reply");
    return;
  }
  while (!self->broken) {
    void *reply = NULL;
    if (redisReaderGetReply (self->reader, &reply) != REDIS_OK)
      store_break (self, TROUPE_STORE_UNAVAILABLE, "check that the url names a Redis server",
                   "not Redis's protocol: %s", self->reader->errstr);
    if (reply == NULL)
      return;
    handle (self, reply);
    freeReplyObject (reply);
  }
}

void
store_read (troupe_store_t *self)
{
  for (int i = 0; i < READS_A_TURN && !self->broken; i++) {
    ssize_t size = recv (self->fd, self->chunk, sizeof self->chunk, 0);
    if (size > 0) {
      self->heard_at = troupe_loop_now ();
      parse (self, (size_t)size);
    } else if (size == 0) {
      store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "Redis closed the connection");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "the connection broke: %s", strerror (errno));
    }
    if (size > 0 && (size_t)size < sizeof self->chunk)
      return;
  }
}
