// SPDX-License-Identifier: Apache-2.0
//
// Connections: hello, bye, heartbeats, leases, and those who never said hello.
#ifndef BROKER_PEERS_H
#define BROKER_PEERS_H

#include "broker/state.h"

peer_t *peers_find (const broker_core_t *core, broker_connection_t connection);
// How its connection can be ended; NULL: it is a stranger's.
const broker_line_t *peers_line (const broker_core_t *core, broker_connection_t connection);
// Whether it takes several messages in a frame ("troupe/run.h"); false for a stranger.
bool peers_take_runs (const broker_core_t *core, broker_connection_t connection);
void peers_on_hello (broker_core_t *core, const broker_event_t *event, const troupe_header_t *header,
                     troupe_buffer_t *body);
// A message on a connection that hasn't said hello: tells it to, now and then.
void peers_on_stranger (broker_core_t *core, broker_connection_t connection);
// Something that doesn't decode, of anybody.
void peers_on_garbage (broker_core_t *core, broker_connection_t connection, unsigned of, const troupe_error_t *error);
// Ends a peer: retries what it ran, forgets that it waits. `event`: "left" or "lost".
void peers_end (broker_core_t *core, peer_t *peer, const char *event, const char *why);
// Ends a peer without telling anybody, when the core ends.
void peers_forget (broker_core_t *core, peer_t *peer);
// Whether this broker wasn't run for so long that the silence of its peers may have been its own.
bool peers_stood_still (const broker_core_t *core);
// A new lease for everyone.
void peers_renew (broker_core_t *core);
// Heartbeats and leases.
void peers_on_time (broker_core_t *core);
int64_t peers_due (const broker_core_t *core);
// The broker ends: bye to all.
void peers_bye (broker_core_t *core);

#endif
