// SPDX-License-Identifier: Apache-2.0
//
// Reading JSON when memory may run out. jansson's own reader (2.14) goes on when its buffer can't grow, and then reads
// and writes beyond it; so texts that come from outside are read by these.
//
// For that, jansson allocates by functions of ours from the start of the process on, which are malloc and free but
// while something is read here. A program that sets others (json_set_alloc_funcs) has jansson's own behaviour again.
#ifndef TROUPE_ERROR_READING_H
#define TROUPE_ERROR_READING_H

#include <jansson.h>

// As json_loadb and json_loads. Without memory: NULL, and json_error_code (cause) is json_error_out_of_memory.
json_t *reading_json (const char *text, size_t size, size_t flags, json_error_t *cause);
json_t *reading_text (const char *text, size_t flags, json_error_t *cause);

#endif
