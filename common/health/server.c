// SPDX-License-Identifier: Apache-2.0
//
// libmicrohttpd in the program's own loop: it has all its connections in one epoll descriptor, which the loop watches
// like a socket, so there is no thread, and an answer is made from what the loop's thread knows. Its descriptors are
// watched by edges: what it could not finish in one run it tells by a timeout of 0.
//
// libmicrohttpd ends a connection that is silent. One that drips a byte now and then it would keep for ever, and when
// its connections are all taken it lets new ones wait. So each connection is known here by when it came: the eldest is
// shut down when its time is over, or when another one needs its place. Shutting the socket down is all that may be
// done to it from outside; libmicrohttpd then reads its end.

#include "health/server.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  PLACES_LEFT = 16,            // with fewer the eldest goes: as many may come in one run
  SILENCE_S = 5,               // that a client may be silent
  REQUEST_SIZE_MAX = 8 * 1024, // of a request's headers; more is answered by 431
};

typedef struct visit {
  struct visit *next, *before; // in the order in which they came
  int fd;
  int64_t since;
  bool shut;
} visit_t;

struct health_server {
  troupe_loop_t *loop;
  struct MHD_Daemon *daemon;
  int epoll;
  health_answer_fn *answer;
  void *context;
  visit_t *eldest, *last;
  health_server_counts_t counts;
};

// -- Connections -----------------------------------------------------------------------------------------------------

static void
shut (visit_t *visit, uint64_t *counter)
{
  if (visit->shut)
    return;
  visit->shut = true;
  shutdown (visit->fd, SHUT_RDWR);
  ++*counter;
}

static visit_t *
eldest_open (const health_server_t *self)
{
  visit_t *visit = self->eldest;
  while (visit != NULL && visit->shut)
    visit = visit->next;
  return visit;
}

// Without memory for the note it is served all the same, and ended by its silence.
static void
arrive (health_server_t *self, struct MHD_Connection *connection, void **note)
{
  const union MHD_ConnectionInfo *info = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  visit_t *visit = info != NULL ? calloc (1, sizeof *visit) : NULL;
  *note = visit;
  if (visit == NULL)
    return;
  visit->fd = info->connect_fd;
  visit->since = troupe_loop_now ();
  visit->before = self->last;
  *(self->last != NULL ? &self->last->next : &self->eldest) = visit;
  self->last = visit;
  if (++self->counts.connections > HEALTH_CONNECTIONS_MAX - PLACES_LEFT)
    shut (eldest_open (self), &self->counts.evicted);
}

static void
leave (health_server_t *self, visit_t *visit)
{
  if (visit == NULL)
    return;
  *(visit->before != NULL ? &visit->before->next : &self->eldest) = visit->next;
  *(visit->next != NULL ? &visit->next->before : &self->last) = visit->before;
  self->counts.connections--;
  free (visit);
}

static void
on_connection (void *context, struct MHD_Connection *connection, void **note, enum MHD_ConnectionNotificationCode code)
{
  if (code == MHD_CONNECTION_NOTIFY_STARTED)
    arrive (context, connection, note);
  else
    leave (context, *note);
}

// -- Requests --------------------------------------------------------------------------------------------------------

static enum MHD_Result
respond (struct MHD_Connection *connection, const health_answer_t *answer)
{
  struct MHD_Response *response =
    answer->text != NULL ? MHD_create_response_from_buffer (answer->size, answer->text, MHD_RESPMEM_MUST_FREE) : NULL;
  if (response == NULL) {
    free (answer->text);
    return MHD_NO; // closes the connection: there is no memory to say more
  }
  MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
  MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header (response, MHD_HTTP_HEADER_CONNECTION, "close");
  if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  enum MHD_Result queued = MHD_queue_response (connection, answer->status, response);
  MHD_destroy_response (response);
  return queued;
}

