// SPDX-License-Identifier: Apache-2.0
//
// Over tcp, who may come and what for is a matter of keys: a test for each sentence of that promise.

#include "blackbox/keys/place_keys.h"

#include "troupe/loop.h"
#include "troupe/socket.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite (tcp, .init = place_enter, .fini = place_leave);

// `troupe call agent/alice TEXT -s SESSION`, by a configuration or an endpoint: its exit status; what it wrote to standard
// error goes to `errors`.
static int
call_by (const char *whom, const char *session, char **errors)
{
  const char *option = strstr (whom, "://") != NULL ? "--broker" : "-f";
  process_t *call =
    process_run ("troupe", "call", "agent/alice", "\"Hello\"", "-s", session, option, whom, "--deadline", "2s");
  process_close_input (call);
  int status = process_wait (call);
  keys_expect_hidden (process_errors (call));
  free (*errors);
  *errors = strdup (process_errors (call));
  process_destroy (&call);
  return status;
}

// Calls until one goes well (the broker has come to know the key), or fails as this says: a busy machine may answer
// neither at first.
static void
call_until (const char *whom, const char *session, const char *failure)
{
  char *errors = NULL;
  int64_t end = troupe_loop_now () + DEADLINE_MS;
  for (;;) {
    int status = call_by (whom, session, &errors);
    if (failure == NULL ? status == 0 : status != 0 && text_matches (errors, failure))
      break;
    cr_assert_lt (troupe_loop_now (), end, "status %d: %s", status, errors);
  }
  free (errors);
}

Test (tcp, an_unknown_key_is_refused)
{
  process_t *up = keys_up ();
  mesh_expect_reply ("alice", "s", "Hello", "turn 1: Hello");
  process_t *keygen = process_run ("troupe", "keygen", "stranger", "-o", "elsewhere");
  process_expect_exit (keygen, 0);
  process_destroy (&keygen);
  keys_configure ("stranger", "elsewhere/stranger.key");
  call_until ("stranger.yaml", "s", "permission: the broker doesn't know this process's key: stranger");
  call_until (keys_endpoint, "s", "permission: the broker wants a key, and this process has none");
  cr_expect_gt (keys_counter ("connections_refused"), 0);
  mesh_down (&up);
}

Test (tcp, a_known_key_cant_take_anothers_name)
{
  process_t *up = keys_up ();
  KEYS_MAKE ("eve", "--serves", "agent/eve");
  keys_configure ("eve", "keys/eve.key");
  process_t *thief = process_run ("troupe-agent", "-f", "eve.yaml", "--name", "alice");
  process_expect_error (thief, "broker refuses a service.*the key eve may not serve it");
  json_t *reports = mesh_report ();
  size_t i;
  json_t *service;
  json_array_foreach (json_object_get (json_array_get (reports, 0), "services"), i, service) {
    json_t *instances = json_object_get (service, "instances");
    if (strcmp (json_string_value (json_object_get (service, "name")), "agent/alice") != 0)
      continue;
    cr_expect_eq (json_array_size (instances), 1u);
    cr_expect_str_eq (json_string_value (json_object_get (json_array_get (instances, 0), "key")), "agent-alice");
  }
  json_decref (reports);
  cr_expect_gt (keys_counter ("refused_by_key"), 0);
  process_signal (thief, SIGTERM);
  process_wait (thief);
  process_destroy (&thief);
  mesh_down (&up);
}

Test (tcp, a_known_key_cant_listen_to_a_hub_of_others)
{
  static const char *const topics[] = {"", "h", "hub/", "hub/018f3c60-0000-7000-8000-000000000001"};
  process_t *up = keys_up ();
  KEYS_MAKE ("eve");
  keys_configure ("eve", "keys/eve.key");
  call_until ("eve.yaml", "s", NULL);
  visitor_t eve = visitor_open (ZMQ_SUB, "eve", keys_publish);
  for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
    cr_assert_eq (zmq_setsockopt (eve.socket, ZMQ_SUBSCRIBE, topics[i], strlen (topics[i])), 0);
  int64_t end = troupe_loop_now () + DEADLINE_MS;
  while (keys_counter ("subscriptions_refused") < 4)
    cr_assert_lt (troupe_loop_now (), end);
  visitor_close (&eve);
  mesh_down (&up);
}

