// SPDX-License-Identifier: Apache-2.0
//
// Keyrings: who is known, what he may do, and how that changes while a broker runs.

#include "folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

static troupe_keyring_t *ring;
static char lost[1024];

static void
on_lost (void *context, const char *user)
{
  (void)context;
  strncat (lost, user, sizeof lost - strlen (lost) - 1);
  strncat (lost, " ", sizeof lost - strlen (lost) - 1);
}

static void
set_up (void)
{
  folder_open ();
  cr_assert_eq (troupe_keyring_new (&ring), TROUPE_OK);
}

static void
tear_down (void)
{
  troupe_keyring_destroy (&ring);
  folder_close ();
}

TestSuite (ring, .init = set_up, .fini = tear_down);

static void
load (void)
{
  troupe_error_t error = {0};
  cr_assert_eq (troupe_keyring_load (ring, folder, &error), TROUPE_OK, "%s: %s", error.object, error.why);
}

static bool
serves (const troupe_identity_t *identity, const char *service)
{
  return troupe_identity_serves (identity, troupe_text (service));
}

Test (ring, knows_who_has_a_file_and_what_he_may)
{
  troupe_key_t alice = folder_key ("alice", "{'serves': ['agent/alice', 'tool/*']}");
  troupe_key_t ann = folder_key ("ann", "{'sessions': ['ann-*'], 'calls': false, 'operator': true}");
  troupe_key_t broker = folder_key ("b1", "{'broker': true}"), other;
  load ();
  const troupe_identity_t *identity = troupe_keyring_of_key (ring, alice.public_key);
  cr_assert_not_null (identity);
  cr_expect_str_eq (troupe_identity_name (identity), "alice");
  cr_expect (serves (identity, "agent/alice") && serves (identity, "tool/echo") && serves (identity, "tool/"));
  cr_expect_not (serves (identity, "agent/bob") || serves (identity, "agent/alice2") ||
                 serves (identity, "agent/alic"));
  cr_expect (troupe_identity_calls (identity) && !troupe_identity_operates (identity));
  cr_expect (troupe_identity_enters (identity, troupe_text ("any")));
  identity = troupe_keyring_of_key (ring, ann.public_key);
  cr_assert_not_null (identity);
  cr_expect_not (serves (identity, "agent/ann"), "nothing without being told");
  cr_expect (troupe_identity_operates (identity) && !troupe_identity_calls (identity));
  cr_expect (troupe_identity_enters (identity, troupe_text ("ann-1")));
  cr_expect_not (troupe_identity_enters (identity, troupe_text ("bob-1")));
  cr_expect_eq (troupe_keyring_of_user (ring, troupe_identity_user (identity)), identity);
  cr_expect_null (troupe_keyring_of_key (ring, broker.public_key), "a broker's key lets nobody in");
  troupe_key_make (&other, "alice", NULL);
  cr_expect_null (troupe_keyring_of_key (ring, other.public_key), "the name alone is nothing");
}

Test (ring, patterns)
{
  static const struct {
    const char *pattern, *text;
    bool matches;
  } rows[] = {{"*", "", true},        {"*", "x", true},         {"a*c", "abc", true},     {"a*c", "ac", true},
              {"a*c", "abcd", false}, {"*b*", "abc", true},     {"a**c", "abbc", true},   {"a", "ab", false},
              {"ab", "a", false},     {"*aab", "aaaaab", true}, {"a*b*c", "a1b2c", true}, {"a*b*c", "a1c2b", false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char rights[128], name[16];
    snprintf (name, sizeof name, "k%zu", i);
    snprintf (rights, sizeof rights, "{'serves': ['%s']}", rows[i].pattern);
    troupe_key_t key = folder_key (name, rights);
    load ();
    cr_expect_eq (serves (troupe_keyring_of_key (ring, key.public_key), rows[i].text), rows[i].matches, "%s %s",
                  rows[i].pattern, rows[i].text);
    troupe_keyring_destroy (&ring);
    cr_assert_eq (troupe_keyring_new (&ring), TROUPE_OK);
  }
}

Test (ring, a_key_is_revoked_and_given_back)
{
  char away[PATH_MAX], expected[64];
  troupe_key_t alice = folder_key ("alice", "{}");
  folder_key ("bob", "{}");
  load ();
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_expect_str_eq (lost, "", "nothing has changed");
  strcpy (away, folder_path ("alice.off"));
  cr_assert_eq (rename (folder_path ("alice.pub"), away), 0);
  troupe_keyring_refresh (ring, on_lost, NULL);
  snprintf (expected, sizeof expected, "key:%s ", alice.public_key);
  cr_expect_str_eq (lost, expected);
  cr_expect_null (troupe_keyring_of_key (ring, alice.public_key));
  cr_expect_eq (troupe_keyring_count (ring), 1u);
  cr_assert_eq (rename (away, folder_path ("alice.pub")), 0);
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_expect_str_eq (lost, expected);
  cr_expect_not_null (troupe_keyring_of_key (ring, alice.public_key));
}

Test (ring, rights_change)
{
  char text[256];
  troupe_key_t alice = folder_key ("alice", "{'serves': ['agent/alice']}");
  load ();
  snprintf (text, sizeof text, "name: alice\npublic: '%s'\nserves: [agent/bob]\n", alice.public_key);
  unlink (folder_path ("alice.pub"));
  folder_write ("alice.pub", text);
  troupe_identity_t *former = troupe_identity_ref (troupe_keyring_of_key (ring, alice.public_key));
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_expect_neq (lost[0], '\0', "who came under other rights comes anew");
  cr_expect (serves (troupe_keyring_of_key (ring, alice.public_key), "agent/bob"));
  cr_expect (serves (former, "agent/alice"), "what is held stays what it was");
  troupe_identity_unref (&former);
}

Test (ring, a_file_that_breaks_stays_what_it_was)
{
  troupe_key_t alice = folder_key ("alice", "{}");
  load ();
  folder_write ("alice.pub", "name: al");
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_expect_str_eq (lost, "");
  cr_expect_not_null (troupe_keyring_of_key (ring, alice.public_key));
}

// As a file that is given to this process's user a moment after it came: what it says and when it was written stay.
Test (ring, a_file_that_could_not_be_read_is_read_when_it_can_be)
{
  load ();
  troupe_key_t alice = folder_key ("alice", "{}");
  struct rlimit limit, none;
  cr_assert_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  none = limit;
  int next = open ("/dev/null", O_RDONLY);
  close (next);
  none.rlim_cur = (rlim_t)next + 1; // enough for the directory
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &none), 0);
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
  cr_expect_null (troupe_keyring_of_key (ring, alice.public_key));
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_expect_not_null (troupe_keyring_of_key (ring, alice.public_key));
}

