// SPDX-License-Identifier: Apache-2.0
//
// An address to listen on: what must be done before libzmq binds an ipc socket, which would take it from a broker that
// lives.
#ifndef BROKER_ADDRESS_H
#define BROKER_ADDRESS_H

#include "troupe/error.h"

// Makes the directory of an ipc endpoint (mode 0700) and claims the socket: *claim is a descriptor to keep open as
// long as it is used, -1 for endpoints that need none. A socket file that a dead process left is no hindrance.
// address_in_use: a living process has it. io.
troupe_err_t address_claim (int *claim, const char *endpoint, troupe_error_t *error);
// Removes the socket's file, gives the address back and sets *claim to -1. Nothing happens without a claim.
void address_release (int *claim, const char *endpoint);

// Writes the token of this machine's user next to the socket of a claimed ipc endpoint (<path>.token, mode 0600); NULL:
// takes away what an earlier broker left there.
troupe_err_t address_tell_token (const char *endpoint, const char *token, troupe_error_t *error);

#endif
