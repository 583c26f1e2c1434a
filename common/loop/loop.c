// SPDX-License-Identifier: Apache-2.0
//
// The event loop: sources, prepare functions, and their turns. The wait itself is wait.c's.
//
// Functions may add and remove sources while events are dispatched. So a source that is removed is only marked (its
// function NULL), nothing moves before the next turn begins, and a source that was added is polled from then on.
// The same holds for prepare functions. Sources that watch nothing (events 0) are left out of the poll: poll(2) would
// report a hang-up on them for ever.
//
// When the wait itself fails (out of memory, the ZeroMQ context ended), the turn and the run return the error: there is
// nothing a loop could do without waiting.

#include "loop/post.h"
#include "loop/signals.h"
#include "loop/wait.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

typedef struct {
  troupe_loop_prepare_fn *prepare; // NULL: removed
  void *context;
} hook_t;

struct troupe_loop {
  loop_source_t *sources;
  size_t sources_count, sources_capacity;
  hook_t *hooks;
  size_t hooks_count, hooks_capacity;
  loop_wait_t wait; // set anew when `changed`
  bool changed, turning, stopped, again;
  loop_posts_t posts;
  loop_signals_t signals;
};

int64_t
troupe_loop_now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Room for one more of `count` elements: doubles the array when it is full.
static bool
reserve (void **array, size_t *capacity, size_t count, size_t element)
{
  if (count < *capacity)
    return true;
  size_t larger = *capacity == 0 ? 8 : *capacity * 2;
  void *grown = realloc (*array, larger * element);
  if (grown == NULL)
    return false;
  *array = grown;
  *capacity = larger;
  return true;
}

static void
on_posted (void *context, short events)
{
  troupe_loop_t *self = context;
  (void)events;
  loop_posts_run (&self->posts);
}

static void
on_signalled (void *context, short events)
{
  troupe_loop_t *self = context;
  (void)events;
  loop_signals_read (&self->signals);
}

troupe_err_t
troupe_loop_new (troupe_loop_t **out)
{
  troupe_loop_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  self->signals.fd = -1;
  troupe_err_t err = loop_posts_init (&self->posts);
  if (err != TROUPE_OK) {
    free (self);
    return err;
  }
  err = troupe_loop_add_fd (self, self->posts.event_fd, ZMQ_POLLIN, on_posted, self);
  if (err != TROUPE_OK) {
    troupe_loop_destroy (&self);
    return err;
  }
  *out = self;
  return TROUPE_OK;
}

void
troupe_loop_destroy (troupe_loop_t **self_p)
{
  troupe_loop_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  loop_posts_close (&self->posts);
  loop_signals_close (&self->signals);
  free (self->sources);
  free (self->hooks);
  loop_wait_free (&self->wait);
  free (self);
}

// -- Sources ---------------------------------------------------------------------------------------------------------

static loop_source_t *
find_source (troupe_loop_t *self, void *socket, int fd)
{
  for (size_t i = 0; i < self->sources_count; i++) {
    loop_source_t *source = &self->sources[i];
    if (source->ready != NULL && source->socket == socket && (socket != NULL || source->fd == fd))
      return source;
  }
  return NULL;
}

static troupe_err_t
put_source (troupe_loop_t *self, const loop_source_t *wanted)
{
  loop_source_t *source = find_source (self, wanted->socket, wanted->fd);
  if (source == NULL) {
    if (!reserve ((void **)&self->sources, &self->sources_capacity, self->sources_count, sizeof (loop_source_t)))
      return TROUPE_NO_MEMORY;
    source = &self->sources[self->sources_count++];
  }
  *source = *wanted;
  self->changed = true;
  return TROUPE_OK;
}

static void
drop_source (troupe_loop_t *self, void *socket, int fd)
{
  loop_source_t *source = find_source (self, socket, fd);
  if (source != NULL) {
    source->ready = NULL;
    self->changed = true;
  }
}

static troupe_err_t
put_socket (troupe_loop_t *self, loop_source_t source)
{
  size_t size = sizeof source.fd;
  if (zmq_getsockopt (source.socket, ZMQ_FD, &source.fd, &size) != 0)
    return TROUPE_IO;
  return put_source (self, &source);
}

troupe_err_t
troupe_loop_add_socket (troupe_loop_t *self, void *zmq_socket, troupe_loop_ready_fn *ready, void *context)
{
  return put_socket (self,
                     (loop_source_t){.ready = ready, .context = context, .socket = zmq_socket, .events = ZMQ_POLLIN});
}

troupe_err_t
troupe_loop_add_receiver (troupe_loop_t *self, void *zmq_socket, troupe_loop_ready_fn *ready, void *context)
{
  return put_socket (
    self,
    (loop_source_t){.ready = ready, .context = context, .socket = zmq_socket, .events = ZMQ_POLLIN, .receiver = true});
}

void
troupe_loop_look_at (troupe_loop_t *self, void *zmq_socket)
{
  loop_source_t *source = find_source (self, zmq_socket, -1);
  if (source != NULL)
    source->idle = false;
}

void
troupe_loop_remove_socket (troupe_loop_t *self, void *zmq_socket)
{
  drop_source (self, zmq_socket, -1);
}

troupe_err_t
troupe_loop_add_fd (troupe_loop_t *self, int fd, short events, troupe_loop_ready_fn *ready, void *context)
{
  return put_source (self, &(loop_source_t){.ready = ready, .context = context, .fd = fd, .events = events});
}

