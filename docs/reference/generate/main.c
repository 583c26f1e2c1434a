// SPDX-License-Identifier: Apache-2.0
//
// Writes the generated parts of the reference. Usage: reference-pages SOURCE-TREE

#include "generate/reference.h"

#include <errno.h>
#include <unistd.h>

int
main (int argc, char **argv)
{
  troupe_error_t error;
  if (argc != 2 || chdir (argv[1]) != 0) {
    fprintf (stderr, "usage: reference-pages SOURCE-TREE%s%s\n", argc == 2 ? ": " : "",
             argc == 2 ? strerror (errno) : "");
    return troupe_err_exit (TROUPE_BAD_ARGUMENT);
  }
  for (const char *const *page = reference_pages; *page != NULL; page++) {
    bool changed = false;
    if (reference_write (*page, &changed, &error) != TROUPE_OK) {
      troupe_error_print (&error, stderr);
      return troupe_err_exit (error.code);
    }
    printf ("%s: %s\n", *page, changed ? "written" : "up to date");
  }
  return 0;
}
