// SPDX-License-Identifier: Apache-2.0
//
// `troupe keygen`: makes one key, or all that a mesh of the configuration needs. No key is ever overwritten, so the
// second run of --mesh makes what is new: a container may run it each time before it starts.
#include "cli/mesh.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "troupe/keys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static troupe_err_t
make (const char *directory, const char *name, const json_t *rights, troupe_error_t *error)
{
  troupe_key_t key;
  troupe_err_t err = troupe_key_make (&key, name, error);
  if (err == TROUPE_OK)
    err = troupe_key_save (&key, directory, rights, error);
  if (err == TROUPE_OK)
    printf ("%s/%s.key\n%s/%s.pub\n", directory, name, directory, name);
  troupe_key_forget (&key);
  return err;
}

// -- One key ----------------------------------------------------------------------------------------------------------

// The values of an option that repeats, as a new list; NULL: it is not given.
static json_t *
list_of (const troupe_args_t *args, const char *option)
{
  json_t *list = troupe_args_nth (args, option, 0) ? json_array () : NULL;
  for (size_t i = 0; list && troupe_args_nth (args, option, i); i++)
    json_array_append_new (list, json_string (troupe_args_nth (args, option, i)));
  return list;
}

// A service's name, or a session's, has no spaces and no control characters: a pattern with one would allow nothing.
static troupe_err_t
check_patterns (const troupe_args_t *args, const char *option, const char *example, troupe_error_t *error)
{
  const char *pattern;
  char object[32];
  snprintf (object, sizeof object, "--%s", option);
  for (size_t i = 0; (pattern = troupe_args_nth (args, option, i)) != NULL; i++) {
    size_t graphic = 0;
    while (pattern[graphic] > ' ' && pattern[graphic] < 0x7f)
      graphic++;
    if (graphic == 0 || pattern[graphic] != '\0')
      return troupe_error_set (error, TROUPE_BAD_ARGUMENT, object, example, "\"%s\" can't be the name of one", pattern);
  }
  return TROUPE_OK;
}

static troupe_err_t
make_one (const troupe_args_t *args, const char *directory, troupe_error_t *error)
{
  troupe_err_t err = check_patterns (args, "serves", "for example agent/alice or 'tool/*'", error);
  if (err == TROUPE_OK)
    err = check_patterns (args, "sessions", "for example night-1 or 'team-a-*'", error);
  if (err != TROUPE_OK)
    return err;
  json_t *rights =
    json_pack ("{s:o*, s:o*, s:b, s:b}", "serves", list_of (args, "serves"), "sessions", list_of (args, "sessions"),
               "calls", !troupe_args_flag (args, "no-calls"), "operator", troupe_args_flag (args, "operator"));
  if (!rights)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--serves", "write a service's name in UTF-8", "not text");
  err = make (directory, troupe_args_operand (args, 0), rights, error);
  json_decref (rights);
  return err;
}

// -- All of a mesh ----------------------------------------------------------------------------------------------------

// Unless it is there. One half of a pair is an error: it may be another machine's secret.
static troupe_err_t
make_missing (const char *directory, const char *name, json_t *rights, troupe_error_t *error)
{
  char path[PATH_MAX];
  snprintf (path, sizeof path, "%s/%s.pub", directory, name);
  troupe_err_t err = TROUPE_OK;
  if (!rights)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, name, NULL, "out of memory");
  else if (access (path, F_OK) != 0)
    err = make (directory, name, rights, error);
  json_decref (rights);
  return err;
}

