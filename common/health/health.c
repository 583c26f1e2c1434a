// SPDX-License-Identifier: Apache-2.0
//
// What is answered at each path, from the checks and the metrics that the program has named. A page is made when it is
// asked for: nothing is kept that could be old.

#include "troupe/health.h"

#include "health/address.h"
#include "health/process.h"
#include "health/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *name;
  troupe_health_check_fn *run;
  void *context;
} check_t;

typedef struct {
  troupe_health_metrics_fn *write;
  void *context;
} source_t;

struct troupe_health {
  health_server_t *server;
  char url[sizeof "http://[]:" + HEALTH_HOST_SIZE + HEALTH_PORT_SIZE];
  check_t checks[TROUPE_HEALTH_SOURCES_MAX];
  source_t sources[TROUPE_HEALTH_SOURCES_MAX];
  size_t checks_count, sources_count;
};

static const char plain[] = "text/plain; charset=utf-8";

static health_answer_t
say (unsigned status, const char *text)
{
  return (health_answer_t){status, plain, strdup (text), strlen (text)};
}

static health_answer_t
say_ready (const troupe_health_t *self)
{
  enum { LINE = TROUPE_ERROR_WHY_MAX + TROUPE_ERROR_NEXT_MAX + 64 };
  char text[TROUPE_HEALTH_SOURCES_MAX * LINE] = "not ready\n";
  size_t size = strlen (text), failures = 0;
  for (size_t i = 0; i < self->checks_count; i++) {
    troupe_error_t error = {0};
    if (self->checks[i].run (self->checks[i].context, &error) == TROUPE_OK)
      continue;
    failures++;
    size += (size_t)snprintf (text + size, sizeof text - size, "%s: %s%s%s%s\n", self->checks[i].name, error.why,
                              error.next[0] != '\0' ? " (" : "", error.next, error.next[0] != '\0' ? ")" : "");
    if (size >= sizeof text)
      break;
  }
  return failures == 0 ? say (200, "ready\n") : say (503, text);
}

static void
write_own (const troupe_health_t *self, troupe_metrics_t *metrics)
{
  health_server_counts_t counts = health_server_counts (self->server);
  troupe_metrics_add_labelled (metrics, &health_metrics[HEALTH_BUILD], TROUPE_VERSION, NULL, 1);
  for (size_t i = 0; i < self->checks_count; i++) {
    troupe_error_t error = {0};
    bool good = self->checks[i].run (self->checks[i].context, &error) == TROUPE_OK;
    troupe_metrics_add_labelled (metrics, &health_metrics[HEALTH_READY], self->checks[i].name, NULL, good);
  }
  troupe_metrics_add (metrics, &health_metrics[HEALTH_CONNECTIONS], counts.connections);
  troupe_metrics_add (metrics, &health_metrics[HEALTH_REQUESTS], counts.requests);
  troupe_metrics_add (metrics, &health_metrics[HEALTH_EVICTED], counts.evicted);
  troupe_metrics_add (metrics, &health_metrics[HEALTH_LATE], counts.late);
  health_process_write (metrics);
}

static health_answer_t
say_metrics (const troupe_health_t *self)
{
  troupe_metrics_t *metrics;
  const char *text;
  size_t size;
  if (troupe_metrics_new (&metrics) != TROUPE_OK)
    return (health_answer_t){0};
  for (size_t i = 0; i < self->sources_count; i++)
    self->sources[i].write (self->sources[i].context, metrics);
  write_own (self, metrics);
  health_answer_t answer = {200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0};
  if (troupe_metrics_text (metrics, &text, &size) == TROUPE_OK) {
    answer.text = strndup (text, size);
    answer.size = size;
  }
  troupe_metrics_destroy (&metrics);
  return answer;
}

static health_answer_t
answer_path (void *context, const char *path)
{
  const troupe_health_t *self = context;
  if (strcmp (path, "/healthz") == 0)
    return say (200, "ok\n");
  if (strcmp (path, "/readyz") == 0)
    return say_ready (self);
  if (strcmp (path, "/metrics") == 0)
    return say_metrics (self);
  return say (404, "there are /healthz, /readyz and /metrics\n");
}

troupe_err_t
troupe_health_new (troupe_health_t **out, troupe_loop_t *loop, const char *listen, troupe_error_t *error)
{
  health_address_t address;
  char port[HEALTH_PORT_SIZE];
  int listener;
  troupe_err_t err = health_address_parse (&address, listen, strlen (listen), error);
  if (err == TROUPE_OK)
    err = health_address_listen (&listener, &address, port, error);
  if (err != TROUPE_OK)
    return err;
  troupe_health_t *self = calloc (1, sizeof *self);
  if (self == NULL) {
    close (listener);
    return troupe_error_set (error, TROUPE_NO_MEMORY, listen, NULL, "no memory for the health endpoint");
  }
  err = health_server_new (&self->server, loop, listener, answer_path, self, error);
  if (err != TROUPE_OK) {
    free (self);
    return err;
  }
  bool six = strchr (address.host, ':') != NULL;
  snprintf (self->url, sizeof self->url, "http://%s%s%s:%s", six ? "[" : "",
            address.host[0] != '\0' ? address.host : "*", six ? "]" : "", port);
  *out = self;
  return TROUPE_OK;
}

void
troupe_health_destroy (troupe_health_t **self_p)
{
  troupe_health_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  health_server_destroy (&self->server);
  free (self);
}

const char *
troupe_health_url (const troupe_health_t *self)
{
  return self->url;
}

troupe_err_t
troupe_health_add_check (troupe_health_t *self, const char *name, troupe_health_check_fn *check, void *context)
{
  if (self->checks_count == TROUPE_HEALTH_SOURCES_MAX)
    return TROUPE_OVERLOADED;
  self->checks[self->checks_count++] = (check_t){name, check, context};
  return TROUPE_OK;
}

troupe_err_t
troupe_health_add_metrics (troupe_health_t *self, troupe_health_metrics_fn *metrics, void *context)
{
  if (self->sources_count == TROUPE_HEALTH_SOURCES_MAX)
    return TROUPE_OVERLOADED;
  self->sources[self->sources_count++] = (source_t){metrics, context};
  return TROUPE_OK;
}
