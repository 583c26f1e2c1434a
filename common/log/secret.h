// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the values that no line may show. The caller holds the log's lock.
#ifndef TROUPE_LOG_SECRET_H
#define TROUPE_LOG_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum {
  LOG_SECRET_MIN = 6, // shorter ones would hide ordinary words
  LOG_SECRETS_MAX = 64
};

// False: it can't be remembered (64 are, or no memory), and so will not be hidden.
bool log_secret_add (const char *value);
// How many bytes at `text` are a secret, or several that overlap; 0: none begins here.
size_t log_secret_at (const char *text, size_t size);

#endif
