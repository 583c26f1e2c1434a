// SPDX-License-Identifier: Apache-2.0
//
// UUIDs of version 7: 48 bits of milliseconds, then 12 bits that RFC 9562 leaves to the maker and that count here
// (section 6.2, method 1), then 62 random bits.
//
// The first 60 bits are one number, `last`, which only grows: the next one is the clock's, or the last one plus one,
// whichever is greater. So ids stay in order when many are made in a millisecond (a counter that overflows borrows from
// the next millisecond) and when the clock is set back. A compare-and-swap makes it safe on threads, without a lock.
// Random bits come from the kernel, for some ids at a time: for each alone it would be asked longer than all else
// takes. What is left of them is a thread's own, and a forked child, which has the same, throws it away.

#include "troupe/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
  SEED_SIZE = 2,
  RANDOM_SIZE = 8 + SEED_SIZE,  // of an id
  POOL_SIZE = 25 * RANDOM_SIZE, // up to 256 bytes the kernel gives whole
  COUNTER_BITS = 12,
  COUNTER_SEED_MASK = 0x3FF, // begins in the lower quarter: at least 3,000 ids fit in each millisecond
};

static _Atomic uint64_t last;
static _Atomic unsigned forks; // of this process's line since the first id

typedef struct {
  uint8_t bytes[POOL_SIZE];
  unsigned left, forks;
} pool_t;

static _Thread_local pool_t pool;

static void
count_fork (void)
{
  atomic_fetch_add_explicit (&forks, 1, memory_order_relaxed);
}

static bool pooling; // a fork would be noticed

static void
watch_forks (void)
{
  pooling = pthread_atfork (NULL, NULL, count_fork) == 0;
}

static void
fill_random (void *bytes, size_t size)
{
  ssize_t got;
  do
    got = getrandom (bytes, size, 0);
  while (got < 0 && errno == EINTR);
  if (got != (ssize_t)size) {
    fprintf (stderr, "troupe: the kernel gives no random numbers: %s\n", strerror (errno));
    abort ();
  }
}

static void
take_random (uint8_t bytes[RANDOM_SIZE])
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  unsigned now = atomic_load_explicit (&forks, memory_order_relaxed);
  pthread_once (&once, watch_forks);
  if (!pooling) {
    fill_random (bytes, RANDOM_SIZE);
    return;
  }
  if (pool.left < RANDOM_SIZE || pool.forks != now) {
    fill_random (pool.bytes, POOL_SIZE);
    pool.left = POOL_SIZE;
    pool.forks = now;
  }
  pool.left -= RANDOM_SIZE;
  memcpy (bytes, pool.bytes + pool.left, RANDOM_SIZE);
}

static uint64_t
next_moment (uint64_t seed)
{
  struct timespec now;
  clock_gettime (CLOCK_REALTIME, &now);
  uint64_t milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  uint64_t fresh = milliseconds << COUNTER_BITS | (seed & COUNTER_SEED_MASK);
  uint64_t before = atomic_load_explicit (&last, memory_order_relaxed);
  uint64_t next;
  do
    next = fresh > before ? fresh : before + 1;
  while (!atomic_compare_exchange_weak_explicit (&last, &before, next, memory_order_relaxed, memory_order_relaxed));
  return next;
}

troupe_id_t
troupe_id_new (void)
{
  troupe_id_t id;
  uint16_t seed;
  uint8_t random[RANDOM_SIZE];
  take_random (random);
  memcpy (&seed, random + 8, sizeof seed);
  uint64_t moment = next_moment (seed);
  for (int i = 0; i < 6; i++)
    id.bytes[i] = (uint8_t)(moment >> (52 - 8 * i));
  id.bytes[6] = (uint8_t)(0x70 | ((moment >> 8) & 0x0F)); // version 7
  id.bytes[7] = (uint8_t)moment;
  memcpy (id.bytes + 8, random, 8);
  id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3F)); // the variant of RFC 9562
  return id;
}

static bool
dash_before (int i)
{
  return i == 4 || i == 6 || i == 8 || i == 10;
}

void
troupe_id_to_text (const troupe_id_t *id, char text[TROUPE_ID_TEXT_SIZE])
{
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < TROUPE_ID_SIZE; i++) {
    if (dash_before (i))
      *text++ = '-';
    *text++ = digits[id->bytes[i] >> 4];
    *text++ = digits[id->bytes[i] & 0x0F];
  }
  *text = '\0';
}

static int
digit_value (char digit)
{
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  if (digit >= 'a' && digit <= 'f')
    return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F')
    return digit - 'A' + 10;
  return -1;
}

bool
troupe_id_of_text (troupe_id_t *out, const char *text)
{
  troupe_id_t id;
  for (int i = 0; i < TROUPE_ID_SIZE; i++) {
    if (dash_before (i) && *text++ != '-')
      return false;
    int high = digit_value (text[0]);
    int low = high < 0 ? -1 : digit_value (text[1]);
    if (low < 0)
      return false;
    id.bytes[i] = (uint8_t)(high << 4 | low);
    text += 2;
  }
  if (*text != '\0')
    return false;
  *out = id;
  return true;
}

bool
troupe_id_equal (const troupe_id_t *a, const troupe_id_t *b)
{
  return memcmp (a->bytes, b->bytes, TROUPE_ID_SIZE) == 0;
}

bool
troupe_id_is_zero (const troupe_id_t *id)
{
  static const troupe_id_t zero;
  return troupe_id_equal (id, &zero);
}
