// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: "host:port", to listen on or to ask.
#ifndef HEALTH_ADDRESS_H
#define HEALTH_ADDRESS_H

#include "troupe/error.h"

#include <stddef.h>

enum {
  HEALTH_HOST_SIZE = 256 + 1, // RFC 1035 section 2.3.4, and a NUL
  HEALTH_PORT_SIZE = 6
};

typedef struct {
  char host[HEALTH_HOST_SIZE]; // without brackets; "": every address
  char port[HEALTH_PORT_SIZE];
} health_address_t;

// The first `size` bytes of `text`. bad_argument.
troupe_err_t health_address_parse (health_address_t *out, const char *text, size_t size, troupe_error_t *error);
// A socket that listens there without blocking; `actual` becomes the port in use. address_in_use, permission, io.
troupe_err_t health_address_listen (int *fd, const health_address_t *self, char actual[HEALTH_PORT_SIZE],
                                    troupe_error_t *error);
// A connection to it; for "every address" that is this machine. io.
troupe_err_t health_address_connect (int *fd, const health_address_t *self, int timeout_ms, troupe_error_t *error);

#endif
