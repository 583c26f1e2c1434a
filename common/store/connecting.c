// SPDX-License-Identifier: Apache-2.0
//
// From a url to a greeted connection: resolve the host on a thread, try its addresses one after the other
// (localhost has two, and Redis may listen on either), greet. A unix socket is one address without a name.
//
// An address that doesn't answer within CONNECT_MAX counts as failed, like one that refuses; when all have, the
// attempt is broken, and the last address's reason is what the log says.

#include "store/connection.h"
#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
  CONNECT_MAX = 2400 // ms for one address
};

// Takes a new fd (-1: errno says why) into the state CONNECTING.
static void
watch (troupe_store_t *self, int fd)
{
  if (fd < 0) {
    store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "cannot connect: %s", strerror (errno));
    return;
  }
  self->fd = fd;
  self->state = STORE_CONNECTING;
  self->connect_until = troupe_loop_now () + CONNECT_MAX;
  if (troupe_loop_add_fd (self->loop, fd, ZMQ_POLLOUT, store_on_ready, self) != TROUPE_OK)
    store_break (self, TROUPE_NO_MEMORY, NULL, "no memory to watch the connection");
}

// Tries the next of the host's addresses; `why` is how the one before failed.
void
store_connect_next (troupe_store_t *self, int why)
{
  if (self->fd >= 0) {
    troupe_loop_remove_fd (self->loop, self->fd);
    close (self->fd);
    self->fd = -1;
  }
  while (self->address != NULL) {
    int fd = store_connection_network (self->address);
    why = errno;
    self->address = self->address->ai_next;
    if (fd >= 0) {
      watch (self, fd);
      return;
    }
  }
  store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "cannot connect: %s", strerror (why));
}

static void
on_resolved (void *context, short events)
{
  troupe_store_t *self = context;
  (void)events;
  const char *why = NULL;
  self->addresses = self->address = store_resolve_take (self->resolve, &why);
  troupe_loop_remove_fd (self->loop, store_resolve_fd (self->resolve));
  store_resolve_destroy (&self->resolve);
  if (self->addresses == NULL)
    store_break (self, TROUPE_STORE_UNAVAILABLE, "check the host's name", "cannot resolve %s: %s", self->to->host, why);
  else
    store_connect_next (self, 0);
}

static void
resolve (troupe_store_t *self)
{
  troupe_err_t err = store_resolve_new (&self->resolve, self->to->host, self->to->port);
  if (err == TROUPE_OK) {
    self->state = STORE_RESOLVING;
    err = troupe_loop_add_fd (self->loop, store_resolve_fd (self->resolve), ZMQ_POLLIN, on_resolved, self);
  }
  if (err != TROUPE_OK)
    store_break (self, err, NULL, "cannot begin to resolve %s: %s", self->to->host, troupe_err_text (err));
}

void
store_connect_to (troupe_store_t *self, const store_place_t *place)
{
  self->to = place;
  resolve (self);
}

void
store_connect (troupe_store_t *self)
{
  if (self->url.path != NULL)
    watch (self, store_connection_local (self->url.path));
  else if (self->url.master != NULL)
    store_sentinel_begin (self);
  else
    store_connect_to (self, &self->url.place);
}

void
store_connected (troupe_store_t *self)
{
  int failure = store_connection_error (self->fd);
  if (failure != 0) {
    store_connect_next (self, failure);
    return;
  }
  self->heard_at = troupe_loop_now ();
  self->reader = redisReaderCreate ();
  if (self->reader == NULL || troupe_loop_add_fd (self->loop, self->fd, ZMQ_POLLIN, store_on_ready, self) != TROUPE_OK)
    store_break (self, TROUPE_NO_MEMORY, NULL, "no memory for the connection");
  else
    store_greet (self);
}
