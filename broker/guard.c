// SPDX-License-Identifier: Apache-2.0
//
// The ZAP handler is a ROUTER at inproc://zeromq.zap.01, read by the broker's loop as any other socket: libzmq's thread
// asks there and lets the connection wait for the answer, nobody else waits. A connection whose answer never comes is
// dropped after the handshake's time (socket.c).
//
// CURVE without a handler admits whoever has any key at all. So three things must hold before a socket is bound: the
// handler is bound; a question sent as libzmq sends it is answered by it (the proof below); and the sockets have
// ZMQ_ZAP_ENFORCE_DOMAIN, by which libzmq itself drops every connection if the handler should ever be gone.
//
// ipc sockets without tokens are left open: there the file's permissions decide.

#include "broker/guard.h"

#include "troupe/log.h"
#include "troupe/socket.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
  LOOK_MS = 1000,  // at the directory of keys
  TELL_MS = 1000,  // between lines in the log about those who were turned away
  BATCH = 100,     // questions in one go
  PROOF_MS = 1000, // an answer within this process takes microseconds
  FRAMES_MAX = 10, // route, empty, version, request, domain, address, id, mechanism, and two of credentials
  TEXT_SIZE = 256,
  ZAP_ENFORCE_DOMAIN = 93, // ZMQ_ZAP_ENFORCE_DOMAIN: zmq.h has it among the drafts, libzmq takes it always
};

enum { ROUTE, EMPTY, VERSION, REQUEST, DOMAIN_, ADDRESS, ID, MECHANISM, CREDENTIALS };

struct guard {
  guard_options_t options;
  troupe_loop_t *loop;
  void *handler;
  troupe_keyring_t *ring;
  troupe_key_t key; // the broker's own
  bool keyed, tokens;
  int64_t look_at, tell_at;
};

static const char zap[] = "inproc://zeromq.zap.01", domain[] = "troupe";
static const char ipc[] = "ipc://";

// -- Questions and answers -------------------------------------------------------------------------------------------

static bool
is_text (const zmq_msg_t *frame, const char *text)
{
  size_t size = zmq_msg_size (frame);
  return size == strlen (text) && memcmp (zmq_msg_data ((zmq_msg_t *)(uintptr_t)frame), text, size) == 0;
}

// A frame as text; false: too long, or with a NUL.
static bool
take_text (char out[TEXT_SIZE], const zmq_msg_t *frame)
{
  size_t size = zmq_msg_size (frame);
  const char *data = zmq_msg_data ((zmq_msg_t *)(uintptr_t)frame);
  if (size >= TEXT_SIZE || memchr (data, '\0', size) != NULL)
    return false;
  memcpy (out, data, size);
  out[size] = '\0';
  return true;
}

// `who` is what is said of one that isn't known: its key, or the name that it gave.
static const troupe_identity_t *
judge (const guard_t *self, const zmq_msg_t *frames, size_t count, char who[TEXT_SIZE])
{
  char password[TEXT_SIZE];
  snprintf (who, TEXT_SIZE, "nobody");
  if (!is_text (&frames[VERSION], "1.0") || !is_text (&frames[DOMAIN_], domain))
    return NULL;
  if (is_text (&frames[MECHANISM], "CURVE") && count == CREDENTIALS + 1 && zmq_msg_size (&frames[CREDENTIALS]) == 32) {
    zmq_z85_encode (who, zmq_msg_data ((zmq_msg_t *)(uintptr_t)&frames[CREDENTIALS]), 32);
    return troupe_keyring_of_key (self->ring, who);
  }
  if (!is_text (&frames[MECHANISM], "PLAIN") || count != CREDENTIALS + 2 || !take_text (who, &frames[CREDENTIALS]) ||
      !take_text (password, &frames[CREDENTIALS + 1]))
    return NULL;
  const troupe_identity_t *identity = troupe_keyring_of_token (self->ring, who, password);
  explicit_bzero (password, sizeof password);
  return identity;
}

