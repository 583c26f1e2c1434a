// SPDX-License-Identifier: Apache-2.0
//
// What the store says of a Redis that isn't there: nothing but debug lines while both start, a warning when it lasts,
// and a warning at once when one that was there goes.

#include "troupe/log.h"
#include "troupe/store.h"

#include "fixture/redis.h"

#include <fcntl.h>
#include <sys/mman.h>

static int file = -1, saved = -1;
static char text[64 * 1024];

static void
capture (void)
{
  troupe_log_init (&(troupe_log_options_t){.program = "test", .level = TROUPE_LOG_DEBUG, .format = TROUPE_LOG_JSON});
  file = memfd_create ("log", MFD_CLOEXEC);
  saved = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  cr_assert (file >= 0 && saved >= 0 && dup2 (file, STDERR_FILENO) >= 0);
}

static void
release (void)
{
  dup2 (saved, STDERR_FILENO);
  close (saved);
  close (file);
}

TestSuite (patience, .init = capture, .fini = release);

// Whether the log holds a line of this level about the connection.
static bool
says (const char *level)
{
  char wanted[80];
  ssize_t size = pread (file, text, sizeof text - 1, 0);
  text[size < 0 ? 0 : size] = '\0';
  snprintf (wanted, sizeof wanted, "\"level\":\"%s\",\"program\":\"test\",\"event\":\"store not connected", level);
  return strstr (text, wanted) != NULL;
}

static bool
connected (void)
{
  says ("info");
  return strstr (text, "store connected") != NULL;
}

Test (patience, ends_after_a_second)
{
  troupe_loop_t *loop;
  troupe_store_t *store;
  cr_assert_eq (troupe_loop_new (&loop), TROUPE_OK);
  int64_t began = troupe_loop_now ();
  cr_assert_eq (
    troupe_store_new (&store, loop, &(troupe_store_options_t){.url = "unix:///nowhere/redis.sock"}, NULL), TROUPE_OK);
  LOOP_UNTIL (loop, says ("debug"));
  cr_expect_not (says ("warning"), "%s", text);
  LOOP_UNTIL (loop, says ("warning"));
  cr_expect_geq (troupe_loop_now () - began, 1000, "%s", text);
  troupe_store_destroy (&store);
  troupe_loop_destroy (&loop);
}

Test (patience, is_for_a_start_only)
{
  redis_server_t redis;
  troupe_loop_t *loop;
  troupe_store_t *store;
  redis_start (&redis, NULL);
  cr_assert_eq (troupe_loop_new (&loop), TROUPE_OK);
  cr_assert_eq (troupe_store_new (&store, loop, &(troupe_store_options_t){.url = redis.url}, NULL), TROUPE_OK);
  LOOP_UNTIL (loop, connected ());
  redis_kill (&redis);
  LOOP_UNTIL (loop, says ("debug") || says ("warning"));
  cr_expect (says ("warning"), "%s", text);
  troupe_store_destroy (&store);
  troupe_loop_destroy (&loop);
  redis_stop (&redis);
}

static unsigned
count (const char *event)
{
  unsigned found = 0;
  says ("info");
  for (const char *at = text; (at = strstr (at, event)) != NULL; at++)
    found++;
  return found;
}

Test (patience, two_connections_are_one_piece_of_news)
{
  redis_server_t redis;
  troupe_loop_t *loop;
  troupe_store_t *first, *second;
  redis_start (&redis, NULL);
  cr_assert_eq (troupe_loop_new (&loop), TROUPE_OK);
  troupe_store_options_t options = {.url = redis.url};
  cr_assert_eq (troupe_store_new (&first, loop, &options, NULL), TROUPE_OK);
  options.with = first;
  options.channel = "channel";
  cr_assert_eq (troupe_store_new (&second, loop, &options, NULL), TROUPE_OK);
  LOOP_UNTIL (loop, troupe_store_up (first) && troupe_store_up (second));
  int64_t later = troupe_loop_now () + 1100; // from then on a loss is not taken for flapping
  LOOP_UNTIL (loop, troupe_loop_now () > later);
  cr_expect_eq (count ("\"event\":\"store connected\""), 1, "%s", text);
  redis_kill (&redis);
  LOOP_UNTIL (loop, !troupe_store_up (first) && !troupe_store_up (second));
  redis_launch (&redis, NULL);
  LOOP_UNTIL (loop, troupe_store_up (first) && troupe_store_up (second));
  cr_expect_eq (count ("\"event\":\"store connected\""), 2, "%s", text);
  cr_expect_leq (count ("the connection broke") + count ("closed the connection"), 1, "%s", text);
  troupe_store_destroy (&second);
  troupe_store_destroy (&first);
  troupe_loop_destroy (&loop);
  redis_stop (&redis);
}
