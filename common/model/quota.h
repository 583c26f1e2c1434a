// SPDX-License-Identifier: Apache-2.0
//
// What a provider says is left of the rate that it allows: requests and tokens, how many there are when it is full, and
// when it will be full again. Both refill evenly, as a token bucket does; so it can be told how long to wait before an
// ask that would be refused. A pure computation.
#ifndef TROUPE_MODEL_QUOTA_H
#define TROUPE_MODEL_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  int64_t left, full; // -1: not said
  int64_t reset_ms;   // from `at` on; 0: it is full, or nothing is known
  int64_t at;
} quota_bucket_t;

typedef struct {
  quota_bucket_t requests, tokens;
  bool told; // that asks wait
} quota_t;

// A header's value; NULL: it isn't there.
typedef const char *(quota_header_fn)(const void *context, const char *name);

void quota_init (quota_t *self);
// Takes what the headers of a reply say (OpenAI's x-ratelimit-*, Anthropic's anthropic-ratelimit-*). `now` is on the
// loop's clock, `wall_s` is Unix time. What they don't say stays as it was.
void quota_read (quota_t *self, quota_header_fn *header, const void *context, int64_t now, int64_t wall_s);
// How long until there is room for a request of that many tokens; 0: there is, as far as is known.
int64_t quota_wait (const quota_t *self, int64_t tokens, int64_t now);
// Such a request goes out.
void quota_spend (quota_t *self, int64_t tokens, int64_t now);

#endif