// What a broker doesn't show to everybody isn't taken for a mesh that is away.
Test (tcp, whoever_is_no_operator_chats_and_is_told_what_may_not_be_seen)
{
  process_t *up = keys_up ();
  KEYS_MAKE ("ann", "--serves", "agent/user-*", "--sessions", "ann-*");
  keys_configure ("ann", "keys/ann.key");
  call_until ("ann.yaml", "ann-1", NULL);
  process_t *chat = process_run ("troupe", "chat", "-f", "ann.yaml", "--session", "ann-2");
  process_send (chat, "Hello\n");
  process_close_input (chat);
  process_expect_exit (chat, 0);
  cr_expect_str_eq (process_output (chat), "turn 1: Hello\n");
  process_destroy (&chat);
  place_write ("hub.lua", "msghub ({agent 'alice'}, nil, function ()\n"
                          "  pcall (function () return agent 'alice' ().text end)\n"
                          "end)\n");
  process_t *run = process_run ("troupe", "run", "-f", "ann.yaml", "--session", "bob-1", "hub.lua");
  process_wait (run);
  cr_expect (text_matches (process_errors (run), "hub: the key ann may not enter that session \\(see "), "%s",
             process_errors (run));
  process_destroy (&run);
  process_t *ps = process_run ("troupe", "ps", "-f", "ann.yaml");
  process_expect_exit (ps, 1);
  cr_expect (text_matches (process_errors (ps), "permission: the key ann may not see reports.*operator: true"), "%s",
             process_errors (ps));
  cr_expect_null (strstr (process_errors (ps), "troupe up"));
  process_destroy (&ps);
  process_t *doctor = process_run ("troupe", "doctor", "-f", "ann.yaml");
  process_expect_exit (doctor, 1);
  cr_expect (text_matches (process_output (doctor), "the key ann may not see reports"), "%s", process_output (doctor));
  process_destroy (&doctor);
  mesh_down (&up);
}

Test (tcp, another_sessions_memory_cant_be_read)
{
  char id[64] = "";
  process_t *up = keys_up ();
  KEYS_MAKE ("ann", "--sessions", "ann-*");
  keys_configure ("ann", "keys/ann.key");
  call_until ("ann.yaml", "ann-1", NULL);
  call_until ("ann.yaml", "bob-1", "permission: the key ann may not enter that session");

  // The call that runs in bob's session, by its id.
  process_t *late = process_run ("troupe", "call", "agent/alice", "\"late\"", "-s", "bob-1", "-v");
  process_close_input (late);
  process_expect_error (late, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
  const char *dash = strchr (process_errors (late), '-');
  cr_assert_not_null (dash);
  snprintf (id, sizeof id, "%.36s", dash - 8);
  troupe_id_t call;
  cr_assert (troupe_id_of_text (&call, id), "%s", id);
  visitor_t ann = visitor_open (ZMQ_DEALER, "ann", keys_endpoint);
  visitor_greet (&ann);
  troupe_header_t header;
  troupe_error_t error = {0};
  troupe_header_init (&header, TROUPE_CMD_RECALL);
  troupe_header_set_call (&header, &call);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_request (&header, 1);
  troupe_header_set_from (&header, 0);
  troupe_header_set_count (&header, 100);
  visitor_send (&ann, &header);
  visitor_expect (&ann, TROUPE_CMD_REFUSED, &error);
  cr_expect_eq (error.code, TROUPE_STALE, "%s", error.why);
  visitor_close (&ann);
  process_signal (late, SIGINT);
  process_wait (late);
  process_destroy (&late);
  mesh_down (&up);
}

Test (tcp, a_key_is_revoked_and_given_back_while_the_mesh_runs)
{
  process_t *up = keys_up ();
  KEYS_MAKE ("ann");
  keys_configure ("ann", "keys/ann.key");
  call_until ("ann.yaml", "s", NULL);
  pid_t alice = mesh_process ("agent", "alice");
  // A service: its live connection is cut.
  cr_assert_eq (rename ("keys/agent-alice.pub", "away.pub"), 0);
  call_until ("troupe.yaml", "s", "unknown_service");
  cr_assert_eq (rename ("away.pub", "keys/agent-alice.pub"), 0);
  process_t *call = process_run ("troupe", "call", "agent/alice", "\"back\"", "-s", "s", "--wait");
  process_close_input (call);
  process_expect_exit (call, 0);
  process_destroy (&call);
  cr_expect_eq (mesh_process ("agent", "alice"), alice, "the same process, which nobody started again");
  // A caller.
  cr_assert_eq (rename ("keys/ann.pub", "away.pub"), 0);
  call_until ("ann.yaml", "s", "doesn't know this process's key: ann");
  cr_assert_eq (rename ("away.pub", "keys/ann.pub"), 0);
  call_until ("ann.yaml", "s", NULL);
  mesh_down (&up);
}

// A service comes and goes, which is published.
static void
make_event (visitor_t *visitor)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/blink"));
  troupe_header_set_credit (&header, 1);
  visitor_send (visitor, &header);
  visitor_expect (visitor, TROUPE_CMD_REGISTERED, NULL);
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/blink"));
  visitor_send (visitor, &header);
  visitor_expect (visitor, TROUPE_CMD_UNREGISTERED, NULL);
}

// Events are made until it hears one.
static void
until_heard (visitor_t *maker, const visitor_t *listener)
{
  int64_t end = troupe_loop_now () + DEADLINE_MS;
  zmq_pollitem_t item = {.socket = listener->socket, .events = ZMQ_POLLIN};
  do {
    cr_assert_lt (troupe_loop_now (), end);
    make_event (maker);
  } while (zmq_poll (&item, 1, 50) <= 0);
}

static size_t
drain (const visitor_t *listener)
{
  zmq_msg_t frames[3];
  size_t count, messages = 0;
  for (; troupe_socket_receive (listener->socket, frames, 3, &count) == 0; messages++)
    troupe_socket_close_frames (frames, 3, count);
  return messages;
}

