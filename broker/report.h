// SPDX-License-Identifier: Apache-2.0
//
// The status report: what `troupe ps` shows.
#ifndef BROKER_REPORT_H
#define BROKER_REPORT_H

#include "broker/state.h"

void report_on_status (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);

#endif
