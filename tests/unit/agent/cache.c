// SPDX-License-Identifier: Apache-2.0

#include "agent/cache.h"

#include <criterion/criterion.h>

static history_t *
history_of (unsigned count)
{
  history_t *history;
  cr_assert_eq (history_new (&history), TROUPE_OK);
  for (unsigned i = 0; i < count; i++) {
    char id[TROUPE_ID_TEXT_SIZE];
    snprintf (id, sizeof id, "01900000-0000-7000-8000-%012x", i);
    json_t *message = json_pack ("{s:s, s:s, s:s}", "id", id, "name", "bob", "content", "Hello");
    cr_assert_eq (history_add (history, message, NULL), TROUPE_OK);
    json_decref (message);
  }
  return history;
}

static void
put (cache_t *cache, const char *session, unsigned count)
{
  history_t *history = history_of (count);
  cache_put (cache, session, &history);
  cr_assert_null (history);
}

// How many entries the cache's history of a session covers; -1: it has none. The history stays where it is.
static int
covers (cache_t *cache, const char *session)
{
  history_t *history = cache_take (cache, session);
  if (!history)
    return -1;
  int count = (int) history_covers (history);
  cache_put (cache, session, &history);
  return count;
}

Test (cache, gives_back_what_was_put_and_only_once)
{
  cache_t *cache;
  cr_assert_eq (cache_new (&cache, 4, 1 << 20), TROUPE_OK);
  put (cache, "s1", 2);
  put (cache, "s2", 3);
  history_t *history = cache_take (cache, "s1");
  cr_assert_eq (history_covers (history), 2);
  cr_assert_null (cache_take (cache, "s1"));
  cr_assert_null (cache_take (cache, "s3"));
  cr_assert_eq (covers (cache, "s2"), 3);
  history_destroy (&history);
  cache_destroy (&cache);
}

Test (cache, drops_the_sessions_unused_for_longest)
{
  cache_t *cache;
  cr_assert_eq (cache_new (&cache, 3, 1 << 20), TROUPE_OK);
  put (cache, "s1", 1);
  put (cache, "s2", 1);
  put (cache, "s3", 1);
  cr_assert_eq (covers (cache, "s1"), 1); // now s2 is the oldest
  put (cache, "s4", 1);
  cr_assert_eq (cache_sessions (cache), 3);
  cr_assert_eq (covers (cache, "s2"), -1);
  cr_assert_eq (covers (cache, "s1"), 1);
  cache_destroy (&cache);
}

Test (cache, is_bounded_in_bytes)
{
  cache_t *cache;
  history_t *one = history_of (10);
  size_t bytes = history_bytes (one);
  history_destroy (&one);
  cr_assert_eq (cache_new (&cache, 1000, 3 * bytes), TROUPE_OK);
  for (char session[] = "a"; *session <= 'z'; ++*session)
    put (cache, session, 10);
  cr_assert_eq (cache_sessions (cache), 3);
  cr_assert_eq (cache_bytes (cache), 3 * bytes);
  cr_assert_eq (covers (cache, "z"), 10);
  put (cache, "huge", 100);
  cr_assert_eq (cache_sessions (cache), 0);
  cr_assert_eq (cache_bytes (cache), 0);
  cache_destroy (&cache);
}

Test (cache, keeps_the_longer_of_two)
{
  cache_t *cache;
  cr_assert_eq (cache_new (&cache, 4, 1 << 20), TROUPE_OK);
  put (cache, "s1", 2);
  put (cache, "s1", 5);
  put (cache, "s1", 3);
  cr_assert_eq (covers (cache, "s1"), 5);
  cr_assert_eq (cache_sessions (cache), 1);
  cache_destroy (&cache);
}

Test (cache, finds_each_of_many_sessions)
{
  cache_t *cache;
  char session[16];
  cr_assert_eq (cache_new (&cache, 500, SIZE_MAX), TROUPE_OK);
  for (unsigned i = 0; i < 1000; i++) {
    snprintf (session, sizeof session, "s%u", i * 7919 % 1000);
    put (cache, session, 1);
  }
  for (unsigned i = 0; i < 1000; i++) {
    snprintf (session, sizeof session, "s%u", i * 7919 % 1000);
    cr_assert_eq (covers (cache, session), i < 500 ? -1 : 1);
  }
  cache_destroy (&cache);
}
