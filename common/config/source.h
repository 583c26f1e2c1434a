// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: bytes from files, with limits.
#ifndef TROUPE_CONFIG_SOURCE_H
#define TROUPE_CONFIG_SOURCE_H

#include "config/report.h"

enum {
  CONFIG_FILE_MAX = 1024 * 1024, // ten thousand agents; no person writes more
  CONFIG_SECRET_MAX = 64 * 1024  // a key or a certificate chain
};

// Reads a whole file of at most `limit` bytes into a new string that ends with a NUL. On failure: not_found, io,
// too_large or no_memory, and the reason in `fault`.
troupe_err_t config_source_read (char **out, size_t *size, const char *path, size_t limit, config_fault_t *fault);
// Whether the bytes can be YAML text: UTF-8 without NUL and other control characters. Reports the first that can't.
bool config_source_check (const char *text, size_t size, config_report_t *report);

#endif
