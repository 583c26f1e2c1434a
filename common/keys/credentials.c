// SPDX-License-Identifier: Apache-2.0
//
// Which mechanism a socket gets follows from its endpoint alone: CURVE for tcp, PLAIN for ipc, and NULL where there is
// nothing to show, so that a broker which wants a key says so instead of being guessed at.
//
// The token next to a socket is read anew for each connection: `troupe up` makes new ones each time it begins.

#include "troupe/keys.h"
#include "troupe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum {
  BROKERS_MAX = 16, // as a node has
  TOKEN_LINE_SIZE = 256,
};

typedef struct {
  char *endpoint;
  char public_key[TROUPE_KEY_SIZE]; // "": it has none (insecure)
} server_t;

struct troupe_credentials {
  bool keyed; // has a key
  troupe_key_t key;
  char *path; // of its file
  server_t servers[BROKERS_MAX];
  size_t servers_count;
};

static const char ipc[] = "ipc://", tcp[] = "tcp://";

static bool
begins (const char *text, const char *with)
{
  return strncmp (text, with, strlen (with)) == 0;
}

// -- Keys ------------------------------------------------------------------------------------------------------------

static troupe_err_t
read_own_key (troupe_credentials_t *self, const char *path, troupe_error_t *error)
{
  struct stat info;
  troupe_err_t err = troupe_key_read (&self->key, path, error);
  if (err == TROUPE_NOT_FOUND && error != NULL)
    snprintf (error->next, sizeof error->next, "make it by `troupe keygen`");
  if (err == TROUPE_OK && self->key.secret_key[0] == '\0')
    err = troupe_error_set (error, TROUPE_BAD_CONFIG, path, "name the .key file", "there is no secret key in it");
  if (err == TROUPE_OK && (self->path = strdup (path)) == NULL)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  if (err != TROUPE_OK)
    return err;
  self->keyed = true;
  troupe_log_secret (self->key.secret_key);
  if (stat (path, &info) == 0 && S_ISREG (info.st_mode) && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    troupe_log (TROUPE_LOG_WARNING, "every user of this machine can read a secret key", "file", path, "next",
                "chmod 600", NULL);
  return TROUPE_OK;
}

// `path`: the broker's .pub file; NULL: it has none.
static troupe_err_t
add_server (troupe_credentials_t *self, const char *endpoint, const char *path, troupe_error_t *error)
{
  troupe_key_t key = {0};
  server_t *server = &self->servers[self->servers_count];
  troupe_err_t err = path != NULL ? troupe_key_read (&key, path, error) : TROUPE_OK;
  if (err == TROUPE_NOT_FOUND && error != NULL)
    snprintf (error->next, sizeof error->next, "copy the broker's here, or make the mesh's keys: troupe keygen --mesh");
  if (err != TROUPE_OK)
    return err;
  if (endpoint != NULL && (server->endpoint = strdup (endpoint)) == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  strcpy (server->public_key, key.public_key);
  troupe_key_forget (&key);
  self->servers_count++;
  return TROUPE_OK;
}

static troupe_err_t
read_keys (troupe_credentials_t *self, const troupe_config_t *config, const char *name, troupe_error_t *error)
{
  char path[PATH_MAX];
  bool needed = false;
  const json_t *brokers = troupe_config_get (config, "brokers");
  const char *directory = troupe_config_text (config, "keys.directory"),
             *own = troupe_config_text (config, "keys.file");
  for (size_t i = 0; directory != NULL && i < json_array_size (brokers) && i < BROKERS_MAX; i++) {
    const json_t *broker = json_array_get (brokers, i);
    const char *endpoint = json_string_value (json_object_get (broker, "endpoint"));
    bool insecure = json_is_true (json_object_get (broker, "insecure"));
    if (!begins (endpoint, tcp))
      continue;
    snprintf (path, sizeof path, "%s/%s.pub", directory, json_string_value (json_object_get (broker, "name")));
    troupe_err_t err = add_server (self, endpoint, insecure ? NULL : path, error);
    if (err != TROUPE_OK)
      return err;
    needed = needed || !insecure;
  }
  if (!needed)
    return TROUPE_OK;
  snprintf (path, sizeof path, "%s/%s.key", directory, name);
  return read_own_key (self, own != NULL ? own : path, error);
}

// -- Making and ending -----------------------------------------------------------------------------------------------

troupe_err_t
troupe_credentials_new (troupe_credentials_t **out, const troupe_config_t *config, const char *name,
                        troupe_error_t *error)
{
  *out = NULL;
  troupe_credentials_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "out of memory");
  troupe_err_t err = config != NULL ? read_keys (self, config, name, error) : TROUPE_OK;
  if (err == TROUPE_OK)
    *out = self;
  else
    troupe_credentials_destroy (&self);
  return err;
}

troupe_err_t
troupe_credentials_of_files (troupe_credentials_t **out, const char *key, const char *broker, troupe_error_t *error)
{
  troupe_err_t err = troupe_credentials_new (out, NULL, key, error);
  if (err == TROUPE_OK)
    err = add_server (*out, NULL, broker, error);
  if (err == TROUPE_OK)
    err = read_own_key (*out, key, error);
  if (err != TROUPE_OK)
    troupe_credentials_destroy (out);
  return err;
}

void
troupe_credentials_destroy (troupe_credentials_t **self_p)
{
  troupe_credentials_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  for (size_t i = 0; i < BROKERS_MAX; i++)
    free (self->servers[i].endpoint);
  troupe_key_forget (&self->key);
  free (self->path);
  free (self);
}

// -- Showing them ----------------------------------------------------------------------------------------------------

// Of an endpoint that the configuration doesn't name, the only broker's.
static const server_t *
server_of (const troupe_credentials_t *self, const char *endpoint)
{
  for (size_t i = 0; i < self->servers_count; i++)
    if (self->servers[i].endpoint != NULL && strcmp (self->servers[i].endpoint, endpoint) == 0)
      return &self->servers[i];
  return self->servers_count == 1 ? &self->servers[0] : NULL;
}

static troupe_err_t
set_text (void *socket, int option, const char *text, troupe_error_t *error)
{
  if (zmq_setsockopt (socket, option, text, strlen (text)) == 0)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_IO, "ZeroMQ socket", "install libzmq 4.3.4 or later, with CURVE",
                           "option %d can't be set: %s", option, zmq_strerror (errno));
}

