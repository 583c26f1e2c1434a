// SPDX-License-Identifier: Apache-2.0
//
// Dead letters: calls under which several instances have died, for people to look into, send again or throw away.
#ifndef BROKER_LETTERS_H
#define BROKER_LETTERS_H

#include "broker/inquiry.h"

// Of LETTER, RESEND, DISCARD: tells who asked. False: that was all.
bool letters_tell (broker_core_t *core, inquiry_t *self, const ledger_result_t *result);

#endif