static bool
send_text (void *socket, const void *text, size_t size, bool more)
{
  return zmq_send (socket, text, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
}

static void
answer (const guard_t *self, zmq_msg_t *frames, const troupe_identity_t *identity)
{
  const char *status = identity != NULL ? "200" : "400", *text = identity != NULL ? "OK" : "not known here";
  const char *user = identity != NULL ? troupe_identity_user (identity) : "";
  bool sent = send_text (self->handler, zmq_msg_data (&frames[ROUTE]), zmq_msg_size (&frames[ROUTE]), true) &&
              send_text (self->handler, "", 0, true) && send_text (self->handler, "1.0", 3, true) &&
              send_text (self->handler, zmq_msg_data (&frames[REQUEST]), zmq_msg_size (&frames[REQUEST]), true) &&
              send_text (self->handler, status, strlen (status), true) &&
              send_text (self->handler, text, strlen (text), true) &&
              send_text (self->handler, user, strlen (user), true) && send_text (self->handler, "", 0, false);
  if (!sent) // it is gone, and its connection with it
    troupe_log (TROUPE_LOG_DEBUG, "a connection's question can't be answered", "why", zmq_strerror (errno), NULL);
}

static void
tell_refused (guard_t *self, const zmq_msg_t *address, const char *who)
{
  char from[TEXT_SIZE];
  int64_t now = troupe_loop_now ();
  if (self->options.refused != NULL)
    self->options.refused (self->options.context);
  if (now < self->tell_at)
    return;
  self->tell_at = now + TELL_MS;
  troupe_log (TROUPE_LOG_WARNING, "a connection is refused: its key or token is not known here", "key", who, "address",
              take_text (from, address) ? from : "?", "next",
              "if it may come, put its .pub file into the directory of keys", NULL);
}

// False: there was no question.
static bool
take_question (guard_t *self)
{
  zmq_msg_t frames[FRAMES_MAX];
  size_t count;
  char who[TEXT_SIZE];
  if (troupe_socket_receive (self->handler, frames, FRAMES_MAX, &count) != 0)
    return false;
  if (count > MECHANISM && count <= FRAMES_MAX) {
    const troupe_identity_t *identity = judge (self, frames, count, who);
    answer (self, frames, identity);
    if (identity == NULL && self->loop != NULL) // not the proof
      tell_refused (self, &frames[ADDRESS], who);
  }
  troupe_socket_close_frames (frames, FRAMES_MAX, count);
  return true;
}

static void
on_question (void *context, short events)
{
  guard_t *self = context;
  (void)events;
  for (int i = 0; i < BATCH && take_question (self); i++)
    ;
}

// -- The proof -------------------------------------------------------------------------------------------------------

static bool
ask (void *socket)
{
  static const char *const question[] = {"", "1.0", "proof", domain, "127.0.0.1", "", "NULL"};
  size_t count = sizeof question / sizeof *question;
  for (size_t i = 0; i < count; i++)
    if (!send_text (socket, question[i], strlen (question[i]), i + 1 < count))
      return false;
  return true;
}

// Whether what answers at that address is this guard, and says no.
static bool
is_answered (guard_t *self, void *socket)
{
  zmq_msg_t frames[7];
  size_t count;
  zmq_pollitem_t question = {.socket = self->handler, .events = ZMQ_POLLIN};
  zmq_pollitem_t reply = {.socket = socket, .events = ZMQ_POLLIN};
  if (!ask (socket) || zmq_poll (&question, 1, PROOF_MS) <= 0 || !take_question (self) ||
      zmq_poll (&reply, 1, PROOF_MS) <= 0 || troupe_socket_receive (socket, frames, 7, &count) != 0)
    return false;
  bool refused = count == 7 && is_text (&frames[2], "proof") && is_text (&frames[3], "400");
  troupe_socket_close_frames (frames, 7, count);
  return refused;
}

static troupe_err_t
prove (guard_t *self, void *zmq, troupe_error_t *error)
{
  void *socket = NULL;
  troupe_err_t err = troupe_socket_new (&socket, zmq, ZMQ_DEALER, error);
  if (err == TROUPE_OK)
    err = troupe_socket_connect (socket, zap, error);
  if (err == TROUPE_OK && !is_answered (self, socket))
    err = troupe_error_set (
      error, TROUPE_INTERNAL, self->options.name, "report it",
      "nobody would check the keys of connections (the ZAP handler doesn't answer), so none is taken");
  troupe_socket_close (&socket, false);
  return err;
}

// -- Making and ending -----------------------------------------------------------------------------------------------

static troupe_err_t
read_keys (guard_t *self, troupe_error_t *error)
{
  char path[PATH_MAX];
  const char *directory = self->options.keys;
  snprintf (path, sizeof path, "%s/%s.key", directory, self->options.name);
  troupe_err_t err = troupe_key_read (&self->key, path, error);
  if (err == TROUPE_NOT_FOUND && error != NULL)
    snprintf (error->next, sizeof error->next, "make the mesh's keys by `troupe keygen --mesh`");
  if (err == TROUPE_OK && self->key.secret_key[0] == '\0')
    err = troupe_error_set (error, TROUPE_BAD_CONFIG, path, "make a key by `troupe keygen`",
                            "there is no secret key in it");
  if (err == TROUPE_OK)
    err = troupe_keyring_load (self->ring, directory, error);
  if (err != TROUPE_OK)
    return err;
  self->keyed = true;
  troupe_log_secret (self->key.secret_key);
  return TROUPE_OK;
}

static troupe_err_t
open_handler (guard_t *self, void *zmq, troupe_error_t *error)
{
  troupe_err_t err = troupe_socket_new (&self->handler, zmq, ZMQ_ROUTER, error);
  if (err == TROUPE_OK)
    err = troupe_socket_bind (self->handler, zap, error);
  if (err == TROUPE_OK)
    err = prove (self, zmq, error);
  return err;
}

troupe_err_t
guard_new (guard_t **out, void *zmq, const guard_options_t *options, troupe_error_t *error)
{
  *out = NULL;
  guard_t *self = calloc (1, sizeof *self);
  if (self == NULL || troupe_keyring_new (&self->ring) != TROUPE_OK) {
    free (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, options->name, NULL, "no memory for the broker");
  }
  self->options = *options;
  self->tokens = options->tokens != NULL;
  self->options.tokens = NULL;
  troupe_err_t err = self->tokens ? troupe_keyring_add_tokens (self->ring, options->tokens, error) : TROUPE_OK;
  if (err == TROUPE_OK && options->keys != NULL)
    err = read_keys (self, error);
  if (err == TROUPE_OK)
    err = open_handler (self, zmq, error);
  if (err == TROUPE_OK)
    *out = self;
  else
    guard_destroy (&self);
  return err;
}

troupe_err_t
guard_join (guard_t *self, troupe_loop_t *loop, troupe_error_t *error)
{
  if (troupe_loop_add_socket (loop, self->handler, on_question, self) != TROUPE_OK)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->options.name, NULL, "no memory for the broker");
  self->loop = loop;
  return TROUPE_OK;
}

