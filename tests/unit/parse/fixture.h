// SPDX-License-Identifier: Apache-2.0
//
// A parser made of a line of JSON, and what it makes of a reply.
#ifndef TESTS_UNIT_PARSE_FIXTURE_H
#define TESTS_UNIT_PARSE_FIXTURE_H

#include "troupe/parse.h"

// Written with ' for " so that C can be read.
troupe_parser_t *fixture_parser (const char *config);
// Why a configuration is refused, "key: why"; it must be.
const char *fixture_refusal (const char *config);
// The reply is of the form, and its fields are these (with ' for ").
void fixture_reads (const char *config, const char *reply, const char *fields);
// The reply is not, and the feedback says all of `parts` (ends with NULL).
void fixture_refuses (const char *config, const char *reply, const char *const *parts);
// Whether a repair of that kind is listed.
bool fixture_repaired (const troupe_parsed_t *parsed, const char *kind);
// The repairs of a reply that is read: "kind kind".
const char *fixture_repairs (const char *config, const char *reply);

#endif
