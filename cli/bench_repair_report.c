// SPDX-License-Identifier: Apache-2.0
//
// What `troupe bench repair` tells: tables for people, JSON for machines. Of repeated measurements the median, with the
// least and the most; the ratio to jansson is made within a round before its median is taken.
#include "cli/bench_repair.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JANSSON, RIGHT, WRONG, RATIO, WRONG_RATIO, COLUMNS };

typedef struct {
  double least, median, most;
} spread_t;

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static spread_t
spread (const bench_repair_t *self, size_t n, int column)
{
  double values[BENCH_REPAIR_ROUNDS_MAX] = {0};
  for (unsigned i = 0; i < self->rounds; i++)
    values[i] = column < RATIO
                  ? self->plain[n].speed[column][i]
                  : self->plain[n].speed[column == RATIO ? RIGHT : WRONG][i] / self->plain[n].speed[JANSSON][i];
  qsort (values, self->rounds, sizeof *values, compare);
  return (spread_t){values[0], (values[(self->rounds - 1) / 2] + values[self->rounds / 2]) / 2,
                    values[self->rounds - 1]};
}

// Nanoseconds for a byte.
static double
cost (const bench_repair_t *self, size_t n, size_t step)
{
  return self->hostile[n].seconds[step] * 1e9 / (double)((size_t)BENCH_REPAIR_FIRST << step);
}

// How often the time is multiplied when the size is doubled.
static double
growth (const bench_repair_t *self, size_t n)
{
  size_t last = BENCH_REPAIR_STEPS - 1;
  double first = self->hostile[n].seconds[0];
  return first > 0 ? pow (self->hostile[n].seconds[last] / first, 1.0 / (double)last) : 0;
}

// A piece on one line: control characters as JSON has them, and bytes that are no UTF-8 as \x.
static void
print_piece (const char *piece, int width)
{
  char text[64] = "";
  for (size_t at = 0; piece[at] && at + 8 < sizeof text;) {
    const char *form = piece[at] == '\n' ? "\\n" : (unsigned char)piece[at] == 0xFF ? "\\xFF" : NULL;
    snprintf (text + strlen (text), 8, form ? "%s" : "%.1s", form ? form : &piece[at]);
    at++;
  }
  int wide = 0; // bytes that are no columns
  for (const char *at = text; *at; at++)
    wide += (*at & 0xC0) == 0x80;
  printf ("%-*s", width + wide, text);
}

static void
print_plain (const bench_repair_t *self)
{
  static const char *const names[COLUMNS] = {"jansson", "repair, right", "repair, wrong", "right / jansson",
                                             "wrong / jansson"};
  printf ("MB/s of processor time: median (least to most) of %u rounds\n\n%-14s", self->rounds, "bytes");
  for (int column = 0; column < COLUMNS; column++)
    printf ("%-22s", names[column]);
  putchar ('\n');
  for (size_t n = 0; n < BENCH_REPAIR_PLAIN; n++) {
    printf ("%-14zu", self->plain[n].bytes);
    for (int column = 0; column < COLUMNS; column++) {
      char text[64];
      spread_t of = spread (self, n, column);
      snprintf (text, sizeof text, column < RATIO ? "%.0f (%.0f to %.0f)" : "%.2f (%.2f to %.2f)", of.median, of.least,
                of.most);
      printf ("%-22s", text);
    }
    putchar ('\n');
  }
}

void
bench_repair_print (const bench_repair_t *self)
{
  double worst = 0;
  print_plain (self);
  printf ("\nNanoseconds for a byte of a text that is repeated up to\n\n%-20s", "text");
  for (size_t step = 0; step < BENCH_REPAIR_STEPS; step++)
    printf ("%5zu KiB", ((size_t)BENCH_REPAIR_FIRST << step) / 1024);
  printf ("   time when doubled\n");
  for (size_t n = 0; n < self->hostile_count; n++) {
    print_piece (self->hostile[n].piece, 20);
    for (size_t step = 0; step < BENCH_REPAIR_STEPS; step++)
      printf ("%9.1f", cost (self, n, step));
    printf ("   x %.2f\n", growth (self, n));
    worst = fmax (worst, growth (self, n));
  }
  printf ("\nlinear time is x 2, quadratic x 4; the most here is x %.2f\n", worst);
}

static json_t *
plain_json (const bench_repair_t *self, size_t n)
{
  static const char *const names[COLUMNS] = {"jansson", "right", "wrong", "right_to_jansson", "wrong_to_jansson"};
  json_t *row = json_pack ("{s:I}", "bytes", (json_int_t)self->plain[n].bytes);
  for (int column = 0; column < COLUMNS; column++) {
    spread_t of = spread (self, n, column);
    json_object_set_new (row, names[column],
                         json_pack ("{s:f, s:f, s:f}", "least", of.least, "median", of.median, "most", of.most));
  }
  return row;
}

static json_t *
hostile_json (const bench_repair_t *self, size_t n)
{
  const char *piece = self->hostile[n].piece;
  json_t *costs = json_array (), *name = json_string (piece); // none, when it is no UTF-8
  for (size_t step = 0; step < BENCH_REPAIR_STEPS; step++)
    json_array_append_new (costs, json_real (cost (self, n, step)));
  return json_pack ("{s:o?, s:o, s:f}", "text", name, "ns_per_byte", costs, "growth", growth (self, n));
}

json_t *
bench_repair_json (const bench_repair_t *self)
{
  json_t *plain = json_array (), *hostile = json_array ();
  for (size_t n = 0; n < BENCH_REPAIR_PLAIN; n++)
    json_array_append_new (plain, plain_json (self, n));
  for (size_t n = 0; n < self->hostile_count; n++)
    json_array_append_new (hostile, hostile_json (self, n));
  return json_pack ("{s:I, s:I, s:o, s:o}", "rounds", (json_int_t)self->rounds, "first_bytes",
                    (json_int_t)BENCH_REPAIR_FIRST, "mb_per_second", plain, "repeated", hostile);
}
