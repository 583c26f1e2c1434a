// SPDX-License-Identifier: Apache-2.0
//
// What a model replied, read from a file.
#ifndef CLI_REPLY_H
#define CLI_REPLY_H

#include "troupe/error.h"

#include <stddef.h>

// Reads the file, `-` for standard input: *out gets a new string with a NUL behind its `size` bytes. not_found, io;
// too_large: more than `max` bytes, of which no more are read; no_memory.
troupe_err_t reply_read (char **out, size_t *size, const char *file, size_t max, troupe_error_t *error);

#endif
