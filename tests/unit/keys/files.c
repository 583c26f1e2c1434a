// SPDX-License-Identifier: Apache-2.0
//
// Key files: written for their owner only, read back, never overwritten; and what is wrong with others.

#include "folder.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite (files, .init = folder_open, .fini = folder_close);

Test (files, a_key_is_read_as_it_was_written)
{
  troupe_key_t key = folder_key ("alice", "{'serves': ['agent/alice']}"), read;
  troupe_error_t error = {0};
  cr_assert_eq (troupe_key_read (&read, folder_path ("alice.key"), &error), TROUPE_OK, "%s", error.why);
  cr_expect_str_eq (read.name, "alice");
  cr_expect_str_eq (read.public_key, key.public_key);
  cr_expect_str_eq (read.secret_key, key.secret_key);
  cr_assert_eq (troupe_key_read (&read, folder_path ("alice.pub"), &error), TROUPE_OK, "%s", error.why);
  cr_expect_str_eq (read.public_key, key.public_key);
  cr_expect_str_eq (read.secret_key, "");
  troupe_key_forget (&read);
  cr_expect_str_eq (read.public_key, "");
}

Test (files, the_secret_one_is_its_owners_only)
{
  struct stat info;
  folder_key ("alice", "{}");
  cr_assert_eq (stat (folder_path ("alice.key"), &info), 0);
  cr_expect_eq (info.st_mode & 0777, 0600);
}

Test (files, a_key_is_never_overwritten)
{
  troupe_key_t first = folder_key ("alice", "{}"), other, read;
  troupe_error_t error = {0};
  cr_assert_eq (troupe_key_make (&other, "alice", NULL), TROUPE_OK);
  json_t *none = json_object ();
  cr_expect_eq (troupe_key_save (&other, folder, none, &error), TROUPE_CONFLICT);
  unlink (folder_path ("alice.pub"));
  cr_expect_eq (troupe_key_save (&other, folder, none, &error), TROUPE_CONFLICT,
                "also when only the secret one is there");
  cr_expect_neq (access (folder_path ("alice.pub"), F_OK), 0);
  cr_assert_eq (troupe_key_read (&read, folder_path ("alice.key"), &error), TROUPE_OK);
  cr_expect_str_eq (read.secret_key, first.secret_key);
  json_decref (none);
}

Test (files, names_are_checked)
{
  static const char *const wrong[] = {"", ".x", "a/b", "a b", "ä", "../x"};
  troupe_key_t key;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    cr_expect_eq (troupe_key_make (&key, wrong[i], NULL), TROUPE_BAD_ARGUMENT, "%s", wrong[i]);
}

static void
expect_error (const char *text, const char *why)
{
  troupe_key_t key;
  troupe_error_t error = {0};
  folder_write ("x.pub", text);
  cr_expect_eq (troupe_key_read (&key, folder_path ("x.pub"), &error), TROUPE_BAD_CONFIG, "%s", text);
  cr_expect (strstr (error.why, why) != NULL, "%s gives \"%s\"", text, error.why);
}

Test (files, what_is_wrong_is_told)
{
  troupe_error_t error = {0};
  troupe_key_t key;
  expect_error ("", "name or public is missing");
  expect_error ("- a\n", "not a key file");
  expect_error ("name: a\npublic: short\n", "a key of 40 characters");
  expect_error ("name: a b\n", "1 to 64 of");
  expect_error ("name: a\nowner: b\n", "no such member");
  expect_error ("serves: agent/alice\n", "a list of services");
  expect_error ("calls: maybe\n", "true or false");
  expect_error ("sessions: [[a]]\n", "a list of sessions");
  cr_expect_eq (troupe_key_read (&key, folder_path ("none.pub"), &error), TROUPE_NOT_FOUND);
}

Test (files, a_secret_of_another_key_is_an_error)
{
  char text[512];
  troupe_error_t error = {0};
  troupe_key_t one, other, read;
  troupe_key_make (&one, "one", NULL);
  troupe_key_make (&other, "other", NULL);
  snprintf (text, sizeof text, "name: one\npublic: '%s'\nsecret: '%s'\n", one.public_key, other.secret_key);
  folder_write ("x.key", text);
  cr_expect_eq (troupe_key_read (&read, folder_path ("x.key"), &error), TROUPE_BAD_CONFIG);
  cr_expect_null (strstr (error.why, other.secret_key));
  cr_expect_str_eq (read.secret_key, "");
}

Test (files, tokens_differ)
{
  char one[TROUPE_TOKEN_SIZE], other[TROUPE_TOKEN_SIZE];
  cr_assert_eq (troupe_token_make (one, NULL), TROUPE_OK);
  cr_assert_eq (troupe_token_make (other, NULL), TROUPE_OK);
  cr_expect_eq (strlen (one), TROUPE_TOKEN_SIZE - 1u);
  cr_expect_str_neq (one, other);
}
