// SPDX-License-Identifier: Apache-2.0
//
// `troupe ps`: what the live brokers report, one line for each instance at each broker. Every broker is asked, not the
// configuration: it shows the mesh as it is. A broker that doesn't answer within two seconds is shown as down.
#include "cli/client.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPORT_MS = 2000 };

static const char *
text_of (const json_t *map, const char *key)
{
  const char *text = json_string_value (json_object_get (map, key));
  return text ? text : "-";
}

static long long
number_of (const json_t *map, const char *key)
{
  return (long long)json_integer_value (json_object_get (map, key));
}

// "850ms", "12s", "5m", "3h", "2d".
static void
describe_age (char *out, size_t size, long long ms)
{
  static const struct {
    long long ms;
    const char *unit;
  } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
  size_t i = 0;
  while (i < 4 && ms < 2 * units[i].ms)
    i++;
  snprintf (out, size, "%lld%s", ms / units[i].ms, units[i].unit);
}

// "4711@desk", or as much of it as the peer told.
static void
describe_process (char *out, size_t size, const json_t *instance)
{
  long long pid = number_of (instance, "pid");
  const char *host = text_of (instance, "host");
  if (pid > 0)
    snprintf (out, size, "%lld%s%s", pid, *host ? "@" : "", host);
  else
    snprintf (out, size, "%s", *host ? host : "-");
}

static void
add_instance (table_t *table, const json_t *broker, const json_t *service, const json_t *instance, bool first)
{
  char process[128], load[64], queue[32], age[32];
  describe_process (process, sizeof process, instance);
  snprintf (load, sizeof load, "%lld/%lld", number_of (instance, "running"), number_of (instance, "credit"));
  snprintf (queue, sizeof queue, "%lld", number_of (service, "queue"));
  describe_age (age, sizeof age, number_of (instance, "age_ms"));
  const char *cells[] = {text_of (service, "name"), process, load, first ? queue : "", age, text_of (broker, "broker"),
                         text_of (instance, "key"), text_of (instance, "id")};
  table_add (table, cells);
}

static void
add_service (table_t *table, const json_t *broker, const json_t *service)
{
  size_t i;
  json_t *instance;
  char queue[32];
  json_array_foreach (json_object_get (service, "instances"), i, instance)
    add_instance (table, broker, service, instance, i == 0);
  if (json_array_size (json_object_get (service, "instances")) > 0)
    return;
  snprintf (queue, sizeof queue, "%lld", number_of (service, "queue"));
  const char *cells[] = {text_of (service, "name"), "none", "", queue, "", text_of (broker, "broker"), "", ""};
  table_add (table, cells);
}

// "model/gpt (4711@desk): circuit open until 14:03:20, after 5 failures in a row; instead: local": a server that failed
// again and again, and is left alone until then.
static void
print_circuit (const json_t *service, const json_t *instance)
{
  size_t i;
  json_t *other;
  char process[128], at[32] = "?";
  const json_t *info = json_object_get (instance, "info");
  if (!info)
    info = json_object_get (service, "info");
  const json_t *circuit = json_object_get (info, "circuit");
  if (strcmp (text_of (circuit, "state"), "open") != 0)
    return;
  struct tm local;
  time_t until = (time_t)(number_of (circuit, "until_ms") / 1000);
  if (localtime_r (&until, &local))
    strftime (at, sizeof at, "%H:%M:%S", &local);
  describe_process (process, sizeof process, instance);
  output_text (stdout, text_of (service, "name"));
  printf (" (");
  output_text (stdout, process);
  printf ("): circuit open until %s, after %lld failures in a row", at, number_of (circuit, "failures"));
  json_array_foreach (json_object_get (info, "fallback"), i, other) {
    fputs (i == 0 ? "; instead: " : ", ", stdout);
    output_text (stdout, json_is_string (other) ? json_string_value (other) : "?");
  }
  putchar ('\n');
}

