// SPDX-License-Identifier: Apache-2.0
//
// Did you mean: what is near enough to be meant, and what isn't.

#include "troupe/option.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const words[] = {"alice", "bob", "model", "models", "api_key", "temperature", "up", "ps", NULL};

static void
expect (const char *word, const char *meant)
{
  const char *found = troupe_did_you_mean (word, words);
  if (meant == NULL)
    cr_expect_null (found, "%s: %s", word, found);
  else
    cr_expect (found != NULL && strcmp (found, meant) == 0, "%s: %s", word, found != NULL ? found : "nothing");
}

Test (near, finds_slips)
{
  expect ("alcie", "alice"); // swapped
  expect ("alie", "alice");  // one missing
  expect ("allice", "alice");
  expect ("slice", "alice");
  expect ("Alice", "alice");
  expect ("modles", "models");
  expect ("modl", "model");
  expect ("api-key", "api_key");
  expect ("apikey", "api_key");
  expect ("temprature", "temperature");
  expect ("tempreture", "temperature");
  expect ("upp", "up");
  expect ("u", "up");
}

Test (near, prefers_the_nearest_then_the_first)
{
  expect ("model", "model");
  expect ("modelss", "models");
  const char *const same[] = {"bat", "cat", NULL};
  cr_expect_str_eq (troupe_did_you_mean ("hat", same), "bat");
}

Test (near, finds_nothing_far)
{
  expect ("", NULL);
  expect ("x", NULL);
  expect ("carol", NULL);
  expect ("eve", NULL);
  expect ("key", NULL);
  expect ("temp", NULL);
  const char *const none[] = {NULL};
  cr_expect_null (troupe_did_you_mean ("alice", none));
}

// The limits of the band and of the words' length: nothing is read out of bounds (the sanitizer watches).
Test (near, bounds)
{
  char long_word[300], other[300];
  for (size_t size = 1; size < sizeof long_word; size++) {
    memset (long_word, 'a', size);
    memset (other, 'a', size);
    long_word[size] = other[size] = '\0';
    other[size / 2] = 'b';
    const char *const list[] = {"a", long_word + size / 3, other, NULL};
    const char *found = troupe_did_you_mean (long_word, list);
    cr_expect (size > 256 ? found == NULL : true);
  }
}
