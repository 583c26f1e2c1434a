// SPDX-License-Identifier: Apache-2.0
//
// `troupe new agent NAME`: an agent in a file of its own, which joins a mesh that runs; and, for a mesh of containers,
// the compose file that brings it there. The file says of the mesh what a service needs to find it, and nothing else:
// so the mesh's own file needn't be changed, and nothing is restarted. Nothing that exists is overwritten.
#include "cli/mesh.h"
#include "cli/new_text.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "troupe/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *name, *model, *file; // `file`: the mesh's configuration
  const troupe_config_t *config;
  char directory[PATH_MAX]; // where the files are written: where the mesh's is, or --directory
  bool compose;
} plan_t;

static troupe_err_t
choose_model (plan_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  json_t *models = json_object_get (troupe_config_root (self->config), "models");
  const char *wanted = troupe_args_value (args, "model"), *first = json_object_iter_key (json_object_iter (models));
  self->model = wanted != NULL ? wanted : first;
  if (self->model == NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--model", "name one of the mesh's",
                             "%s has no models to choose from", self->file);
  if (first != NULL && json_object_get (models, self->model) == NULL)
    return troupe_error_set (error, TROUPE_NOT_FOUND, self->model, "see `troupe config show`", "%s has no such model",
                             self->file);
  return TROUPE_OK;
}

static troupe_err_t
choose_directory (plan_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  const char *wanted = troupe_args_value (args, "directory"), *slash = strrchr (self->file, '/');
  int size = wanted != NULL ? snprintf (self->directory, sizeof self->directory, "%s", wanted)
             : slash == NULL
               ? snprintf (self->directory, sizeof self->directory, ".")
               : snprintf (self->directory, sizeof self->directory, "%.*s", (int)(slash - self->file), self->file);
  if (size < 0 || (size_t)size >= sizeof self->directory)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--directory", NULL, "the path is too long");
  return TROUPE_OK;
}

static troupe_err_t
check (plan_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  const char *kind = troupe_args_operand (args, 0);
  char service[TROUPE_SERVICE_NAME_MAX + 1];
  self->name = troupe_args_operand (args, 1);
  self->compose = troupe_args_flag (args, "compose");
  if (strcmp (kind, "agent") != 0)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, kind, "troupe new agent NAME", "only agents can be made anew");
  if (snprintf (service, sizeof service, "agent/%s", self->name) >= (int)sizeof service ||
      strchr (self->name, '#') != NULL || !troupe_service_name_valid (service))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, self->name, NULL,
                             "not an agent's name: 1 to 64 letters, digits, '.', '_' and '-'");
  const json_t *agents = troupe_config_get (self->config, "agents");
  if (json_object_get (agents, self->name) != NULL)
    return troupe_error_set (error, TROUPE_CONFLICT, self->name, "choose another name", "%s has such an agent already",
                             self->file);
  troupe_err_t err = choose_model (self, args, error);
  return err == TROUPE_OK ? choose_directory (self, args, error) : err;
}

typedef char path_t[PATH_MAX + 128];

static const char *
path_of (const plan_t *self, const char *suffix, path_t out)
{
  snprintf (out, sizeof (path_t), "%s/%s%s", self->directory, self->name, suffix);
  return out;
}

// `write` makes the file, whole or not at all.
static troupe_err_t
save (const plan_t *self, const char *suffix, void (*write) (const plan_t *self, FILE *file), troupe_error_t *error)
{
  path_t path;
  FILE *file = fopen (path_of (self, suffix, path), "wx");
  if (file == NULL)
    return troupe_error_set (error, errno == EEXIST ? TROUPE_CONFLICT : TROUPE_IO, path,
                             errno == EEXIST ? "remove it first" : "choose another directory by --directory",
                             "can't be made: %s", strerror (errno));
  write (self, file);
  int number = fflush (file) != 0 ? errno : ferror (file) ? EIO : 0;
  if (fclose (file) != 0 && number == 0)
    number = errno;
  if (number == 0)
    return TROUPE_OK;
  unlink (path);
  return troupe_error_set (error, TROUPE_IO, path,
                           number == ENOSPC ? "make room on the disk" : "choose another directory by --directory",
                           "can't be written: %s", strerror (number));
}

// -- The agent's file --------------------------------------------------------------------------------------------------

