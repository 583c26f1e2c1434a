// SPDX-License-Identifier: Apache-2.0
//
// epoll and libcurl's socket interface: what a piece of a stream costs depends on that piece alone, not on how many
// streams there are. (curl_multi_poll and curl_multi_perform look at each transfer every time: with a thousand open, a
// third of a millisecond for each piece.)
//
// libcurl is made ready when the first request needs it, and stays so until the process ends: its global clean-up
// isn't safe beside other users of TLS in the process.

#include "model/multi.h"
#include "troupe/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 }; // sockets in a turn, so that new asks and ends get theirs

struct multi {
  CURLM *curl;
  int epoll_fd, wake_fd;
  int64_t due; // libcurl's timer; INT64_MAX: none
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void
start_curl (void)
{
  curl_ready = curl_global_init (CURL_GLOBAL_DEFAULT);
}

// As many connections as asks need a file each; the usual soft limit of 1024 is for programs that use select.
static void
allow_files (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit); // if not, connections beyond it fail one by one, and say why
  }
}

// -- What libcurl asks for -------------------------------------------------------------------------------------------

// The first time a socket is added, then changed. One that couldn't be watched ends by the silence of its transfer.
static int
on_socket (CURL *easy, curl_socket_t fd, int what, void *context, void *watched)
{
  multi_t *self = context;
  struct epoll_event event = {.data.fd = fd};
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, fd, &event); // it may be closed already, and so gone
    return 0;
  }
  event.events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0);
  if (epoll_ctl (self->epoll_fd, watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
    epoll_ctl (self->epoll_fd, watched ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event); // its number was another one's
  curl_multi_assign (self->curl, fd, self);
  return 0;
}

static int
on_timer (CURLM *curl, long timeout_ms, void *context)
{
  multi_t *self = context;
  (void)curl;
  self->due = timeout_ms < 0 ? INT64_MAX : troupe_loop_now () + timeout_ms;
  return 0;
}

// -- Birth and death -------------------------------------------------------------------------------------------------

static bool
open_multi (multi_t *self)
{
  self->curl = curl_multi_init ();
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event wake = {.events = EPOLLIN, .data.fd = self->wake_fd};
  return self->curl && self->epoll_fd >= 0 && self->wake_fd >= 0 &&
         epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &wake) == 0 &&
         curl_multi_setopt (self->curl, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
         curl_multi_setopt (self->curl, CURLMOPT_SOCKETDATA, self) == CURLM_OK &&
         curl_multi_setopt (self->curl, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
         curl_multi_setopt (self->curl, CURLMOPT_TIMERDATA, self) == CURLM_OK;
}

multi_t *
multi_new (void)
{
  pthread_once (&curl_once, start_curl);
  if (curl_ready != CURLE_OK)
    return NULL;
  allow_files ();
  multi_t *self = calloc (1, sizeof *self);
  if (!self)
    return NULL;
  self->epoll_fd = self->wake_fd = -1;
  self->due = INT64_MAX;
  if (!open_multi (self))
    multi_destroy (&self);
  return self;
}

void
multi_destroy (multi_t **self_p)
{
  multi_t *self = *self_p;
  if (!self)
    return;
  *self_p = NULL;
  curl_multi_cleanup (self->curl);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  if (self->epoll_fd >= 0)
    close (self->epoll_fd);
  free (self);
}

CURLM *
multi_curl (multi_t *self)
{
  return self->curl;
}

// -- Waiting ---------------------------------------------------------------------------------------------------------

void
multi_wake (multi_t *self)
{
  uint64_t one = 1; // fails only when the counter is full, and then it wakes already
  (void)!write (self->wake_fd, &one, sizeof one);
}

static void
act (multi_t *self, const struct epoll_event *event)
{
  uint64_t count;
  int running, what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                      (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                      (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
  if (event->data.fd == self->wake_fd)
    (void)!read (self->wake_fd, &count, sizeof count);
  else
    curl_multi_socket_action (self->curl, event->data.fd, what, &running);
}

void
multi_wait (multi_t *self, int64_t timeout_ms)
{
  struct epoll_event events[EVENTS_MAX];
  int64_t now = troupe_loop_now (), left = self->due <= now ? 0 : self->due - now;
  int running, count = epoll_wait (self->epoll_fd, events, EVENTS_MAX, (int)(left < timeout_ms ? left : timeout_ms));
  for (int i = 0; i < count; i++)
    act (self, &events[i]);
  if (self->due > troupe_loop_now ())
    return;
  self->due = INT64_MAX; // libcurl sets the next one
  curl_multi_socket_action (self->curl, CURL_SOCKET_TIMEOUT, 0, &running);
}
