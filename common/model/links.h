// SPDX-License-Identifier: Apache-2.0
//
// What a model may fetch of the links that its asks hold. Whoever can send a message chooses the links in it, so by
// default only public addresses are fetched from, and no files are read.
//
// The thread rule: read before the first ask, and constant from then on.
#ifndef TROUPE_MODEL_LINKS_H
#define TROUPE_MODEL_LINKS_H

#include "troupe/error.h"

#include <jansson.h>
#include <sys/socket.h>

typedef enum {
  LINKS_AUTO,  // fetched where the provider takes no links
  LINKS_FETCH, // always fetched
  LINKS_PASS   // never
} links_mode_t;

typedef struct network network_t;

typedef struct {
  links_mode_t mode;
  network_t *networks; // private ones that may be fetched from
  size_t network_count;
  char *files; // the real path of the folder that file: URLs are read from; NULL: none are
} links_t;     // start from zeroes

// Reads `links`, `private_networks` and `files` of a model's configuration. bad_config (why begins with the key),
// no_memory; links_clear is due in any case.
troupe_err_t links_read (links_t *self, const json_t *config, troupe_error_t *error);
void links_clear (links_t *self);

// Whether a connection to that address may be made: it is public, or in one of the networks.
bool links_allow (const links_t *self, const struct sockaddr *address);

#endif
