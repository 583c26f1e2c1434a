// SPDX-License-Identifier: Apache-2.0
//
// Dead letters: calls under which several instances have died, for people to look into, send again or throw away.
#ifndef BROKER_LETTERS_H
#define BROKER_LETTERS_H

#include "broker/state.h"

// LETTERS, LETTER, RESEND, DISCARD.
void letters_on_request (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void letters_result (broker_core_t *core, const ledger_result_t *result);
void letters_clear (broker_core_t *core);

#endif
