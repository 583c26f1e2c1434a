// SPDX-License-Identifier: Apache-2.0
//
// On one machine, over ipc: each child of `troupe up` has a token of its own, this user's is in a file that only he can
// read, and without one nobody gets in.

#include "blackbox/harness/mesh.h"
#include "troupe/keys.h"
#include "troupe/loop.h"
#include "troupe/socket.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite (tokens, .init = place_enter, .fini = place_leave);

static const char socket_path[] = ".troupe/troupe/broker-1.ipc";
static const char token_path[] = ".troupe/troupe/broker-1.ipc" TROUPE_TOKEN_SUFFIX;

// "TROUPE_TOKEN=..." of a process, without the name; the caller's.
static char *
token_of (pid_t pid)
{
  char path[64], *item = NULL, *found = NULL;
  size_t capacity = 0;
  snprintf (path, sizeof path, "/proc/%d/environ", (int)pid);
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file);
  while (found == NULL && getdelim (&item, &capacity, '\0', file) > 0)
    if (strncmp (item, TROUPE_TOKEN_VARIABLE "=", strlen (TROUPE_TOKEN_VARIABLE "=")) == 0)
      found = strdup (item + strlen (TROUPE_TOKEN_VARIABLE "="));
  free (item);
  fclose (file);
  cr_assert_not_null (found);
  return found;
}

// What becomes of a connection that shows this; "" for nothing.
static int
knock (const char *name, const char *token)
{
  char endpoint[128];
  int event = 0;
  void *zmq = zmq_ctx_new (), *socket, *monitor;
  snprintf (endpoint, sizeof endpoint, "ipc://%s", socket_path);
  cr_assert_eq (troupe_socket_new (&socket, zmq, ZMQ_DEALER, NULL), TROUPE_OK);
  if (*name != '\0') {
    zmq_setsockopt (socket, ZMQ_PLAIN_USERNAME, name, strlen (name));
    zmq_setsockopt (socket, ZMQ_PLAIN_PASSWORD, token, strlen (token));
  }
  cr_assert_eq (troupe_socket_monitor (&monitor, zmq, socket,
                                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                                       NULL),
                TROUPE_OK);
  cr_assert_eq (troupe_socket_connect (socket, endpoint, NULL), TROUPE_OK);
  int64_t end = troupe_loop_now () + DEADLINE_MS;
  while (event == 0 && troupe_loop_now () < end) {
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    zmq_poll (&item, 1, 100);
    event = troupe_socket_monitor_next (monitor, NULL);
  }
  troupe_socket_unmonitor (&monitor, socket);
  troupe_socket_close (&socket, false);
  zmq_ctx_term (zmq);
  return event;
}

Test (tokens, who_has_none_is_refused)
{
  char wrong[TROUPE_TOKEN_SIZE];
  process_t *up = mesh_up (mesh_plain);
  troupe_token_make (wrong, NULL);
  int event = knock ("", ""); // whichever side notices first
  cr_expect (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, "%d",
             event);
  cr_expect_eq (knock ("operator", wrong), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, "a wrong one");
  cr_expect_eq (knock ("agent/alice", wrong), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
  mesh_expect_reply ("alice", "s", "Hello", "turn 1: Hello");
  cr_assert_eq (unlink (token_path), 0); // as for one who can't read it
  process_t *call = process_run ("troupe", "call", "agent/alice", "1");
  int status = process_wait (call); // 5: a busy machine didn't get as far as to be refused
  cr_expect (status == 5 || text_matches (process_errors (call), "wants a token, and this process has none"), "%s",
             process_errors (call));
  cr_expect_neq (status, 0);
  process_destroy (&call);
  mesh_down (&up);
}

Test (tokens, each_child_has_its_own)
{
  struct stat info;
  process_t *up = mesh_up (mesh_plain);
  cr_assert_eq (stat (token_path, &info), 0);
  cr_expect_eq (info.st_mode & 0777, 0600);
  char *alice = token_of (mesh_process ("agent", "alice")), *talker = token_of (mesh_process ("model", "talker"));
  cr_expect_eq (strncmp (alice, "agent/alice:", 12), 0, "%s", alice);
  cr_expect_eq (strncmp (talker, "model/talker:", 13), 0, "%s", talker);
  cr_expect_str_neq (alice + 12, talker + 13);
  cr_expect_eq (knock ("agent/alice", alice + 12), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  cr_expect_eq (knock ("agent/alice", talker + 13), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
  // With alice's one can't be anybody else.
  setenv (TROUPE_TOKEN_VARIABLE, alice, 1);
  process_t *thief = process_run ("troupe-model", "-f", "troupe.yaml", "--name", "talker");
  unsetenv (TROUPE_TOKEN_VARIABLE);
  process_expect_error (thief, "the key agent/alice may not serve it");
  process_signal (thief, SIGTERM);
  process_wait (thief);
  process_destroy (&thief);
  process_signal (up, SIGINT);
  process_expect_exit (up, 0);
  cr_expect_null (strstr (process_errors (up), alice + 12));
  cr_expect_null (strstr (process_output (up), alice + 12));
  cr_expect_neq (stat (token_path, &info), 0, "the file goes with the broker");
  process_destroy (&up);
  free (alice);
  free (talker);
}

Test (tokens, several_brokers_know_them)
{
  static const char brokers[] = "brokers: [{ name: a }, { name: b }, { name: c }]\n";
  char yaml[2048];
  snprintf (yaml, sizeof yaml, "%s%s", brokers, mesh_plain);
  process_t *up = mesh_up (yaml);
  mesh_expect_reply ("alice", "s", "Hello", "turn 1: Hello");
  json_t *reports = mesh_report ();
  cr_expect_eq (json_array_size (reports), 3u);
  for (size_t i = 0; i < json_array_size (reports); i++) {
    const json_t *counters = json_object_get (json_array_get (reports, i), "counters");
    cr_expect_eq (json_integer_value (json_object_get (counters, "connections_refused")), 0);
    cr_expect_eq (json_array_size (json_object_get (json_array_get (reports, i), "services")), 2u);
  }
  json_decref (reports);
  mesh_down (&up);
}

Test (tokens, an_old_one_is_of_no_use)
{
  process_t *up = mesh_up (mesh_plain);
  char *before = token_of (mesh_process ("agent", "alice"));
  mesh_down (&up);
  up = mesh_up (mesh_plain);
  char *after = token_of (mesh_process ("agent", "alice"));
  cr_expect_str_neq (before, after);
  cr_expect_eq (knock ("agent/alice", before + 12), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
  mesh_down (&up);
  free (before);
  free (after);
}
