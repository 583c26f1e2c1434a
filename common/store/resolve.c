// SPDX-License-Identifier: Apache-2.0
//
// Name resolution off the loop. The asker and the thread share one record, and the last of the two frees it: the
// asker never waits for the thread, which can't be stopped inside getaddrinfo. The eventfd tells the loop that the
// result is there; its write and read order the memory between the two.
//
// The thread blocks all signals: a process's signals are read by its loop (signalfd), so no other thread may take
// one.

#include "store/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct store_resolve {
  atomic_int owners;
  int event_fd;
  char *host, *port;
  struct addrinfo *result;
  int code;         // of getaddrinfo
  int system_error; // errno, for EAI_SYSTEM
};

static void
release (store_resolve_t *self)
{
  if (atomic_fetch_sub (&self->owners, 1) != 1)
    return;
  if (self->result != NULL)
    freeaddrinfo (self->result);
  if (self->event_fd >= 0)
    close (self->event_fd);
  free (self->host);
  free (self->port);
  free (self);
}

static void *
run (void *context)
{
  store_resolve_t *self = context;
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  self->code = getaddrinfo (self->host, self->port, &hints, &self->result);
  self->system_error = errno;
  const uint64_t one = 1;
  while (write (self->event_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  release (self);
  return NULL;
}

static int
start_thread (store_resolve_t *self)
{
  pthread_attr_t attributes;
  int failed = pthread_attr_init (&attributes);
  if (failed != 0)
    return failed;
  sigset_t all, before;
  sigfillset (&all);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pthread_t thread;
  atomic_store (&self->owners, 2);
  failed = pthread_create (&thread, &attributes, run, self);
  if (failed != 0)
    atomic_store (&self->owners, 1);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attributes);
  return failed;
}

troupe_err_t
store_resolve_new (store_resolve_t **out, const char *host, const char *port)
{
  store_resolve_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return TROUPE_NO_MEMORY;
  atomic_init (&self->owners, 1);
  self->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->host = strdup (host);
  self->port = strdup (port);
  troupe_err_t err = TROUPE_OK;
  if (self->host == NULL || self->port == NULL)
    err = TROUPE_NO_MEMORY;
  else if (self->event_fd < 0 || start_thread (self) != 0)
    err = TROUPE_IO;
  if (err != TROUPE_OK)
    release (self);
  else
    *out = self;
  return err;
}

int
store_resolve_fd (const store_resolve_t *self)
{
  return self->event_fd;
}

struct addrinfo *
store_resolve_take (store_resolve_t *self, const char **why)
{
  uint64_t count;
  while (read (self->event_fd, &count, sizeof count) < 0 && errno == EINTR)
    ;
  struct addrinfo *result = self->result;
  self->result = NULL;
  if (self->code != 0) {
    *why = self->code == EAI_SYSTEM ? strerror (self->system_error) : gai_strerror (self->code);
    return NULL;
  }
  return result;
}

void
store_resolve_destroy (store_resolve_t **self_p)
{
  store_resolve_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  release (self);
}
