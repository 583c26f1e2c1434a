// SPDX-License-Identifier: Apache-2.0
//
// Numbers by hand rather than by strtoll and strtod, which take what nobody means in a configuration (blanks, octal,
// hexadecimal, exponents, the locale's comma). A fraction is exact or an error.

#include "config/amount.h"

#include <string.h>

enum {
  DIGITS_MAX = 15, // so that no sum below overflows before it is checked
  FRACTION_MAX = 6,
  LIST_SIZE = 64
};

const config_unit_t config_durations[] = {
  {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}, {NULL, 0}};
const config_unit_t config_sizes[] = {
  {"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {NULL, 0}};

static const config_unit_t *
unit_of (const config_unit_t *units, const char *name)
{
  for (; units->name != NULL; units++)
    if (strcmp (units->name, name) == 0)
      return units;
  return NULL;
}

// "ms, s, m, h or d"
static void
list_units (const config_unit_t *units, char out[LIST_SIZE])
{
  size_t size = 0;
  out[0] = '\0';
  for (const config_unit_t *unit = units; unit->name != NULL; unit++) {
    const char *before = unit == units ? "" : unit[1].name == NULL ? " or " : ", ";
    size += (size_t)snprintf (out + size, LIST_SIZE - size, "%s%s", before, unit->name);
  }
}

static int64_t
digits_value (const char *text, size_t size)
{
  int64_t value = 0;
  for (size_t i = 0; i < size; i++)
    value = 10 * value + (text[i] - '0');
  return value;
}

bool
config_amount_parse (int64_t *out, const config_unit_t *units, const char *text, config_fault_t *fault)
{
  char known[LIST_SIZE];
  list_units (units, known);
  size_t whole = strspn (text, "0123456789");
  size_t point = whole > 0 && text[whole] == '.' ? 1 : 0;
  size_t fraction = point == 1 ? strspn (text + whole + 1, "0123456789") : 0;
  const char *name = text + whole + point + fraction;
  const config_unit_t *unit = unit_of (units, name);
  if (whole == 0 || (point == 1 && fraction == 0))
    return config_fault (fault, NULL, "a number with %s is expected", known);
  if (whole > DIGITS_MAX || fraction > FRACTION_MAX)
    return config_fault (fault, NULL, "it has too many digits");
  if (unit == NULL)
    return config_fault (fault, NULL, *name == '\0' ? "its unit is missing: %s" : "its unit must be %s", known);
  int64_t scale = 1, value;
  for (size_t i = 0; i < fraction; i++)
    scale *= 10;
  int64_t parts = digits_value (text + whole + 1, fraction) * unit->factor;
  if (parts % scale != 0)
    return config_fault (fault, "write it in a smaller unit", "it isn't a whole number of the smallest unit");
  if (__builtin_mul_overflow (digits_value (text, whole), unit->factor, &value) ||
      __builtin_add_overflow (value, parts / scale, out))
    return config_fault (fault, NULL, "it is too large");
  return true;
}

bool
config_whole_parse (int64_t *out, const char *text, config_fault_t *fault)
{
  bool minus = *text == '-';
  const char *digits = text + (minus || *text == '+');
  size_t size = strspn (digits, "0123456789");
  int64_t value = 0;
  if (size == 0 || digits[size] != '\0')
    return config_fault (fault, NULL, "a whole number is expected");
  if (size > 1 && digits[0] == '0')
    return config_fault (fault, "write it without leading zeros", "a number that begins with 0 may mean octal");
  for (size_t i = 0; i < size; i++)
    if (__builtin_mul_overflow (value, 10, &value) ||
        __builtin_sub_overflow (value, digits[i] - '0', &value)) // negative, since there is one more of those
      return config_fault (fault, NULL, "it is too large");
  if (!minus && __builtin_sub_overflow (0, value, &value))
    return config_fault (fault, NULL, "it is too large");
  *out = value;
  return true;
}
