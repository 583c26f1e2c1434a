// SPDX-License-Identifier: Apache-2.0
//
// Posting to a loop.
//
// The eventfd is written only when the queue stops being empty, and read (emptied) before the queue is taken, both
// under the mutex. So it is readable exactly while something is queued, and a thousand posts cost one wake-up. Taking
// the whole list at once keeps the order, and lets what runs post again without the loop never coming to its sockets.

#include "loop/post.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct post {
  post_t *next;
  troupe_loop_post_fn *fn;
  void *context;
};

troupe_err_t
loop_posts_init (loop_posts_t *self)
{
  *self = (loop_posts_t){.event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)};
  self->tail = &self->head;
  if (self->event_fd < 0)
    return TROUPE_IO;
  if (pthread_mutex_init (&self->mutex, NULL) != 0) {
    close (self->event_fd);
    return TROUPE_NO_MEMORY;
  }
  return TROUPE_OK;
}

static post_t *
take_all (loop_posts_t *self)
{
  uint64_t ignored;
  pthread_mutex_lock (&self->mutex);
  post_t *list = self->head;
  self->head = NULL;
  self->tail = &self->head;
  self->count = 0;
  // Fails only with EAGAIN, when nothing was posted.
  ssize_t size = read (self->event_fd, &ignored, sizeof ignored);
  (void)size;
  pthread_mutex_unlock (&self->mutex);
  return list;
}

void
loop_posts_close (loop_posts_t *self)
{
  for (post_t *post = take_all (self), *next; post != NULL; post = next) {
    next = post->next;
    free (post);
  }
  pthread_mutex_destroy (&self->mutex);
  close (self->event_fd);
}

troupe_err_t
loop_posts_push (loop_posts_t *self, troupe_loop_post_fn *fn, void *context)
{
  post_t *post = malloc (sizeof *post);
  if (post == NULL)
    return TROUPE_NO_MEMORY;
  *post = (post_t){NULL, fn, context};

  pthread_mutex_lock (&self->mutex);
  bool full = self->count >= LOOP_POSTS_MAX;
  if (!full) {
    *self->tail = post;
    self->tail = &post->next;
    if (self->count++ == 0) {
      uint64_t one = 1;
      // Can't fail: the counter is 0 whenever the queue is empty.
      ssize_t size = write (self->event_fd, &one, sizeof one);
      (void)size;
    }
  }
  pthread_mutex_unlock (&self->mutex);
  if (full)
    free (post);
  return full ? TROUPE_OVERLOADED : TROUPE_OK;
}

void
loop_posts_run (loop_posts_t *self)
{
  for (post_t *post = take_all (self), *next; post != NULL; post = next) {
    next = post->next;
    post->fn (post->context);
    free (post);
  }
}
