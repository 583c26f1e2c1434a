// SPDX-License-Identifier: Apache-2.0
//
// The store's life: wait, resolve, connect, greet, be up, and begin again.
//
// It uses hiredis for the protocol (its reader and reply objects) and not its async API: in 0.14 that asserts on a
// reply that nobody asked for, drops a callback when memory is short, resolves names on the loop, and frees itself
// under whoever holds it. Here the connection is a file descriptor and a pipeline, and the store outlives all of
// them.
//
// With Sentinels an attempt has two connections: to a Sentinel, which says where the master is, and then to that. Each
// attempt asks anew, and the next Sentinel when one doesn't know or isn't there: so an error that shows that a Redis is
// no master any more leads to the one that is.
//
// Invariants: there is an fd in CONNECTING, GREETING and UP only, a resolver in RESOLVING only; waiters exist only
// while there is an fd. A failure anywhere sets `broken`, and the connection is closed from the loop's two entries
// (`prepare`, `store_on_ready`) alone, never under a callback. Closing tells the state function first and then
// every waiter, in order.
//
// A connection that stands still is given up when a command has been without an answer, and the socket without a
// byte, for SILENCE_MAX. Before that is believed the socket is read once more: it may be this process that stood
// still.

#include "store/store.h"

#include "troupe/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <zmq.h>

enum {
  DELAY_FIRST = 20,  // ms; a Redis that restarts is back within some tens of them
  DELAY_MAX = 1000,  // ms; soon enough for people, and no load on what is trying to come up
  // ms from the start on: a Redis that is started at the same moment is there after some tens of them, so that it isn't
  // there yet is no news. What still fails after them is: a wrong address, a wrong password, a Redis that is gone.
  START_PATIENCE = 1000,
  PING_AFTER = 500,  // ms of silence. With SILENCE_MAX: a frozen Redis is noticed within 3 s
  SILENCE_MAX = 2400 // ms
};

void
store_break (troupe_store_t *self, troupe_err_t code, const char *next, const char *format, ...)
{
  if (self->broken)
    return;
  char why[TROUPE_ERROR_WHY_MAX];
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (why, sizeof why, format, arguments);
  va_end (arguments);
  self->broken = true;
  troupe_error_set (&self->failure, code, self->name, next, "%s", why);
  troupe_loop_again (self->loop);
}

troupe_err_t
store_queue (troupe_store_t *self, int argc, const char *const *argv, const size_t *sizes, store_waiter_t waiter)
{
  bool was_empty = self->pipeline.count == 0, was_written = store_pipeline_written (&self->pipeline);
  troupe_err_t err = store_pipeline_push (&self->pipeline, argc, argv, sizes, waiter);
  if (err != TROUPE_OK)
    return err;
  if (was_empty)
    self->asked_at = troupe_loop_now ();
  if (was_written)
    troupe_loop_again (self->loop);
  return TROUPE_OK;
}

// -- Up and down -----------------------------------------------------------------------------------------------------

static void
log_connected (troupe_store_t *self)
{
  self->flaps = false;
  self->patient_until = 0; // from now on it is news when it goes
  if (!self->voice->connected)
    troupe_log (TROUPE_LOG_INFO, "store connected", "store", self->name, NULL);
  self->voice->connected = true;
  self->voice->logged.code = TROUPE_OK;
}

void
store_rise (troupe_store_t *self)
{
  self->state = STORE_UP;
  self->up_at = troupe_loop_now ();
  if (!self->flaps)
    log_connected (self);
  if (self->on_state != NULL)
    self->on_state (self->context, true, NULL);
}

