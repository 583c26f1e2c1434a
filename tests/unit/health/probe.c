// SPDX-License-Identifier: Apache-2.0
//
// The probe, against a server in a thread of its own, since it blocks.

#include "troupe/health.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  int listener, port;
  const char *answer; // NULL: nothing, and the connection stays open until the asker goes
  pthread_t thread;
  char request[512];
} server_t;

static void *
serve (void *context)
{
  server_t *self = context;
  int fd = accept (self->listener, NULL, NULL);
  ssize_t got = recv (fd, self->request, sizeof self->request - 1, 0);
  self->request[got > 0 ? got : 0] = '\0';
  if (self->answer != NULL)
    send (fd, self->answer, strlen (self->answer), MSG_NOSIGNAL);
  else
    recv (fd, &(char){0}, 1, 0);
  close (fd);
  return NULL;
}

static void
start (server_t *self, const char *answer)
{
  struct sockaddr_in at = {.sin_family = AF_INET};
  socklen_t size = sizeof at;
  at.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  *self = (server_t){.answer = answer};
  self->listener = socket (AF_INET, SOCK_STREAM, 0);
  cr_assert_eq (bind (self->listener, (struct sockaddr *)&at, sizeof at), 0);
  cr_assert_eq (listen (self->listener, 1), 0);
  getsockname (self->listener, (struct sockaddr *)&at, &size);
  self->port = ntohs (at.sin_port);
  cr_assert_eq (pthread_create (&self->thread, NULL, serve, self), 0);
}

static void
expect (const char *answer, const char *path, int timeout_ms, troupe_err_t code, const char *expected)
{
  server_t server;
  char where[128], why[TROUPE_HEALTH_WHY_SIZE];
  start (&server, answer);
  snprintf (where, sizeof where, "http://127.0.0.1:%d%s", server.port, path);
  cr_expect_eq (troupe_health_probe (where, timeout_ms, why), code, "%s", why);
  cr_expect_str_eq (why, expected);
  pthread_join (server.thread, NULL);
  close (server.listener);
  char line[64];
  snprintf (line, sizeof line, "GET %s HTTP/1.1\r\n", strlen (path) > 1 ? path : "/readyz");
  cr_expect (strncmp (server.request, line, strlen (line)) == 0, "%s", server.request);
}

Test (probe, says_what_it_was_told)
{
  expect ("HTTP/1.1 200 OK\r\n\r\nready\n", "", 5000, TROUPE_OK, "ready");
  expect ("HTTP/1.0 200 OK\r\n\r\n", "/", 5000, TROUPE_OK, "status 200");
  expect ("HTTP/1.1 503 No\r\nX: y\r\n\r\nnot ready\nstore: it is away\n", "/readyz", 5000, TROUPE_UNAVAILABLE,
          "not ready; store: it is away");
  expect ("HTTP/1.1 404 No\r\n\r\nbell \a\n", "/other", 5000, TROUPE_UNAVAILABLE, "bell  ");
}

Test (probe, takes_nothing_else_for_an_answer)
{
  expect ("", "/readyz", 5000, TROUPE_UNAVAILABLE, "it closed the connection without an answer");
  expect ("SSH-2.0-OpenSSH\r\n\r\n", "/readyz", 5000, TROUPE_UNAVAILABLE, "what it answers is not HTTP");
  expect ("HTTP/1.1 200 OK\r\nhalf: ", "/readyz", 5000, TROUPE_UNAVAILABLE, "what it answers is not HTTP");
  expect (NULL, "/readyz", 200, TROUPE_UNAVAILABLE, "no answer within 200 ms");
}

Test (probe, says_why_there_is_no_connection)
{
  server_t server;
  char where[64], why[TROUPE_HEALTH_WHY_SIZE];
  start (&server, "HTTP/1.1 200 OK\r\n\r\nready\n");
  snprintf (where, sizeof where, "*:%d", server.port); // what it listens on
  cr_expect_eq (troupe_health_probe (where, 5000, why), TROUPE_OK, "%s", why);
  pthread_join (server.thread, NULL);
  close (server.listener);
  cr_expect_eq (troupe_health_probe (where, 5000, why), TROUPE_UNAVAILABLE);
  char expected[128];
  snprintf (expected, sizeof expected, "localhost:%d: no connection: Connection refused", server.port);
  cr_expect_str_eq (why, expected);
  cr_expect_eq (troupe_health_probe ("https://127.0.0.1:1/", 100, why), TROUPE_BAD_ARGUMENT);
  cr_expect_eq (troupe_health_probe ("127.0.0.1", 100, why), TROUPE_BAD_ARGUMENT);
  cr_expect_str_eq (why, "127.0.0.1: not an address: write http://host:port/readyz");
  cr_expect_eq (troupe_health_probe ("http://127.0.0.1:1/a b", 100, why), TROUPE_BAD_ARGUMENT);
}
