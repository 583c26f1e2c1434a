// SPDX-License-Identifier: Apache-2.0

#include "agent/history.h"

#include <criterion/criterion.h>

static json_t *
entry (unsigned number)
{
  char id[TROUPE_ID_TEXT_SIZE];
  snprintf (id, sizeof id, "01900000-0000-7000-8000-%012x", number);
  return json_pack ("{s:s, s:s, s:s, s:s, s:[], s:{}, s:i}", "id", id, "name", "bob", "role", "user", "content", "Hello",
                    "url", "metadata", "timestamp", 5);
}

static history_t *
history_of (unsigned from, unsigned to)
{
  history_t *history;
  cr_assert_eq (history_new (&history), TROUPE_OK);
  for (unsigned i = from; i < to; i++) {
    json_t *message = entry (i);
    cr_assert_eq (history_add (history, message, NULL), TROUPE_OK);
    json_decref (message);
  }
  return history;
}

Test (history, keeps_entries_in_order)
{
  history_t *history = history_of (0, 3);
  cr_assert_eq (history_covers (history), 3);
  for (unsigned i = 0; i < 3; i++) {
    json_t *expected = entry (i);
    cr_assert (json_equal (json_array_get (history_messages (history), i), expected));
    cr_assert (history_knows (history, expected));
    json_decref (expected);
  }
  history_destroy (&history);
  cr_assert_null (history);
}

Test (history, covers_a_message_it_knows_without_repeating_it)
{
  history_t *history = history_of (0, 2);
  json_t *first = entry (0);
  size_t bytes = history_bytes (history);
  cr_assert_eq (history_add (history, first, NULL), TROUPE_OK);
  cr_assert_eq (history_covers (history), 3);
  cr_assert_eq (json_array_size (history_messages (history)), 2);
  cr_assert_eq (history_bytes (history), bytes);
  cr_assert (history_ends_with (history, first));
  json_decref (first);
  history_destroy (&history);
}

Test (history, clears)
{
  history_t *history = history_of (0, 2), *fresh = history_of (0, 0);
  json_t *first = entry (0);
  history_clear (history);
  cr_assert_eq (history_covers (history), 0);
  cr_assert_eq (history_bytes (history), history_bytes (fresh));
  cr_assert_not (history_knows (history, first));
  cr_assert_not (history_ends_with (history, first));
  json_decref (first);
  history_destroy (&history);
  history_destroy (&fresh);
}

Test (history, an_entry_that_is_no_message_is_an_error_and_changes_nothing)
{
  history_t *history = history_of (0, 1);
  json_t *odd = json_pack ("{s:i}", "score", 3);
  troupe_error_t error;
  cr_assert_eq (history_add (history, odd, &error), TROUPE_SERVICE_FAILED);
  cr_assert (strstr (error.why, "entry 1"));
  cr_assert_eq (history_covers (history), 1);
  json_decref (odd);
  history_destroy (&history);
}

// What was heard before one reply is one entry.
Test (history, covers_a_list_of_messages_as_one_entry)
{
  history_t *history = history_of (0, 1);
  json_t *heard = json_pack ("[o, o, o]", entry (1), entry (0), entry (2));
  cr_assert_eq (history_add (history, heard, NULL), TROUPE_OK);
  cr_assert_eq (history_covers (history), 2);
  cr_assert_eq (json_array_size (history_messages (history)), 3); // entry 0 was known
  cr_assert (json_equal (json_array_get (history_messages (history), 2), json_array_get (heard, 2)));
  cr_assert (history_knows (history, json_array_get (heard, 2)));
  cr_assert (history_ends_with (history, heard));
  json_t *nothing = json_array ();
  cr_assert_eq (history_add (history, nothing, NULL), TROUPE_OK);
  cr_assert_eq (history_covers (history), 3);
  json_decref (nothing);
  json_decref (heard);
  history_destroy (&history);
}

Test (history, refuses_a_list_that_holds_something_else)
{
  history_t *history = history_of (0, 1);
  json_t *heard = json_pack ("[o, i]", entry (1), 5);
  troupe_error_t error;
  cr_assert_eq (history_add (history, heard, &error), TROUPE_SERVICE_FAILED);
  cr_assert_eq (history_covers (history), 1);
  json_decref (heard);
  history_destroy (&history);
}

Test (history, keeps_the_last_state)
{
  history_t *history = history_of (0, 1);
  size_t bytes = history_bytes (history);
  json_t *first = json_pack ("{s:{s:i}}", HISTORY_STATE, "count", 1), *second = json_pack ("{s:[i, i]}", HISTORY_STATE, 1, 2);
  cr_assert_null (history_state (history));
  cr_assert_eq (history_add (history, first, NULL), TROUPE_OK);
  cr_assert_eq (json_integer_value (json_object_get (history_state (history), "count")), 1);
  cr_assert_gt (history_bytes (history), bytes);
  cr_assert_eq (history_add (history, second, NULL), TROUPE_OK);
  cr_assert_eq (json_array_size (history_state (history)), 2);
  cr_assert_eq (history_covers (history), 3);
  cr_assert_eq (json_array_size (history_messages (history)), 1);
  cr_assert (history_ends_with (history, second));
  history_clear (history);
  cr_assert_null (history_state (history));
  cr_assert_eq (history_covers (history), 0);
  json_decref (first);
  json_decref (second);
  history_destroy (&history);
}
