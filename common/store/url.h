// SPDX-License-Identifier: Apache-2.0
//
// Where Redis is, as "troupe/store.h" writes it.
#ifndef STORE_URL_H
#define STORE_URL_H

#include "troupe/error.h"

typedef struct {
  char *path; // of a unix socket; NULL: host and port
  char *user; // NULL: none
  char *host;
  char *port;
  char *db; // NULL: 0
} store_url_t;

// bad_argument, no_memory. On failure nothing is left to clear.
troupe_err_t store_url_parse (store_url_t *out, const char *text, troupe_error_t *error);
void store_url_clear (store_url_t *self);

#endif
