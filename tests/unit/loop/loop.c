// SPDX-License-Identifier: Apache-2.0

#include "troupe/loop.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <zmq.h>

typedef struct {
  troupe_loop_t *loop;
  int count, stop_at;
  int64_t due;
  int fd;
  void *socket;
} probe_t;

static void
count (void *context)
{
  probe_t *probe = context;
  if (++probe->count == probe->stop_at)
    troupe_loop_stop (probe->loop);
}

static void
drain_fd (void *context, short events)
{
  probe_t *probe = context;
  char bytes[64];
  cr_assert (events & ZMQ_POLLIN);
  cr_assert (read (probe->fd, bytes, sizeof bytes) > 0);
  count (probe);
}

static void
drain_socket (void *context, short events)
{
  probe_t *probe = context;
  char bytes[8];
  (void)events;
  while (zmq_recv (probe->socket, bytes, sizeof bytes, ZMQ_DONTWAIT) >= 0)
    count (probe);
}

static int64_t
tick (void *context, int64_t now)
{
  probe_t *probe = context;
  if (now >= probe->due) {
    count (probe);
    probe->due = now + 2;
  }
  return probe->due;
}

Test (loop, calls_prepare_when_due)
{
  probe_t probe = {.stop_at = 5};
  cr_assert (eq (int, troupe_loop_new (&probe.loop), TROUPE_OK));
  int64_t start = troupe_loop_now ();
  cr_assert (eq (int, troupe_loop_add_prepare (probe.loop, tick, &probe), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_run (probe.loop), TROUPE_OK));
  cr_assert (ge (long, troupe_loop_now () - start, 8));
  troupe_loop_remove_prepare (probe.loop, tick, &probe);
  cr_assert (eq (int, troupe_loop_turn (probe.loop, 0), TROUPE_OK));
  cr_assert (eq (int, probe.count, 5));
  troupe_loop_destroy (&probe.loop);
  cr_assert_null (probe.loop);
}

Test (loop, a_stop_before_the_run_ends_it)
{
  troupe_loop_t *loop;
  cr_assert (eq (int, troupe_loop_new (&loop), TROUPE_OK));
  troupe_loop_stop (loop);
  cr_assert (troupe_loop_stopping (loop));
  cr_assert (eq (int, troupe_loop_run (loop), TROUPE_OK));
  cr_assert (not(troupe_loop_stopping (loop)));
  troupe_loop_destroy (&loop);
}

Test (loop, watches_fds_and_sockets)
{
  probe_t fd = {.stop_at = -1}, socket = {.stop_at = 3};
  int ends[2];
  cr_assert (eq (int, pipe (ends), 0));
  void *context = zmq_ctx_new (), *pusher = zmq_socket (context, ZMQ_PUSH);
  socket.socket = zmq_socket (context, ZMQ_PULL);
  cr_assert (eq (int, zmq_bind (socket.socket, "inproc://loop"), 0));
  cr_assert (eq (int, zmq_connect (pusher, "inproc://loop"), 0));
  cr_assert (eq (int, troupe_loop_new (&fd.loop), TROUPE_OK));
  socket.loop = fd.loop;
  fd.fd = ends[0];
  cr_assert (eq (int, troupe_loop_add_fd (fd.loop, ends[0], ZMQ_POLLIN, drain_fd, &fd), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_add_socket (fd.loop, socket.socket, drain_socket, &socket), TROUPE_OK));

  cr_assert (eq (sz, (size_t)write (ends[1], "x", 1), 1));
  cr_assert (eq (int, troupe_loop_turn (fd.loop, 1000), TROUPE_OK));
  cr_assert (eq (int, fd.count, 1));
  for (int i = 0; i < 3; i++)
    cr_assert (eq (int, zmq_send (pusher, "y", 1, 0), 1));
  cr_assert (eq (int, troupe_loop_run (fd.loop), TROUPE_OK));
  cr_assert (eq (int, socket.count, 3));

  // Watching nothing: not even the hang-up is reported.
  cr_assert (eq (int, troupe_loop_add_fd (fd.loop, ends[0], 0, drain_fd, &fd), TROUPE_OK));
  close (ends[1]);
  cr_assert (eq (int, troupe_loop_turn (fd.loop, 5), TROUPE_OK));
  cr_assert (eq (int, fd.count, 1));
  troupe_loop_remove_fd (fd.loop, ends[0]);
  troupe_loop_remove_socket (fd.loop, socket.socket);
  troupe_loop_destroy (&fd.loop);
  close (ends[0]);
  zmq_close (pusher);
  zmq_close (socket.socket);
  zmq_ctx_term (context);
}

// Two pipes that are readable at once; whichever function comes first removes the other's source.
typedef struct {
  troupe_loop_t *loop;
  int ends[2][2], count;
} rivals_t;

