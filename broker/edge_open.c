// SPDX-License-Identifier: Apache-2.0
//
// The edge's making and ending. Made in this order: sockets, core, loop, ledger; ended in the reverse one, whatever of
// it was made. The sockets linger for a moment, so that bye and the last answers leave.

#include "broker/edge_state.h"

#include "broker/address.h"

#include "troupe/log.h"
#include "troupe/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
  // What a store that answers at all needs for what is under way.
  STOP_MS = 2000
};

// Binds, to another host than the endpoint's if `host` names one, and tells by which endpoint others reach it: that of
// the configuration, with the port that "*" became.
static troupe_err_t
bind_socket (void *socket, const char *endpoint, const char *host, char *reached, troupe_error_t *error)
{
  char bound[EDGE_ENDPOINT_SIZE], actual[EDGE_ENDPOINT_SIZE];
  const char *port = strrchr (endpoint, ':');
  bool elsewhere = host != NULL && strncmp (endpoint, "tcp://", 6) == 0;
  if (!elsewhere)
    strcpy (bound, endpoint);
  else if (snprintf (bound, sizeof bound, "tcp://%s%s", host, port) >= (int)sizeof bound)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, host, NULL, "the address to bind to is too long");
  troupe_err_t err = troupe_socket_bind (socket, bound, error);
  if (err == TROUPE_OK && troupe_socket_endpoint (socket, actual, sizeof actual) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_IO, bound, NULL, "ZeroMQ doesn't say where it listens");
  if (err != TROUPE_OK)
    return err;
  if (elsewhere)
    snprintf (reached, EDGE_ENDPOINT_SIZE, "%.*s%s", (int)(port - endpoint), endpoint, strrchr (actual, ':'));
  else
    strcpy (reached, actual);
  return TROUPE_OK;
}

// Of the tokens, the operator's is for whoever may read it.
static troupe_err_t
tell_token (const broker_edge_options_t *options, troupe_error_t *error)
{
  const json_t *found = NULL;
  char line[TROUPE_TOKEN_SIZE + 64];
  for (size_t i = 0; i < json_array_size (options->tokens); i++) {
    const json_t *item = json_array_get (options->tokens, i), *name = json_object_get (item, "name");
    if (json_is_string (name) && strcmp (json_string_value (name), TROUPE_TOKEN_OPERATOR) == 0)
      found = json_object_get (item, "token");
  }
  if (found == NULL)
    return address_tell_token (options->endpoint, NULL, error);
  snprintf (line, sizeof line, "%s:%s", TROUPE_TOKEN_OPERATOR, json_string_value (found));
  troupe_err_t err = address_tell_token (options->endpoint, line, error);
  explicit_bzero (line, sizeof line);
  return err;
}

static troupe_err_t
open_socket (broker_edge_t *self, void **socket, int *claim, door_t *door, int type,
             const broker_edge_options_t *options, char *actual, troupe_error_t *error)
{
  const char *endpoint = type == ZMQ_ROUTER ? options->endpoint : options->publish;
  if (strlen (endpoint) >= EDGE_ENDPOINT_SIZE)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, endpoint, NULL, "the endpoint is longer than %d bytes",
                             EDGE_ENDPOINT_SIZE - 1);
  strcpy (actual, endpoint);
  troupe_err_t err = address_claim (claim, endpoint, error);
  if (err == TROUPE_OK)
    err = troupe_socket_new (socket, self->zmq, type, error);
  bool *guarded = type == ZMQ_ROUTER ? &self->router_guarded : &self->publisher_guarded;
  if (err == TROUPE_OK && self->guard != NULL)
    err = guard_protect (self->guard, *socket, endpoint, guarded, error);
  if (err == TROUPE_OK && type == ZMQ_ROUTER)
    err = tell_token (options, error);
  if (err == TROUPE_OK)
    err = door_watch (door, self->zmq, *socket, actual, error);
  if (err == TROUPE_OK)
    err = bind_socket (*socket, endpoint, options->bind, actual, error);
  return err;
}

