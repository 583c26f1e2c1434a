// SPDX-License-Identifier: Apache-2.0
//
// libzmq tells from which descriptor a message came. It closes the descriptor whenever it likes, and the next socket or
// file may get the same one; so a line is also known by its inode, which no other socket has, and is shut down, never
// closed: that stays libzmq's. Should the descriptor change hands between the look and the cut, somebody else's
// connection ends, who connects again.

#include "broker/line.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>

broker_line_t
broker_line_of (int descriptor)
{
  struct stat status;
  if (descriptor < 0 || fstat (descriptor, &status) != 0 || !S_ISSOCK (status.st_mode))
    return (broker_line_t){.descriptor = -1};
  return (broker_line_t){descriptor, status.st_ino};
}

void
broker_line_cut (const broker_line_t *self)
{
  if (self != NULL && self->inode != 0 && broker_line_of (self->descriptor).inode == self->inode)
    shutdown (self->descriptor, SHUT_RDWR);
}
