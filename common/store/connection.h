// SPDX-License-Identifier: Apache-2.0
//
// The socket to Redis: from a url to a connected, non-blocking file descriptor.
#ifndef STORE_CONNECTION_H
#define STORE_CONNECTION_H

#include "store/url.h"

#include <netdb.h>

// Sockets of these are non-blocking and closed on exec. Each returns an fd that connects or has connected (then the
// first POLLOUT says which, see store_connection_error), or -1 with errno.
int store_connection_local (const char *path);
int store_connection_network (const struct addrinfo *address);
// How the attempt to connect ended: 0, or an errno.
int store_connection_error (int fd);

#endif
