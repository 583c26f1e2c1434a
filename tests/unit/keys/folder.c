// SPDX-License-Identifier: Apache-2.0

#include "folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

char folder[64];

void
folder_open (void)
{
  strcpy (folder, "/tmp/troupe-keys-XXXXXX");
  cr_assert_not_null (mkdtemp (folder));
}

void
folder_close (void)
{
  DIR *directory = opendir (folder);
  for (const struct dirent *item; directory != NULL && (item = readdir (directory)) != NULL;)
    unlink (folder_path (item->d_name));
  closedir (directory);
  rmdir (folder);
}

const char *
folder_path (const char *name)
{
  static char path[PATH_MAX];
  snprintf (path, sizeof path, "%s/%s", folder, name);
  return path;
}

void
folder_write (const char *name, const char *text)
{
  FILE *file = fopen (folder_path (name), "w");
  cr_assert_not_null (file);
  fputs (text, file);
  fclose (file);
}

troupe_key_t
folder_key (const char *name, const char *rights)
{
  troupe_key_t key;
  troupe_error_t error = {0};
  char *text = strdup (rights);
  for (char *at = text; *at != '\0'; at++)
    *at = *at == '\'' ? '"' : *at;
  json_t *json = json_loads (text, 0, NULL);
  cr_assert_not_null (json, "%s", text);
  cr_assert_eq (troupe_key_make (&key, name, &error), TROUPE_OK, "%s", error.why);
  cr_assert_eq (troupe_key_save (&key, folder, json, &error), TROUPE_OK, "%s: %s", error.object, error.why);
  json_decref (json);
  free (text);
  return key;
}
