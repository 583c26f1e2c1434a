// SPDX-License-Identifier: Apache-2.0
//
// The broker's edge: moves bytes between its sockets, the ledger and the core, and decides nothing.
//
// Thread rule: the loop's thread only.
#ifndef BROKER_EDGE_H
#define BROKER_EDGE_H

#include "broker/core.h"

#include "troupe/loop.h"

typedef struct broker_edge broker_edge_t;

typedef struct {
  const char *name;
  const char *mesh;     // the mesh's name; NULL: peers of any are welcome
  const char *endpoint; // where it takes calls
  const char *publish;  // where it publishes
  const char *bind;     // the host that both are bound to, if tcp, when others reach them by another; NULL: their own
  const char *store;    // Redis's url
  const char *password; // NULL: none
  const char *sentinel_password; // NULL: none
  const char *keys;     // the directory of keys; NULL: none, and then no tcp unless `insecure`
  json_t *tokens;       // who may come over ipc (troupe_keyring_add_tokens); NULL: whoever may open the socket's file
  bool insecure;        // tcp without keys
  broker_limits_t limits;
  void (*ready) (void *context); // once, when the store is there and calls are taken; may be NULL
  void *context;
} broker_edge_options_t;

// Binds, and connects to the store in the background. Everything in `options` is copied. address_in_use, bad_argument
// (an endpoint, the url), permission, io, no_memory.
troupe_err_t broker_edge_new (broker_edge_t **out, troupe_loop_t *loop, const broker_edge_options_t *options,
                              troupe_error_t *error);
void broker_edge_destroy (broker_edge_t **self_p);

// Says bye to all peers and takes nothing more. `stopped (context)` is called from the loop when the store has answered
// what it was asked, or after two seconds.
void broker_edge_stop (broker_edge_t *self, void (*stopped) (void *context), void *context);

// Where others reach its sockets, with the ports that "*" became.
const char *broker_edge_endpoint (const broker_edge_t *self);
const char *broker_edge_publish (const broker_edge_t *self);
const broker_core_t *broker_edge_core (const broker_edge_t *self);

#endif
