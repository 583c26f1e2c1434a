// SPDX-License-Identifier: Apache-2.0
//
// Each offshoot has a supervisor of its own with one unit (supervisor.h), so the rules are those of `troupe up`: what
// dies is started again, at once at first, then later and later; one that says that its settings are wrong fails the
// workflow. The settings are a configuration of one agent, in a memory file: they stand neither in the process list nor
// on the disk.
#include "cli/offshoot.h"

#include "cli/process.h"
#include "troupe/keys.h"
#include "troupe/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 5 };

struct offshoot {
  offshoot_t *next;
  char *name;
  int settings; // a memory file
  supervisor_t supervisor;
  supervisor_unit_t unit;
  bool told;
};

static void
offshoot_free (offshoot_t *self)
{
  if (self->settings >= 0)
    close (self->settings);
  free (self->name);
  free (self);
}

// -- Settings ----------------------------------------------------------------------------------------------------------

// A new object: as the configuration has the broker, if it has it, by whose name its key is known.
static json_t *
describe_broker (const mesh_t *mesh, const char *endpoint, int number)
{
  size_t i;
  json_t *broker;
  char name[32];
  json_array_foreach (mesh->config ? troupe_config_get (mesh->config, "brokers") : NULL, i, broker)
  {
    const char *known = json_string_value (json_object_get (broker, "endpoint"));
    if (known && strcmp (known, endpoint) == 0)
      return json_pack ("{s:O, s:s, s:O*}", "name", json_object_get (broker, "name"), "endpoint", endpoint, "insecure",
                        json_object_get (broker, "insecure"));
  }
  snprintf (name, sizeof name, "broker-%d", number);
  return json_pack ("{s:s, s:s, s:b}", "name", name, "endpoint", endpoint, "insecure", 1);
}

static json_t *
list_brokers (const mesh_t *mesh)
{
  json_t *list = json_array ();
  for (int i = 0; mesh->brokers[i]; i++)
    json_array_append_new (list, describe_broker (mesh, mesh->brokers[i], i + 1));
  return list;
}

// It comes with our own key: what the workflow may do, its agents may. NULL: there are no keys.
static json_t *
describe_keys (const mesh_t *mesh)
{
  const char *directory = mesh->config ? troupe_config_text (mesh->config, "keys.directory") : NULL;
  const char *file = mesh->config ? troupe_config_text (mesh->config, "keys.file") : NULL;
  char *absolute = directory ? realpath (directory, NULL) : NULL, *own = file ? realpath (file, NULL) : NULL;
  if (absolute && !own && asprintf (&own, "%s/" TROUPE_TOKEN_OPERATOR ".key", absolute) < 0)
    own = NULL;
  json_t *keys = absolute && own ? json_pack ("{s:s, s:s}", "directory", absolute, "file", own) : NULL;
  free (absolute);
  free (own);
  return keys;
}

// A configuration that holds this agent alone; a new object, NULL when out of memory.
static json_t *
describe (const offshoots_t *self, const char *name, const json_t *settings)
{
  json_t *agent = json_copy ((json_t *)(uintptr_t)settings); // jansson copies from what it could change
  if (!agent || json_object_set_new (agent, "session", json_string (self->session))) {
    json_decref (agent);
    return NULL;
  }
  json_object_del (agent, "name");
  // It shares our standard error with the workflow: only what matters there is logged.
  return json_pack ("{s:s*, s:o, s:o*, s:{s:o}, s:{s:s}}", "mesh", self->mesh->name, "brokers",
                    list_brokers (self->mesh), "keys", describe_keys (self->mesh), "agents", name, agent, "log", "level",
                    "warning");
}

static troupe_err_t
write_settings (int *out, const json_t *config, const char *name, troupe_error_t *error)
{
  int fd = memfd_create ("agent.json", MFD_CLOEXEC);
  if (fd >= 0 && json_dumpfd (config, fd, 0) == 0) {
    *out = fd;
    return TROUPE_OK;
  }
  troupe_error_set (error, TROUPE_IO, name, NULL, "no memory file: %s", strerror (errno));
  if (fd >= 0)
    close (fd);
  return TROUPE_IO;
}

static bool
present (const offshoots_t *self, const char *name)
{
  for (const offshoot_t *at = self->list; at; at = at->next)
    if (strcmp (at->name, name) == 0)
      return true;
  return false;
}

