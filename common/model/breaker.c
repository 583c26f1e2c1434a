// SPDX-License-Identifier: Apache-2.0
//
// The states are three: closed (`pause` is 0), open until a time, and half open (`trying`). Attempts that began before
// it opened and fail later don't prolong it: only the one that tries does.

#include "model/breaker.h"

bool
breaker_allows (breaker_t *self, int64_t now, int64_t *wait)
{
  *wait = 0;
  if (!self->pause)
    return true;
  if (now >= self->until && !self->trying) {
    self->trying = true;
    return true;
  }
  *wait = now < self->until ? self->until - now : BREAKER_FIRST_MS;
  return false;
}

bool
breaker_success (breaker_t *self)
{
  bool was_open = self->pause != 0;
  *self = (breaker_t){0};
  return was_open;
}

bool
breaker_failure (breaker_t *self, bool tried, int64_t now)
{
  self->failures++;
  if (self->pause ? !tried : self->failures < BREAKER_FAILURES)
    return false;
  self->pause = self->pause ? self->pause * 2 : BREAKER_FIRST_MS;
  if (self->pause > BREAKER_LONGEST_MS)
    self->pause = BREAKER_LONGEST_MS;
  self->until = now + self->pause;
  self->trying = false;
  return true;
}

void
breaker_abandon (breaker_t *self)
{
  self->trying = false;
}
