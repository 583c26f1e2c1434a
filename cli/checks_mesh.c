// SPDX-License-Identifier: Apache-2.0
//
// Checks of the running mesh, through its brokers. A mesh that doesn't run is no fault.
#include "cli/checks.h"
#include "cli/client.h"
#include "cli/lock.h"

#include <string.h>

enum { REPORT_MS = 2000 };

static const char *
text_of (const json_t *map, const char *key)
{
  const char *text = json_string_value (json_object_get (map, key));
  return text ? text : "";
}

static void
check_broker (checks_t *self, const json_t *report)
{
  troupe_error_t refusal = {0};
  bool up = json_is_true (json_object_get (report, "up"));
  bool store = strcmp (text_of (report, "store"), "up") == 0;
  if (!up && client_refuses (report, &refusal))
    checks_add (self, "broker", false, refusal.next, "%s: %s", text_of (report, "endpoint"), refusal.why);
  else if (!up)
    checks_add (self, "broker", false, "see its log, and `troupe ps`", "%s doesn't answer",
                text_of (report, "endpoint"));
  else
    checks_add (self, "broker", store, "see Redis's log in the state directory, and store.url", "%s %s, store %s",
                text_of (report, "broker"), text_of (report, "version"), text_of (report, "store"));
}

void
checks_mesh (checks_t *self, const mesh_t *mesh)
{
  size_t i;
  json_t *report;
  pid_t owner = 0;
  if (!lock_held (mesh->directory, &owner)) {
    checks_add (self, "mesh", true, NULL, "%s isn't running here", mesh->name);
    return;
  }
  checks_add (self, "mesh", true, NULL, "%s is running, by pid %ld", mesh->name, (long)owner);
  client_t client;
  troupe_error_t error = {0};
  if (client_open (&client, mesh, "doctor", NULL, &error) != TROUPE_OK) {
    checks_add (self, "broker", false, error.next, "%s", error.why);
    return;
  }
  json_t *reports = client_report (&client, REPORT_MS);
  json_array_foreach (reports, i, report) check_broker (self, report);
  json_decref (reports);
  client_close (&client);
}
