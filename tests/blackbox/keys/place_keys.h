// SPDX-License-Identifier: Apache-2.0
//
// A mesh on tcp with keys, and those who come to it.
#ifndef TROUPE_BLACKBOX_PLACE_KEYS_H
#define TROUPE_BLACKBOX_PLACE_KEYS_H

#include "blackbox/harness/mesh.h"
#include "troupe/keys.h"
#include "troupe/wire.h"

extern char keys_endpoint[64], keys_publish[64]; // of its broker

// Makes the mesh's keys by `troupe keygen --mesh`, and runs it by `troupe up`: mesh_plain with a broker b1 on tcp.
process_t *keys_up (void);
// `troupe keygen NAME ARGUMENT...` in the mesh's directory of keys; NULL-terminated.
void keys_make (const char *const *arguments);
#define KEYS_MAKE(...) keys_make ((const char *const[]){__VA_ARGS__, NULL})
// Writes NAME.yaml: the mesh's configuration for a process whose key is `file`.
void keys_configure (const char *name, const char *file);
// A counter of the broker, by a report that the operator asks for.
json_int_t keys_counter (const char *name);
// Asserts that no secret key of the directory stands in a text.
void keys_expect_hidden (const char *text);

// A socket of this type that shows a key of the mesh's directory, connected.
typedef struct {
  void *zmq, *socket;
} visitor_t;

visitor_t visitor_open (int type, const char *key, const char *endpoint);
void visitor_close (visitor_t *self);
void visitor_send (visitor_t *self, const troupe_header_t *header);
// Waits for a message of that command, other than heartbeats; of a refusal, its error.
void visitor_expect (visitor_t *self, troupe_command_t command, troupe_error_t *error);
// Says hello and is welcomed.
void visitor_greet (visitor_t *self);

#endif
