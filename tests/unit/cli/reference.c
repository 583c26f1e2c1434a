// SPDX-License-Identifier: Apache-2.0
//
// docs/reference/cli.md is what the table of verbs makes.
#include "cli/commands.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *
read_file (const char *path)
{
  char *text = NULL;
  size_t size = 0;
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "%s can't be opened", path);
  cr_assert_geq (getdelim (&text, &size, '\0', file), 0);
  fclose (file);
  return text;
}

Test (reference, page_is_made_from_the_table)
{
  char *made = NULL;
  size_t size = 0;
  FILE *file = open_memstream (&made, &size);
  commands_print_reference (file);
  fclose (file);
  char *page = read_file (TROUPE_SOURCE_DIR "/docs/reference/cli.md");
  cr_assert_str_eq (page, made, "run: build/dev/bin/troupe reference > docs/reference/cli.md");
  free (page);
  free (made);
}