// A ROUTER counts its connections' ids up from a rand (), which libzmq 4.3.4 never seeds, and aborts when it comes to
// one that a peer took for itself (ZMQ_ROUTING_ID): so a stranger must not know where it begins.
static troupe_err_t
hide_routes (const char *name, troupe_error_t *error)
{
  unsigned seed;
  if (getrandom (&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
    return troupe_error_set (error, TROUPE_IO, name, NULL, "no random numbers: %s", strerror (errno));
  srand (seed);
  return TROUPE_OK;
}

// tcp is never open to whoever comes, unless that is said.
static troupe_err_t
open_guard (broker_edge_t *self, const broker_edge_options_t *options, troupe_error_t *error)
{
  bool tcp = strncmp (options->endpoint, "ipc://", 6) != 0 || strncmp (options->publish, "ipc://", 6) != 0;
  guard_options_t guard = {.name = options->name,
                           .keys = tcp ? options->keys : NULL,
                           .tokens = options->tokens,
                           .insecure = options->insecure,
                           .lost = edge_on_lost,
                           .refused = edge_on_refused,
                           .context = self};
  if (tcp && options->insecure) {
    troupe_log (TROUPE_LOG_WARNING, "insecure: whoever reaches the port may do everything", "endpoint",
                options->endpoint, NULL);
    guard.keys = NULL;
  }
  if ((tcp && !options->insecure) || options->tokens != NULL)
    return guard_new (&self->guard, self->zmq, &guard, error);
  return TROUPE_OK;
}

// A subscription takes effect once edge_on_publisher has allowed it.
static troupe_err_t
publish_by_leave (void *publisher, const char *name, troupe_error_t *error)
{
  const int on = 1;
  if (zmq_setsockopt (publisher, ZMQ_XPUB_MANUAL, &on, sizeof on) == 0)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_IO, name, NULL, "ZeroMQ can't ask for subscriptions: %s", zmq_strerror (errno));
}

static troupe_err_t
open_sockets (broker_edge_t *self, const broker_edge_options_t *options, troupe_error_t *error)
{
  self->zmq = zmq_ctx_new ();
  if (self->zmq == NULL)
    return troupe_error_set (error, TROUPE_IO, options->name, NULL, "ZeroMQ can't be started: %s", strerror (errno));
  troupe_err_t err = hide_routes (options->name, error);
  if (err == TROUPE_OK)
    err = open_guard (self, options, error);
  // Published first: when calls can come, events can go.
  if (err == TROUPE_OK)
    err = open_socket (self, &self->publisher, &self->claims[1], &self->doors[1], ZMQ_XPUB, options,
                       self->publish, error);
  if (err == TROUPE_OK)
    err = publish_by_leave (self->publisher, options->name, error);
  if (err == TROUPE_OK)
    err = open_socket (self, &self->router, &self->claims[0], &self->doors[0], ZMQ_ROUTER, options,
                       self->endpoint, error);
  return err;
}

static troupe_err_t
open_core (broker_edge_t *self, const broker_edge_options_t *options, troupe_error_t *error)
{
  broker_core_options_t core = {.name = options->name,
                                .mesh = options->mesh,
                                .endpoint = self->publish,
                                .pid = getpid (),
                                .guarded = self->router_guarded,
                                .limits = options->limits,
                                .outlet = {edge_send, edge_publish, edge_request, edge_note, self}};
  if (getrandom (&core.key, sizeof core.key, 0) != (ssize_t)sizeof core.key)
    return troupe_error_set (error, TROUPE_IO, options->name, NULL, "no random numbers: %s", strerror (errno));
  if (broker_core_new (&self->core, &core, troupe_loop_now ()) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->name, NULL, "no memory for the broker");
  return TROUPE_OK;
}

// Before the ledger, so that what its prepare function asks of the store leaves in the same turn.
static troupe_err_t
join_loop (broker_edge_t *self, const char *name, troupe_error_t *error)
{
  troupe_err_t err = self->guard != NULL ? guard_join (self->guard, self->loop, error) : TROUPE_OK;
  for (size_t i = 0; i < 2 && err == TROUPE_OK; i++)
    err = door_join (&self->doors[i], self->loop, error);
  if (err != TROUPE_OK)
    return err;
  if (troupe_loop_add_prepare (self->loop, edge_prepare, self) == TROUPE_OK &&
      troupe_loop_add_socket (self->loop, self->router, edge_on_router, self) == TROUPE_OK &&
      troupe_loop_add_receiver (self->loop, self->publisher, edge_on_publisher, self) == TROUPE_OK)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "no memory for the broker");
}

