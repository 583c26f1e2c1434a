// SPDX-License-Identifier: Apache-2.0
//
// The library of Redis Functions (functions/, as bytes of this program) and its way into Redis.
#ifndef BROKER_LEDGER_LIBRARY_H
#define BROKER_LEDGER_LIBRARY_H

#include "troupe/store.h"

extern const long long ledger_library_revision; // of ours
extern const long long ledger_library_oldest;   // that ours takes over from, and whose brokers it serves
extern const char ledger_library_digest[];
extern const char ledger_library_code[];
extern const size_t ledger_library_size;

// The Functions are there and are ours, or newer ones that serve us. Not called when that fails: then the store is
// restarted.
typedef void (ledger_library_fn) (void *context);

typedef struct {
  troupe_store_t *store;
  ledger_library_fn *ready;
  void *context;
} ledger_library_t;

// Asks what Redis has, and loads the library where it is missing or older. To be called when the store comes up.
void ledger_library_check (ledger_library_t *self);

#endif