Test (tcp, who_is_revoked_hears_no_more)
{
  process_t *up = keys_up ();
  KEYS_MAKE ("eve");
  keys_configure ("eve", "keys/eve.key");
  call_until ("eve.yaml", "s", NULL);
  visitor_t eve = visitor_open (ZMQ_SUB, "eve", keys_publish), other = visitor_open (ZMQ_SUB, "operator", keys_publish);
  visitor_t maker = visitor_open (ZMQ_DEALER, "operator", keys_endpoint);
  visitor_greet (&maker);
  cr_assert_eq (zmq_setsockopt (eve.socket, ZMQ_SUBSCRIBE, "mesh", 4), 0);
  cr_assert_eq (zmq_setsockopt (other.socket, ZMQ_SUBSCRIBE, "mesh", 4), 0);
  until_heard (&maker, &eve);
  until_heard (&maker, &other);
  visitor_close (&maker);
  cr_assert_eq (rename ("keys/eve.pub", "away.pub"), 0);
  call_until ("eve.yaml", "s", "doesn't know this process's key: eve");
  drain (&eve);
  drain (&other);
  maker = visitor_open (ZMQ_DEALER, "operator", keys_endpoint);
  visitor_greet (&maker);
  until_heard (&maker, &other); // who may comes back by itself
  cr_expect_eq (drain (&eve), 0u);
  visitor_close (&maker);
  visitor_close (&eve);
  visitor_close (&other);
  mesh_down (&up);
}

Test (tcp, a_broker_without_its_handler_refuses_to_start)
{
  static const char *const ways[] = {"refuse", "pretend"};
  process_t *up = keys_up ();
  mesh_down (&up);
  setenv ("LD_PRELOAD", TROUPE_NO_HANDLER, 1);
  setenv ("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    setenv ("TROUPE_TEST_HANDLER", ways[i], 1);
    process_t *broker = process_run ("troupe-broker", "-f", "troupe.yaml", "--name", "b1");
    cr_expect_neq (process_wait (broker), 0);
    cr_expect (
      text_matches (process_errors (broker), i == 0 ? "zeromq.zap.01.*address_in_use" : "nobody would check the keys"),
      "%s", process_errors (broker));
    cr_expect_not (text_matches (process_errors (broker), "\"ready\""));
    process_destroy (&broker);
  }
  unsetenv ("LD_PRELOAD");
}

Test (tcp, without_keys_nothing_starts)
{
  process_t *up = keys_up ();
  mesh_down (&up);
  cr_assert_eq (rename ("keys/b1.key", "b1.key"), 0);
  process_t *broker = process_run ("troupe-broker", "-f", "troupe.yaml");
  process_expect_exit (broker, 4);
  cr_expect (text_matches (process_errors (broker), "b1.key.*keygen --mesh"), "%s", process_errors (broker));
  process_destroy (&broker);
}

Test (tcp, secrets_are_never_printed)
{
  process_t *up = keys_up ();
  static const char *const commands[][4] = {
    {"troupe", "ps"}, {"troupe", "ps", "--json"}, {"troupe", "config", "show"}, {"troupe", "doctor"}};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    const char *arguments[5] = {0};
    memcpy (arguments, commands[i], sizeof commands[i]);
    process_t *command = process_start (arguments);
    process_close_input (command);
    process_wait (command);
    keys_expect_hidden (process_output (command));
    keys_expect_hidden (process_errors (command));
    process_destroy (&command);
  }
  process_signal (up, SIGINT);
  process_expect_exit (up, 0);
  keys_expect_hidden (process_output (up));
  keys_expect_hidden (process_errors (up));
  process_destroy (&up);
}

// Another language, by the protocol's page alone.
Test (tcp, a_peer_in_python_shows_its_key)
{
  const char *python = getenv ("PYTHON");
  process_t *up = keys_up ();
  KEYS_MAKE ("echo", "--serves", "tool/echo");
  process_t *echo = process_run (python ? python : "/usr/bin/python3", TROUPE_SOURCE_DIR "/docs/reference/echo.py",
                                 keys_endpoint, "keys/echo.key", "keys/b1.pub");
  process_t *call = process_run ("troupe", "call", "tool/echo", "\"hi\"", "--wait", "--deadline", "20s");
  process_close_input (call);
  process_expect_exit (call, 0);
  cr_expect_str_eq (process_output (call), "\"hi\"\n");
  process_destroy (&call);
  process_signal (echo, SIGINT);
  process_expect_exit (echo, 0);
  process_destroy (&echo);
  mesh_down (&up);
}

Test (tcp, keys_are_made_once)
{
  process_t *up = keys_up ();
  mesh_down (&up);
  process_t *again = process_run ("troupe", "keygen", "--mesh");
  process_expect_exit (again, 0);
  cr_expect_str_eq (process_output (again), "");
  process_destroy (&again);
  process_t *same = process_run ("troupe", "keygen", "agent-alice");
  process_expect_exit (same, 1);
  cr_expect (text_matches (process_errors (same), "conflict: the key exists"), "%s", process_errors (same));
  process_destroy (&same);
}
