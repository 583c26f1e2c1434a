// SPDX-License-Identifier: Apache-2.0
//
// The one door into a loop from other threads: a queue of functions behind a mutex, and an eventfd that is readable
// while the queue holds any.
#ifndef LOOP_POST_H
#define LOOP_POST_H

#include "troupe/loop.h"

#include <pthread.h>

enum {
  // A poster that runs so far ahead of the loop is broken or hopelessly fast; memory is not what should tell it.
  LOOP_POSTS_MAX = 1000 * 1000
};

typedef struct post post_t;

typedef struct {
  pthread_mutex_t mutex;
  post_t *head, **tail;
  size_t count;
  int event_fd;
} loop_posts_t;

troupe_err_t loop_posts_init (loop_posts_t *self);
// Drops what wasn't run.
void loop_posts_close (loop_posts_t *self);
// From any thread. no_memory, overloaded.
troupe_err_t loop_posts_push (loop_posts_t *self, troupe_loop_post_fn *fn, void *context);
// Runs what was posted before this call; what that posts runs the next time.
void loop_posts_run (loop_posts_t *self);

#endif
