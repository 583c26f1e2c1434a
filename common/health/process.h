// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the table of what every program tells, and what the system knows of this process.
#ifndef HEALTH_PROCESS_H
#define HEALTH_PROCESS_H

#include "troupe/metric.h"

typedef enum {
#define HEALTH_METRIC(constant, name, kind, unit, label, sentence) HEALTH_##constant,
#include "health/process.def"
#undef HEALTH_METRIC
  HEALTH_METRICS
} health_metric_t;

extern const troupe_metric_t health_metrics[];

// What can't be found out (/proc isn't there) is left out.
void health_process_write (troupe_metrics_t *metrics);

#endif