void
guard_destroy (guard_t **self_p)
{
  guard_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  if (self->loop != NULL)
    troupe_loop_remove_socket (self->loop, self->handler);
  troupe_socket_close (&self->handler, false);
  troupe_keyring_destroy (&self->ring);
  troupe_key_forget (&self->key);
  free (self);
}

// -- Sockets and frames ----------------------------------------------------------------------------------------------

troupe_err_t
guard_protect (guard_t *self, void *socket, const char *endpoint, bool *guarded, troupe_error_t *error)
{
  int yes = 1;
  bool plain = strncmp (endpoint, ipc, strlen (ipc)) == 0;
  *guarded = plain ? self->tokens : !self->options.insecure;
  if (!*guarded)
    return TROUPE_OK;
  if (!plain && !self->keyed)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, endpoint,
                             "make keys by `troupe keygen --mesh` and set keys.directory", "tcp needs keys");
  bool set = zmq_setsockopt (socket, ZMQ_ZAP_DOMAIN, domain, strlen (domain)) == 0 &&
             zmq_setsockopt (socket, ZAP_ENFORCE_DOMAIN, &yes, sizeof yes) == 0;
  if (set && plain)
    set = zmq_setsockopt (socket, ZMQ_PLAIN_SERVER, &yes, sizeof yes) == 0;
  else if (set)
    set = zmq_setsockopt (socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
          zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, self->key.secret_key, strlen (self->key.secret_key)) == 0;
  if (set)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_IO, endpoint, "install libzmq 4.3.4 or later, with CURVE",
                           "the socket can't be protected: %s", zmq_strerror (errno));
}

const troupe_identity_t *
guard_identify (const guard_t *self, const zmq_msg_t *frame)
{
  const char *user = zmq_msg_gets (frame, "User-Id");
  return user != NULL ? troupe_keyring_of_user (self->ring, user) : NULL;
}

int64_t
guard_continue (guard_t *self, int64_t now)
{
  if (!self->keyed)
    return TROUPE_LOOP_NEVER;
  if (now >= self->look_at) {
    self->look_at = now + LOOK_MS;
    troupe_keyring_refresh (self->ring, self->options.lost, self->options.context);
  }
  return self->look_at;
}