void
troupe_loop_remove_fd (troupe_loop_t *self, int fd)
{
  drop_source (self, NULL, fd);
}

troupe_err_t
troupe_loop_add_prepare (troupe_loop_t *self, troupe_loop_prepare_fn *prepare, void *context)
{
  if (!reserve ((void **)&self->hooks, &self->hooks_capacity, self->hooks_count, sizeof (hook_t)))
    return TROUPE_NO_MEMORY;
  self->hooks[self->hooks_count++] = (hook_t){prepare, context};
  self->again = true;
  return TROUPE_OK;
}

void
troupe_loop_remove_prepare (troupe_loop_t *self, troupe_loop_prepare_fn *prepare, void *context)
{
  for (size_t i = 0; i < self->hooks_count; i++)
    if (self->hooks[i].prepare == prepare && self->hooks[i].context == context) {
      self->hooks[i].prepare = NULL;
      self->changed = true;
      return;
    }
}

troupe_err_t
troupe_loop_post (troupe_loop_t *self, troupe_loop_post_fn *fn, void *context)
{
  return loop_posts_push (&self->posts, fn, context);
}

troupe_err_t
troupe_loop_on_signals (troupe_loop_t *self, const int *signals, size_t count, troupe_loop_signal_fn *fn, void *context)
{
  if (self->signals.fd >= 0)
    return TROUPE_CONFLICT;
  troupe_err_t err = loop_signals_open (&self->signals, signals, count, fn, context);
  if (err != TROUPE_OK)
    return err;
  err = troupe_loop_add_fd (self, self->signals.fd, ZMQ_POLLIN, on_signalled, self);
  if (err != TROUPE_OK)
    loop_signals_close (&self->signals);
  return err;
}

// -- Turning ---------------------------------------------------------------------------------------------------------

static void
forget_removed (troupe_loop_t *self)
{
  size_t kept = 0;
  for (size_t i = 0; i < self->sources_count; i++)
    if (self->sources[i].ready != NULL)
      self->sources[kept++] = self->sources[i];
  self->sources_count = kept;

  kept = 0;
  for (size_t i = 0; i < self->hooks_count; i++)
    if (self->hooks[i].prepare != NULL)
      self->hooks[kept++] = self->hooks[i];
  self->hooks_count = kept;
}

// Calls every prepare function; returns the earliest time that one asks for.
static int64_t
prepare_all (troupe_loop_t *self)
{
  int64_t earliest = TROUPE_LOOP_NEVER;
  self->again = false;
  for (size_t i = 0; i < self->hooks_count; i++) {
    hook_t hook = self->hooks[i];
    if (hook.prepare == NULL)
      continue;
    int64_t due = hook.prepare (hook.context, troupe_loop_now ());
    if (due != TROUPE_LOOP_NEVER && (earliest == TROUPE_LOOP_NEVER || due < earliest))
      earliest = due;
  }
  return earliest;
}

static int
time_to_wait (const troupe_loop_t *self, int64_t due, int64_t timeout_ms)
{
  if (self->stopped || self->again)
    return 0;
  int64_t wait = timeout_ms < 0 ? -1 : timeout_ms;
  if (due != TROUPE_LOOP_NEVER) {
    int64_t until = due - troupe_loop_now ();
    until = until < 0 ? 0 : until;
    wait = wait < 0 || until < wait ? until : wait;
  }
  return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void
dispatch (troupe_loop_t *self, int ready)
{
  for (size_t i = 0; i < self->wait.count && ready > 0; i++) {
    short events = self->wait.events[i];
    if (events == 0)
      continue;
    ready--;
    loop_source_t source = self->sources[self->wait.sources[i]];
    if (source.ready != NULL && (source.events & events || events & ZMQ_POLLERR))
      source.ready (source.context, events);
  }
}

troupe_err_t
troupe_loop_turn (troupe_loop_t *self, int64_t timeout_ms)
{
  if (self->turning)
    return TROUPE_BAD_ARGUMENT;
  self->turning = true;
  if (self->changed)
    forget_removed (self);
  int64_t due = prepare_all (self);

  // Prepare functions may have added and removed sources; what they removed is not polled.
  troupe_err_t err = TROUPE_OK;
  if (self->changed) {
    forget_removed (self);
    if (!loop_wait_set (&self->wait, self->sources, self->sources_count))
      err = TROUPE_NO_MEMORY;
    self->changed = err != TROUPE_OK;
  }
  if (err == TROUPE_OK) {
    int ready = loop_wait_for (&self->wait, self->sources, time_to_wait (self, due, timeout_ms));
    if (ready > 0)
      dispatch (self, ready);
    else if (ready < 0 && errno != EINTR)
      err = errno == ENOMEM ? TROUPE_NO_MEMORY : TROUPE_IO;
  }
  self->turning = false;
  return err;
}

troupe_err_t
troupe_loop_run (troupe_loop_t *self)
{
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && !self->stopped)
    err = troupe_loop_turn (self, -1);
  self->stopped = false;
  return err;
}

void
troupe_loop_again (troupe_loop_t *self)
{
  self->again = true;
}

void
troupe_loop_stop (troupe_loop_t *self)
{
  self->stopped = true;
}

bool
troupe_loop_stopping (const troupe_loop_t *self)
{
  return self->stopped;
}