static troupe_err_t
apply_key (const troupe_credentials_t *self, void *socket, const char *broker, troupe_error_t *error)
{
  const server_t *server = server_of (self, broker);
  if (server == NULL)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, broker, "list the broker in the configuration, by this endpoint",
                             "which of the brokers' keys is that one's isn't known");
  if (server->public_key[0] == '\0')
    return TROUPE_OK;
  troupe_err_t err = set_text (socket, ZMQ_CURVE_SERVERKEY, server->public_key, error);
  if (err == TROUPE_OK)
    err = set_text (socket, ZMQ_CURVE_PUBLICKEY, self->key.public_key, error);
  if (err == TROUPE_OK)
    err = set_text (socket, ZMQ_CURVE_SECRETKEY, self->key.secret_key, error);
  return err;
}

// "<name>:<token>"; false: there is none.
static bool
find_token (char out[TOKEN_LINE_SIZE], const char *broker)
{
  char path[PATH_MAX];
  const char *given = getenv (TROUPE_TOKEN_VARIABLE);
  if (given != NULL && *given != '\0') {
    snprintf (out, TOKEN_LINE_SIZE, "%s", given);
    return true;
  }
  if (snprintf (path, sizeof path, "%s%s", broker + strlen (ipc), TROUPE_TOKEN_SUFFIX) >= (int)sizeof path)
    return false;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return false;
  ssize_t size = read (fd, out, TOKEN_LINE_SIZE - 1);
  close (fd);
  out[size > 0 ? size : 0] = '\0';
  out[strcspn (out, "\r\n")] = '\0';
  return size > 0;
}

static troupe_err_t
apply_token (void *socket, const char *broker, troupe_error_t *error)
{
  char line[TOKEN_LINE_SIZE];
  if (!begins (broker, ipc) || !find_token (line, broker))
    return TROUPE_OK;
  char *colon = strrchr (line, ':');
  troupe_err_t err = TROUPE_OK;
  if (colon == NULL || colon == line || colon[1] == '\0')
    err = troupe_error_set (error, TROUPE_BAD_CONFIG, broker, "restart the mesh",
                            "the token for it isn't of the form name:token");
  else {
    *colon = '\0';
    err = set_text (socket, ZMQ_PLAIN_USERNAME, line, error);
    if (err == TROUPE_OK)
      err = set_text (socket, ZMQ_PLAIN_PASSWORD, colon + 1, error);
  }
  explicit_bzero (line, sizeof line);
  return err;
}

troupe_err_t
troupe_credentials_apply (const troupe_credentials_t *self, void *socket, const char *broker, const char *endpoint,
                          troupe_error_t *error)
{
  if (begins (endpoint, tcp))
    return self != NULL && self->keyed ? apply_key (self, socket, broker, error) : TROUPE_OK;
  return apply_token (socket, broker, error);
}

// -- Being turned away -----------------------------------------------------------------------------------------------

static troupe_err_t
not_known (const troupe_credentials_t *self, const char *endpoint, troupe_error_t *error)
{
  if (!begins (endpoint, tcp))
    return troupe_error_set (error, TROUPE_PERMISSION, endpoint, "restart this process, or the mesh by `troupe up`",
                             "the broker doesn't know this process's token");
  if (self == NULL || !self->keyed)
    return troupe_error_set (error, TROUPE_PERMISSION, endpoint, "make a key by `troupe keygen`",
                             "the broker doesn't take a process without a key");
  char next[TROUPE_ERROR_NEXT_MAX];
  snprintf (next, sizeof next, "put %s.pub into the broker's directory of keys", self->key.name);
  return troupe_error_set (error, TROUPE_PERMISSION, endpoint, next,
                           "the broker doesn't know this process's key: %s, %s", self->key.name, self->key.public_key);
}

static troupe_err_t
wants_other (const char *endpoint, bool shown, troupe_error_t *error)
{
  if (begins (endpoint, tcp) && shown)
    return troupe_error_set (error, TROUPE_PERMISSION, endpoint,
                             "give the broker a key too, or set insecure for it here",
                             "the broker has no key, and this process wants one");
  if (begins (endpoint, tcp))
    return troupe_error_set (error, TROUPE_PERMISSION, endpoint,
                             "make a key by `troupe keygen`, and set keys.directory",
                             "the broker wants a key, and this process has none");
  return troupe_error_set (error, TROUPE_PERMISSION, endpoint,
                           "let it be started by `troupe up`, or read the token next to the socket",
                           "the broker wants a token, and this process has none");
}

troupe_err_t
troupe_credentials_refused (const troupe_credentials_t *self, const char *endpoint, int event, int value,
                            troupe_error_t *error)
{
  bool shown = self != NULL && self->keyed && begins (endpoint, tcp);
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
    return not_known (self, endpoint, error);
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL && value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
    return wants_other (endpoint, shown, error);
  if (shown && (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL || event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL))
    return troupe_error_set (error, TROUPE_PERMISSION, endpoint, "get the broker's .pub file again",
                             "the broker there hasn't the key that is known here as its own");
  return TROUPE_OK;
}
