// SPDX-License-Identifier: Apache-2.0
//
// Where Redis is, as "troupe/store.h" writes it.
#ifndef STORE_URL_H
#define STORE_URL_H

#include "troupe/error.h"

enum {
  STORE_SENTINELS_MAX = 16 // three or five are usual
};

typedef struct {
  char *host, *port;
} store_place_t;

typedef struct {
  char *path; // of a unix socket; NULL: a place
  char *user; // NULL: none
  store_place_t place;
  char *db;     // NULL: 0
  char *master; // by which the Sentinels know it; NULL: no Sentinels, and `place` is where it is
  store_place_t sentinels[STORE_SENTINELS_MAX];
  unsigned sentinels_count;
} store_url_t;

// bad_argument, no_memory. On failure nothing is left to clear.
troupe_err_t store_url_parse (store_url_t *out, const char *text, troupe_error_t *error);
void store_url_clear (store_url_t *self);
void store_place_clear (store_place_t *self);

#endif