// Half of the delay to all of it, so that brokers that lost one Redis don't come back in step.
static int64_t
jittered (int delay)
{
  unsigned random = 0;
  if (getrandom (&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
    random = UINT_MAX; // so early after boot only; the full delay then
  return delay / 2 + (int64_t)(random / (UINT_MAX / (unsigned)(delay / 2 + 1) + 1));
}

// Closes what there is; the waiters stay.
static void
disconnect (troupe_store_t *self)
{
  if (self->resolve != NULL)
    troupe_loop_remove_fd (self->loop, store_resolve_fd (self->resolve));
  store_resolve_destroy (&self->resolve);
  if (self->addresses != NULL)
    freeaddrinfo (self->addresses);
  self->addresses = self->address = NULL;
  if (self->fd >= 0) {
    troupe_loop_remove_fd (self->loop, self->fd);
    close (self->fd);
  }
  self->fd = -1;
  self->wants_write = false;
  if (self->reader != NULL)
    redisReaderFree (self->reader);
  self->reader = NULL;
  store_pipeline_forget (&self->pipeline);
}

// A connection that ends when the log has just been told that Redis went (by another one) says nothing: it is the same
// news, whatever the words.
static void
log_failure (troupe_store_t *self, bool was_up)
{
  store_voice_t *voice = self->voice;
  if (troupe_loop_now () < self->patient_until) {
    troupe_log_error (TROUPE_LOG_DEBUG, "store not connected yet", &self->failure);
    return;
  }
  if (was_up && !voice->connected && voice->logged.code != TROUPE_OK)
    return;
  if (voice->logged.code == self->failure.code && strcmp (voice->logged.why, self->failure.why) == 0)
    return; // it was said; an attempt a second must not fill the log
  voice->connected = false;
  voice->logged = self->failure;
  troupe_log_error (TROUPE_LOG_WARNING, "store not connected", &self->failure);
}

static void
lose_waiters (troupe_store_t *self)
{
  store_waiter_t waiter;
  while (store_pipeline_pop (&self->pipeline, &waiter))
    waiter.reply (waiter.context, NULL);
}

// Gives the connection, or the attempt, up.
static void
fall (troupe_store_t *self)
{
  int64_t now = troupe_loop_now ();
  bool was_up = self->state == STORE_UP;
  disconnect (self);
  // A connection that held counts as a success; one that ended at once doesn't, so that the delay grows.
  if (was_up && now - self->up_at >= DELAY_MAX)
    self->delay_ms = DELAY_FIRST;
  else if (was_up)
    self->flaps = true;
  self->state = STORE_WAITING;
  self->broken = self->asks = self->found = false;
  self->retry_at = now + jittered (self->delay_ms);
  self->delay_ms = self->delay_ms * 2 > DELAY_MAX ? DELAY_MAX : self->delay_ms * 2;
  log_failure (self, was_up);
  if (was_up && self->on_state != NULL) {
    troupe_error_t failure = self->failure;
    self->on_state (self->context, false, &failure);
  }
  lose_waiters (self);
}

// -- The loop --------------------------------------------------------------------------------------------------------

static void
flush (troupe_store_t *self)
{
  if (!store_pipeline_write (&self->pipeline, self->fd)) {
    store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "the connection broke: %s", strerror (errno));
    return;
  }
  bool wants_write = !store_pipeline_written (&self->pipeline);
  if (wants_write == self->wants_write)
    return;
  self->wants_write = wants_write;
  short events = wants_write ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN;
  if (troupe_loop_add_fd (self->loop, self->fd, events, store_on_ready, self) != TROUPE_OK)
    store_break (self, TROUPE_NO_MEMORY, NULL, "no memory to watch the connection");
}

// The Sentinel has answered: on to Redis itself.
static void
turn (troupe_store_t *self)
{
  disconnect (self);
  lose_waiters (self);
  store_sentinel_found (self);
}

static void
close_what_ended (troupe_store_t *self)
{
  if (!self->broken && self->found)
    turn (self);
  if (self->broken)
    fall (self);
}

void
store_on_ready (void *context, short events)
{
  troupe_store_t *self = context;
  if (self->state == STORE_CONNECTING) {
    store_connected (self);
  } else {
    if (events & ZMQ_POLLOUT)
      flush (self);
    if (!self->broken && events & (ZMQ_POLLIN | ZMQ_POLLERR))
      store_read (self);
  }
  close_what_ended (self);
}

static void
on_pong (void *context, const struct redisReply *reply)
{
  (void)context; // that it came is all: `heard_at`
  (void)reply;
}

// Asks for a sign of life, or finds that there is none. Returns when to look again.
static int64_t
check_life (troupe_store_t *self, int64_t now)
{
  if (self->flaps && self->state == STORE_UP && now - self->up_at >= DELAY_MAX)
    log_connected (self);
  int64_t due = self->heard_at + PING_AFTER;
  if (self->pipeline.count == 0 && now >= due) {
    if (store_queue (self, 1, (const char *[]){"PING"}, NULL, (store_waiter_t){on_pong, self}) != TROUPE_OK)
      store_break (self, TROUPE_NO_MEMORY, NULL, "no memory to ask for a sign of life");
  }
  if (self->pipeline.count == 0)
    return due;
  int64_t since = self->heard_at > self->asked_at ? self->heard_at : self->asked_at;
  if (now - since >= SILENCE_MAX && !self->broken) {
    store_read (self);
    if (!self->broken && self->heard_at <= since)
      store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "Redis has not answered for %d ms", (int)(now - since));
    return now;
  }
  return since + SILENCE_MAX;
}