static void
print_circuits (const json_t *service)
{
  size_t i;
  json_t *instance;
  json_array_foreach (json_object_get (service, "instances"), i, instance)
    print_circuit (service, instance);
}

static void
print_counters (const json_t *broker)
{
  const char *name;
  json_t *value;
  json_object_foreach (json_object_get (broker, "counters"), name, value)
    if (json_integer_value (value) > 0) {
      printf (", ");
      output_text (stdout, name);
      printf (" %lld", (long long)json_integer_value (value));
    }
}

static void
print_broker (const json_t *broker)
{
  char age[32];
  if (!json_is_true (json_object_get (broker, "up"))) {
    const json_t *error = json_object_get (broker, "error");
    const char *why = json_is_object (error) ? text_of (error, "why") : json_string_value (error);
    troupe_error_t refusal;
    printf ("broker %s: %s: %s\n", text_of (broker, "endpoint"),
            client_refuses (broker, &refusal) ? "refuses to report" : "down", why ? why : "no answer");
    return;
  }
  describe_age (age, sizeof age, number_of (broker, "uptime_ms"));
  printf ("broker ");
  output_text (stdout, text_of (broker, "broker"));
  printf (": up for %s, pid %lld, store ", age, number_of (broker, "pid"));
  output_text (stdout, text_of (broker, "store"));
  printf (", peers %lld, open calls %lld (%lld bytes)",
          number_of (broker, "peers"), number_of (broker, "open_calls"), number_of (broker, "open_bytes"));
  print_counters (broker);
  putchar ('\n');
}

static void
print_reports (const json_t *reports)
{
  static const char *const heads[] = {"SERVICE", "PROCESS", "RUNNING", "QUEUE", "AGE", "BROKER", "KEY", "INSTANCE"};
  table_t table;
  table_init (&table, heads, sizeof heads / sizeof *heads);
  size_t i, j;
  json_t *broker, *service;
  json_array_foreach (reports, i, broker)
    json_array_foreach (json_object_get (broker, "services"), j, service)
      add_service (&table, broker, service);
  table_print (&table, stdout);
  table_free (&table);
  const json_t *first = NULL; // every broker knows every instance: one tells
  json_array_foreach (reports, i, broker)
    first = first || !json_is_true (json_object_get (broker, "up")) ? first : broker;
  json_array_foreach (json_object_get (first, "services"), j, service)
    print_circuits (service);
  json_array_foreach (reports, i, broker)
    print_broker (broker);
}

static troupe_err_t
show (const mesh_t *mesh, bool as_json, troupe_error_t *error)
{
  client_t client;
  troupe_err_t err = client_open (&client, mesh, "ps", NULL, error);
  if (err != TROUPE_OK)
    return err;
  json_t *reports = client_report (&client, REPORT_MS);
  if (!reports)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "ps", NULL, "out of memory");
  else if (as_json)
    output_json (reports);
  else
    print_reports (reports);
  if (reports && client_refused (reports, error))
    err = error->code;
  else if (reports && !client_any_up (reports)) {
    char hint[TROUPE_ERROR_NEXT_MAX], file[128];
    snprintf (hint, sizeof hint, "start the mesh: troupe up%s", mesh_file_hint (mesh, file, sizeof file));
    err = troupe_error_set (error, TROUPE_UNAVAILABLE, mesh->name, hint, "no broker answers");
  }
  json_decref (reports);
  client_close (&client);
  return err;
}

int
ps_run (const troupe_args_t *args)
{
  troupe_log_init (&(troupe_log_options_t){.program = "ps", .level = TROUPE_LOG_ERROR});
  troupe_error_t error = {0};
  mesh_t mesh;
  troupe_err_t err = mesh_find (&mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  err = show (&mesh, troupe_args_flag (args, "json"), &error);
  mesh_close (&mesh);
  return output_end (err, &error);
}
