// SPDX-License-Identifier: Apache-2.0
//
// A master and its replica, and a Sentinel that says which one is the master: the brokers go where it is, whichever way
// it moved, and what a replica that lagged had not heard of is told to be lost.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

TestSuite (failover, .init = place_enter, .fini = place_leave);

enum { LEFT, RIGHT, SERVERS };

typedef struct {
  stage_t stage;
  process_t *servers[SERVERS], *sentinel;
  int ports[SERVERS], sentinel_port;
  process_t *worker;
  troupe_node_t *node;
} scene_t;

// -- Redis -----------------------------------------------------------------------------------------------------------

static void
start_server (scene_t *self, int server, const char *more)
{
  static const char *const folders[SERVERS] = {"left", "right"};
  char path[32], text[512];
  snprintf (path, sizeof path, "%s.conf", folders[server]);
  snprintf (text, sizeof text,
            "port %d\ndbfilename %s.rdb\nsave \"\"\nrepl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n%s\n",
            self->ports[server], folders[server], more);
  place_write (path, text);
  self->servers[server] = process_run ("/usr/bin/env", "redis-server", path);
  process_expect (self->servers[server], "eady to accept");
}

static void
start_replica (scene_t *self, int server, int of)
{
  char more[64];
  snprintf (more, sizeof more, "replicaof 127.0.0.1 %d", self->ports[of]);
  start_server (self, server, more);
  process_expect (self->servers[server], "sync: (Finished with success|Master accepted a Partial)");
}

// Runs one command, and waits until its answer matches.
static void
command (int port, const char *regex, const char *format, ...)
{
  char text[128], number[16];
  const char *argv[16] = {"/usr/bin/env", "redis-cli", "-p", number};
  va_list arguments;
  va_start (arguments, format);
  vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  snprintf (number, sizeof number, "%d", port);
  int count = 4;
  for (char *word = strtok (text, " "); word != NULL; word = strtok (NULL, " "))
    argv[count++] = word;
  argv[count] = NULL;
  for (bool matches = false; !matches;) {
    process_t *cli = process_start (argv);
    process_expect_exit (cli, 0);
    matches = text_matches (process_output (cli), regex);
    process_destroy (&cli);
  }
}

static void
start_sentinel (scene_t *self)
{
  char text[256];
  self->sentinel_port = place_free_port ();
  snprintf (text, sizeof text,
            "port %d\nsentinel monitor troupe 127.0.0.1 %d 1\nsentinel down-after-milliseconds troupe 500\n"
            "sentinel failover-timeout troupe 5000\n",
            self->sentinel_port, self->ports[LEFT]);
  place_write ("sentinel.conf", text);
  self->sentinel = process_run ("/usr/bin/env", "redis-server", "sentinel.conf", "--sentinel");
  process_expect (self->sentinel, "\\+monitor master troupe");
}

// -- The mesh --------------------------------------------------------------------------------------------------------

static void
open_mesh (scene_t *self, const char *url, unsigned brokers)
{
  char yaml[512];
  snprintf (yaml, sizeof yaml,
            "store: { url: '%s' }\nlimits: { heartbeat: 200ms, lease: 1s }\nbrokers:\n"
            "  - { name: b1, endpoint: 'ipc://b1.ipc', publish: 'ipc://b1-pub.ipc' }\n"
            "  - { name: b2, endpoint: 'ipc://b2.ipc', publish: 'ipc://b2-pub.ipc' }\n",
            url);
  place_write ("troupe.yaml", yaml);
  self->stage = (stage_t){.brokers_count = brokers};
  cr_assert_eq (troupe_loop_new (&self->stage.loop), TROUPE_OK);
  for (unsigned i = 0; i < brokers; i++)
    stage_start_broker (&self->stage, i);
  for (unsigned i = 0; i < brokers; i++)
    process_expect_error (self->stage.brokers[i], "ready");
  self->worker = stage_player (&self->stage, "w", "agent/x", 4);
  self->node = stage_node (&self->stage, brokers > 1 ? "12" : "1");
  STAGE_UNTIL (&self->stage, troupe_node_brokers_up (self->node) == brokers);
}

// The left one is the master.
static void
open_scene (scene_t *self, unsigned brokers)
{
  char url[96];
  *self = (scene_t){.ports = {place_free_port (), place_free_port ()}};
  start_server (self, LEFT, "");
  start_replica (self, RIGHT, LEFT);
  start_sentinel (self);
  process_expect (self->sentinel, "\\+slave slave");
  snprintf (url, sizeof url, "redis+sentinel://127.0.0.1:%d/troupe", self->sentinel_port);
  open_mesh (self, url, brokers);
}

// A call that runs at the worker until it is told to go on.
static troupe_placeholder_t *
hold (scene_t *self, const char *session)
{
  char steps[64], said[64];
  snprintf (steps, sizeof steps, "[['hold', '%s']]", session);
  snprintf (said, sizeof said, "hold %s", session);
  troupe_placeholder_t *call = stage_call (self->node, "agent/x", session, steps);
  stage_until_stored (&self->stage, call);
  STAGE_UNTIL (&self->stage, process_said (self->worker, said));
  return call;
}

// Is taken as soon as the store takes calls.
static void
expect_new_calls (scene_t *self, const char *session)
{
  troupe_call_t call = {.service = "agent/x", .session = session, .deadline_ms = DEADLINE_MS, .wait = true};
  troupe_placeholder_t *placeholder = stage_call_with (self->node, &call, "[]");
  stage_expect_reply (&self->stage, &placeholder, 0, "w");
}

static void
expect_said (scene_t *self, unsigned broker, const char *regex)
{
  STAGE_UNTIL (&self->stage, process_said_error (self->stage.brokers[broker], regex));
}

