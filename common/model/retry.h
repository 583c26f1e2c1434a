// SPDX-License-Identifier: Apache-2.0
//
// When to try again: pauses that grow, with full jitter, and what the server asks for.
#ifndef TROUPE_MODEL_RETRY_H
#define TROUPE_MODEL_RETRY_H

#include <curl/curl.h>
#include <stdint.h>

enum {
  RETRY_BASE_MS = 500,            // a hiccup of a server is over by then
  RETRY_CAP_MS = 30 * 1000,       // an outage is noticed to be over within this
  RETRY_AFTER_MAX_MS = 600 * 1000 // an ask without a deadline waits no longer for a server that says when
};

// The pause after the attempt of that number (from 1) failed: evenly spread over 0 and min (cap, base_ms * 2^(attempt -
// 1)) by `random`, and that on top of what the server asked for.
int64_t retry_pause (int64_t base_ms, unsigned attempt, unsigned retry_after_ms, uint64_t random);

// When that pause is over, if it begins `now`; 0 when that isn't worth it: not before `deadline`, or, with
// TROUPE_LOOP_NEVER for that, after RETRY_AFTER_MAX_MS.
int64_t retry_due (int64_t now, int64_t pause, int64_t deadline);

// What the server asks for in the answer that `easy` got, by either of the headers below, in ms; 0: nothing.
unsigned retry_asked (CURL *easy);
// The value of a Retry-After header (RFC 9110 section 10.2.3): seconds, also with a fraction, or a date, seen from
// `now_s` (Unix time). 0 when it is neither, or lies in the past.
unsigned retry_after (const char *value, int64_t now_s);
// That of retry-after-ms, which OpenAI and Azure send.
unsigned retry_after_ms (const char *value);

#endif