// When two files have a key, the second is read once the first is gone.
Test (ring, the_other_file_of_a_key_counts_when_the_first_is_gone)
{
  char text[256];
  troupe_key_t alice = folder_key ("alice", "{}");
  load ();
  snprintf (text, sizeof text, "name: also\npublic: '%s'\n", alice.public_key);
  folder_write ("also.pub", text);
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_expect_str_eq (troupe_identity_name (troupe_keyring_of_key (ring, alice.public_key)), "alice");
  unlink (folder_path ("alice.pub"));
  troupe_keyring_refresh (ring, on_lost, NULL);
  troupe_keyring_refresh (ring, on_lost, NULL);
  cr_assert_not_null (troupe_keyring_of_key (ring, alice.public_key));
  cr_expect_str_eq (troupe_identity_name (troupe_keyring_of_key (ring, alice.public_key)), "also");
}

Test (ring, at_the_start_a_broken_file_is_an_error)
{
  troupe_error_t error = {0};
  folder_write ("alice.pub", "name: al");
  cr_expect_eq (troupe_keyring_load (ring, folder, &error), TROUPE_BAD_CONFIG);
  cr_expect_eq (troupe_keyring_load (ring, folder_path ("none"), &error), TROUPE_NOT_FOUND);
  cr_expect (strstr (error.next, "keygen") != NULL);
}

Test (ring, one_key_has_one_file)
{
  char text[256];
  troupe_error_t error = {0};
  troupe_key_t alice = folder_key ("alice", "{}");
  snprintf (text, sizeof text, "name: also\npublic: '%s'\nserves: ['*']\n", alice.public_key);
  folder_write ("zz.pub", text);
  cr_expect_eq (troupe_keyring_load (ring, folder, &error), TROUPE_CONFLICT);
}

Test (ring, tokens)
{
  char one[TROUPE_TOKEN_SIZE], other[TROUPE_TOKEN_SIZE];
  troupe_error_t error = {0};
  troupe_token_make (one, NULL);
  troupe_token_make (other, NULL);
  json_t *list = json_pack ("[{s:s, s:s, s:[s]}, {s:s, s:s, s:b}]", "name", "agent/alice 1 of 2", "token", one,
                            "serves", "agent/alice", "name", "operator", "token", other, "operator", 1);
  cr_assert_eq (troupe_keyring_add_tokens (ring, list, &error), TROUPE_OK, "%s", error.why);
  const troupe_identity_t *identity = troupe_keyring_of_token (ring, "agent/alice 1 of 2", one);
  cr_assert_not_null (identity);
  cr_expect_str_eq (troupe_identity_user (identity), "token:agent/alice 1 of 2");
  cr_expect (serves (identity, "agent/alice") && !troupe_identity_operates (identity));
  cr_expect_null (troupe_keyring_of_token (ring, "agent/alice 1 of 2", other));
  cr_expect_null (troupe_keyring_of_token (ring, "operator", one));
  cr_expect_null (troupe_keyring_of_token (ring, "operator", ""));
  cr_expect_null (troupe_keyring_of_token (ring, "", ""));
  cr_expect_not_null (troupe_keyring_of_token (ring, "operator", other));
  cr_expect_eq (troupe_keyring_add_tokens (ring, list, &error), TROUPE_CONFLICT);
  json_decref (list);
  list = json_pack ("[{s:s, s:s}]", "name", "x", "token", "short");
  cr_expect_eq (troupe_keyring_add_tokens (ring, list, &error), TROUPE_BAD_ARGUMENT);
  json_decref (list);
}
