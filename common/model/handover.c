// SPDX-License-Identifier: Apache-2.0
//
// The mutex is held for a few instructions only, never while a callback or curl runs. An eventfd wakes the loop, and
// only for the first answer of an outbox that was empty: a loop that is behind isn't woken a thousand times. The
// engine's thread sleeps where curl's sockets are waited for, and is woken there; before the first request it has no
// curl, and sleeps on a condition.

#include "model/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

troupe_err_t
handover_init (handover_t *self, troupe_error_t *error)
{
  pthread_condattr_t monotonic;
  *self = (handover_t){.inbox_end = &self->inbox, .outbox_end = &self->outbox};
  pthread_condattr_init (&monotonic);
  pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init (&self->wake, &monotonic);
  pthread_condattr_destroy (&monotonic);
  pthread_mutex_init (&self->mutex, NULL);
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->wake_fd < 0)
    return troupe_error_set (error, TROUPE_IO, "model engine", NULL, "no eventfd: %s", strerror (errno));
  return TROUPE_OK;
}

void
handover_clear (handover_t *self)
{
  for (troupe_answer_t *answer; (answer = handover_pop_out (self));)
    answer_unref (answer);
  multi_destroy (&self->multi);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  pthread_cond_destroy (&self->wake);
  pthread_mutex_destroy (&self->mutex);
}

void
handover_lock (handover_t *self)
{
  pthread_mutex_lock (&self->mutex);
}

void
handover_unlock (handover_t *self)
{
  pthread_mutex_unlock (&self->mutex);
}

// -- The queues ------------------------------------------------------------------------------------------------------

static void
wake_thread (handover_t *self)
{
  if (self->multi)
    multi_wake (self->multi);
  else
    pthread_cond_signal (&self->wake);
}

void
handover_push_in (handover_t *self, troupe_answer_t *answer)
{
  if (!answer->in_inbox) {
    answer->in_inbox = true;
    answer->next_in = NULL;
    *self->inbox_end = answer_ref (answer);
    self->inbox_end = &answer->next_in;
  }
  wake_thread (self);
}

void
handover_push_out (handover_t *self, troupe_answer_t *answer)
{
  if (answer->in_outbox || answer->dropped)
    return;
  if (!self->outbox)
    handover_ring (self);
  answer->in_outbox = true;
  answer->next_out = NULL;
  *self->outbox_end = answer_ref (answer);
  self->outbox_end = &answer->next_out;
}

troupe_answer_t *
handover_pop_in (handover_t *self)
{
  troupe_answer_t *answer = self->inbox;
  if (!answer)
    return NULL;
  self->inbox = answer->next_in;
  if (!self->inbox)
    self->inbox_end = &self->inbox;
  answer->in_inbox = false;
  return answer;
}

troupe_answer_t *
handover_pop_out (handover_t *self)
{
  troupe_answer_t *answer = self->outbox;
  if (!answer)
    return NULL;
  self->outbox = answer->next_out;
  if (!self->outbox)
    self->outbox_end = &self->outbox;
  answer->in_outbox = false;
  return answer;
}

// -- Waking ----------------------------------------------------------------------------------------------------------

void
handover_ring (const handover_t *self)
{
  uint64_t one = 1; // fails only when the counter is full, and then the loop is awake
  (void)!write (self->wake_fd, &one, sizeof one);
}

void
handover_heard (const handover_t *self)
{
  uint64_t count;
  (void)!read (self->wake_fd, &count, sizeof count);
}

void
handover_stop (handover_t *self)
{
  handover_lock (self);
  self->stop = true;
  wake_thread (self);
  handover_unlock (self);
}

void
handover_wait (handover_t *self, int64_t timeout_ms)
{
  struct timespec until;
  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += timeout_ms / 1000;
  until.tv_nsec += timeout_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  handover_lock (self);
  if (!self->inbox && !self->stop)
    pthread_cond_timedwait (&self->wake, &self->mutex, &until);
  handover_unlock (self);
}
