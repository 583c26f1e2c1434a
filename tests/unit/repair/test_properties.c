// SPDX-License-Identifier: Apache-2.0
//
// What holds of any reply. Each run takes other seeds; a failure prints its own, and TROUPE_SEED takes it up again.

#include "tests/unit/repair/broken.h"
#include "tests/unit/repair/made.h"
#include "troupe/repair.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEEDS = 1500, MEMBERS = 5 };

// The seed of the nth round.
static uint64_t
seed_of (unsigned n)
{
  static uint64_t first;
  const char *given = getenv ("TROUPE_SEED");
  struct timespec now;
  if (first == 0) {
    clock_gettime (CLOCK_REALTIME, &now);
    first = given ? strtoull (given, NULL, 10) : (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
  }
  return first + n;
}

static json_t *
mend (const char *text, size_t size, bool *unchanged)
{
  troupe_repair_t *repair;
  json_t *value = NULL;
  if (troupe_repair_new (&repair, text, size, TROUPE_REPAIR_WANT_ANY, NULL) == TROUPE_OK) {
    value = json_incref (troupe_repair_value (repair));
    *unchanged = troupe_repair_unchanged (repair);
  }
  troupe_repair_destroy (&repair);
  return value;
}

// A reply that errs in a way or two, and has some bytes exchanged, dropped and doubled.
static char *
make_reply (uint64_t *seed)
{
  json_t *value = made_number (seed, 2) ? broken_value (seed) : made_value (seed, 0);
  char *text = broken_text (seed, value, (broken_way_t)made_number (seed, BROKEN_COUNT));
  size_t size = strlen (text);
  static const char signs[] = "{}[](),:;\"'`\\ \n#/\x80truenN0-";
  for (uint32_t i = made_number (seed, 6); i-- > 0 && size > 2;) {
    size_t at = made_number (seed, (uint32_t)size - 1);
    if (made_number (seed, 2) == 0)
      memmove (text + at, text + at + 1, size-- - at);
    else
      text[at] = signs[made_number (seed, sizeof signs - 1)];
  }
  json_decref (value);
  return text;
}

Test (properties, what_came_out_of_a_repair_is_repaired_to_itself)
{
  unsigned came = 0;
  for (unsigned i = 0; i < SEEDS; i++) {
    uint64_t number = seed_of (i), seed = number;
    bool unchanged = false;
    char *text = make_reply (&seed);
    json_t *value = mend (text, strlen (text), &unchanged);
    if (value) {
      came++;
      char *again = json_dumps (value, JSON_ENCODE_ANY);
      cr_assert (again != NULL, "TROUPE_SEED=%lu: %s", number, text);
      json_t *plain = json_loads (again, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL); // its reals as they were written
      json_t *back = mend (again, strlen (again), &unchanged);
      cr_assert (back && unchanged && plain && json_equal (plain, back), "TROUPE_SEED=%lu: %s -> %s", number, text,
                 again);
      json_decref (plain);
      json_decref (back);
      free (again);
    }
    json_decref (value);
    free (text);
  }
  cr_assert (gt (uint, came, SEEDS / 2));
}

Test (properties, valid_json_comes_out_as_it_is)
{
  for (unsigned i = 0; i < SEEDS; i++) {
    uint64_t number = seed_of (i), seed = number;
    bool unchanged = false;
    json_t *made = made_value (&seed, 0);
    char *text = made_text (&seed, made);
    json_t *plain = json_loads (text, JSON_DECODE_ANY, NULL);
    json_t *value = mend (text, strlen (text), &unchanged);
    cr_assert (value && unchanged && json_equal (value, plain), "TROUPE_SEED=%lu: %s", number, text);
    json_decref (value);
    json_decref (plain);
    json_decref (made);
    free (text);
  }
}

// An object of some members, each made by itself; ends[n]: where the nth ends in it.
static char *
make_members (uint64_t *seed, json_t **out, size_t *ends)
{
  char *text = strdup ("{");
  *out = json_object ();
  for (unsigned n = 0; n < MEMBERS; n++) {
    char key[8], *longer, *shown;
    snprintf (key, sizeof key, "m%u", n);
    json_t *value = made_value (seed, 1 + made_number (seed, 4));
    shown = json_dumps (value, JSON_ENCODE_ANY | JSON_REAL_PRECISION (6));
    json_object_set_new (*out, key, json_loads (shown, JSON_DECODE_ANY, NULL));
    cr_assert (asprintf (&longer, "%s%s\"%s\": %s", text, n > 0 ? ", " : "", key, shown) > 0);
    json_decref (value);
    free (shown);
    free (text);
    text = longer;
    ends[n] = strlen (text);
  }
  return text;
}

// Which stand in it, whole: so a member counts from the sign behind it on, as a number may go on until then. A reply
// that is cut where a fence stands in a text can't be told from one that ends there, so such texts are left out.
Test (properties, a_cut_object_has_all_members_that_came_whole)
{
  for (unsigned i = 0; i < SEEDS / 10; i++) {
    uint64_t number = seed_of (i), seed = number;
    size_t ends[MEMBERS];
    json_t *meant;
    char *text = make_members (&seed, &meant, ends);
    for (size_t size = ends[0] + 1; !strstr (text, "``") && size < strlen (text); size++) {
      bool unchanged;
      json_t *value = mend (text, size, &unchanged);
      for (unsigned n = 0; n < MEMBERS && ends[n] < size; n++) {
        char key[8];
        snprintf (key, sizeof key, "m%u", n);
        json_t *member = json_object_get (value, key);
        cr_assert (member && json_equal (member, json_object_get (meant, key)), "TROUPE_SEED=%lu: %s: %.*s", number,
                   key, (int)size, text);
      }
      cr_assert (broken_is_part (value, meant, NULL), "TROUPE_SEED=%lu: %.*s", number, (int)size, text);
      json_decref (value);
    }
    json_decref (meant);
    free (text);
  }
}