// A value of the mesh's configuration as YAML takes it: JSON's quotes are YAML's.
static void
write_value (FILE *file, const char *before, const json_t *value, const char *after)
{
  char *text = json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT);
  fprintf (file, "%s%s%s", before, text != NULL ? text : "", after);
  free (text);
}

// The configuration has made it relative to where this program was started; the new file may be read from anywhere.
static void
write_path (FILE *file, const char *before, const char *path)
{
  char whole[PATH_MAX];
  json_t *text = json_string (realpath (path, whole) != NULL ? whole : path);
  write_value (file, before, text, "\n");
  json_decref (text);
}

// A container has its addresses for itself; beside the mesh's processes the mesh's own is taken.
static void
write_health (const plan_t *self, FILE *file)
{
  if (self->compose)
    write_value (file, "\nhealth:\n  listen: ", troupe_config_get (self->config, "health.listen"), "\n");
  else
    fputs ("\n# health:\n"
           "#   listen: 127.0.0.1:9500 # a port of its own, if it is to be asked whether it is ready\n",
           file);
}

static void
write_agent (const plan_t *self, FILE *file)
{
  size_t i;
  json_t *broker;
  fprintf (file, new_text_agent_head, self->name);
  write_value (file, "mesh: ", troupe_config_get (self->config, "mesh"), "\n");
  write_value (file, "state: ", troupe_config_get (self->config, "state"), "\n");
  fputs ("\nbrokers:\n", file);
  json_array_foreach (troupe_config_get (self->config, "brokers"), i, broker) {
    write_value (file, "  - { name: ", json_object_get (broker, "name"), ", ");
    write_value (file, "endpoint: ", json_object_get (broker, "endpoint"), "");
    fputs (json_is_true (json_object_get (broker, "insecure")) ? ", insecure: true }\n" : " }\n", file);
  }
  if (troupe_config_text (self->config, "keys.directory") != NULL)
    write_path (file, "\nkeys:\n  directory: ", troupe_config_text (self->config, "keys.directory"));
  if (troupe_config_text (self->config, "health.listen") != NULL)
    write_health (self, file);
  fprintf (file, new_text_agent, self->name, self->model, self->name);
  write_value (file, "\nlog:\n  format: ", troupe_config_get (self->config, "log.format"), "\n");
}

static void
write_compose (const plan_t *self, FILE *file)
{
  for (const char *at = new_text_compose; *at != '\0';) {
    const char *mark = strchrnul (at, '@');
    fwrite (at, 1, (size_t)(mark - at), file);
    if (*mark == '@')
      fputs (self->name, file);
    at = *mark == '@' ? mark + 1 : mark;
  }
}

// -- The verb ----------------------------------------------------------------------------------------------------------

static troupe_err_t
load (troupe_config_t **out, const char *file, troupe_error_t *error)
{
  json_t *errors = NULL;
  if (file == NULL)
    return troupe_error_set (error, TROUPE_NOT_FOUND, "troupe.yaml", "name the mesh's with -f",
                             "there is no configuration here");
  troupe_err_t err = troupe_config_load_part (out, file, "", &errors, error);
  if (json_array_size (errors) > 0) {
    troupe_config_print_errors (errors, stderr);
    error->code = TROUPE_OK; // it is told
  }
  json_decref (errors);
  return err;
}

// Both files or none, so that the same command can be given again; what it made is told when all of it is there.
static troupe_err_t
save_all (const plan_t *self, troupe_error_t *error)
{
  path_t path;
  troupe_err_t err = save (self, ".yaml", write_agent, error);
  if (err == TROUPE_OK && self->compose && (err = save (self, ".compose.yaml", write_compose, error)) != TROUPE_OK)
    unlink (path_of (self, ".yaml", path));
  if (err != TROUPE_OK)
    return err;
  puts (path_of (self, ".yaml", path));
  if (self->compose)
    puts (path_of (self, ".compose.yaml", path));
  return TROUPE_OK;
}

int
new_run (const troupe_args_t *args)
{
  troupe_error_t error = {0};
  troupe_config_t *config = NULL;
  plan_t plan = {.file = mesh_named_file (args)};
  troupe_err_t err = load (&config, plan.file, &error);
  plan.config = config;
  if (err == TROUPE_OK)
    err = check (&plan, args, &error);
  if (err == TROUPE_OK)
    err = save_all (&plan, &error);
  if (err != TROUPE_OK && error.code != TROUPE_OK)
    output_error (&error);
  troupe_config_destroy (&config);
  return troupe_err_exit (err);
}
