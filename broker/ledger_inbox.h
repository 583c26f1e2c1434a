// SPDX-License-Identifier: Apache-2.0
//
// A broker's inbox in Redis: one stream a slot, and one channel that says which stream to look at.
#ifndef BROKER_LEDGER_INBOX_H
#define BROKER_LEDGER_INBOX_H

#include "broker/ledger.h"

#include "troupe/store.h"

enum { LEDGER_STREAM_ID_MAX = 48 }; // two 64-bit numbers, a hyphen, NUL

typedef struct ledger_inbox ledger_inbox_t;

typedef struct {
  ledger_inbox_t *inbox;
  unsigned slot;
  bool asking, again; // a question is under way; another one is wanted after it
  char last[LEDGER_STREAM_ID_MAX];
} ledger_inbox_slot_t;

struct ledger_inbox {
  troupe_store_t *store; // for commands
  const char *broker;
  ledger_notice_fn *notice;
  void *context;
  ledger_inbox_slot_t slots[LEDGER_SLOTS];
};

void ledger_inbox_init (ledger_inbox_t *self, troupe_store_t *store, const ledger_options_t *options,
                        const char *broker);
// Reads a slot's stream until it is empty, handing over what it holds.
void ledger_inbox_read (ledger_inbox_t *self, unsigned slot);
// Reads all of them, from the beginning: after the connection, or the channel, was away.
void ledger_inbox_read_all (ledger_inbox_t *self);
// What was published on the channel: the number of a slot.
void ledger_inbox_called (ledger_inbox_t *self, const char *data, size_t size);

#endif
