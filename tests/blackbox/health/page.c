// SPDX-License-Identifier: Apache-2.0
//
// The check is one pass over the lines: a metric begins with its HELP, which must be new, then its TYPE, then samples
// of that name only.

#include "blackbox/health/page.h"

#include "blackbox/harness/place.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAGE_MAX = 1024 * 1024 };

void
page_url_of (process_t *process, char url[PAGE_URL_SIZE])
{
  process_expect_error (process, "\"event\":\"health\",\"url\":\"http://[^\"]*\"");
  const char *found = NULL;
  for (const char *at = process_errors (process); (at = strstr (at, "\"url\":\"http://")) != NULL; at++)
    found = at + strlen ("\"url\":\"");
  snprintf (url, PAGE_URL_SIZE, "%.*s", (int)strcspn (found, "\""), found);
}

char *
page_get (const char *url, const char *path)
{
  char request[256];
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons ((uint16_t)atoi (strrchr (url, ':') + 1))};
  at.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq (connect (fd, (struct sockaddr *)&at, sizeof at), 0, "%s%s", url, path);
  int size = snprintf (request, sizeof request, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
  cr_assert_eq (send (fd, request, (size_t)size, MSG_NOSIGNAL), size);
  char *answer = calloc (1, PAGE_MAX);
  size_t filled = 0;
  for (ssize_t got; (got = recv (fd, answer + filled, PAGE_MAX - 1 - filled, 0)) > 0;)
    filled += (size_t)got;
  close (fd);
  const char *body = strstr (answer, "\r\n\r\n");
  cr_assert (strncmp (answer, "HTTP/1.1 200 ", 13) == 0 && body != NULL, "%s%s: %s", url, path, answer);
  char *copy = strdup (body + 4);
  free (answer);
  return copy;
}

double
page_value (const char *url, const char *sample)
{
  char line[256];
  char *page = page_get (url, "/metrics");
  snprintf (line, sizeof line, "\n%s", sample);
  const char *found = strstr (page, line);
  cr_assert_not_null (found, "%s is not in %s", sample, page);
  double value = strtod (found + strlen (line), NULL);
  free (page);
  return value;
}

// -- The check -------------------------------------------------------------------------------------------------------

typedef struct {
  const char *line;
  char name[128]; // of the metric that is being read
  bool counter, typed;
  char **seen; // names and samples, newline-terminated
  size_t seen_count;
} lint_t;

static void
complain (const lint_t *self, const char *why)
{
  cr_expect_fail ("%s: %.*s", why, (int)strcspn (self->line, "\n"), self->line);
}

static bool
is_new (lint_t *self, const char *text, size_t size)
{
  for (size_t i = 0; i < self->seen_count; i++)
    if (strlen (self->seen[i]) == size && strncmp (self->seen[i], text, size) == 0)
      return false;
  self->seen = realloc (self->seen, (self->seen_count + 1) * sizeof *self->seen);
  self->seen[self->seen_count++] = strndup (text, size);
  return true;
}

static void
lint_help (lint_t *self, const char *rest)
{
  size_t size = strspn (rest, "abcdefghijklmnopqrstuvwxyz0123456789_"), length = strcspn (rest, "\n");
  snprintf (self->name, sizeof self->name, "%.*s", (int)size, rest);
  self->typed = false;
  if (size == 0 || rest[size] != ' ')
    complain (self, "a metric's name is small letters, digits and underscores");
  if (length < size + 10 || rest[length - 1] != '.')
    complain (self, "a metric is explained in a sentence");
  if (!is_new (self, rest, size))
    complain (self, "a metric stands in one place");
}

static void
lint_type (lint_t *self, const char *rest)
{
  size_t size = strlen (self->name);
  if (strncmp (rest, self->name, size) != 0 || self->typed)
    complain (self, "a type follows its metric's help");
  self->counter = strncmp (rest + size, " counter\n", 9) == 0;
  self->typed = true;
  if (!self->counter && strncmp (rest + size, " gauge\n", 7) != 0)
    complain (self, "there are counters and gauges");
  bool total = size > 6 && strcmp (self->name + size - 6, "_total") == 0;
  if (total != self->counter)
    complain (self, "counters, and only they, end with _total");
}

// {name="value",...} or nothing; returns what follows, NULL when it is wrong.
static const char *
skip_labels (const char *at)
{
  if (*at != '{')
    return at;
  do {
    size_t name = strspn (++at, "abcdefghijklmnopqrstuvwxyz_");
    if (name == 0 || strncmp (at + name, "=\"", 2) != 0)
      return NULL;
    for (at += name + 2; *at != '"'; at++)
      if (*at == '\n' || *at == '\0' || (*at == '\\' && strchr ("\\n\"", *++at) == NULL))
        return NULL;
    at++;
  } while (*at == ',');
  return *at == '}' ? at + 1 : NULL;
}

static void
lint_sample (lint_t *self)
{
  size_t size = strlen (self->name);
  const char *after = strncmp (self->line, self->name, size) == 0 ? skip_labels (self->line + size) : NULL;
  char *end;
  if (!self->typed || after == NULL || *after != ' ') {
    complain (self, "a sample follows the type of its metric");
    return;
  }
  if (!is_new (self, self->line, (size_t)(after - self->line)) && *(self->line + size) == '{')
    complain (self, "a sample comes once");
  double value = strtod (after + 1, &end);
  if (*end != '\n' || end == after + 1 || (self->counter && value < 0))
    complain (self, "a sample's value is a number");
}

static void
ask_promtool (const char *page)
{
  if (access ("/usr/bin/promtool", X_OK) != 0)
    return;
  process_t *tool = process_run ("/usr/bin/promtool", "check", "metrics");
  process_send (tool, page);
  process_close_input (tool);
  cr_expect_eq (process_wait (tool), 0, "%s%s", process_output (tool), process_errors (tool));
  process_destroy (&tool);
}

void
page_lint (const char *page)
{
  lint_t lint = {0};
  for (const char *line = page; *line != '\0'; line = strchr (line, '\n') + 1) {
    lint.line = line;
    cr_assert_not_null (strchr (line, '\n'), "the page ends in the middle of a line");
    if (strncmp (line, "# HELP ", 7) == 0)
      lint_help (&lint, line + 7);
    else if (strncmp (line, "# TYPE ", 7) == 0)
      lint_type (&lint, line + 7);
    else
      lint_sample (&lint);
  }
  cr_expect_gt (lint.seen_count, 20, "a page of metrics has more: %s", page);
  while (lint.seen_count > 0)
    free (lint.seen[--lint.seen_count]);
  free (lint.seen);
  ask_promtool (page);
}
