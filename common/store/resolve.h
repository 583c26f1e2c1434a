// SPDX-License-Identifier: Apache-2.0
//
// A host's addresses, found on a thread of its own: getaddrinfo may take many seconds when no name server answers.
#ifndef STORE_RESOLVE_H
#define STORE_RESOLVE_H

#include "troupe/error.h"

#include <netdb.h>

typedef struct store_resolve store_resolve_t;

// no_memory, io (no thread, no file descriptor).
troupe_err_t store_resolve_new (store_resolve_t **out, const char *host, const char *port);
// Becomes readable when it is done.
int store_resolve_fd (const store_resolve_t *self);
// When done: the addresses (freeaddrinfo), or NULL and why.
struct addrinfo *store_resolve_take (store_resolve_t *self, const char **why);
// Also when it isn't done: the thread then throws its result away.
void store_resolve_destroy (store_resolve_t **self_p);

#endif
