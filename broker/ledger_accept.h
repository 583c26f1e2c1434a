// SPDX-License-Identifier: Apache-2.0
//
// The command that accepts a call.
#ifndef BROKER_LEDGER_ACCEPT_H
#define BROKER_LEDGER_ACCEPT_H

#include "broker/ledger_command.h"

// As ledger_command_of_request.
const char *ledger_accept_command (ledger_command_t *self, const ledger_request_t *request, const char *broker);

#endif
