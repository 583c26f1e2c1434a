// SPDX-License-Identifier: Apache-2.0
//
// `troupe config validate` and `troupe config show`. Showing prints the whole tree with every default filled in: as
// YAML that can be used as a file (strings in JSON's quotes are YAML's double-quoted ones), a secret as the variable
// that brings it; or as JSON the way the programs see it, times in milliseconds, sizes in bytes, secrets as "***".
#include "cli/mesh.h"
#include "cli/output.h"
#include "cli/verbs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2 };

static void
print_scalar (const json_t *value)
{
  char *text = json_dumps (value, JSON_ENCODE_ANY);
  printf (" %s\n", text ? text : "null");
  free (text);
}

static bool
nested (const json_t *value)
{
  return (json_is_object (value) && json_object_size (value) > 0) ||
         (json_is_array (value) && json_array_size (value) > 0);
}

// A key that means nothing in YAML but itself stands plain, any other one in quotes.
static void
print_key (const char *key)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (isalpha ((unsigned char)key[0]) && key[strspn (key, plain)] == '\0') {
    printf ("%s:", key);
    return;
  }
  json_t *name = json_string (key);
  char *quoted = json_dumps (name, JSON_ENCODE_ANY);
  printf ("%s:", quoted ? quoted : "\"\"");
  free (quoted);
  json_decref (name);
}

static void print_yaml (json_t *value, int indent, bool in_list);

static void
print_member (json_t *value, int indent)
{
  if (nested (value)) {
    putchar ('\n');
    print_yaml (value, indent + INDENT, false);
  } else
    print_scalar (value);
}

// `in_list`: the first line continues one that has the "-".
static void
print_yaml (json_t *value, int indent, bool in_list)
{
  const char *key;
  json_t *member;
  size_t i;
  json_object_foreach (value, key, member)
  {
    printf ("%*s", in_list ? 1 : indent, "");
    print_key (key);
    in_list = false;
    print_member (member, indent);
  }
  json_array_foreach (value, i, member)
  {
    printf ("%*s-", indent, "");
    if (json_is_object (member) && nested (member))
      print_yaml (member, indent + INDENT, true);
    else
      print_member (member, indent);
  }
}

static int
show (const troupe_args_t *args)
{
  mesh_t mesh;
  troupe_err_t err = mesh_load (&mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  bool as_json = troupe_args_flag (args, "json");
  json_t *tree = as_json ? troupe_config_redacted (mesh.config) : troupe_config_written (mesh.config);
  troupe_error_t error;
  if (!tree)
    troupe_error_set (&error, err = TROUPE_NO_MEMORY, mesh.file, NULL, "out of memory");
  else if (as_json)
    output_json (tree);
  else
    print_yaml (tree, 0, false);
  json_decref (tree);
  mesh_close (&mesh);
  return err == TROUPE_OK ? 0 : output_error (&error); // output_finish tells of what can't be written
}

static int
validate (const troupe_args_t *args)
{
  const char *path = mesh_named_file (args);
  if (!path || !troupe_args_flag (args, "json")) {
    mesh_t mesh;
    troupe_err_t err = mesh_load (&mesh, args);
    if (err == TROUPE_OK)
      fprintf (stderr, "%s: ok\n", mesh.file);
    mesh_close (&mesh);
    return troupe_err_exit (err);
  }
  troupe_config_t *config = NULL;
  json_t *errors = NULL;
  troupe_error_t error = {0};
  troupe_err_t err = troupe_config_load (&config, path, &errors, &error);
  json_t *result =
    json_pack ("{s:s, s:b, s:o}", "file", path, "ok", err == TROUPE_OK, "errors", errors ? errors : json_array ());
  if (err != TROUPE_OK)
    json_object_set_new (result, "error", troupe_error_to_json (&error));
  output_json (result);
  json_decref (result);
  troupe_config_destroy (&config);
  return troupe_err_exit (err);
}

int
config_run (const troupe_args_t *args)
{
  const char *what = troupe_args_operand (args, 0);
  if (strcmp (what, "validate") == 0)
    return validate (args);
  if (strcmp (what, "show") == 0)
    return show (args);
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_BAD_ARGUMENT, what, "troupe config validate, or troupe config show",
                    "no such thing to do with a configuration");
  return output_error (&error);
}
