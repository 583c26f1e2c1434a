// SPDX-License-Identifier: Apache-2.0
//
// The parts are started by themselves, not by `troupe up`, whose task it is to start again what dies. While a test
// waits its loop turns, so its own nodes live, and every process's outputs are read, so none stands still at a full
// pipe.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TURN_MS = 5, REPORT_MS = 2000, SIZE_MAX_OF_CONFIG = 8192 };

static const char *const endpoints[] = {"ipc://b1.ipc", "ipc://b2.ipc", "ipc://b3.ipc"};
static const char *const names[] = {"b1", "b2", "b3"};

// -- Turning -----------------------------------------------------------------------------------------------------------

void
stage_turn (stage_t *self)
{
  cr_assert_eq (troupe_loop_turn (self->loop, TURN_MS), TROUPE_OK);
  process_read_all ();
}

void
stage_fail (const char *condition)
{
  process_print_all ();
  cr_assert_fail ("not in time: %s", condition);
}

// -- Parts -------------------------------------------------------------------------------------------------------------

static void
write_configuration (unsigned brokers, const char *limits)
{
  char yaml[SIZE_MAX_OF_CONFIG], folder[PATH_MAX];
  cr_assert_not_null (getcwd (folder, sizeof folder));
  int size = snprintf (yaml, sizeof yaml, "store: { url: 'unix://%s/redis.sock' }\nlimits: { %s }\nbrokers:\n", folder,
                       *limits != '\0' ? limits : "heartbeat: 200ms, lease: 1s");
  for (unsigned i = 0; i < brokers; i++)
    size +=
      snprintf (yaml + size, sizeof yaml - (size_t)size,
                "  - { name: %s, endpoint: '%s', publish: 'ipc://%s-pub.ipc' }\n", names[i], endpoints[i], names[i]);
  place_write ("troupe.yaml", yaml);
}

void
stage_start_redis (stage_t *self)
{
  self->redis = process_run ("/usr/bin/env", "redis-server", "--port", "0", "--unixsocket", "redis.sock", "--save", "",
                             "--appendonly", "yes", "--appendfsync", "always");
  process_expect (self->redis, "Ready to accept|ready to accept");
}

void
stage_start_broker (stage_t *self, unsigned index)
{
  self->brokers[index] = process_run ("troupe-broker", "-f", "troupe.yaml", "--name", names[index]);
}

void
stage_open_some (stage_t *self, unsigned brokers, unsigned first, const char *limits)
{
  *self = (stage_t){.brokers_count = brokers};
  write_configuration (brokers, limits);
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
  stage_start_redis (self);
  for (unsigned i = 0; i < first; i++)
    stage_start_broker (self, i);
  for (unsigned i = 0; i < first; i++)
    process_expect_error (self->brokers[i], "ready");
}

void
stage_open (stage_t *self, unsigned brokers, const char *limits)
{
  stage_open_some (self, brokers, brokers, limits);
}

void
stage_kill (process_t **process_p)
{
  process_signal (*process_p, SIGKILL);
  process_signal (*process_p, SIGCONT);
  cr_assert_eq (process_wait (*process_p), 128 + SIGKILL);
  process_destroy (process_p);
}

void
stage_close (stage_t *self)
{
  for (unsigned i = 0; i < self->nodes_count; i++)
    troupe_node_destroy (&self->nodes[i]);
  troupe_loop_destroy (&self->loop);
  // Brokers end well, so that a sanitizer tells what they leave.
  for (unsigned i = 0; i < self->brokers_count; i++)
    if (self->brokers[i] != NULL) {
      process_signal (self->brokers[i], SIGTERM);
      process_expect_exit (self->brokers[i], 0);
    }
  process_destroy_all ();
  place_await_empty ();
}

static const char *
number_to_endpoint (char number)
{
  return endpoints[number - '1'];
}

