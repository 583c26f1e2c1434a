// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the values that no line may show. The caller holds the log's lock.
#ifndef TROUPE_LOG_SECRET_H
#define TROUPE_LOG_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum {
  LOG_SECRET_MIN = 6, // shorter ones would hide ordinary words
  LOG_SECRETS_MAX = 1024 // the keys of hundreds of models, which `troupe up` reads all
};

// False: it can't be remembered: so many are, or there is no memory.
bool log_secret_add (const char *value);
// From now on every text counts as a secret, for when one can't be remembered; and whether that is so.
void log_secret_hide_all (void);
bool log_secret_hides_all (void);
// How many bytes at `text` are a secret, or several that overlap; 0: none begins here.
size_t log_secret_at (const char *text, size_t size);

#endif
