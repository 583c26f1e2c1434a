// SPDX-License-Identifier: Apache-2.0
//
// What a Redis command is made of: FCALL <function> 1 <key> <arguments>. What is added is pointed to, and must live as
// long as the command, unless it says otherwise.
#ifndef BROKER_LEDGER_ARGUMENTS_H
#define BROKER_LEDGER_ARGUMENTS_H

#include "broker/ledger_command.h"

// A new command, in place of what it was; its key comes next.
void ledger_begin (ledger_command_t *self, const char *function);
// The same, with the key of the request's call. Returns NULL, or why that can't be, like all these that return a text.
const char *ledger_begin_of_call (ledger_command_t *self, const ledger_request_t *request, const char *function);
// The command's own key: of `of` in the slot; or of the request's session and call.
const char *ledger_add_key (ledger_command_t *self, unsigned slot, const char *kind, const char *of);
const char *ledger_add_named_key (ledger_command_t *self, const ledger_request_t *request, const char *kind);

void ledger_add_bytes (ledger_command_t *self, const void *data, size_t size);
void ledger_add_text (ledger_command_t *self, const char *text);
// A copy.
void ledger_add_number (ledger_command_t *self, int64_t value);
// A copy, in the command's room for one id.
void ledger_add_id (ledger_command_t *self, const troupe_id_t *id);
// Copies, in `room`: an id, or "" for one that is zero; and several, one after another.
void ledger_add_id_or_none (ledger_command_t *self, char room[TROUPE_ID_TEXT_SIZE], const troupe_id_t *id);
void ledger_add_ids (ledger_command_t *self, char *room, const troupe_id_t *ids, uint32_t count);

// Where the parts of the request's body (memory entries, messages) begin; SIZE_MAX: they are larger than it.
size_t ledger_parts_begin (const ledger_request_t *request);
// Each of them, from there on.
void ledger_add_parts (ledger_command_t *self, const ledger_request_t *request, size_t begin);

#endif
