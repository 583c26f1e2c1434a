// SPDX-License-Identifier: Apache-2.0
//
// A broker's core for tests: one on a stage (sim/stage.h), with a ledger in memory, a caller and an instance. Calls are
// numbers (stage_id) in session "s".
#ifndef UNIT_BROKER_CORE_RIG_H
#define UNIT_BROKER_CORE_RIG_H

#include "sim/stage.h"

#include <criterion/criterion.h>
#include <jansson.h>

// Connections: the first two have said hello.
enum { CALLER = 1, INSTANCE = 2, OTHER = 3, SECOND_CALLER = 4 };

// The test's own; it may have others besides.
extern ledger_model_t *model;
extern stage_t *stage;

// A broker that is ready, and has no peers. `limits` NULL: stage_limits.
void core_rig_open_alone (const broker_limits_t *limits);
// The same, and peers that have forgotten what they were told until now.
void core_rig_open_with (const broker_limits_t *limits);
void core_rig_open (void);
// The same, and the instance serves agent/alice and agent/bob, actors, and tool/echo, with a credit of 4 each.
void core_rig_open_serving (void);
// The same as core_rig_open () with other limits, in place of what a suite has opened.
void core_rig_reopen (const broker_limits_t *limits);
// Fails when the ledger was asked for something that it must never be.
void core_rig_close (void);

// -- What peers say. The store has answered when these return. --------------------------------------------------------

void core_rig_call (unsigned number, const char *service);                                      // the caller
void core_rig_settle (broker_connection_t from, unsigned number, unsigned attempt);             // with "value"
void core_rig_send (broker_connection_t from, const troupe_header_t *header, const char *body); // NULL: none
void core_rig_lose (broker_connection_t connection);
// The instance calls while it runs an attempt of `parent`.
void core_rig_nested (unsigned number, const char *service, unsigned parent, unsigned attempt);
// The instance loses its connection, not its life, and serves what core_rig_open_serving () says again.
void core_rig_reconnect (void);

// The caller asks by a header, to which this adds the number of the request. The report, the caller's; NULL: it was
// refused, as `code`.
json_t *core_rig_ask (troupe_header_t *header, troupe_err_t *code);

// Asks for a list until its end: how many things there are by that name.
size_t core_rig_listed (troupe_command_t command, const char *name);

// The headers, to be added to.
troupe_header_t core_rig_call_header (unsigned number, const char *service);
troupe_header_t core_rig_settle_header (unsigned number, unsigned attempt, troupe_status_t status);
// An operation on a hub, of the caller's. `input` is given up; the store has not answered.
void core_rig_operate (unsigned number, const char *service, json_t *input);

// -- What peers were told: each takes the oldest such message. --------------------------------------------------------

bool core_rig_sent (broker_connection_t to, troupe_command_t command);
unsigned core_rig_offered (broker_connection_t to);     // the call's number; 0: none
uint64_t core_rig_attempt (broker_connection_t to);     // the attempt that is offered; 0: none
troupe_err_t core_rig_refused (broker_connection_t to); // TROUPE_OK: nothing was refused
json_t *core_rig_json (const stage_message_t *message); // its body, the caller's

#endif
