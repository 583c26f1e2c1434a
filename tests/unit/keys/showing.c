// SPDX-License-Identifier: Apache-2.0
//
// Credentials: what is shown to which endpoint, and what is said when that isn't taken.

#include "folder.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

static void *zmq, *client;

static void
set_up (void)
{
  folder_open ();
  unsetenv (TROUPE_TOKEN_VARIABLE);
  zmq = zmq_ctx_new ();
  client = zmq_socket (zmq, ZMQ_DEALER);
}

static void
tear_down (void)
{
  zmq_close (client);
  zmq_ctx_term (zmq);
  folder_close ();
}

TestSuite (showing, .init = set_up, .fini = tear_down);

static int
mechanism (void)
{
  int value = -1;
  size_t size = sizeof value;
  cr_assert_eq (zmq_getsockopt (client, ZMQ_MECHANISM, &value, &size), 0);
  return value;
}

static troupe_config_t *
configure (const char *brokers)
{
  char text[1024];
  troupe_config_t *config = NULL;
  troupe_error_t error = {0};
  snprintf (text, sizeof text, "keys: {directory: %s}\nbrokers: [%s]\n", folder, brokers);
  cr_assert_eq (troupe_config_parse (&config, "t.yaml", text, strlen (text), NULL, &error), TROUPE_OK, "%s", error.why);
  return config;
}

static const char two[] = "{name: b1, endpoint: 'tcp://h:7100'}, {name: b2, endpoint: 'tcp://h:7200'}";

Test (showing, to_tcp_a_key)
{
  char server[TROUPE_KEY_SIZE] = "";
  size_t size = sizeof server;
  troupe_error_t error = {0};
  troupe_credentials_t *credentials;
  folder_key ("b1", "{'broker': true}");
  troupe_key_t second = folder_key ("b2", "{'broker': true}");
  folder_key ("agent-alice", "{}");
  troupe_config_t *config = configure (two);
  cr_assert_eq (troupe_credentials_new (&credentials, config, "agent-alice", &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (troupe_credentials_apply (credentials, client, "tcp://h:7200", "tcp://h:7201", &error), TROUPE_OK);
  cr_expect_eq (mechanism (), ZMQ_CURVE);
  cr_assert_eq (zmq_getsockopt (client, ZMQ_CURVE_SERVERKEY, server, &size), 0);
  cr_expect_str_eq (server, second.public_key);
  cr_expect_eq (troupe_credentials_apply (credentials, client, "tcp://other:1", "tcp://other:1", &error),
                TROUPE_BAD_CONFIG, "of two it can't be told which it is");
  troupe_credentials_destroy (&credentials);
  troupe_config_destroy (&config);
}

Test (showing, a_missing_key_is_an_error)
{
  troupe_error_t error = {0};
  troupe_credentials_t *credentials;
  troupe_config_t *config = configure (two);
  cr_expect_eq (troupe_credentials_new (&credentials, config, "agent-alice", &error), TROUPE_NOT_FOUND);
  folder_key ("b1", "{'broker': true}");
  folder_key ("b2", "{'broker': true}");
  cr_expect_eq (troupe_credentials_new (&credentials, config, "agent-alice", &error), TROUPE_NOT_FOUND);
  cr_expect (strstr (error.object, "agent-alice.key") != NULL && strstr (error.next, "keygen") != NULL, "%s",
             error.object);
  troupe_config_destroy (&config);
  config = configure ("{name: b3}");
  cr_expect_eq (troupe_credentials_new (&credentials, config, "agent-alice", &error), TROUPE_OK, "ipc needs none");
  troupe_credentials_destroy (&credentials);
  troupe_config_destroy (&config);
}

Test (showing, to_an_insecure_one_nothing)
{
  troupe_error_t error = {0};
  troupe_credentials_t *credentials;
  folder_key ("b1", "{'broker': true}");
  folder_key ("me", "{}");
  troupe_config_t *config =
    configure ("{name: b1, endpoint: 'tcp://h:7100'}, {name: b2, endpoint: 'tcp://h:7200', insecure: true}");
  cr_assert_eq (troupe_credentials_new (&credentials, config, "me", &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (troupe_credentials_apply (credentials, client, "tcp://h:7200", "tcp://h:7200", &error), TROUPE_OK);
  cr_expect_eq (mechanism (), ZMQ_NULL);
  troupe_credentials_destroy (&credentials);
  troupe_config_destroy (&config);
}

Test (showing, to_ipc_the_token_next_to_the_socket)
{
  char endpoint[128], name[64] = "";
  size_t size = sizeof name;
  troupe_error_t error = {0};
  snprintf (endpoint, sizeof endpoint, "ipc://%s", folder_path ("b.ipc"));
  cr_assert_eq (troupe_credentials_apply (NULL, client, endpoint, endpoint, &error), TROUPE_OK);
  cr_expect_eq (mechanism (), ZMQ_NULL, "there is none");
  folder_write ("b.ipc.token", "operator:0123\n");
  cr_assert_eq (troupe_credentials_apply (NULL, client, endpoint, "ipc://elsewhere-pub.ipc", &error), TROUPE_OK);
  cr_expect_eq (mechanism (), ZMQ_PLAIN);
  cr_assert_eq (zmq_getsockopt (client, ZMQ_PLAIN_USERNAME, name, &size), 0);
  cr_expect_str_eq (name, "operator");
  setenv (TROUPE_TOKEN_VARIABLE, "agent/alice: 2:4567", 1);
  cr_assert_eq (troupe_credentials_apply (NULL, client, endpoint, endpoint, &error), TROUPE_OK);
  size = sizeof name;
  cr_assert_eq (zmq_getsockopt (client, ZMQ_PLAIN_USERNAME, name, &size), 0);
  cr_expect_str_eq (name, "agent/alice: 2", "the environment's own goes first");
  setenv (TROUPE_TOKEN_VARIABLE, "nonsense", 1);
  cr_expect_eq (troupe_credentials_apply (NULL, client, endpoint, endpoint, &error), TROUPE_BAD_CONFIG);
}

Test (showing, why_it_was_refused_is_said)
{
  troupe_error_t error = {0};
  troupe_credentials_t *credentials;
  troupe_key_t me = folder_key ("me", "{}");
  folder_key ("b1", "{'broker': true}");
  char broker[PATH_MAX];
  strcpy (broker, folder_path ("b1.pub"));
  cr_assert_eq (troupe_credentials_of_files (&credentials, folder_path ("me.key"), broker, &error), TROUPE_OK, "%s",
                error.why);
  cr_expect_eq (troupe_credentials_refused (credentials, "tcp://h:1", ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400, &error),
                TROUPE_PERMISSION);
  cr_expect (strstr (error.why, "doesn't know this process's key: me, ") != NULL, "%s", error.why);
  cr_expect (strstr (error.why, me.public_key) != NULL && strstr (error.next, "me.pub") != NULL);
  cr_expect_eq (troupe_credentials_refused (NULL, "tcp://h:1", ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                                            ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, &error),
                TROUPE_PERMISSION);
  cr_expect (strstr (error.why, "wants a key, and this process has none") != NULL, "%s", error.why);
  cr_expect_eq (troupe_credentials_refused (credentials, "tcp://h:1", ZMQ_EVENT_DISCONNECTED, 0, &error), TROUPE_OK);
  troupe_credentials_destroy (&credentials);
}