troupe_node_t *
stage_node (stage_t *self, const char *brokers)
{
  const char *list[STAGE_BROKERS_MAX + 1] = {NULL};
  troupe_error_t error;
  cr_assert_lt (self->nodes_count, STAGE_NODES_MAX);
  for (size_t i = 0; brokers[i] != '\0'; i++)
    list[i] = number_to_endpoint (brokers[i]);
  troupe_node_t **node = &self->nodes[self->nodes_count++];
  troupe_node_options_t options = {.name = "test", .brokers = list};
  cr_assert_eq (troupe_node_new (node, self->loop, &options, &error), TROUPE_OK, "%s", error.why);
  return *node;
}

process_t *
stage_player_at (stage_t *self, const char *name, const char *service, unsigned credit, const char *brokers)
{
  char number[16];
  const char *arguments[5 + STAGE_BROKERS_MAX] = {TROUPE_BIN_DIR "/blackbox-player", name, service, number};
  (void)self;
  snprintf (number, sizeof number, "%u", credit);
  for (size_t i = 0; brokers[i] != '\0'; i++)
    arguments[4 + i] = number_to_endpoint (brokers[i]);
  return process_start (arguments);
}

process_t *
stage_player (stage_t *self, const char *name, const char *service, unsigned credit)
{
  char numbers[STAGE_BROKERS_MAX + 1] = "123";
  numbers[self->brokers_count] = '\0';
  process_t *player = stage_player_at (self, name, service, credit, numbers);
  for (unsigned i = 0; i < self->brokers_count; i++)
    if (self->brokers[i] != NULL)
      STAGE_UNTIL (self, stage_serves (self, i, service, process_pid (player)));
  return player;
}

// -- Reports -----------------------------------------------------------------------------------------------------------

static void
reported (void *context, const json_t *reports)
{
  json_t **report = context;
  *report = json_deep_copy (json_array_get (reports, 0));
}

// What the broker reports; the caller's.
static json_t *
report (stage_t *self, unsigned broker)
{
  troupe_error_t error;
  troupe_node_t *node;
  json_t *out = NULL;
  const char *const list[] = {endpoints[broker], NULL};
  troupe_node_options_t options = {.name = "looker", .brokers = list};
  cr_assert_eq (troupe_node_new (&node, self->loop, &options, &error), TROUPE_OK, "%s", error.why);
  STAGE_UNTIL (self, troupe_node_brokers_up (node) == 1);
  cr_assert_eq (troupe_node_report (node, REPORT_MS, reported, &out), TROUPE_OK);
  STAGE_UNTIL (self, out != NULL);
  troupe_node_destroy (&node);
  return out;
}

static json_t *
service_of (const json_t *all, const char *name)
{
  size_t i;
  json_t *service;
  json_array_foreach (json_object_get (all, "services"), i, service)
    if (strcmp (json_string_value (json_object_get (service, "name")), name) == 0)
      return service;
  return NULL;
}

bool
stage_serves (stage_t *self, unsigned broker, const char *service, pid_t pid)
{
  json_t *instance, *all = report (self, broker);
  size_t i;
  bool found = false;
  json_array_foreach (json_object_get (service_of (all, service), "instances"), i, instance)
    found = found || json_integer_value (json_object_get (instance, "pid")) == pid;
  json_decref (all);
  return found;
}

int
stage_instances (stage_t *self, unsigned broker, const char *service)
{
  json_t *all = report (self, broker);
  int instances = (int)json_array_size (json_object_get (service_of (all, service), "instances"));
  json_decref (all);
  return instances;
}

int
stage_counter (stage_t *self, unsigned broker, const char *name)
{
  json_t *all = report (self, broker), *counter = json_object_get (json_object_get (all, "counters"), name);
  int value = counter != NULL ? (int)json_integer_value (counter) : -1;
  json_decref (all);
  return value;
}

int
stage_open_calls (stage_t *self, unsigned broker)
{
  json_t *all = report (self, broker);
  int open = (int)json_integer_value (json_object_get (all, "open_calls"));
  json_decref (all);
  return open;
}

// -- Calls -------------------------------------------------------------------------------------------------------------

