// SPDX-License-Identifier: Apache-2.0
//
// The lock of a state directory.
#include "cli/lock.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64];

static void
make_directory (void)
{
  snprintf (directory, sizeof directory, "/tmp/troupe-lock-XXXXXX");
  cr_assert_not_null (mkdtemp (directory));
}

static void
remove_directory (void)
{
  char path[128];
  snprintf (path, sizeof path, "%s/lock", directory);
  unlink (path);
  rmdir (directory);
}

Test (lock, is_free_then_held_then_free, .init = make_directory, .fini = remove_directory)
{
  int fd = -1;
  pid_t owner = 0;
  cr_assert_not (lock_held (directory, &owner));
  cr_assert_eq (lock_take (&fd, directory, NULL), TROUPE_OK);
  cr_assert (lock_held (directory, &owner));
  cr_assert_eq (owner, getpid ());
  close (fd);
  cr_assert_not (lock_held (directory, NULL));
}

Test (lock, a_second_taker_learns_the_owner, .init = make_directory, .fini = remove_directory)
{
  int fd = -1, second = -1;
  char pid[32];
  troupe_error_t error = {0};
  cr_assert_eq (lock_take (&fd, directory, NULL), TROUPE_OK);
  cr_assert_eq (lock_take (&second, directory, &error), TROUPE_CONFLICT);
  snprintf (pid, sizeof pid, "pid %ld", (long)getpid ());
  cr_assert_not_null (strstr (error.why, pid));
  close (fd);
}

Test (lock, lasts_as_long_as_a_copy_of_its_descriptor, .init = make_directory, .fini = remove_directory)
{
  int fd = -1;
  cr_assert_eq (lock_take (&fd, directory, NULL), TROUPE_OK);
  int copy = dup (fd);
  close (fd);
  cr_assert (lock_held (directory, NULL));
  close (copy);
  cr_assert_not (lock_held (directory, NULL));
}

Test (lock, a_directory_that_cannot_be_made_is_an_error)
{
  troupe_error_t error = {0};
  cr_assert_neq (lock_make_directory ("/dev/null/state/mesh", &error), TROUPE_OK);
  cr_assert_neq (error.why[0], '\0');
}
