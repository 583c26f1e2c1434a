// SPDX-License-Identifier: Apache-2.0
//
// A prompt's tools, as providers write them.
#ifndef TROUPE_MODEL_TOOLS_H
#define TROUPE_MODEL_TOOLS_H

#include <jansson.h>

// What a provider makes of one tool; NULL: out of memory.
typedef json_t *(tools_make_fn)(const json_t *tool);

// A list of what is made of each tool; NULL: out of memory.
json_t *tools_list (const json_t *tools, tools_make_fn *make);
// A tools_make_fn: {"type": "function", "function": tool}, as many write it.
json_t *tools_function (const json_t *tool);
// A tool's parameters as a JSON Schema: that of none when it doesn't say. A new reference; NULL: out of memory.
json_t *tools_schema (const json_t *tool);

#endif