troupe_err_t
offshoots_add (offshoots_t *self, const char *name, const json_t *settings, troupe_error_t *error)
{
  if (present (self, name))
    return troupe_error_set (error, TROUPE_CONFLICT, name, "give it another name", "the workflow has such an agent");
  offshoot_t *offshoot = calloc (1, sizeof *offshoot);
  json_t *config = offshoot ? describe (self, name, settings) : NULL;
  if (!config || !(offshoot->name = strdup (name))) {
    free (offshoot);
    json_decref (config);
    return troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "out of memory");
  }
  offshoot->settings = -1;
  troupe_err_t err = write_settings (&offshoot->settings, config, name, error);
  json_decref (config);
  if (err != TROUPE_OK) {
    offshoot_free (offshoot);
    return err;
  }
  supervisor_init (&offshoot->supervisor, &offshoot->unit, 1);
  offshoot->unit.may_be_silent = true; // the mesh notices a hung one, and nobody asks here
  offshoot->next = self->list;
  self->list = offshoot;
  return TROUPE_OK;
}

// -- Running -----------------------------------------------------------------------------------------------------------

static void
spawn (offshoot_t *self)
{
  char *program = process_sibling ("troupe-agent");
  const char *arguments[] = {program, "-f", "/dev/stdin", "--name", self->name, NULL};
  process_t process = {.arguments = arguments, .input = self->settings, .output = -1, .errors = -1, .keep = -1};
  pid_t pid;
  troupe_error_t error;
  lseek (self->settings, 0, SEEK_SET);
  if (program && process_spawn (&pid, &process, &error) == TROUPE_OK)
    supervisor_spawned (&self->supervisor, 0, pid, troupe_loop_now ());
  else
    supervisor_exited (&self->supervisor, 0, SUPERVISOR_SPAWN_FAILED, troupe_loop_now ());
  free (program);
}

static void
tell_failure (offshoots_t *self, offshoot_t *offshoot)
{
  troupe_error_t error;
  if (offshoot->told || offshoot->supervisor.culprit != 0)
    return;
  offshoot->told = true;
  troupe_error_set (&error, TROUPE_SERVICE_FAILED, offshoot->name, "its own message stands above",
                    "the agent's process can't be started (it ended with status %d)", offshoot->unit.status);
  if (self->failed)
    self->failed (self->context, &error);
}

static void
act (offshoots_t *self, offshoot_t *offshoot, int64_t now)
{
  supervisor_action_t action;
  while (supervisor_take (&offshoot->supervisor, now, &action)) {
    if (action.kind == SUPERVISOR_SPAWN)
      spawn (offshoot);
    else if (action.kind == SUPERVISOR_SIGNAL)
      kill (-offshoot->unit.pid, action.signal);
    else if (action.kind == SUPERVISOR_FINISHED)
      break;
  }
  tell_failure (self, offshoot);
}

int64_t
offshoots_prepare (offshoots_t *self, int64_t now)
{
  int64_t due = TROUPE_LOOP_NEVER;
  for (offshoot_t *offshoot = self->list; offshoot; offshoot = offshoot->next) {
    act (self, offshoot, now);
    int64_t next = supervisor_next (&offshoot->supervisor);
    if (next >= 0 && (due == TROUPE_LOOP_NEVER || next < due))
      due = next;
  }
  return due;
}

void
offshoots_reap (offshoots_t *self)
{
  for (offshoot_t *offshoot = self->list; offshoot; offshoot = offshoot->next) {
    int status;
    if (offshoot->unit.pid != 0 && waitpid (offshoot->unit.pid, &status, WNOHANG) == offshoot->unit.pid)
      supervisor_exited (&offshoot->supervisor, 0, process_status (status), troupe_loop_now ());
  }
}

void
offshoots_stop (offshoots_t *self)
{
  self->failed = NULL;
  for (offshoot_t *offshoot = self->list; offshoot; offshoot = offshoot->next)
    supervisor_stop (&offshoot->supervisor, troupe_loop_now ());
  for (bool some = true; some;) {
    some = false;
    offshoots_reap (self);
    offshoots_prepare (self, troupe_loop_now ());
    for (const offshoot_t *offshoot = self->list; offshoot; offshoot = offshoot->next)
      some = some || offshoot->unit.pid != 0;
    if (some)
      poll (NULL, 0, POLL_MS);
  }
  while (self->list) {
    offshoot_t *offshoot = self->list;
    self->list = offshoot->next;
    offshoot_free (offshoot);
  }
}