troupe_err_t
broker_edge_new (broker_edge_t **out, troupe_loop_t *loop, const broker_edge_options_t *options, troupe_error_t *error)
{
  broker_edge_t *self = calloc (1, sizeof *self);
  if (self != NULL && ((self->leaving = calloc (EDGE_LEAVING_MAX, sizeof *self->leaving)) == NULL ||
                       unread_new (&self->unread, options->limits.unread, options->limits.unread_total) != TROUPE_OK)) {
    free (self->leaving);
    free (self);
    self = NULL;
  }
  if (self == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->name, NULL, "no memory for the broker");
  self->loop = loop;
  self->claims[0] = self->claims[1] = -1;
  self->rebind_at = TROUPE_LOOP_NEVER;
  self->ready = options->ready;
  self->context = options->context;
  troupe_err_t err = open_sockets (self, options, error);
  if (err == TROUPE_OK)
    err = open_core (self, options, error);
  if (err == TROUPE_OK)
    err = join_loop (self, options->name, error);
  ledger_options_t ledger = {.url = options->store,
                             .password = options->password,
                             .sentinel_password = options->sentinel_password,
                             .broker = options->name,
                             .result = edge_on_result,
                             .notice = edge_on_notice,
                             .context = self};
  if (err == TROUPE_OK)
    err = ledger_new (&self->ledger, loop, &ledger, error);
  if (err == TROUPE_OK)
    *out = self;
  else
    broker_edge_destroy (&self);
  return err;
}

void
broker_edge_destroy (broker_edge_t **self_p)
{
  broker_edge_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  troupe_loop_remove_prepare (self->loop, edge_prepare, self);
  door_destroy (&self->doors[0]);
  door_destroy (&self->doors[1]);
  if (self->router != NULL)
    troupe_loop_remove_socket (self->loop, self->router);
  if (self->publisher != NULL)
    troupe_loop_remove_socket (self->loop, self->publisher);
  ledger_destroy (&self->ledger);
  if (self->core != NULL)
    edge_send_gathered (self); // what can't be sent, nobody needs to know any more
  broker_core_destroy (&self->core);
  troupe_socket_close (&self->router, true);
  troupe_socket_close (&self->publisher, true);
  guard_destroy (&self->guard);
  if (self->zmq != NULL)
    zmq_ctx_term (self->zmq); // waits for what lingers, a moment at most
  address_release (&self->claims[0], self->endpoint);
  address_release (&self->claims[1], self->publish);
  unread_destroy (&self->unread);
  free (self->leaving);
  free (self->unsent);
  free (self);
}

void
broker_edge_stop (broker_edge_t *self, void (*stopped) (void *context), void *context)
{
  int64_t now = troupe_loop_now ();
  if (self->stopping)
    return;
  self->stopping = true;
  self->stop_at = now + STOP_MS;
  self->stopped = stopped;
  self->stopped_context = context;
  broker_core_step (self->core, &(broker_event_t){.kind = BROKER_STOP}, now);
  edge_flush (self, now);
}

const char *
broker_edge_endpoint (const broker_edge_t *self)
{
  return self->endpoint;
}

const char *
broker_edge_publish (const broker_edge_t *self)
{
  return self->publish;
}

const broker_core_t *
broker_edge_core (const broker_edge_t *self)
{
  return self->core;
}
