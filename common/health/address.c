// SPDX-License-Identifier: Apache-2.0
//
// TCP only: it is what scrapers and probes of container platforms speak. The socket is made here and handed to
// libmicrohttpd, because that would say of an address in use no more than that it could not start.

#include "health/address.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 }; // connections that wait while the loop is busy; the kernel's usual bound

static const char form[] = "write host:port, such as 127.0.0.1:9464, or *:9464 for every address";

troupe_err_t
health_address_parse (health_address_t *out, const char *text, size_t size, troupe_error_t *error)
{
  char copy[HEALTH_HOST_SIZE + HEALTH_PORT_SIZE + 3];
  snprintf (copy, sizeof copy, "%.*s", (int)(size < sizeof copy ? size : sizeof copy), text);
  char *host = copy, *colon = strrchr (copy, ':'), *end = NULL;
  unsigned long port = colon != NULL && colon[1] >= '0' && colon[1] <= '9' ? strtoul (colon + 1, &end, 10) : 65536;
  if (size >= sizeof copy || port > 65535 || *end != '\0')
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, copy, form, "it is no address to listen on");
  *colon = '\0';
  if (host[0] == '[' && colon[-1] == ']') {
    colon[-1] = '\0';
    host++;
  }
  if (strlen (host) >= sizeof out->host)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, copy, form, "the host's name is too long");
  strcpy (out->host, strcmp (host, "*") == 0 ? "" : host);
  snprintf (out->port, sizeof out->port, "%lu", port);
  return TROUPE_OK;
}

static troupe_err_t
resolve (struct addrinfo **out, const health_address_t *self, int flags, troupe_error_t *error)
{
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
  int failed = getaddrinfo (self->host[0] != '\0' ? self->host : NULL, self->port, &hints, out);
  if (failed == 0)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_IO, self->host, "check the host's name", "%s",
                           failed == EAI_SYSTEM ? strerror (errno) : gai_strerror (failed));
}

static troupe_err_t
failed_to_listen (const health_address_t *self, troupe_error_t *error)
{
  char object[HEALTH_HOST_SIZE + HEALTH_PORT_SIZE + 1];
  snprintf (object, sizeof object, "%s:%s", self->host[0] != '\0' ? self->host : "*", self->port);
  if (errno == EADDRINUSE)
    return troupe_error_set (error, TROUPE_ADDRESS_IN_USE, object, "choose another port for health.listen",
                             "another process listens there");
  return troupe_error_set (error, errno == EACCES ? TROUPE_PERMISSION : TROUPE_IO, object,
                           "choose another address for health.listen", "can't listen there: %s", strerror (errno));
}

static int
listen_on (const struct addrinfo *at)
{
  int one = 1, zero = 0;
  int fd = socket (at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
  if (fd < 0)
    return -1;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); // what closed connections leave is no obstacle
  if (at->ai_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero); // every address: of both kinds
  if (bind (fd, at->ai_addr, at->ai_addrlen) == 0 && listen (fd, BACKLOG) == 0)
    return fd;
  int why = errno;
  close (fd);
  errno = why;
  return -1;
}

troupe_err_t
health_address_listen (int *fd, const health_address_t *self, char actual[HEALTH_PORT_SIZE], troupe_error_t *error)
{
  struct addrinfo *found;
  struct sockaddr_storage bound;
  socklen_t size = sizeof bound;
  troupe_err_t err = resolve (&found, self, AI_PASSIVE, error);
  if (err != TROUPE_OK)
    return err;
  *fd = -1;
  // Of every address: IPv6 first, which takes IPv4 as well, where there is one.
  for (int pass = 0; pass < 2 && *fd < 0; pass++)
    for (const struct addrinfo *at = found; at != NULL && *fd < 0; at = at->ai_next)
      if ((at->ai_family == AF_INET6) == (pass == 0))
        *fd = listen_on (at);
  freeaddrinfo (found);
  if (*fd < 0)
    return failed_to_listen (self, error);
  if (getsockname (*fd, (struct sockaddr *)&bound, &size) != 0 ||
      getnameinfo ((struct sockaddr *)&bound, size, NULL, 0, actual, HEALTH_PORT_SIZE, NI_NUMERICSERV) != 0)
    snprintf (actual, HEALTH_PORT_SIZE, "%s", self->port);
  return TROUPE_OK;
}

// Returns 0, or why not.
static int
connect_within (int fd, const struct addrinfo *at, int timeout_ms)
{
  int why = 0;
  socklen_t size = sizeof why;
  if (connect (fd, at->ai_addr, at->ai_addrlen) == 0)
    return 0;
  if (errno != EINPROGRESS)
    return errno;
  struct pollfd wait = {.fd = fd, .events = POLLOUT};
  if (poll (&wait, 1, timeout_ms) != 1)
    return ETIMEDOUT;
  return getsockopt (fd, SOL_SOCKET, SO_ERROR, &why, &size) == 0 ? why : errno;
}

troupe_err_t
health_address_connect (int *fd, const health_address_t *self, int timeout_ms, troupe_error_t *error)
{
  struct addrinfo *found;
  int why = 0;
  troupe_err_t err = resolve (&found, self, 0, error); // without a host: the loopback
  if (err != TROUPE_OK)
    return err;
  *fd = -1;
  for (const struct addrinfo *at = found; at != NULL && *fd < 0; at = at->ai_next) {
    *fd = socket (at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    why = *fd < 0 ? errno : connect_within (*fd, at, timeout_ms);
    if (*fd >= 0 && why != 0) {
      close (*fd);
      *fd = -1;
    }
  }
  freeaddrinfo (found);
  if (*fd >= 0)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_IO, self->host, NULL, "no connection: %s", strerror (why));
}
