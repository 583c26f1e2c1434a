// SPDX-License-Identifier: Apache-2.0
//
// Who gets in. libzmq asks the guard about each new connection (ZAP, ZeroMQ RFC 27): over tcp about its key (CURVE),
// over ipc about its token (PLAIN). From then on each frame of the connection tells who that was (the User-Id), and no
// peer can tell otherwise. Keys that come, go or change while the broker runs are noticed within a second.
#ifndef BROKER_GUARD_H
#define BROKER_GUARD_H

#include "troupe/keys.h"
#include "troupe/loop.h"

#include <zmq.h>

typedef struct guard guard_t;

typedef struct {
  const char *name; // the broker's
  const char *keys; // the directory of those who may come, and of the broker's own <name>.key; NULL: no tcp
  json_t
    *tokens; // a list of those who may come over ipc, as troupe_keyring_add_tokens takes it; NULL: whoever can open it
  bool insecure;                                  // tcp without keys
  void (*lost) (void *context, const char *user); // from guard_continue: that one may not come any more
  void (*refused) (void *context);                // for each connection that was turned away
  void *context;
} guard_options_t;

// Before any socket of the context is bound. It proves that libzmq will ask this guard, and fails otherwise (internal,
// address_in_use): without one, CURVE would admit every key. not_found, bad_config (keys), permission, io, no_memory.
troupe_err_t guard_new (guard_t **out, void *zmq, const guard_options_t *options, troupe_error_t *error);
// After the context's other sockets were closed, before it is ended.
void guard_destroy (guard_t **self_p);
troupe_err_t guard_join (guard_t *self, troupe_loop_t *loop, troupe_error_t *error);

// Sets a socket up before it is bound to this endpoint. Whether peers are known from then on goes to *guarded.
troupe_err_t guard_protect (guard_t *self, void *socket, const char *endpoint, bool *guarded, troupe_error_t *error);
// Whose frame that is; NULL: that one may not come (any more). Borrowed.
const troupe_identity_t *guard_identify (const guard_t *self, const zmq_msg_t *frame);
// Looks for changes when it is time; returns when it wants to be called next.
int64_t guard_continue (guard_t *self, int64_t now);

#endif
