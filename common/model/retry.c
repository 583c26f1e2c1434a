// SPDX-License-Identifier: Apache-2.0
//
// Pauses. Full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015): hundreds of asks that fail together
// because the server restarts must not come back together. For the same reason a Retry-After is a least time, and the
// jitter comes on top.

#include "model/retry.h"
#include "troupe/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

int64_t
retry_pause (int64_t base_ms, unsigned attempt, unsigned retry_after_ms, uint64_t random)
{
  int64_t most = base_ms;
  for (unsigned i = 1; i < attempt && most < RETRY_CAP_MS; i++)
    most *= 2;
  if (most > RETRY_CAP_MS)
    most = RETRY_CAP_MS;
  return retry_after_ms + (int64_t)(random % (uint64_t)(most + 1));
}

int64_t
retry_due (int64_t now, int64_t pause, int64_t deadline)
{
  bool in_time = deadline == TROUPE_LOOP_NEVER ? pause <= RETRY_AFTER_MAX_MS : now + pause < deadline;
  return in_time ? now + pause : 0;
}

static const char *
header (CURL *easy, const char *name)
{
  struct curl_header *found;
  return curl_easy_header (easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL;
}

unsigned
retry_asked (CURL *easy)
{
  const char *ms = header (easy, "retry-after-ms"), *text = header (easy, "retry-after");
  unsigned pause = ms ? retry_after_ms (ms) : 0;
  return pause ? pause : text ? retry_after (text, time (NULL)) : 0;
}

static unsigned
bounded (double ms)
{
  return ms > 0 ? ms < UINT_MAX ? (unsigned)ms : UINT_MAX : 0; // also not-a-number is 0
}

unsigned
retry_after_ms (const char *value)
{
  char *end;
  double ms = strtod (value, &end);
  return end != value ? bounded (ms) : 0;
}

unsigned
retry_after (const char *value, int64_t now_s)
{
  char *end;
  double seconds = strtod (value, &end);
  while (end != value && (*end == ' ' || *end == '\t' || *end == '\r' || *end == '\n'))
    end++;
  if (end != value && *end == 0)
    return bounded (seconds * 1000);
  time_t date = curl_getdate (value, NULL);
  return date == -1 ? 0 : bounded (((double)date - (double)now_s) * 1000);
}
