// SPDX-License-Identifier: Apache-2.0
//
// A client of one request, so that a container image needs no curl to be probed. The whole takes at most its time,
// however slowly the other side answers; of the answer only the status and the beginning of the text are looked at.

#include "troupe/health.h"

#include "health/address.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  ANSWER_SIZE = 16 * 1024, // headers, and more of the text than is shown
  MAIN_MS = 3000, // less than a container platform waits for its probe, and more than a healthy loop ever needs
};

typedef struct {
  health_address_t address;
  const char *path;
} target_t;

static troupe_err_t
parse (target_t *out, const char *where, troupe_error_t *error)
{
  static const char scheme[] = "http://";
  if (strncmp (where, scheme, sizeof scheme - 1) == 0)
    where += sizeof scheme - 1;
  else if (strstr (where, "://") != NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, where, NULL, "not an http:// URL");
  size_t size = strcspn (where, "/?#");
  out->path = where[size] == '/' && where[size + 1] != '\0' ? where + size : "/readyz";
  if (strpbrk (out->path, " \r\n") != NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, where, NULL, "a path has no spaces");
  if (health_address_parse (&out->address, where, size, error) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, where, NULL, "not an address: write http://host:port/readyz");
  return TROUPE_OK;
}

static bool
wait_for (int fd, short events, int64_t until)
{
  struct pollfd wait = {.fd = fd, .events = events};
  int64_t left = until - troupe_loop_now ();
  return left > 0 && poll (&wait, 1, (int)left) == 1;
}

static bool
send_request (int fd, const target_t *target, int64_t until)
{
  char request[2048];
  int size =
    snprintf (request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", target->path,
              target->address.host[0] != '\0' ? target->address.host : "localhost", target->address.port);
  if (size >= (int)sizeof request)
    return false;
  for (int at = 0; at < size;) {
    ssize_t sent = send (fd, request + at, (size_t)(size - at), MSG_NOSIGNAL);
    if (sent > 0)
      at += (int)sent;
    else if (errno != EAGAIN || !wait_for (fd, POLLOUT, until))
      return false;
  }
  return true;
}

// Until its end, or as much as there is room for. False: its time is over.
static bool
receive (int fd, char answer[ANSWER_SIZE], int64_t until)
{
  size_t size = 0;
  while (size < ANSWER_SIZE - 1) {
    ssize_t got = recv (fd, answer + size, ANSWER_SIZE - 1 - size, 0);
    if (got > 0)
      size += (size_t)got;
    else if (got == 0 || errno != EAGAIN)
      break;
    else if (!wait_for (fd, POLLIN, until))
      return false;
  }
  answer[size] = '\0';
  return true;
}

// Why it can't be asked, and what can't: the word that was given, or the address that it stands for.
static void
put_failure (char why[TROUPE_HEALTH_WHY_SIZE], const char *where, const target_t *target, const troupe_error_t *error)
{
  if (error->code == TROUPE_BAD_ARGUMENT)
    snprintf (why, TROUPE_HEALTH_WHY_SIZE, "%.128s: %s", where, error->why);
  else
    snprintf (why, TROUPE_HEALTH_WHY_SIZE, "%s:%s: %s", *target->address.host ? target->address.host : "localhost",
              target->address.port, error->why);
}

// Lines become one, separated by semicolons; control characters, spaces.
static void
put_line (char why[TROUPE_HEALTH_WHY_SIZE], const char *text)
{
  size_t at = 0;
  for (; *text != '\0' && at < TROUPE_HEALTH_WHY_SIZE - 2; text++) {
    if (*text == '\n' && text[1] != '\0')
      why[at++] = ';';
    if (*text != '\n' || text[1] != '\0')
      why[at++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
  }
  why[at] = '\0';
}

static troupe_err_t
judge (const char *answer, char why[TROUPE_HEALTH_WHY_SIZE])
{
  int status = 0;
  const char *text = strstr (answer, "\r\n\r\n");
  if (sscanf (answer, "HTTP/1.%*1[01] %3d", &status) != 1 || text == NULL) {
    put_line (why, *answer == '\0' ? "it closed the connection without an answer" : "what it answers is not HTTP");
    return TROUPE_UNAVAILABLE;
  }
  if (text[4] != '\0')
    put_line (why, text + 4);
  else
    snprintf (why, TROUPE_HEALTH_WHY_SIZE, "status %d", status);
  return status == 200 ? TROUPE_OK : TROUPE_UNAVAILABLE;
}

troupe_err_t
troupe_health_probe (const char *where, int timeout_ms, char why[TROUPE_HEALTH_WHY_SIZE])
{
  int fd;
  target_t target;
  char answer[ANSWER_SIZE], line[TROUPE_HEALTH_WHY_SIZE];
  troupe_error_t error = {0};
  int64_t until = troupe_loop_now () + timeout_ms;
  troupe_err_t err = parse (&target, where, &error);
  if (err == TROUPE_OK && health_address_connect (&fd, &target.address, timeout_ms, &error) != TROUPE_OK)
    err = TROUPE_UNAVAILABLE;
  if (err != TROUPE_OK) {
    put_failure (line, where, &target, &error);
    put_line (why, line);
    return err;
  }
  bool answered = send_request (fd, &target, until) && receive (fd, answer, until);
  close (fd);
  if (answered)
    return judge (answer, why);
  snprintf (why, TROUPE_HEALTH_WHY_SIZE, "no answer within %d ms", timeout_ms);
  return TROUPE_UNAVAILABLE;
}

int
troupe_health_probe_main (const char *where)
{
  char why[TROUPE_HEALTH_WHY_SIZE] = "no address: give one, or set health.listen in the configuration";
  troupe_err_t err = where != NULL ? troupe_health_probe (where, MAIN_MS, why) : TROUPE_BAD_ARGUMENT;
  puts (why);
  return err == TROUPE_OK ? 0 : 1;
}
