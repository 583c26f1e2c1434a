// SPDX-License-Identifier: Apache-2.0
//
// Configurations from texts, and their errors as lines.
#ifndef TROUPE_TESTS_CONFIG_LOAD_H
#define TROUPE_TESTS_CONFIG_LOAD_H

#include "troupe/config.h"

// The configuration of a text that must be right.
troupe_config_t *load (const char *yaml);
// The errors of a text that must be wrong, as they are printed: a new string.
char *load_errors (const char *yaml, size_t size);
// Expects exactly these lines.
void expect_errors (const char *yaml, const char *lines);

#endif
