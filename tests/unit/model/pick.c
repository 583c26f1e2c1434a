// SPDX-License-Identifier: Apache-2.0

#include "model/pick.h"

#include <criterion/criterion.h>
#include <string.h>

static void
expect (const char *list, const char *preferred, const char *but, uint64_t random, const char *word)
{
  bytes_t out = {0};
  cr_assert (pick_word (&out, list, strlen (list), preferred, strlen (preferred), but, random));
  cr_expect_str_eq (bytes_text (&out), word, "%s", list);
  bytes_clear (&out);
}

Test (pick, takes_one_by_the_dice)
{
  expect ("Ann, Bob and Eve", "", "", 0, "Ann");
  expect ("Ann, Bob and Eve", "", "", 1, "Bob");
  expect ("Ann, Bob and Eve", "", "", 2, "Eve");
  expect ("Ann, Bob and Eve", "", "", 3 * 1000 + 1, "Bob");
  expect ("Ann,Bob or\nEve", "", "", 2, "Eve");
  expect ("Andy and Orson", "", "", 0, "Andy"); // begin like the words between
  expect ("Andy and Orson", "", "", 1, "Orson");
}

Test (pick, never_takes_who_asks_unless_there_is_no_other)
{
  for (uint64_t i = 0; i < 4; i++)
    expect ("Ann, Bob and Eve", "", "Bob", i, i % 2 ? "Eve" : "Ann");
  expect ("Bob", "", "Bob", 7, "Bob");
}

Test (pick, takes_what_is_preferred_if_it_is_there)
{
  expect ("Ann, Bob and Eve", "Eve", "", 0, "Eve");
  expect ("Ann, Bob and Eve", "Ev", "", 0, "Ann");
  expect ("Ann, Bob and Eve", "Zoe", "", 1, "Bob");
  expect ("Ann, Bob and Eve", "Bob", "Bob", 0, "Ann");
}

Test (pick, of_nothing_is_nothing)
{
  expect ("", "", "", 5, "");
  expect (" and , or ", "and", "", 5, "");
}