// -- Another master --------------------------------------------------------------------------------------------------

Test (failover, the_brokers_follow_the_sentinels_to_the_next_master_when_one_dies)
{
  scene_t s;
  open_scene (&s, 2);
  troupe_placeholder_t *call = hold (&s, "one");
  command (s.ports[RIGHT], "call", "KEYS *call*");
  stage_kill (&s.servers[LEFT]);
  expect_said (&s, 0, "store down");
  expect_said (&s, 0, "history has changed");
  expect_said (&s, 1, "history has changed");
  expect_new_calls (&s, "two");
  process_send (s.worker, "go one\n");
  stage_expect_reply (&s.stage, &call, 1, "w");
  cr_expect_eq (stage_counter (&s.stage, 0, "calls_lost"), 0);
  stage_close (&s.stage);
}

// Both live, and the old master isn't told to cut anybody off: whoever writes there is told that it is a replica now.
Test (failover, a_master_that_was_made_a_replica_is_left)
{
  scene_t s;
  open_scene (&s, 1);
  process_signal (s.sentinel, SIGSTOP); // it isn't to help
  troupe_placeholder_t *call = hold (&s, "one");
  command (s.ports[RIGHT], "call", "KEYS *call*");
  command (s.ports[RIGHT], "OK", "REPLICAOF NO ONE");
  command (s.ports[LEFT], "OK", "REPLICAOF 127.0.0.1 %d", s.ports[RIGHT]);
  expect_said (&s, 0, "READONLY");
  process_signal (s.sentinel, SIGCONT);
  command (s.sentinel_port, ".", "SENTINEL REMOVE troupe");
  command (s.sentinel_port, "OK", "SENTINEL MONITOR troupe 127.0.0.1 %d 1", s.ports[RIGHT]);
  expect_new_calls (&s, "two");
  process_send (s.worker, "go one\n");
  stage_expect_reply (&s.stage, &call, 1, "w");
  command (s.ports[RIGHT], "b1", "ZRANGE troupe:brokers 0 -1");
  stage_close (&s.stage);
}

// What the replica had not heard of when the master died.
Test (failover, what_a_lagging_replica_has_not_heard_of_is_lost_and_told)
{
  scene_t s;
  open_scene (&s, 2);
  process_signal (s.sentinel, SIGSTOP); // not before the test says so
  troupe_placeholder_t *kept = hold (&s, "one");
  command (s.ports[RIGHT], "call", "KEYS *call*");
  command (s.ports[LEFT], "OK", "CONFIG SET requirepass closed"); // for who connects from now on
  command (s.ports[LEFT], "1", "-a closed CLIENT KILL TYPE replica");
  troupe_placeholder_t *lost = hold (&s, "two"), *waits = stage_call (s.node, "agent/x", "one", "[]");
  stage_until_stored (&s.stage, waits);
  stage_kill (&s.servers[LEFT]);
  command (s.ports[RIGHT], "OK", "REPLICAOF NO ONE");
  process_signal (s.sentinel, SIGCONT);
  command (s.sentinel_port, ".", "SENTINEL REMOVE troupe");
  command (s.sentinel_port, "OK", "SENTINEL MONITOR troupe 127.0.0.1 %d 1", s.ports[RIGHT]);
  stage_expect_error (&s.stage, &lost, TROUPE_STORE_LOST, "whether it ran is not known");
  stage_expect_error (&s.stage, &waits, TROUPE_STORE_LOST, NULL);
  STAGE_UNTIL (&s.stage, process_said (s.worker, "cancelled"));
  expect_said (&s, 0, "lost what it had acknowledged.*calls.:.2");
  process_send (s.worker, "go one\n");
  stage_expect_reply (&s.stage, &kept, 1, "w");
  expect_new_calls (&s, "two");
  stage_close (&s.stage);
}

// -- Enough replicas -------------------------------------------------------------------------------------------------

Test (failover, without_the_replicas_that_a_master_wants_nothing_is_accepted_until_one_is_there)
{
  scene_t s = {.ports = {place_free_port (), place_free_port ()}};
  char url[64];
  start_server (&s, LEFT, "min-replicas-to-write 1\nmin-replicas-max-lag 1");
  start_replica (&s, RIGHT, LEFT);
  command (s.ports[LEFT], "OK", "SET ready yes");
  snprintf (url, sizeof url, "redis://127.0.0.1:%d", s.ports[LEFT]);
  open_mesh (&s, url, 1);
  troupe_placeholder_t *call = hold (&s, "one");
  stage_kill (&s.servers[RIGHT]);
  expect_said (&s, 0, "NOREPLICAS");
  troupe_placeholder_t *refused = stage_call (s.node, "agent/x", "two", "[]");
  STAGE_UNTIL (&s.stage, troupe_placeholder_state (refused) == TROUPE_CALL_REFUSED);
  const troupe_error_t *error = troupe_placeholder_error (refused);
  cr_expect_eq (error->code, TROUPE_STORE_UNAVAILABLE, "%s: %s", troupe_err_name (error->code), error->why);
  cr_expect_gt (error->retry_after_ms, 0);
  troupe_placeholder_destroy (&refused);
  process_send (s.worker, "go one\n"); // its outcome waits for the store
  start_replica (&s, RIGHT, LEFT);
  stage_expect_reply (&s.stage, &call, 1, "w");
  expect_new_calls (&s, "two");
  cr_expect_eq (stage_counter (&s.stage, 0, "calls_lost"), 0);
  cr_expect_eq (stage_counter (&s.stage, 0, "store_changes"), 0, "it is the same store");
  stage_close (&s.stage);
}
