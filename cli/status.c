// SPDX-License-Identifier: Apache-2.0
//
// Status lines (status.h). JSON lines are flushed one by one: `troupe chat` reads them from a pipe to learn when the
// mesh is ready. A reader that went away doesn't matter (SIGPIPE is ignored), and what it misses is forgotten.
#include "cli/status.h"

#include "cli/output.h"

#include <stdio_ext.h>
#include <string.h>

enum { LABEL_WIDTH = 24, WHY_MAX = 512 };

// "exited with status 1", "was killed by signal 9".
static void
describe_exit (char *out, size_t size, int status)
{
  if (status == SUPERVISOR_SPAWN_FAILED)
    snprintf (out, size, "could not be started");
  else if (status > 128)
    snprintf (out, size, "was ended by signal %d (%s)", status - 128, strsignal (status - 128));
  else
    snprintf (out, size, "exited with status %d", status);
}

static void
describe_log (const status_t *self, const plan_item_t *item, char *out, size_t size)
{
  out[0] = '\0';
  if (self->log_directory)
    snprintf (out, size, " (log: %s/%s)", self->log_directory, item->log);
}

static bool
lost (const supervisor_unit_t *unit)
{
  return unit->state == SUPERVISOR_STARTING && unit->lost;
}

static void
describe (const status_t *self, const plan_item_t *item, const supervisor_unit_t *unit, char *out, size_t size)
{
  char exit[128], log[256];
  describe_exit (exit, sizeof exit, unit->status);
  describe_log (self, item, log, sizeof log);
  bool failed = unit->state == SUPERVISOR_STOPPED && unit->delay < 0;
  if (failed)
    snprintf (out, size, "%s%s", exit, log);
  else if (unit->state == SUPERVISOR_WAITING)
    snprintf (out, size, "%s, %srestarting in %lld ms%s", exit,
              unit->status == 3 || unit->status == 4 ? "its configuration is wrong, " : "", (long long)unit->delay,
              log);
  else if (unit->pid != 0)
    snprintf (out, size, "%s (pid %ld)", lost (unit) ? "doesn't answer" : supervisor_state_name (unit->state),
              (long)unit->pid);
  else
    snprintf (out, size, "%s", supervisor_state_name (unit->state));
}

static void
print_json (json_t *line)
{
  if (!output_json_line (line)) {
    __fpurge (stdout);
    clearerr (stdout);
  }
  json_decref (line);
}

void
status_unit (const status_t *self, const plan_item_t *item, const supervisor_unit_t *unit)
{
  char why[WHY_MAX];
  describe (self, item, unit, why, sizeof why);
  bool bad = unit->state == SUPERVISOR_WAITING || (unit->state == SUPERVISOR_STOPPED && unit->delay < 0);
  if (self->json) {
    json_t *line = json_pack ("{s:s, s:s, s:s, s:s, s:s}", "event", "service", "service", item->service, "label",
                              item->label, "state", bad ? "failed" : supervisor_state_name (unit->state), "text", why);
    if (unit->pid != 0)
      json_object_set_new (line, "pid", json_integer (unit->pid));
    if (bad)
      json_object_set_new (line, "status", json_integer (unit->status));
    if (unit->state == SUPERVISOR_WAITING)
      json_object_set_new (line, "restart_in_ms", json_integer (unit->delay));
    print_json (line);
    return;
  }
  if ((unit->state == SUPERVISOR_STARTING && !unit->lost) || unit->state == SUPERVISOR_STOPPING)
    return; // a line each for what came of it is enough for a person
  const char *mark = bad ? "✕" : unit->state == SUPERVISOR_READY ? "●" : "○";
  const char *colour = bad ? OUTPUT_RED : unit->state == SUPERVISOR_READY ? OUTPUT_GREEN : OUTPUT_DIM;
  fprintf (stderr, "%s%s%s %-*s %s\n", self->colour ? colour : "", mark, self->colour ? OUTPUT_PLAIN : "", LABEL_WIDTH,
           item->label, why);
}

static size_t
count_kind (const plan_t *plan, plan_kind_t kind)
{
  size_t count = 0;
  for (size_t i = 0; i < plan->count; i++)
    count += plan->items[i].kind == kind;
  return count;
}

static void
print_count (size_t count, const char *what)
{
  if (count > 0)
    fprintf (stderr, ", %zu %s%s", count, what, count == 1 ? "" : "s");
}

void
status_complete (const status_t *self, const mesh_t *mesh, const plan_t *plan, int64_t took_ms)
{
  if (self->json) {
    json_t *line = json_pack ("{s:s, s:s, s:I}", "event", "ready", "mesh", mesh->name, "took_ms", (json_int_t)took_ms);
    print_json (line);
    return;
  }
  char hint[256];
  fprintf (stderr, "mesh %s is ready after %lld ms: %s", mesh->name, (long long)took_ms,
           count_kind (plan, PLAN_STORE) ? "a private Redis" : "Redis elsewhere");
  print_count (count_kind (plan, PLAN_BROKER), "broker");
  print_count (count_kind (plan, PLAN_MODEL), "model");
  print_count (count_kind (plan, PLAN_AGENT), "agent");
  fprintf (stderr, "; try: troupe chat%s\n", mesh_file_hint (mesh, hint, sizeof hint));
}

static void
tell_mesh (const status_t *self, const mesh_t *mesh, const char *event, const char *words)
{
  if (self->json)
    print_json (json_pack ("{s:s, s:s}", "event", event, "mesh", mesh->name));
  else
    fprintf (stderr, "mesh %s %s\n", mesh->name, words);
}

void
status_taken (const status_t *self, const mesh_t *mesh)
{
  tell_mesh (self, mesh, "taken", "runs already");
}

void
status_stopping (const status_t *self, const mesh_t *mesh)
{
  tell_mesh (self, mesh, "stopping", "is stopping: running calls may end; again to hurry");
}

void
status_finished (const status_t *self, const mesh_t *mesh)
{
  tell_mesh (self, mesh, "stopped", "has stopped");
}