json_t *
stage_steps (const char *format, ...)
{
  va_list arguments;
  char *text;
  json_error_t error;
  va_start (arguments, format);
  cr_assert_geq (vasprintf (&text, format, arguments), 0);
  va_end (arguments);
  for (char *at = text; (at = strchr (at, '\'')) != NULL;)
    *at = '"';
  json_t *steps = json_loads (text, 0, &error);
  cr_assert_not_null (steps, "%s: %s", text, error.text);
  free (text);
  return steps;
}

troupe_placeholder_t *
stage_call_with (troupe_node_t *node, troupe_call_t *call, const char *steps)
{
  troupe_placeholder_t *placeholder;
  troupe_error_t error;
  json_t *input = stage_steps ("%s", steps);
  call->input = input;
  cr_assert_eq (troupe_node_call (node, &placeholder, call, &error), TROUPE_OK, "%s", error.why);
  json_decref (input);
  return placeholder;
}

troupe_placeholder_t *
stage_call (troupe_node_t *node, const char *service, const char *session, const char *steps)
{
  troupe_call_t call = {.service = service, .session = session, .deadline_ms = DEADLINE_MS};
  return stage_call_with (node, &call, steps);
}

troupe_placeholder_t *
stage_await (troupe_node_t *node, const troupe_id_t *id, const char *session)
{
  troupe_placeholder_t *placeholder;
  troupe_error_t error;
  troupe_await_t options = {.id = id, .session = session};
  cr_assert_eq (troupe_node_await (node, &placeholder, &options, &error), TROUPE_OK, "%s", error.why);
  return placeholder;
}

troupe_placeholder_t *
stage_await_surely (stage_t *self, troupe_node_t *node, const troupe_id_t *id, const char *session)
{
  troupe_id_t nobodys = troupe_id_new ();
  troupe_placeholder_t *placeholder = stage_await (node, id, session), *behind = stage_await (node, &nobodys, session);
  stage_expect_error (self, &behind, TROUPE_UNKNOWN_CALL, NULL);
  return placeholder;
}

void
stage_until_stored (stage_t *self, const troupe_placeholder_t *placeholder)
{
  STAGE_UNTIL (self, troupe_placeholder_state (placeholder) >= TROUPE_CALL_REFUSED);
  cr_assert_geq (troupe_placeholder_state (placeholder), TROUPE_CALL_STORED, "%s",
                 troupe_placeholder_error (placeholder)->why);
}

const json_t *
stage_outcome (stage_t *self, const troupe_placeholder_t *placeholder)
{
  STAGE_UNTIL (self, troupe_placeholder_state (placeholder) == TROUPE_CALL_SETTLED ||
                       troupe_placeholder_state (placeholder) == TROUPE_CALL_REFUSED);
  return troupe_placeholder_value (placeholder);
}

void
stage_expect_reply (stage_t *self, troupe_placeholder_t **placeholder_p, unsigned attempt, const char *by)
{
  const json_t *value = stage_outcome (self, *placeholder_p);
  const troupe_error_t *error = troupe_placeholder_error (*placeholder_p);
  cr_assert_not_null (value, "%s: %s", troupe_err_name (error->code), error->why);
  unsigned was = (unsigned)json_integer_value (json_object_get (value, "attempt"));
  const char *who = json_string_value (json_object_get (value, "by"));
  cr_assert (attempt == 0 || was == attempt, "attempt %u, not %u", was, attempt);
  cr_assert (by == NULL || strcmp (who, by) == 0, "by %s, not %s", who, by);
  troupe_placeholder_destroy (placeholder_p);
}

void
stage_expect_error (stage_t *self, troupe_placeholder_t **placeholder_p, troupe_err_t code, const char *regex)
{
  const json_t *value = stage_outcome (self, *placeholder_p);
  const troupe_error_t *error = troupe_placeholder_error (*placeholder_p);
  cr_assert_null (value, "it has a value");
  cr_assert_eq (error->code, code, "%s, not %s: %s", troupe_err_name (error->code), troupe_err_name (code), error->why);
  cr_assert (regex == NULL || text_matches (error->why, regex), "%s is not in: %s", regex, error->why);
  troupe_placeholder_destroy (placeholder_p);
}
