// SPDX-License-Identifier: Apache-2.0
//
// The guard, over real sockets: who is let in by CURVE and by PLAIN, and that nothing is bound without it.

#include "broker/guard.h"
#include "troupe/socket.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, TURN_MS = 20 };

static char folder[64], token[TROUPE_TOKEN_SIZE];
static void *zmq, *server;
static troupe_loop_t *loop;
static guard_t *guard;
static troupe_key_t broker, alice;

static void
count_refused (void *context)
{
  ++*(unsigned *)context;
}

static unsigned refused;
static char lost[128];

static void
on_lost (void *context, const char *user)
{
  (void)context;
  snprintf (lost, sizeof lost, "%s", user);
}

static void
save (troupe_key_t *key, const char *name, json_t *rights)
{
  troupe_error_t error = {0};
  cr_assert_eq (troupe_key_make (key, name, &error), TROUPE_OK);
  cr_assert_eq (troupe_key_save (key, folder, rights, &error), TROUPE_OK, "%s", error.why);
  json_decref (rights);
}

static void
set_up (void)
{
  strcpy (folder, "/tmp/troupe-guard-XXXXXX");
  cr_assert_not_null (mkdtemp (folder));
  save (&broker, "b1", json_pack ("{s:b}", "broker", 1));
  save (&alice, "alice", json_object ());
  zmq = zmq_ctx_new ();
  cr_assert_eq (troupe_loop_new (&loop), TROUPE_OK);
}

static void
tear_down (void)
{
  char path[PATH_MAX];
  troupe_socket_close (&server, false);
  guard_destroy (&guard);
  zmq_ctx_term (zmq);
  troupe_loop_destroy (&loop);
  DIR *directory = opendir (folder);
  for (const struct dirent *item; (item = readdir (directory)) != NULL;) {
    snprintf (path, sizeof path, "%s/%s", folder, item->d_name);
    unlink (path);
  }
  closedir (directory);
  rmdir (folder);
}

TestSuite (guard, .init = set_up, .fini = tear_down);

static troupe_err_t
open_guard (const char *keys, json_t *tokens, troupe_error_t *error)
{
  guard_options_t options = {
    .name = "b1", .keys = keys, .tokens = tokens, .refused = count_refused, .lost = on_lost, .context = &refused};
  troupe_err_t err = guard_new (&guard, zmq, &options, error);
  json_decref (tokens);
  return err;
}

static void
open_server (const char *endpoint, char *actual, size_t size)
{
  bool guarded = false;
  troupe_error_t error = {0};
  cr_assert_eq (guard_join (guard, loop, &error), TROUPE_OK);
  cr_assert_eq (troupe_socket_new (&server, zmq, ZMQ_ROUTER, &error), TROUPE_OK);
  cr_assert_eq (guard_protect (guard, server, endpoint, &guarded, &error), TROUPE_OK, "%s", error.why);
  cr_assert (guarded);
  cr_assert_eq (troupe_socket_bind (server, endpoint, &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (troupe_socket_endpoint (server, actual, size), TROUPE_OK);
}

// Whose message comes at the server: its name, or NULL when the connection is refused first.
static const char *
visit (void *client, const char *endpoint)
{
  void *monitor;
  const char *name = NULL;
  cr_assert_eq (troupe_socket_monitor (&monitor, zmq, client,
                                       ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                         ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                                       NULL),
                TROUPE_OK);
  cr_assert_eq (troupe_socket_connect (client, endpoint, NULL), TROUPE_OK);
  zmq_send (client, "hello", 5, 0);
  zmq_msg_t frames[2];
  size_t count = 0;
  int64_t end = troupe_loop_now () + PATIENCE_MS;
  while (name == NULL && troupe_loop_now () < end) {
    troupe_loop_turn (loop, TURN_MS);
    if (troupe_socket_monitor_next (monitor, NULL) != 0)
      break;
    if (troupe_socket_receive (server, frames, 2, &count) != 0)
      continue;
    const troupe_identity_t *identity = guard_identify (guard, &frames[1]);
    name = identity != NULL ? troupe_identity_name (identity) : "?";
    troupe_socket_close_frames (frames, 2, count);
  }
  cr_assert (troupe_loop_now () < end);
  troupe_socket_unmonitor (&monitor, client);
  troupe_socket_close (&client, false);
  return name;
}

static void *
curve_client (const troupe_key_t *key, const char *server_key)
{
  void *client;
  cr_assert_eq (troupe_socket_new (&client, zmq, ZMQ_DEALER, NULL), TROUPE_OK);
  zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, server_key, 40);
  zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, key->public_key, 40);
  zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, key->secret_key, 40);
  return client;
}

