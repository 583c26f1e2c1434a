// SPDX-License-Identifier: Apache-2.0
//
// blackbox-listener NAME BROKER...: an agent of the library that listens. What it observes it prints ("observed WORDS")
// and remembers. At the words "hold" it prints "holds" and goes on only in a later attempt, at "refuse" it fails once.
// Its reply is what it remembers, in order. At SIGUSR1 it prints how many messages it heard by subscription, and how
// many it read from the log ("heard 3 + 2"). SIGTERM ends it.

#include "troupe/agent.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static troupe_loop_t *loop;
static troupe_node_t *node;
static bool refused;

static const char *
words_of (const json_t *message)
{
  return json_string_value (json_object_get (message, "content"));
}

// Whether the turn goes on.
static bool
hear (troupe_turn_t *turn, const json_t *message)
{
  const char *words = words_of (message);
  troupe_error_t error;
  printf ("observed %s\n", words);
  fflush (stdout);
  if (strcmp (words, "hold") == 0 && troupe_task_attempt (troupe_turn_task (turn)) == 1) {
    printf ("holds\n");
    fflush (stdout);
    return false;
  }
  troupe_err_t code = troupe_turn_remember (turn, json_deep_copy (message), &error);
  if (strcmp (words, "refuse") == 0 && !refused) {
    refused = true;
    code = troupe_error_set (&error, TROUPE_SERVICE_FAILED, "listener", NULL, "it did not like that");
  }
  if (code != TROUPE_OK)
    troupe_turn_fail (&turn, &error);
  return code == TROUPE_OK;
}

static void
observe (void *state, troupe_turn_t *turn, const json_t *messages)
{
  (void)state;
  for (size_t i = 0; i < json_array_size (messages); i++)
    if (!hear (turn, json_array_get (messages, i)))
      return;
  troupe_turn_observed (turn);
}

static void
reply (void *state, troupe_turn_t *turn)
{
  static char text[64 * 1024];
  const json_t *memory = troupe_turn_memory (turn);
  (void)state;
  text[0] = '\0';
  for (size_t i = 0, size = 0; i < json_array_size (memory) && size < sizeof text; i++)
    size += (size_t)snprintf (text + size, sizeof text - size, "%s%s", i > 0 ? " " : "",
                              words_of (json_array_get (memory, i)));
  troupe_turn_reply (&turn, json_string (text), NULL);
}

static uint64_t
counted (const char *text, const char *name)
{
  uint64_t value = 0;
  char format[64];
  snprintf (format, sizeof format, "\n%s_total ", name);
  const char *line = strstr (text, format);
  if (line == NULL || sscanf (line + strlen (format), "%" SCNu64, &value) != 1)
    printf ("there is no %s\n", name);
  return value;
}

static void
print_counters (void)
{
  troupe_metrics_t *metrics;
  const char *text;
  size_t size;
  if (troupe_metrics_new (&metrics) != TROUPE_OK)
    return;
  troupe_node_write_metrics (node, metrics);
  if (troupe_metrics_text (metrics, &text, &size) == TROUPE_OK)
    printf ("heard %" PRIu64 " + %" PRIu64 "\n", counted (text, "troupe_node_heard_published"),
            counted (text, "troupe_node_heard_logged"));
  fflush (stdout);
  troupe_metrics_destroy (&metrics);
}

static void
on_signal (void *context, int signal)
{
  (void)context;
  if (signal == SIGUSR1)
    print_counters ();
  else
    troupe_loop_stop (loop);
}

int
main (int argc, char **argv)
{
  static const troupe_agent_type_t type = {.name = "listener", .observe = observe, .reply = reply};
  static const int signals[] = {SIGTERM, SIGUSR1};
  troupe_agent_t *agent = NULL;
  troupe_error_t error = {0};
  if (argc < 3 || troupe_loop_new (&loop) != TROUPE_OK)
    return 2;
  troupe_node_options_t options = {.name = argv[1], .brokers = (const char *const *)argv + 2};
  troupe_agent_options_t what = {.name = argv[1], .type = &type, .concurrency = 4};
  troupe_err_t err = troupe_node_new (&node, loop, &options, &error);
  if (err == TROUPE_OK)
    err = troupe_agent_new (&agent, node, &what, &error);
  if (err == TROUPE_OK)
    err = troupe_loop_on_signals (loop, signals, 2, on_signal, NULL);
  if (err == TROUPE_OK)
    err = troupe_loop_run (loop);
  else
    fprintf (stderr, "%s: %s\n", troupe_err_name (err), error.why);
  troupe_agent_destroy (&agent);
  if (node != NULL)
    troupe_node_destroy (&node);
  troupe_loop_destroy (&loop);
  return troupe_err_exit (err);
}
