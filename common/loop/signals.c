// SPDX-License-Identifier: Apache-2.0
//
// Signals on a loop. A handler could do next to nothing safely; a signalfd turns a signal into a readable descriptor,
// so that the program's function runs between two events like any other. The kernel merges signals of one number that
// are pending together: two quick SIGTERMs may arrive as one.

#include "loop/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

troupe_err_t
loop_signals_open (loop_signals_t *self, const int *signals, size_t count, troupe_loop_signal_fn *fn, void *context)
{
  sigset_t set;
  sigemptyset (&set);
  for (size_t i = 0; i < count; i++)
    if (sigaddset (&set, signals[i]) != 0)
      return TROUPE_BAD_ARGUMENT;
  if (pthread_sigmask (SIG_BLOCK, &set, NULL) != 0)
    return TROUPE_IO;
  int fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0)
    return TROUPE_IO;
  *self = (loop_signals_t){fd, fn, context};
  return TROUPE_OK;
}

void
loop_signals_close (loop_signals_t *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

void
loop_signals_read (loop_signals_t *self)
{
  struct signalfd_siginfo info;
  while (self->fd >= 0 && read (self->fd, &info, sizeof info) == (ssize_t)sizeof info)
    self->fn (self->context, (int)info.ssi_signo);
}
