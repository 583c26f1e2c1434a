// SPDX-License-Identifier: Apache-2.0
//
// The histogram (bench_histogram.h): a doubling is cut into equal steps, so a bucket's index is the exponent and the
// next six bits of the number. The first doublings, which have fewer numbers than steps, hold each number by itself.
#include "cli/bench_histogram.h"

static size_t
bucket_of (int64_t ns)
{
  uint64_t value = ns < 0 ? 0 : (uint64_t)ns;
  if (value < BENCH_STEPS)
    return value;
  size_t shift = 63 - (size_t)__builtin_clzll (value) - 6;
  size_t bucket = (shift + 1) * BENCH_STEPS + (value >> shift) - BENCH_STEPS;
  return bucket < BENCH_BUCKETS ? bucket : BENCH_BUCKETS - 1;
}

// The middle of a bucket.
static double
value_of (size_t bucket)
{
  size_t octave = bucket / BENCH_STEPS, step = bucket % BENCH_STEPS;
  if (octave == 0)
    return (double)step;
  return ((double)(BENCH_STEPS + step) + 0.5) * (double)(UINT64_C (1) << (octave - 1));
}

void
bench_histogram_add (bench_histogram_t *self, int64_t ns)
{
  self->counts[bucket_of (ns)]++;
}

double
bench_histogram_quantile (const bench_histogram_t *self, double part)
{
  uint64_t total = 0, seen = 0;
  for (size_t i = 0; i < BENCH_BUCKETS; i++)
    total += self->counts[i];
  for (size_t i = 0; i < BENCH_BUCKETS; i++) {
    seen += self->counts[i];
    if (self->counts[i] > 0 && (double)seen >= part * (double)total)
      return value_of (i);
  }
  return 0;
}

json_t *
bench_histogram_to_json (const bench_histogram_t *self)
{
  json_t *list = json_array ();
  for (size_t i = 0; list && i < BENCH_BUCKETS; i++)
    if (self->counts[i] > 0 &&
        json_array_append_new (list, json_pack ("[I, I]", (json_int_t)i, (json_int_t)self->counts[i])) != 0) {
      json_decref (list);
      return NULL;
    }
  return list;
}

void
bench_histogram_add_json (bench_histogram_t *self, const json_t *list)
{
  size_t i;
  json_t *pair;
  json_array_foreach (list, i, pair) {
    json_int_t bucket = json_integer_value (json_array_get (pair, 0));
    json_int_t count = json_integer_value (json_array_get (pair, 1));
    if (bucket >= 0 && bucket < BENCH_BUCKETS && count > 0)
      self->counts[bucket] += (uint64_t)count;
  }
}
