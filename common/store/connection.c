// SPDX-License-Identifier: Apache-2.0
//
// Opening sockets. TCP_NODELAY, because a turn's commands leave in one write and must not wait for the answer to the
// turn before; TCP keep-alive isn't asked for, since the store has its own sign of life, and a faster one.

#include "store/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Takes the fd: returns it when it connects, or closes it and returns -1.
static int
begin (int fd, const struct sockaddr *address, socklen_t size)
{
  if (fd < 0)
    return -1;
  if (connect (fd, address, size) == 0 || errno == EINPROGRESS)
    return fd;
  int saved = errno;
  close (fd);
  errno = saved;
  return -1;
}

int
store_connection_local (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy (address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return begin (fd, (const struct sockaddr *)&address, sizeof address);
}

int
store_connection_network (const struct addrinfo *address)
{
  int fd = socket (address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd >= 0 && setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    int saved = errno;
    close (fd);
    errno = saved;
    return -1;
  }
  return begin (fd, address->ai_addr, address->ai_addrlen);
}

int
store_connection_error (int fd)
{
  int failure = 0;
  socklen_t size = sizeof failure;
  return getsockopt (fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 ? failure : errno;
}
