// SPDX-License-Identifier: Apache-2.0
//
// The table of keys as Markdown, a section for each key of the top level. It is the second half of
// docs/reference/configuration.md; a unit test compares them.

#include "config/key.h"
#include "troupe/config.h"

#include <string.h>

static bool
is_section (const config_key_t *key)
{
  return (key->type == CONFIG_MAP || key->type == CONFIG_LIST) && strpbrk (key->path, ".[") == NULL;
}

// Whether a key has a row: what is a mere container of others, named in the section's heading or by its members, has
// none, unless its members are free.
static bool
has_row (const config_key_t *key)
{
  const char *name = config_key_name (key);
  bool free_members =
    key->type == CONFIG_MAP && config_key_child (key, "") != NULL && config_key_child (key, "")->type != CONFIG_MAP;
  return free_members || (key->type != CONFIG_MAP && key->type != CONFIG_LIST && strcmp (name, "*") != 0);
}

// "models.*.type" is shown as "models.<name>.type".
static void
print_path (FILE *file, const char *path)
{
  for (; *path != '\0'; path++)
    if (*path == '*')
      fputs ("<name>", file);
    else
      fputc (*path, file);
}

// A cell's text: a bar would end the cell.
static void
print_cell (FILE *file, const char *text)
{
  for (; *text != '\0'; text++)
    fprintf (file, *text == '|' ? "\\%c" : *text == '<' ? "&lt;" : "%c", *text);
}

static void
print_words (FILE *file, const char *words)
{
  for (;;) {
    size_t size = strcspn (words, "|");
    fprintf (file, "`%.*s`", (int)size, words);
    if (words[size] == '\0')
      return;
    words += size + 1;
    fputs (strchr (words, '|') != NULL ? ", " : " or ", file);
  }
}

static void
print_type (FILE *file, const config_key_t *key)
{
  static const char *const names[] = {"text",     "name", "",         "whole number", "number", "`true` or `false`",
                                      "duration", "size", "endpoint", "URL",          "address", "map",
                                      "list",     "any"};
  const char *dots = key->constraint != NULL ? strstr (key->constraint, "..") : NULL;
  fputs (names[key->type], file);
  if (key->type == CONFIG_ENUM)
    print_words (file, key->constraint);
  else if (key->flags & CONFIG_SECRET)
    fputs (", secret", file);
  if (key->flags & CONFIG_LISTABLE)
    fputs (", or a list", file);
  else if (dots != NULL)
    fprintf (file, ", %.*s to %s", (int)(dots - key->constraint), key->constraint, dots + 2);
}

// Whose key it is, where it is not all models'.
static void
print_whose (FILE *file, unsigned flags)
{
  if (flags & CONFIG_HTTP)
    fputs ("Not for `rehearsal`. ", file);
  else if (flags & CONFIG_OPENAI)
    fputs ("Only for `openai`, `openai_chat` and `azure_openai`. ", file);
  else if (flags & CONFIG_SOME_MODELS)
    fprintf (file, "Only for `%s`. ",
             flags & CONFIG_AZURE ? "azure_openai" : flags & CONFIG_POST_API ? "post_api" : "rehearsal");
}

static void
print_row (FILE *file, const config_key_t *key)
{
  fputs ("| `", file);
  print_path (file, key->path);
  fputs ("` | ", file);
  print_type (file, key);
  fputs (" | ", file);
  if (key->flags & CONFIG_REQUIRED)
    fputs ("required", file);
  else if (key->fallback != NULL)
    fprintf (file, "`%s`", key->fallback);
  fputs (" | ", file);
  print_whose (file, key->flags);
  print_cell (file, key->help);
  fputs (" |\n", file);
}

// The rows of the keys whose path begins with `prefix`, or of the keys of the top level that are values.
static void
print_table (FILE *file, const char *prefix)
{
  size_t size = strlen (prefix);
  fputs ("| key | type | default | meaning |\n|---|---|---|---|\n", file);
  for (const config_key_t *key = config_keys + 1; key->path != NULL; key++) {
    bool below = size > 0 && strncmp (key->path, prefix, size) == 0 && strchr (".[", key->path[size]) != NULL;
    bool top = size == 0 && strpbrk (key->path, ".[") == NULL;
    if ((below || top) && has_row (key))
      print_row (file, key);
  }
}

void
troupe_config_print_reference (FILE *file)
{
  fputs ("## The mesh\n\n", file);
  print_table (file, "");
  for (const config_key_t *key = config_keys + 1; key->path != NULL; key++) {
    if (!is_section (key))
      continue;
    fprintf (file, "\n## `%s`\n\n", key->path);
    print_cell (file, key->help);
    fputs ("\n\n", file);
    print_table (file, key->path);
  }
}