static void *
plain_client (const char *name, const char *password)
{
  void *client;
  cr_assert_eq (troupe_socket_new (&client, zmq, ZMQ_DEALER, NULL), TROUPE_OK);
  if (name != NULL) {
    zmq_setsockopt (client, ZMQ_PLAIN_USERNAME, name, strlen (name));
    zmq_setsockopt (client, ZMQ_PLAIN_PASSWORD, password, strlen (password));
  }
  return client;
}

Test (guard, lets_in_who_has_a_key_that_it_knows)
{
  char endpoint[64];
  troupe_error_t error = {0};
  troupe_key_t stranger;
  troupe_key_make (&stranger, "alice", NULL);
  cr_assert_eq (open_guard (folder, NULL, &error), TROUPE_OK, "%s", error.why);
  open_server ("tcp://127.0.0.1:*", endpoint, sizeof endpoint);
  cr_expect_str_eq (visit (curve_client (&alice, broker.public_key), endpoint), "alice");
  cr_expect_eq (refused, 0u);
  cr_expect_null (visit (curve_client (&stranger, broker.public_key), endpoint), "an unknown key");
  cr_expect_eq (refused, 1u);
  cr_expect_null (visit (plain_client (NULL, NULL), endpoint), "none at all");
  cr_expect_null (visit (curve_client (&broker, broker.public_key), endpoint), "a broker's own");
  cr_expect_null (visit (curve_client (&alice, alice.public_key), endpoint), "who takes it for another broker");
}

Test (guard, a_key_comes_and_goes)
{
  char endpoint[64], from[PATH_MAX], to[PATH_MAX], user[64];
  troupe_error_t error = {0};
  cr_assert_eq (open_guard (folder, NULL, &error), TROUPE_OK);
  open_server ("tcp://127.0.0.1:*", endpoint, sizeof endpoint);
  snprintf (from, sizeof from, "%s/alice.pub", folder);
  snprintf (to, sizeof to, "%s/alice.off", folder);
  guard_continue (guard, 0);
  cr_expect_str_eq (lost, "");
  cr_assert_eq (rename (from, to), 0);
  guard_continue (guard, 10000);
  snprintf (user, sizeof user, "key:%s", alice.public_key);
  cr_expect_str_eq (lost, user);
  cr_expect_null (visit (curve_client (&alice, broker.public_key), endpoint));
  cr_assert_eq (rename (to, from), 0);
  guard_continue (guard, 20000);
  cr_expect_str_eq (visit (curve_client (&alice, broker.public_key), endpoint), "alice");
}

Test (guard, over_ipc_it_asks_for_tokens)
{
  char endpoint[128], actual[128];
  troupe_error_t error = {0};
  troupe_token_make (token, NULL);
  json_t *tokens = json_pack ("[{s:s, s:s}]", "name", "agent/alice", "token", token);
  cr_assert_eq (open_guard (NULL, tokens, &error), TROUPE_OK, "%s", error.why);
  snprintf (endpoint, sizeof endpoint, "ipc://%s/b.ipc", folder);
  open_server (endpoint, actual, sizeof actual);
  cr_expect_str_eq (visit (plain_client ("agent/alice", token), endpoint), "agent/alice");
  cr_expect_null (visit (plain_client ("agent/alice", "guess"), endpoint));
  cr_expect_null (visit (plain_client ("agent/bob", token), endpoint));
  cr_expect_null (visit (plain_client (NULL, NULL), endpoint), "without a token");
  cr_expect_eq (refused, 2u);
}

Test (guard, is_the_one_that_libzmq_asks)
{
  troupe_error_t error = {0};
  void *taken;
  cr_assert_eq (troupe_socket_new (&taken, zmq, ZMQ_ROUTER, NULL), TROUPE_OK);
  cr_assert_eq (troupe_socket_bind (taken, "inproc://zeromq.zap.01", NULL), TROUPE_OK);
  cr_expect_eq (open_guard (folder, NULL, &error), TROUPE_ADDRESS_IN_USE, "somebody else would be asked");
  troupe_socket_close (&taken, false);
  cr_expect_null (guard);
}

Test (guard, nothing_is_protected_by_what_is_not_there)
{
  troupe_error_t error = {0};
  bool guarded;
  json_t *none = json_array ();
  cr_assert_eq (open_guard (NULL, none, &error), TROUPE_OK);
  cr_assert_eq (troupe_socket_new (&server, zmq, ZMQ_ROUTER, NULL), TROUPE_OK);
  cr_expect_eq (guard_protect (guard, server, "tcp://127.0.0.1:*", &guarded, &error), TROUPE_BAD_CONFIG);
}

Test (guard, without_its_own_key_there_is_none)
{
  char path[PATH_MAX];
  troupe_error_t error = {0};
  snprintf (path, sizeof path, "%s/b1.key", folder);
  unlink (path);
  cr_expect_eq (open_guard (folder, NULL, &error), TROUPE_NOT_FOUND);
  cr_expect (strstr (error.next, "keygen") != NULL);
}