static void
remove_both (void *context, short events)
{
  rivals_t *rivals = context;
  (void)events;
  rivals->count++;
  troupe_loop_remove_fd (rivals->loop, rivals->ends[0][0]);
  troupe_loop_remove_fd (rivals->loop, rivals->ends[1][0]);
}

Test (loop, a_removed_source_is_not_called)
{
  rivals_t rivals = {0};
  cr_assert (eq (int, troupe_loop_new (&rivals.loop), TROUPE_OK));
  for (int i = 0; i < 2; i++) {
    cr_assert (eq (int, pipe (rivals.ends[i]), 0));
    cr_assert (eq (sz, (size_t)write (rivals.ends[i][1], "x", 1), 1));
    cr_assert (eq (int, troupe_loop_add_fd (rivals.loop, rivals.ends[i][0], ZMQ_POLLIN, remove_both, &rivals), 0));
  }
  cr_assert (eq (int, troupe_loop_turn (rivals.loop, 1000), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_turn (rivals.loop, 0), TROUPE_OK));
  cr_assert (eq (int, rivals.count, 1));
  troupe_loop_destroy (&rivals.loop);
  for (int i = 0; i < 4; i++)
    close (rivals.ends[i / 2][i % 2]);
}

enum { POSTS = 10000, POSTERS = 4 };

static void *
post_many (void *context)
{
  probe_t *probe = context;
  for (int i = 0; i < POSTS; i++)
    if (troupe_loop_post (probe->loop, count, probe) != TROUPE_OK)
      return NULL;
  return probe;
}

Test (loop, other_threads_post)
{
  probe_t probe = {.stop_at = POSTS * POSTERS};
  pthread_t threads[POSTERS];
  cr_assert (eq (int, troupe_loop_new (&probe.loop), TROUPE_OK));
  for (int i = 0; i < POSTERS; i++)
    cr_assert (eq (int, pthread_create (&threads[i], NULL, post_many, &probe), 0));
  cr_assert (eq (int, troupe_loop_run (probe.loop), TROUPE_OK));
  for (int i = 0; i < POSTERS; i++) {
    void *result;
    pthread_join (threads[i], &result);
    cr_assert_not_null (result);
  }
  cr_assert (eq (int, probe.count, POSTS *POSTERS));
  cr_assert (eq (int, troupe_loop_post (probe.loop, count, &probe), TROUPE_OK)); // dropped with the loop
  troupe_loop_destroy (&probe.loop);
}

static void
post_again (void *context)
{
  probe_t *probe = context;
  probe->count++;
  troupe_loop_post (probe->loop, post_again, probe);
}

Test (loop, what_posts_itself_runs_once_a_turn)
{
  probe_t probe = {0};
  cr_assert (eq (int, troupe_loop_new (&probe.loop), TROUPE_OK));
  troupe_loop_post (probe.loop, post_again, &probe);
  for (int i = 0; i < 3; i++)
    cr_assert (eq (int, troupe_loop_turn (probe.loop, 1000), TROUPE_OK));
  cr_assert (eq (int, probe.count, 3));
  troupe_loop_destroy (&probe.loop);
}

static void
on_signal (void *context, int signal)
{
  probe_t *probe = context;
  cr_assert (eq (int, signal, SIGUSR1));
  count (probe);
}

Test (loop, reads_signals)
{
  probe_t probe = {.stop_at = 1};
  cr_assert (eq (int, troupe_loop_new (&probe.loop), TROUPE_OK));
  int signals[] = {SIGUSR1};
  cr_assert (eq (int, troupe_loop_on_signals (probe.loop, signals, 1, on_signal, &probe), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_on_signals (probe.loop, signals, 1, on_signal, &probe), TROUPE_CONFLICT));
  cr_assert (eq (int, kill (getpid (), SIGUSR1), 0));
  cr_assert (eq (int, troupe_loop_run (probe.loop), TROUPE_OK));
  troupe_loop_destroy (&probe.loop);
}

static int64_t
turn_inside (void *context, int64_t now)
{
  probe_t *probe = context;
  (void)now;
  cr_assert (eq (int, troupe_loop_turn (probe->loop, 0), TROUPE_BAD_ARGUMENT));
  if (++probe->count < 3)
    troupe_loop_again (probe->loop);
  return TROUPE_LOOP_NEVER;
}

Test (loop, again_means_no_wait_and_turns_do_not_nest)
{
  probe_t probe = {0};
  cr_assert (eq (int, troupe_loop_new (&probe.loop), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_add_prepare (probe.loop, turn_inside, &probe), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_turn (probe.loop, -1), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_turn (probe.loop, -1), TROUPE_OK));
  cr_assert (eq (int, troupe_loop_turn (probe.loop, 1), TROUPE_OK));
  cr_assert (eq (int, probe.count, 3));
  troupe_loop_destroy (&probe.loop);
}
