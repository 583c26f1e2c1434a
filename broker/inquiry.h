// SPDX-License-Identifier: Apache-2.0
//
// What peers ask the store by way of a broker: people and programs about dead letters (letters.c) and sessions
// (sessions.c), agents about what they remember and hear (recall.c). Who asked is kept until the store has answered.
#ifndef BROKER_INQUIRY_H
#define BROKER_INQUIRY_H

#include "broker/state.h"

struct inquiry {
  table_link_t by_token;
  list_link_t in_core;
  uint64_t token;
  broker_connection_t from;
  troupe_command_t of;
  uint64_t request;
  unsigned slot;     // of a list: which one is being asked
  uint64_t position; // ... and from where on; likewise of END
  uint64_t first;    // RECALL: of the entries that are read
  troupe_id_t call, again;
  bool begun; // the store has done a part of it
  char session[];
};

// LETTERS, LETTER, RESEND, DISCARD, SESSIONS, END.
void inquiry_on_request (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
// Of RECALL or HEAR: the request to the ledger is its maker's, with its token. NULL: `error` says why (overloaded,
// no_memory).
inquiry_t *inquiry_new (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error);
void inquiry_result (broker_core_t *core, const ledger_result_t *result);
void inquiry_clear (broker_core_t *core);

// -- For what the store answers: one of these, once. ------------------------------------------------------------------

// REPORT. Takes `json`; NULL: there was no memory for it.
void inquiry_report (broker_core_t *core, const inquiry_t *self, json_t *json);
void inquiry_refuse (broker_core_t *core, const inquiry_t *self, const troupe_error_t *error);
// The store has no answer: it reports an error, or is gone.
void inquiry_refuse_unanswered (broker_core_t *core, const inquiry_t *self, const ledger_result_t *result);

#endif