static troupe_err_t
make_services (const troupe_config_t *config, const char *section, const char *kind, const char *directory,
               troupe_error_t *error)
{
  const char *name;
  json_t *service;
  char key[TROUPE_KEY_NAME_SIZE + 16], served[TROUPE_SERVICE_NAME_MAX + 1];
  troupe_err_t err = TROUPE_OK;
  json_object_foreach (json_object_get (troupe_config_root (config), section), name, service) {
    const char *session = json_string_value (json_object_get (service, "session"));
    snprintf (key, sizeof key, "%s-%s", kind, name);
    snprintf (served, sizeof served, "%s/%s%s%s", kind, name, session ? "#" : "", session ? session : "");
    if (err == TROUPE_OK)
      err = make_missing (directory, key, json_pack ("{s:[s]}", "serves", served), error);
  }
  return err;
}

static troupe_err_t
make_mesh (const troupe_config_t *config, const char *directory, troupe_error_t *error)
{
  size_t i;
  json_t *broker;
  troupe_err_t err = TROUPE_OK;
  json_array_foreach (troupe_config_get (config, "brokers"), i, broker) {
    const char *name = json_string_value (json_object_get (broker, "name"));
    if (err == TROUPE_OK)
      err = make_missing (directory, name, json_pack ("{s:b, s:b}", "broker", 1, "calls", 0), error);
  }
  if (err == TROUPE_OK)
    err = make_services (config, "models", "model", directory, error);
  if (err == TROUPE_OK)
    err = make_services (config, "agents", "agent", directory, error);
  json_t *everything = json_pack ("{s:[s], s:b}", "serves", "*", "operator", 1);
  if (err == TROUPE_OK)
    return make_missing (directory, TROUPE_TOKEN_OPERATOR, everything, error);
  json_decref (everything);
  return err;
}

// -- The verb ---------------------------------------------------------------------------------------------------------

static troupe_err_t
check (const troupe_args_t *args, troupe_error_t *error)
{
  bool mesh = troupe_args_flag (args, "mesh"), named = troupe_args_count (args) > 0;
  if (mesh == named)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "keygen", "troupe keygen NAME, or troupe keygen --mesh",
                             mesh ? "--mesh names the keys itself" : "which key is to be made must be said");
  bool rights = troupe_args_nth (args, "serves", 0) || troupe_args_nth (args, "sessions", 0) ||
                troupe_args_flag (args, "operator") || troupe_args_flag (args, "no-calls");
  if (mesh && rights)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--mesh", "edit the .pub files afterwards",
                             "it gives each key the rights that its part of the mesh needs");
  return TROUPE_OK;
}

static troupe_err_t
run (const troupe_args_t *args, troupe_config_t **config, troupe_error_t *error)
{
  json_t *errors = NULL;
  const char *file = mesh_named_file (args), *directory = troupe_args_value (args, "directory");
  bool mesh = troupe_args_flag (args, "mesh");
  troupe_err_t err = check (args, error);
  if (err == TROUPE_OK && !file && mesh)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, NULL, "name one with -f FILE", "no configuration");
  if (err == TROUPE_OK && file && (mesh || !directory))
    err = troupe_config_load_part (config, file, "", &errors, error);
  if (err != TROUPE_OK && json_array_size (errors) > 0) {
    troupe_config_print_errors (errors, stderr);
    error->code = TROUPE_OK; // it is told
  }
  json_decref (errors);
  if (err != TROUPE_OK)
    return err;
  if (!directory && *config)
    directory = troupe_config_text (*config, "keys.directory");
  if (!directory)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--directory",
                             "set keys.directory in the configuration, or name one", "where keys lie isn't known");
  return mesh ? make_mesh (*config, directory, error) : make_one (args, directory, error);
}

int
keygen_run (const troupe_args_t *args)
{
  troupe_error_t error = {0};
  troupe_config_t *config = NULL;
  troupe_err_t err = run (args, &config, &error);
  if (err == TROUPE_OK && fflush (stdout) != 0)
    err = troupe_error_set (&error, TROUPE_IO, "standard output", NULL, "can't be written");
  if (err != TROUPE_OK && error.code != TROUPE_OK)
    output_error (&error);
  troupe_config_destroy (&config);
  return troupe_err_exit (err);
}
