// SPDX-License-Identifier: Apache-2.0
//
// A connection is a descriptor, and anyone may make connections; libzmq 4.3.4 aborts when it finds none left for one
// on an ipc endpoint, and spins on a tcp one. So the door closes while some are left, and looks every second whether it
// can open again. Who is connected goes on: zmq_unbind would end them all, so the way to the listener is closed. The
// file of an ipc endpoint gets another name, so that newcomers are refused and try again; a tcp listener gets a filter
// that lets nothing through, so that their first packet is repeated until it is gone. (An abstract ipc address can't be
// closed.)
//
// How many descriptors are in use is asked of the system, not counted: a process gets the lowest that is free, so when
// that is N, N are in use.
//
// libzmq's thread accepts on its own, tells a monitor, and waits when that one's queue is full. So what can come in
// before it is noticed here, and after the door is closed, is bounded, and the reserve is more than that at two doors.
// With a limit below twice the reserve, half of it must do.

#include "broker/door.h"

#include "troupe/log.h"
#include "troupe/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  UNSEEN = 1000,  // accepted and not noticed: the queue of libzmq's monitor
  PENDING = 1024, // not accepted yet: the listener's backlog
  RESERVE = 2 * (UNSEEN + PENDING) + 200, // and what the store, the log and libzmq itself open
  AGAIN_MS = 1000,
  NAME_SIZE = 256 + sizeof ".full",
};

static const char ipc[] = "ipc://";

static rlim_t
limit_of_descriptors (void)
{
  struct rlimit limit;
  return getrlimit (RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// Whether at most `reserve` are left; always when that can't be told.
static bool
few_left (rlim_t reserve)
{
  rlim_t limit = limit_of_descriptors ();
  int lowest = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (lowest < 0)
    return errno != EBADF; // stderr is closed, which says nothing
  close (lowest);
  return (rlim_t)lowest + (reserve < limit / 2 ? reserve : limit / 2) >= limit;
}

// -- The two kinds of doors ------------------------------------------------------------------------------------------

static int
move_file (const char *path, bool away)
{
  char aside[NAME_SIZE];
  snprintf (aside, sizeof aside, "%s.full", path);
  return away ? rename (path, aside) : rename (aside, path);
}

static int
set_filter (int listener, bool set)
{
  struct sock_filter nothing = BPF_STMT (BPF_RET | BPF_K, 0);
  struct sock_fprog program = {.len = 1, .filter = &nothing};
  int option = set ? SO_ATTACH_FILTER : SO_DETACH_FILTER;
  return setsockopt (listener, SOL_SOCKET, option, &program, sizeof program);
}

static bool
turn (const door_t *self, bool closed)
{
  bool file = strncmp (self->endpoint, ipc, strlen (ipc)) == 0;
  return (file ? move_file (self->endpoint + strlen (ipc), closed) : set_filter (self->listener, closed)) == 0;
}

// -- Closing and opening ---------------------------------------------------------------------------------------------

static void
shut (door_t *self, int64_t now)
{
  char limit[24];
  snprintf (limit, sizeof limit, "%" PRIuMAX, (uintmax_t)limit_of_descriptors ());
  if (!turn (self, true)) {
    troupe_log (TROUPE_LOG_ERROR, "can't stop taking connections", "endpoint", self->endpoint, "why", strerror (errno),
                "open files at most", limit, NULL);
    return;
  }
  self->closed = true;
  self->counted = false;
  self->again_at = now + AGAIN_MS;
  troupe_log (TROUPE_LOG_WARNING, "no more connections are taken", "endpoint", self->endpoint, "open files at most",
              limit, "next", "raise the limit of open files (ulimit -n), or add a broker", NULL);
}

static void
on_monitor (void *context, short events)
{
  door_t *self = context;
  int event, value;
  (void)events;
  while ((event = troupe_socket_monitor_next (self->monitor, &value)) != 0)
    if (event == ZMQ_EVENT_LISTENING)
      self->listener = value;
  if (!self->closed && few_left (RESERVE))
    shut (self, troupe_loop_now ());
}

int64_t
door_continue (door_t *self, int64_t now)
{
  if (!self->closed)
    return TROUPE_LOOP_NEVER;
  if (now < self->again_at)
    return self->again_at;
  self->again_at = now + AGAIN_MS;
  // Half the reserve more, so that it doesn't open for each connection that ends.
  if (few_left (RESERVE + RESERVE / 2) || !turn (self, false))
    return self->again_at;
  self->closed = false;
  troupe_log (TROUPE_LOG_INFO, "connections are taken again", "endpoint", self->endpoint, NULL);
  return TROUPE_LOOP_NEVER;
}

// -- Making and ending -----------------------------------------------------------------------------------------------

troupe_err_t
door_watch (door_t *self, void *zmq, void *socket, const char *endpoint, troupe_error_t *error)
{
  *self = (door_t){.socket = socket, .endpoint = endpoint, .listener = -1};
  return troupe_socket_monitor (&self->monitor, zmq, socket, ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED, error);
}

troupe_err_t
door_join (door_t *self, troupe_loop_t *loop, troupe_error_t *error)
{
  troupe_err_t err = troupe_loop_add_receiver (loop, self->monitor, on_monitor, self);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, self->endpoint, NULL, "no memory for the broker");
  self->loop = loop;
  return TROUPE_OK;
}

void
door_destroy (door_t *self)
{
  if (self->loop != NULL)
    troupe_loop_remove_socket (self->loop, self->monitor);
  if (self->closed)
    turn (self, false); // libzmq removes the file by its own name
  self->closed = false;
  self->loop = NULL;
  troupe_socket_unmonitor (&self->monitor, self->socket);
}
