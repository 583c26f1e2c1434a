// SPDX-License-Identifier: Apache-2.0
//
// Keys: who may come to a mesh over TCP, as whom, and what for. Tokens: the same for the ipc sockets of one machine.
//
// A *key* is a pair of Curve25519 keys, in the text form Z85 (ZeroMQ RFC 32), 40 characters each. It lies in two files
// of YAML, made by `troupe keygen`:
//
//   alice.key     name: alice               secret: whoever can read it is alice
//                 public: "..."
//                 secret: "..."
//   alice.pub     name: alice               lies in the brokers' directory of keys: what alice may do
//                 public: "..."
//                 serves: [agent/alice]     services: `*` stands for any characters; without it: none
//                 calls: true               whether it may call services; without it: true
//                 sessions: ["*"]           sessions that it may begin or go on with; without it: all
//                 operator: false           may see everything: reports. Without it: false
//                 broker: false             a broker's own: clients know it by this, and it lets nobody in
//
// A broker holds a *keyring* and knows each connection by the *identity* that its key stands for. A client shows
// *credentials*: its key to a tcp endpoint, a token to an ipc one. CURVE (RFC 26) proves both sides and encrypts.
//
// Thread rule: none of this is shared between threads.
#ifndef TROUPE_KEYS_H
#define TROUPE_KEYS_H

#include "troupe/config.h"
#include "troupe/wire.h"

enum {
  TROUPE_KEY_SIZE = 40 + 1,      // Z85, with the final NUL
  TROUPE_KEY_NAME_SIZE = 64 + 1, // 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit
  TROUPE_TOKEN_SIZE = 64 + 1,    // 32 random bytes in hexadecimal
};

// -- Keys and their files --------------------------------------------------------------------------------------------

typedef struct {
  char name[TROUPE_KEY_NAME_SIZE];
  char public_key[TROUPE_KEY_SIZE];
  char secret_key[TROUPE_KEY_SIZE]; // "": not known
} troupe_key_t;

// A new pair. bad_argument (the name), io (no random numbers).
troupe_err_t troupe_key_make (troupe_key_t *out, const char *name, troupe_error_t *error);
// Writes its two files, <directory>/<name>.key (mode 0600) and .pub, which says `rights` (a map of serves, calls, ...,
// as above); the directory is made if need be. conflict: one of them exists; then nothing is written. io, permission.
troupe_err_t troupe_key_save (const troupe_key_t *self, const char *directory, const json_t *rights,
                              troupe_error_t *error);
// Reads a .key, or a .pub (of which only name and public are taken). not_found, bad_config (what is wrong, and where).
troupe_err_t troupe_key_read (troupe_key_t *out, const char *path, troupe_error_t *error);
// Overwrites it.
void troupe_key_forget (troupe_key_t *self);

// Fills `out` with a new token. io (no random numbers).
troupe_err_t troupe_token_make (char out[TROUPE_TOKEN_SIZE], troupe_error_t *error);

// -- Identities ------------------------------------------------------------------------------------------------------

// Immutable, with a count of references.
typedef struct troupe_identity troupe_identity_t;

troupe_identity_t *troupe_identity_ref (const troupe_identity_t *self);
void troupe_identity_unref (troupe_identity_t **self_p);
const char *troupe_identity_name (const troupe_identity_t *self);
// What ZeroMQ calls the User-Id: "key:<public>" or "token:<name>". Unlike the name, no other key ever has it.
const char *troupe_identity_user (const troupe_identity_t *self);
// What it may do.
bool troupe_identity_serves (const troupe_identity_t *self, troupe_text_t service);
// The patterns of what it serves, one a line; NULL: it may serve everything.
const char *troupe_identity_services (const troupe_identity_t *self);
bool troupe_identity_enters (const troupe_identity_t *self, troupe_text_t session);
bool troupe_identity_calls (const troupe_identity_t *self);
bool troupe_identity_operates (const troupe_identity_t *self);

// -- Keyrings --------------------------------------------------------------------------------------------------------

enum { TROUPE_KEYS_MAX = 10000 }; // of a keyring: as many peers as a broker has

typedef struct troupe_keyring troupe_keyring_t;
// An identity is no more, or has other rights from now on.
typedef void (troupe_key_lost_fn) (void *context, const char *user);

troupe_err_t troupe_keyring_new (troupe_keyring_t **out);
void troupe_keyring_destroy (troupe_keyring_t **self_p);
// Reads all .pub files of a directory. One that can't be read, or is broken, is an error. not_found, bad_config, io.
troupe_err_t troupe_keyring_load (troupe_keyring_t *self, const char *directory, troupe_error_t *error);
// Reads what has changed there since; `lost` is called for each key that is gone or has changed. A file that is broken
// now is logged, and stays what it was. A directory that can't be read now changes nothing.
void troupe_keyring_refresh (troupe_keyring_t *self, troupe_key_lost_fn *lost, void *context);
// Adds tokens: a list of {"name", "token", and rights as above}. bad_argument, conflict, no_memory.
troupe_err_t troupe_keyring_add_tokens (troupe_keyring_t *self, const json_t *tokens, troupe_error_t *error);
size_t troupe_keyring_count (const troupe_keyring_t *self);
// Who that is; NULL: nobody who may come. Borrowed. `key` is Z85.
const troupe_identity_t *troupe_keyring_of_key (const troupe_keyring_t *self, const char *key);
const troupe_identity_t *troupe_keyring_of_token (const troupe_keyring_t *self, const char *name, const char *token);
const troupe_identity_t *troupe_keyring_of_user (const troupe_keyring_t *self, const char *user);

// -- Credentials -----------------------------------------------------------------------------------------------------

#define TROUPE_TOKEN_OPERATOR "operator"     // the name of that token which lies next to an ipc socket
#define TROUPE_TOKEN_VARIABLE "TROUPE_TOKEN" // in the environment: "<name>:<token>"
#define TROUPE_TOKEN_SUFFIX ".token" // next to an ipc socket: the token of whoever may read the file, in the same form

// What a process shows to the brokers of its mesh.
typedef struct troupe_credentials troupe_credentials_t;

// From the configuration (NULL: no keys): the key in keys.file, or else in <keys.directory>/<name>.key, and the public
// keys of the brokers. Read only if a broker is reached over tcp with a key. not_found, bad_config.
troupe_err_t troupe_credentials_new (troupe_credentials_t **out, const troupe_config_t *config, const char *name,
                                     troupe_error_t *error);
// From two files: one's own .key, and the .pub of the only broker.
troupe_err_t troupe_credentials_of_files (troupe_credentials_t **out, const char *key, const char *broker,
                                          troupe_error_t *error);
void troupe_credentials_destroy (troupe_credentials_t **self_p);
// Sets a client's socket up for what it will be connected to. `broker` is the endpoint by which that broker is known,
// `endpoint` the one at hand (perhaps where it publishes). To ipc the token: the environment's, or that of the file
// next to the broker's socket; without any, nothing is shown. bad_config: the broker's public key isn't known.
troupe_err_t troupe_credentials_apply (const troupe_credentials_t *self, void *socket, const char *broker,
                                       const char *endpoint, troupe_error_t *error);
// Why a broker at `endpoint` turned us away, from what the socket's monitor said (an event of
// ZMQ_EVENT_HANDSHAKE_FAILED_ and its value). TROUPE_OK: that isn't what happened.
troupe_err_t troupe_credentials_refused (const troupe_credentials_t *self, const char *endpoint, int event, int value,
                                         troupe_error_t *error);

#endif
