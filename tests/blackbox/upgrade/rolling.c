// SPDX-License-Identifier: Apache-2.0
//
// Every process of a mesh is ended by SIGTERM and started again, one after the other, each when the one before is
// ready, while several callers call all the time over both brokers: none of them sees an error. This is
// docs/how-to/upgrade.md with the same programs before and after; tests/upgrade does it with those of two versions.

#include "blackbox/upgrade/load.h"

#include "troupe/health.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

TestSuite (rolling, .init = place_enter, .fini = place_leave, .timeout = 240);

enum {
  CALLERS = 3,
  BETWEEN = 120,  // calls that end between two restarts
  STOP_MS = 5000, // within which a process that was told to end has done so: it runs nothing that takes long
  PROBE_MS = 500  // well below the lease: this process's nodes stand still meanwhile
};

static const char limits[] = "heartbeat: 300ms, lease: 3s";

typedef struct {
  stage_t stage;
  load_t load;
  char health[STAGE_BROKERS_MAX][64];
  process_t *agents[2], *tools[2];
} mesh_t;

// -- Parts ------------------------------------------------------------------------------------------------------------

static bool
is_ready (const char *url)
{
  char why[TROUPE_HEALTH_WHY_SIZE];
  return troupe_health_probe (url, PROBE_MS, why) == TROUPE_OK;
}

static void
start_broker (mesh_t *self, unsigned index)
{
  char address[32], name[8];
  snprintf (address, sizeof address, "127.0.0.1:%d", place_free_port ());
  snprintf (name, sizeof name, "b%u", index + 1);
  snprintf (self->health[index], sizeof self->health[index], "http://%s", address);
  self->stage.brokers[index] = process_run ("troupe-broker", "-f", "troupe.yaml", "--name", name, "--health", address);
  STAGE_UNTIL (&self->stage, is_ready (self->health[index]));
}

static void
open_mesh (mesh_t *self)
{
  *self = (mesh_t){0};
  stage_open_some (&self->stage, 2, 0, limits);
  for (unsigned i = 0; i < 2; i++)
    start_broker (self, i);
  for (unsigned i = 0; i < 2; i++) {
    self->agents[i] = stage_player (&self->stage, i == 0 ? "a1" : "a2", "agent/x", 8);
    self->tools[i] = stage_player (&self->stage, i == 0 ? "t1" : "t2", "tool/x", 8);
  }
}

static void
begin_load (mesh_t *self)
{
  static const char *const orders[CALLERS] = {"12", "21", "12"};
  for (unsigned i = 0; i < CALLERS; i++) {
    char session[16];
    troupe_node_t *node = stage_node (&self->stage, orders[i]);
    STAGE_UNTIL (&self->stage, troupe_node_brokers_up (node) == 2);
    snprintf (session, sizeof session, "own-%u", i);
    load_add (&self->load, node, "agent/x", session, "");
    snprintf (session, sizeof session, "nests-%u", i);
    load_add (&self->load, node, "agent/x", session, "['ask', 'tool/x', []], ");
    load_add (&self->load, node, "agent/x", "shared", "");
    load_add (&self->load, node, "tool/x", "", "");
    load_add_volatile (&self->load, node, "tool/x");
  }
}

// What has ended may have been waited for already, by whoever reads the processes' outputs.
static bool
has_ended (const process_t *process)
{
  siginfo_t info = {0};
  bool is_child = waitid (P_PID, (id_t)process_pid (process), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  return !is_child || info.si_pid != 0;
}

// Nobody but the process itself ends it.
static void
end_by_itself (mesh_t *self, process_t **process_p)
{
  int64_t told = troupe_loop_now ();
  process_signal (*process_p, SIGTERM);
  STAGE_UNTIL (&self->stage, has_ended (*process_p));
  cr_assert_lt (troupe_loop_now () - told, STOP_MS);
  process_expect_exit (*process_p, 0);
  process_destroy (process_p);
}

// -- Restarts ---------------------------------------------------------------------------------------------------------

static void
restart_brokers (mesh_t *self)
{
  for (unsigned i = 0; i < 2; i++) {
    load_pass (&self->load, &self->stage, BETWEEN);
    end_by_itself (self, &self->stage.brokers[i]);
    load_pass (&self->load, &self->stage, BETWEEN);
    start_broker (self, i);
  }
}

static void
restart_players (mesh_t *self, process_t *players[2], const char *service)
{
  for (unsigned i = 0; i < 2; i++) {
    load_pass (&self->load, &self->stage, BETWEEN);
    end_by_itself (self, &players[i]);
    load_pass (&self->load, &self->stage, BETWEEN);
    players[i] = stage_player (&self->stage, "again", service, 8);
  }
}

static void
expect_memories (mesh_t *self)
{
  troupe_node_t *node = self->stage.nodes[0];
  for (unsigned i = 0; i < self->load.count; i++)
    if (strncmp (self->load.lines[i].service, "agent/", 6) == 0)
      load_expect_memory (&self->load, &self->stage, node, "agent/x", self->load.lines[i].session);
}

Test (rolling, every_process_restarts_under_load_and_no_call_fails)
{
  mesh_t mesh;
  open_mesh (&mesh);
  begin_load (&mesh);
  restart_brokers (&mesh);
  restart_players (&mesh, mesh.agents, "agent/x");
  restart_players (&mesh, mesh.tools, "tool/x");
  load_pass (&mesh.load, &mesh.stage, BETWEEN);
  load_end (&mesh.load, &mesh.stage);
  expect_memories (&mesh);
  cr_log_info ("%u calls, %u of them by a second attempt", mesh.load.done, mesh.load.again);
  stage_close (&mesh.stage);
}

// As fast as readiness allows: whoever is told to wait for it has no other sign to wait for.
Test (rolling, brokers_restart_back_to_back_as_soon_as_the_other_is_ready)
{
  mesh_t mesh;
  open_mesh (&mesh);
  begin_load (&mesh);
  load_pass (&mesh.load, &mesh.stage, BETWEEN);
  for (unsigned round = 0; round < 6; round++) {
    end_by_itself (&mesh, &mesh.stage.brokers[round % 2]);
    start_broker (&mesh, round % 2);
  }
  load_pass (&mesh.load, &mesh.stage, BETWEEN);
  load_end (&mesh.load, &mesh.stage);
  expect_memories (&mesh);
  stage_close (&mesh.stage);
}
