// SPDX-License-Identifier: Apache-2.0
//
// The texts by which answers of the ledger name hubs and places in their logs.
#ifndef BROKER_LEDGER_PLACES_H
#define BROKER_LEDGER_PLACES_H

#include "broker/ledger_answer.h"

// Each false, or bad_message: it is no such text.
bool ledger_places_stretch (ledger_stretch_t *out, const struct redisReply *reply);
// Into the result; nil: none.
troupe_err_t ledger_places_hubs (ledger_answer_t *self, const struct redisReply *reply);
troupe_err_t ledger_places_said (ledger_answer_t *self, const struct redisReply *reply);

#endif
