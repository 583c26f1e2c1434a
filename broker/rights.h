// SPDX-License-Identifier: Apache-2.0
//
// What a peer may ask for, by its key.
#ifndef BROKER_RIGHTS_H
#define BROKER_RIGHTS_H

#include "broker/state.h"

// Whether a connection with this identity (NULL: nobody's) may say hello. permission.
troupe_err_t rights_to_come (broker_core_t *core, const troupe_identity_t *identity, troupe_error_t *error);
// Whether the peer may ask for what the header says. permission.
troupe_err_t rights_check (broker_core_t *core, const peer_t *peer, const troupe_header_t *header,
                           troupe_error_t *error);
// Whether the peer may speak for the service: a name belongs to its key also in what is settled and streamed. One that
// may not is counted.
bool rights_speak (broker_core_t *core, const peer_t *peer, const char *service);
// The key of that user was revoked, or has other rights now: its peers end. They may come again as what they are now.
void rights_revoke (broker_core_t *core, const char *user);

#endif
