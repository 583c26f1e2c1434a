// SPDX-License-Identifier: Apache-2.0

#include "blackbox/keys/place_keys.h"

#include "troupe/loop.h"
#include "troupe/socket.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>

enum { ARGUMENTS_MAX = 12 };

char keys_endpoint[64], keys_publish[64];
static int port;

static void
write_config (const char *path, const char *file)
{
  char yaml[2048];
  snprintf (yaml, sizeof yaml,
            "keys: { directory: keys%s%s }\n"
            "brokers:\n  - { name: b1, endpoint: \"tcp://127.0.0.1:%d\", publish: \"tcp://127.0.0.1:%d\" }\n%s",
            file != NULL ? ", file: " : "", file != NULL ? file : "", port, port + 1, mesh_plain);
  place_write (path, yaml);
}

process_t *
keys_up (void)
{
  port = place_free_port ();
  snprintf (keys_endpoint, sizeof keys_endpoint, "tcp://127.0.0.1:%d", port);
  snprintf (keys_publish, sizeof keys_publish, "tcp://127.0.0.1:%d", port + 1);
  write_config ("troupe.yaml", NULL);
  place_write ("rules.yaml", mesh_rules);
  process_t *keygen = process_run ("troupe", "keygen", "--mesh");
  process_expect_exit (keygen, 0);
  process_destroy (&keygen);
  process_t *up = process_run ("troupe", "up", "--json");
  process_expect (up, "\"event\": *\"ready\"");
  return up;
}

void
keys_make (const char *const *arguments)
{
  const char *all[ARGUMENTS_MAX] = {"troupe", "keygen", "-o", "keys"};
  size_t count = 4;
  for (; *arguments != NULL; arguments++)
    all[count++] = *arguments;
  all[count] = NULL;
  process_t *keygen = process_start (all);
  process_expect_exit (keygen, 0);
  process_destroy (&keygen);
}

void
keys_configure (const char *name, const char *file)
{
  char path[64];
  snprintf (path, sizeof path, "%s.yaml", name);
  write_config (path, file);
}

json_int_t
keys_counter (const char *name)
{
  json_t *reports = mesh_report ();
  const json_t *counters = json_object_get (json_array_get (reports, 0), "counters");
  json_int_t value = json_integer_value (json_object_get (counters, name));
  json_decref (reports);
  return value;
}

void
keys_expect_hidden (const char *text)
{
  DIR *directory = opendir ("keys");
  cr_assert_not_null (directory);
  unsigned looked = 0;
  for (const struct dirent *item; (item = readdir (directory)) != NULL;) {
    char path[300];
    troupe_key_t key;
    snprintf (path, sizeof path, "keys/%s", item->d_name);
    if (strstr (path, ".key") == NULL || troupe_key_read (&key, path, NULL) != TROUPE_OK)
      continue;
    looked++;
    cr_assert_null (strstr (text, key.secret_key), "the secret key of %s is told", key.name);
  }
  closedir (directory);
  cr_assert_gt (looked, 0u);
}

// -- Visitors --------------------------------------------------------------------------------------------------------

visitor_t
visitor_open (int type, const char *key, const char *endpoint)
{
  char path[128];
  troupe_credentials_t *credentials;
  troupe_error_t error = {0};
  visitor_t self = {.zmq = zmq_ctx_new ()};
  snprintf (path, sizeof path, "keys/%s.key", key);
  cr_assert_eq (troupe_credentials_of_files (&credentials, path, "keys/b1.pub", &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (troupe_socket_new (&self.socket, self.zmq, type, &error), TROUPE_OK);
  cr_assert_eq (troupe_credentials_apply (credentials, self.socket, endpoint, endpoint, &error), TROUPE_OK);
  cr_assert_eq (troupe_socket_connect (self.socket, endpoint, &error), TROUPE_OK);
  troupe_credentials_destroy (&credentials);
  return self;
}

void
visitor_close (visitor_t *self)
{
  troupe_socket_close (&self->socket, false);
  zmq_ctx_term (self->zmq);
}

void
visitor_send (visitor_t *self, const troupe_header_t *header)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert_gt (size, 0u);
  cr_assert_eq (troupe_socket_send (self->socket, NULL, 0, bytes, size, NULL), 0);
}

static void
read_refusal (troupe_error_t *error, zmq_msg_t *frame)
{
  json_t *body = NULL;
  cr_assert_eq (troupe_value_unpack (zmq_msg_data (frame), zmq_msg_size (frame), &body, NULL), TROUPE_OK);
  troupe_error_of_json (error, body);
  json_decref (body);
}

void
visitor_expect (visitor_t *self, troupe_command_t command, troupe_error_t *error)
{
  int64_t end = troupe_loop_now () + DEADLINE_MS;
  for (bool found = false; !found;) {
    zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
    zmq_msg_t frames[2];
    size_t count;
    troupe_header_t header;
    cr_assert_lt (troupe_loop_now (), end, "no %s", troupe_command_name (command));
    if (zmq_poll (&item, 1, 100) <= 0 || troupe_socket_receive (self->socket, frames, 2, &count) != 0)
      continue;
    cr_assert_eq (troupe_header_decode (&header, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]), NULL),
                  TROUPE_OK);
    found = header.command == command;
    if (found && error != NULL)
      read_refusal (error, &frames[count - 1]);
    troupe_socket_close_frames (frames, 2, count);
  }
}

void
visitor_greet (visitor_t *self)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text ("visitor-1"));
  visitor_send (self, &header);
  visitor_expect (self, TROUPE_CMD_WELCOME, NULL);
}