// Called first when the headers are there: that is all that is needed, so a body is never read.
static enum MHD_Result
on_request (void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
            const char *upload, size_t *upload_size, void **state)
{
  static const char refusal[] = "only GET and HEAD are answered here\n";
  health_server_t *self = context;
  (void)version, (void)upload, (void)upload_size, (void)state;
  self->counts.requests++;
  if (strcmp (method, MHD_HTTP_METHOD_GET) == 0 || strcmp (method, MHD_HTTP_METHOD_HEAD) == 0) {
    health_answer_t answer = self->answer (self->context, url);
    return respond (connection, &answer);
  }
  health_answer_t refused = {MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", strdup (refusal),
                             sizeof refusal - 1};
  return respond (connection, &refused);
}

// -- The loop --------------------------------------------------------------------------------------------------------

static void
on_ready (void *context, short events)
{
  health_server_t *self = context;
  (void)events;
  MHD_run (self->daemon);
}

static int64_t
prepare (void *context, int64_t now)
{
  health_server_t *self = context;
  MHD_UNSIGNED_LONG_LONG wait = 0;
  for (visit_t *visit; (visit = eldest_open (self)) != NULL && visit->since + HEALTH_CONNECTION_MS <= now;)
    shut (visit, &self->counts.late);
  if (MHD_get_timeout (self->daemon, &wait) == MHD_YES && wait == 0)
    MHD_run (self->daemon);
  int64_t due = TROUPE_LOOP_NEVER;
  if (MHD_get_timeout (self->daemon, &wait) == MHD_YES)
    due = now + (int64_t)wait;
  const visit_t *visit = eldest_open (self);
  int64_t late = visit != NULL ? visit->since + HEALTH_CONNECTION_MS : TROUPE_LOOP_NEVER;
  return due == TROUPE_LOOP_NEVER || (late != TROUPE_LOOP_NEVER && late < due) ? late : due;
}

static troupe_err_t
join_loop (health_server_t *self, troupe_error_t *error)
{
  const union MHD_DaemonInfo *info = MHD_get_daemon_info (self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == NULL || info->epoll_fd < 0)
    return troupe_error_set (error, TROUPE_IO, "health", NULL, "libmicrohttpd was built without epoll");
  if (troupe_loop_add_fd (self->loop, info->epoll_fd, POLLIN, on_ready, self) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "health", NULL, "no memory for the health endpoint");
  self->epoll = info->epoll_fd;
  if (troupe_loop_add_prepare (self->loop, prepare, self) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "health", NULL, "no memory for the health endpoint");
  return TROUPE_OK;
}

troupe_err_t
health_server_new (health_server_t **out, troupe_loop_t *loop, int listener, health_answer_fn *answer, void *context,
                   troupe_error_t *error)
{
  health_server_t *self = calloc (1, sizeof *self);
  if (self != NULL) {
    *self = (health_server_t){.loop = loop, .epoll = -1, .answer = answer, .context = context};
    self->daemon =
      MHD_start_daemon (MHD_USE_EPOLL, 0, NULL, NULL, on_request, self, MHD_OPTION_LISTEN_SOCKET, listener,
                        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HEALTH_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                        (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_SIZE_MAX,
                        MHD_OPTION_NOTIFY_CONNECTION, on_connection, self, MHD_OPTION_END);
  }
  if (self == NULL || self->daemon == NULL) {
    close (listener);
    free (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, "health", NULL, "libmicrohttpd doesn't start");
  }
  troupe_err_t err = join_loop (self, error);
  if (err == TROUPE_OK)
    *out = self;
  else
    health_server_destroy (&self);
  return err;
}

void
health_server_destroy (health_server_t **self_p)
{
  health_server_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  troupe_loop_remove_prepare (self->loop, prepare, self);
  if (self->epoll >= 0)
    troupe_loop_remove_fd (self->loop, self->epoll);
  MHD_stop_daemon (self->daemon); // closes the listener and every connection
  free (self);
}

health_server_counts_t
health_server_counts (const health_server_t *self)
{
  return self->counts;
}
