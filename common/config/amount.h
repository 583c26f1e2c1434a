// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: numbers with units.
#ifndef TROUPE_CONFIG_AMOUNT_H
#define TROUPE_CONFIG_AMOUNT_H

#include "config/report.h"

#include <stdint.h>

typedef struct {
  const char *name;
  int64_t factor;
} config_unit_t;

extern const config_unit_t config_durations[]; // in milliseconds; ends with a NULL name
extern const config_unit_t config_sizes[];     // in bytes

// "1.5s" and the like.
bool config_amount_parse (int64_t *out, const config_unit_t *units, const char *text, config_fault_t *fault);
// All of `text` as a decimal number, with a sign or without.
bool config_whole_parse (int64_t *out, const char *text, config_fault_t *fault);

#endif
