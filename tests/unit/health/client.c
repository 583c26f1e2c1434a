// SPDX-License-Identifier: Apache-2.0

#include "unit/health/client.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 20 * 1000, ROOM = 256 * 1024 };

static const troupe_metric_t counted = {"troupe_test_total", TROUPE_METRIC_COUNTER, "What the test counted.", {NULL}};

static troupe_err_t
check (void *context, troupe_error_t *error)
{
  const stand_t *self = context;
  return self->ready ? TROUPE_OK
                     : troupe_error_set (error, TROUPE_UNAVAILABLE, "test", "wait", "the test says that it is not");
}

static void
write_metrics (void *context, troupe_metrics_t *metrics)
{
  const stand_t *self = context;
  troupe_metrics_add (metrics, &counted, self->counted);
}

void
stand_open (stand_t *self)
{
  troupe_error_t error;
  *self = (stand_t){.ready = true, .counted = 7};
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
  cr_assert_eq (troupe_health_new (&self->health, self->loop, "127.0.0.1:0", &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (troupe_health_add_check (self->health, "work", check, self), TROUPE_OK);
  cr_assert_eq (troupe_health_add_metrics (self->health, write_metrics, self), TROUPE_OK);
  self->port = atoi (strrchr (troupe_health_url (self->health), ':') + 1);
  cr_assert_gt (self->port, 0);
}

void
stand_close (stand_t *self)
{
  troupe_health_destroy (&self->health);
  troupe_loop_destroy (&self->loop);
}

int
client_connect (const stand_t *self)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons ((uint16_t)self->port)};
  at.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert_geq (fd, 0, "%s", strerror (errno));
  cr_assert (connect (fd, (struct sockaddr *)&at, sizeof at) == 0 || errno == EINPROGRESS, "%s", strerror (errno));
  return fd;
}

void
client_send (int fd, const char *text)
{
  ssize_t size = (ssize_t)strlen (text);
  cr_assert_eq (send (fd, text, (size_t)size, MSG_NOSIGNAL), size, "%s", strerror (errno));
}

bool
client_is_closed (int fd)
{
  char byte;
  ssize_t got = recv (fd, &byte, 1, MSG_PEEK);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

char *
client_read (stand_t *self, int fd)
{
  char *text = calloc (1, ROOM);
  int64_t until = troupe_loop_now () + PATIENCE_MS;
  for (size_t size = 0;;) {
    ssize_t got = recv (fd, text + size, ROOM - 1 - size, 0);
    if (got > 0)
      size += (size_t)got;
    else if (got == 0 || errno != EAGAIN)
      return text;
    cr_assert_lt (troupe_loop_now (), until, "the connection stays open; so far: %s", text);
    cr_assert_eq (troupe_loop_turn (self->loop, 10), TROUPE_OK);
  }
}

char *
client_ask (stand_t *self, const char *request)
{
  int fd = client_connect (self);
  struct pollfd connected = {.fd = fd, .events = POLLOUT};
  for (int64_t until = troupe_loop_now () + PATIENCE_MS; poll (&connected, 1, 0) == 0;) {
    cr_assert_lt (troupe_loop_now (), until, "no connection");
    cr_assert_eq (troupe_loop_turn (self->loop, 10), TROUPE_OK);
  }
  client_send (fd, request);
  char *answer = client_read (self, fd);
  close (fd);
  return answer;
}

void
client_expect (stand_t *self, const char *request, const char *status, const char *body)
{
  char line[64];
  char *answer = client_ask (self, request);
  const char *found = strstr (answer, "\r\n\r\n");
  snprintf (line, sizeof line, "HTTP/1.1 %s", status);
  cr_expect (strncmp (answer, line, strlen (line)) == 0, "%s: %s", request, answer);
  cr_assert_not_null (found, "%s: %s", request, answer);
  cr_expect_str_eq (found + 4, body, "%s: %s", request, answer);
  free (answer);
}