static int64_t
prepare (void *context, int64_t now)
{
  troupe_store_t *self = context;
  int64_t due = TROUPE_LOOP_NEVER;
  if (self->state == STORE_WAITING && !self->broken && now >= self->retry_at)
    store_connect (self);
  if (self->state == STORE_CONNECTING && !self->broken) {
    if (now >= self->connect_until)
      store_connect_next (self, ETIMEDOUT);
    due = self->connect_until;
  }
  if (self->state >= STORE_GREETING && !self->broken) {
    due = check_life (self, now);
    if (!self->broken && !self->wants_write && !store_pipeline_written (&self->pipeline))
      flush (self);
  }
  if (!self->broken && store_sentinel_moved (self))
    store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "another Redis is the master");
  close_what_ended (self);
  return self->state == STORE_WAITING ? self->retry_at : due;
}

// -- The interface ---------------------------------------------------------------------------------------------------

// A copy of `text`, or NULL for NULL; clears *ok when out of memory.
static char *
copy (const char *text, bool *ok)
{
  char *copied = text != NULL ? strdup (text) : NULL;
  *ok = *ok && (text == NULL || copied != NULL);
  return copied;
}

troupe_err_t
troupe_store_new (troupe_store_t **out, troupe_loop_t *loop, const troupe_store_options_t *options,
                  troupe_error_t *error)
{
  store_url_t url;
  troupe_err_t err = store_url_parse (&url, options->url, error);
  if (err != TROUPE_OK)
    return err;
  troupe_store_t *self = calloc (1, sizeof *self);
  if (self == NULL) {
    store_url_clear (&url);
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->url, NULL, "no memory for the store");
  }
  bool ok = true;
  self->loop = loop;
  self->url = url;
  self->name = copy (options->url, &ok);
  self->password = copy (options->password, &ok);
  self->channel = copy (options->channel, &ok);
  self->sentinel_password = copy (options->sentinel_password, &ok);
  self->with = options->with;
  self->on_state = options->state;
  self->on_message = options->message;
  self->context = options->context;
  self->voice = options->with != NULL ? options->with->voice : &self->own_voice;
  self->fd = -1;
  self->delay_ms = DELAY_FIRST;
  self->patient_until = troupe_loop_now () + START_PATIENCE;
  if (!ok || troupe_loop_add_prepare (loop, prepare, self) != TROUPE_OK) {
    troupe_error_set (error, TROUPE_NO_MEMORY, options->url, NULL, "no memory for the store");
    troupe_store_destroy (&self);
    return TROUPE_NO_MEMORY;
  }
  *out = self;
  return TROUPE_OK;
}

void
troupe_store_destroy (troupe_store_t **self_p)
{
  troupe_store_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  troupe_loop_remove_prepare (self->loop, prepare, self);
  disconnect (self);
  self->state = STORE_WAITING;
  lose_waiters (self);
  store_pipeline_clear (&self->pipeline);
  store_url_clear (&self->url);
  free (self->name);
  free (self->password);
  free (self->channel);
  free (self->sentinel_password);
  store_place_clear (&self->place);
  free (self);
}

bool
troupe_store_up (const troupe_store_t *self)
{
  return self->state == STORE_UP && !self->broken;
}

size_t
troupe_store_pending (const troupe_store_t *self)
{
  return self->pipeline.count;
}

troupe_err_t
troupe_store_command (troupe_store_t *self, int argc, const char *const *argv, const size_t *sizes,
                      troupe_store_reply_fn *reply, void *context)
{
  if (!troupe_store_up (self) || self->channel != NULL)
    return TROUPE_STORE_UNAVAILABLE;
  return store_queue (self, argc, argv, sizes, (store_waiter_t){reply, context});
}

void
troupe_store_restart (troupe_store_t *self, const troupe_error_t *error)
{
  if (self->state == STORE_UP)
    store_break (self, error->code, error->next, "%s", error->why);
}
