// SPDX-License-Identifier: Apache-2.0
//
// What is asked first of a Redis that is there (again): whether its history is the one that was seen before. See
// functions/generations.lua.
#ifndef BROKER_LEDGER_MEETING_H
#define BROKER_LEDGER_MEETING_H

#include "broker/ledger.h"

#include "troupe/store.h"

typedef struct {
  troupe_store_t *store;
  void (*met) (void *context); // every slot has answered
  void *context;
  uint64_t generations[LEDGER_SLOTS]; // the last ones that were heard of; 0: none
  unsigned asked;                     // slots whose answer is to come
  bool changed;                       // a slot has another generation than it had; to be cleared by who has heard of it
} ledger_meeting_t;

// Asks every slot. When one can't answer, the store is given up, and made anew as ever.
void ledger_meeting_begin (ledger_meeting_t *self);
// The greatest generation of a slot; 0: none was met yet.
uint64_t ledger_meeting_generation (const ledger_meeting_t *self);

#endif
