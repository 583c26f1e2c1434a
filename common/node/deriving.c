// SPDX-License-Identifier: Apache-2.0
//
// Deriving the ids of nested calls.
//
//   key = SHA-256 (parent's id, service, NUL, input packed canonically, ids of the inputs)
//   id  = the first 16 bytes of SHA-256 (the same, n as decimal digits), as a UUIDv8
//
// where n counts, from 0, how often this run of the task made a call of that key. Nothing else goes in: not the
// attempt, so that the next attempt's call is the same one and is answered with what is recorded; not the order in
// which different calls were made, so that calls made in parallel may come in any order. The input is packed with
// sorted keys because two runs may build the same map in another order.
//
// SHA-256 is libsodium's: libzmq brings it into every process anyway, so it costs neither memory nor a package. (It
// needs no sodium_init, which would open the system's random source: hashing has no state of the library's.)
//
// A run that goes on under a new attempt number goes on counting, as nothing of it is repeated.

#include "node/deriving.h"

#include "node/calling.h"
#include "troupe/value.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

enum {
  DERIVED_MAX = 100 * 1000, // different calls of one task: as many as a node may have open
};

void
node_derived_init (troupe_task_t *task, const node_core_t *core)
{
  node_table_init (&task->derived, core->tasks.seed);
}

void
node_derived_close (troupe_task_t *task)
{
  for (size_t i = 0; i < task->derived.capacity; i++)
    free (task->derived.slots[i].thing);
  node_table_close (&task->derived);
}

static troupe_id_t
finish (const crypto_hash_sha256_state *state)
{
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_state last = *state; // finishing uses it up
  troupe_id_t id;
  crypto_hash_sha256_final (&last, digest);
  memcpy (id.bytes, digest, sizeof id.bytes);
  return id;
}

static troupe_err_t
digest_call (const troupe_call_t *call, crypto_hash_sha256_state *state, troupe_error_t *error)
{
  troupe_buffer_t *input = NULL;
  troupe_err_t err = troupe_value_pack_canonical (call->input == NULL ? json_null () : call->input, &input, error);
  if (err != TROUPE_OK)
    return err;
  crypto_hash_sha256_init (state);
  crypto_hash_sha256_update (state, call->parent->call.bytes, TROUPE_ID_SIZE);
  crypto_hash_sha256_update (state, (const unsigned char *)call->service, strlen (call->service) + 1);
  crypto_hash_sha256_update (state, troupe_buffer_data (input), troupe_buffer_size (input));
  for (unsigned i = 0; i < call->inputs_count; i++)
    crypto_hash_sha256_update (state, call->inputs[i]->id.bytes, TROUPE_ID_SIZE);
  troupe_buffer_unref (&input);
  return TROUPE_OK;
}

static troupe_err_t
find_or_add (troupe_task_t *task, const troupe_id_t *key, node_derived_t **out)
{
  *out = node_table_find (&task->derived, key);
  if (*out != NULL)
    return TROUPE_OK;
  if (task->derived.count >= DERIVED_MAX)
    return TROUPE_TOO_LARGE;
  node_derived_t *derived = calloc (1, sizeof *derived);
  if (derived == NULL)
    return TROUPE_NO_MEMORY;
  derived->key = *key;
  if (node_table_put (&task->derived, &derived->key, derived) != TROUPE_OK) {
    free (derived);
    return TROUPE_NO_MEMORY;
  }
  *out = derived;
  return TROUPE_OK;
}

troupe_err_t
node_derive (const troupe_call_t *call, troupe_id_t *id, node_derived_t **derived, troupe_error_t *error)
{
  crypto_hash_sha256_state state;
  char digits[24];
  troupe_err_t err = digest_call (call, &state, error);
  if (err != TROUPE_OK)
    return err;
  troupe_id_t key = finish (&state);
  err = find_or_add (call->parent, &key, derived);
  if (err == TROUPE_TOO_LARGE)
    return troupe_error_set (error, err, call->service, "split the work into more tasks",
                             "one task makes at most %d different calls", DERIVED_MAX);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, call->service, NULL, "out of memory");
  int size = snprintf (digits, sizeof digits, "%llu", (unsigned long long)(*derived)->count);
  crypto_hash_sha256_update (&state, (const unsigned char *)digits, (unsigned long long)size);
  *id = finish (&state);
  id->bytes[6] = (uint8_t)(0x80 | (id->bytes[6] & 0x0F)); // version 8
  id->bytes[8] = (uint8_t)(0x80 | (id->bytes[8] & 0x3F)); // the variant of RFC 9562
  return TROUPE_OK;
}
