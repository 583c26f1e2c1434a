// SPDX-License-Identifier: Apache-2.0
//
// Providers say when a bucket is full again, not when the next request fits. Waiting until then would waste most of
// what is paid for: at 60 requests a minute an empty bucket has room for one after a second. An ask that needs more
// than the full bucket goes when it is full: the provider must say what becomes of it.
//
// Between two replies we count ourselves what we send, so that hundreds of asks don't go all at once on one reply's
// word.

#define _XOPEN_SOURCE 700 // strptime
#define _DEFAULT_SOURCE   // timegm

#include "model/quota.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RESET_MAX_MS = 600 * 1000 }; // a daily quota isn't waited for: it is the server's to refuse

static const struct {
  const char *left, *full, *reset;
  bool tokens;
} headers[] = {
  {"x-ratelimit-remaining-requests", "x-ratelimit-limit-requests", "x-ratelimit-reset-requests", false},
  {"x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens", true},
  {"anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-reset",
   false},
  {"anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-reset",
   true},
};

void
quota_init (quota_t *self)
{
  *self = (quota_t){.requests = {-1, -1, 0, 0}, .tokens = {-1, -1, 0, 0}};
}

static int64_t
count (const char *text)
{
  char *end;
  if (!text)
    return -1;
  long long value = strtoll (text, &end, 10);
  return end == text || value < 0 ? -1 : value;
}

// "6m0s", "1.5s", "20ms", "12" (seconds), or a date of RFC 3339; -1: none of them.
static int64_t
duration (const char *text, int64_t wall_s)
{
  static const struct {
    const char *name;
    double ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  struct tm date = {0};
  double ms = 0;
  if (strptime (text, "%Y-%m-%dT%H:%M:%S", &date))
    return timegm (&date) > wall_s ? (timegm (&date) - wall_s) * 1000 : 0;
  for (char *end; *text; text = end) {
    double value = strtod (text, &end);
    size_t i = 0, known = sizeof units / sizeof *units;
    if (end == text || value < 0)
      return -1;
    if (!*end)
      return (int64_t)(ms + value * 1000);
    while (i < known && strncmp (end, units[i].name, strlen (units[i].name)) != 0)
      i++;
    if (i == known)
      return -1;
    ms += value * units[i].ms;
    end += strlen (units[i].name);
  }
  return ms < RESET_MAX_MS * 2.0 ? (int64_t)ms : RESET_MAX_MS * 2;
}

void
quota_read (quota_t *self, quota_header_fn *header, const void *context, int64_t now, int64_t wall_s)
{
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    int64_t left = count (header (context, headers[i].left));
    const char *reset = header (context, headers[i].reset);
    int64_t reset_ms = reset ? duration (reset, wall_s) : -1;
    if (left < 0)
      continue;
    quota_bucket_t *bucket = headers[i].tokens ? &self->tokens : &self->requests;
    *bucket = (quota_bucket_t){left, count (header (context, headers[i].full)), reset_ms > 0 ? reset_ms : 0, now};
    if (bucket->full <= left)
      bucket->full = left + 1;
    self->told = false;
  }
}

static bool
is_known (const quota_bucket_t *self, int64_t now)
{
  return self->left >= 0 && self->reset_ms > 0 && self->reset_ms <= RESET_MAX_MS && now < self->at + self->reset_ms;
}

static int64_t
bucket_wait (const quota_bucket_t *self, int64_t need, int64_t now)
{
  if (!is_known (self, now))
    return 0;
  if (need > self->full)
    need = self->full;
  if (need <= self->left)
    return 0;
  double a_unit = (double)self->reset_ms / (double)(self->full - self->left);
  int64_t due = self->at + (int64_t)((double)(need - self->left) * a_unit) + 1;
  return due > now ? due - now : 0;
}

int64_t
quota_wait (const quota_t *self, int64_t tokens, int64_t now)
{
  int64_t requests_wait = bucket_wait (&self->requests, 1, now), tokens_wait = bucket_wait (&self->tokens, tokens, now);
  return requests_wait > tokens_wait ? requests_wait : tokens_wait;
}

// What was refilled since it was told comes in first; it may stay owed, for the estimate isn't exact.
static void
bucket_spend (quota_bucket_t *self, int64_t need, int64_t now)
{
  if (!is_known (self, now))
    return;
  double refilled = (double)(self->full - self->left) * (double)(now - self->at) / (double)self->reset_ms;
  int64_t left = self->left + (int64_t)refilled - need;
  self->reset_ms -= now - self->at;
  self->at = now;
  self->reset_ms += (int64_t)((double)self->reset_ms * (double)need / (double)(self->full - self->left));
  self->left = left > 0 ? left : 0;
  if (self->full <= self->left)
    self->full = self->left + 1;
}

void
quota_spend (quota_t *self, int64_t tokens, int64_t now)
{
  bucket_spend (&self->requests, 1, now);
  bucket_spend (&self->tokens, tokens, now);
}
