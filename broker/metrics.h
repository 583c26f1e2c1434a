// SPDX-License-Identifier: Apache-2.0
//
// What a broker's core has counted and how it stands, for its health endpoint.
#ifndef BROKER_METRICS_H
#define BROKER_METRICS_H

#include "broker/core.h"

#include "troupe/metric.h"

void broker_metrics_write (const broker_core_t *core, troupe_metrics_t *metrics);
// Whether it can do its work now: unavailable (no store, no lease, it is stopping), and why.
troupe_err_t broker_metrics_ready (const broker_core_t *core, troupe_error_t *error);

#endif
