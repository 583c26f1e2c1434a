// SPDX-License-Identifier: Apache-2.0
//
// A ledger request as a Redis command.
#ifndef BROKER_LEDGER_COMMAND_H
#define BROKER_LEDGER_COMMAND_H

#include "broker/ledger.h"

enum {
  LEDGER_KEY_MAX = 512,   // "troupe:{00}:call:", a session, an id; what is longer is an error
  LEDGER_NUMBERS_MAX = 8, // of one command
  // FCALL, function, 1, key; the arguments; memory entries, or members and messages
  LEDGER_ARGS_MAX = 4 + 24 + LEDGER_MEMBERS_MAX + LEDGER_MESSAGES_MAX,
  LEDGER_INPUTS_SIZE = LEDGER_INPUTS_MAX * (TROUPE_ID_TEXT_SIZE - 1),
  LEDGER_HUBS_SIZE = TROUPE_HUBS_MAX * (TROUPE_ID_TEXT_SIZE - 1),
};

// A command; points into itself and into what the request points to.
typedef struct {
  int argc;
  const char *argv[LEDGER_ARGS_MAX];
  size_t sizes[LEDGER_ARGS_MAX];
  char key[LEDGER_KEY_MAX];
  char numbers[LEDGER_NUMBERS_MAX][24]; // 64 bits in decimal, a sign, NUL
  int numbers_count;
  char id[TROUPE_ID_TEXT_SIZE];        // accept: the parent's. await: the waiter's. resend: the new call's
  char previous[TROUPE_ID_TEXT_SIZE];  // accept: of its caller's previous call
  char inputs[LEDGER_INPUTS_SIZE + 1]; // accept: their ids, one after another
  char hubs[LEDGER_HUBS_SIZE + 1];     // accept: likewise
  char fan[TROUPE_ID_TEXT_SIZE];       // accept: the group's
  char marks[LEDGER_MEMBERS_MAX + 1];  // accept: for each member, whether it is unknown, or wants to hear at once
} ledger_command_t;

// `place`: recover, takeover: how far it has come, "" at the beginning. Returns NULL, or why the request can't be made.
const char *ledger_command_of_request (ledger_command_t *self, const ledger_request_t *request, const char *broker,
                                       const char *place);
// What the inbox of a slot holds, after the notice `last` ("": from the beginning).
const char *ledger_command_of_inbox (ledger_command_t *self, unsigned slot, const char *broker, const char *last);

#endif
