// SPDX-License-Identifier: Apache-2.0
//
// Finding a mesh (mesh.h). A file that was named and has errors is an error: the next place is tried only when
// nothing was named. mesh.json is written by `troupe up` through a rename, so a reader sees all of it or nothing; one
// whose lock is free is left over from a killed run and doesn't count.
#include "cli/mesh.h"

#include "cli/lock.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FILE "troupe.yaml"
#define RUNNING "./.troupe/*/mesh.json"

static troupe_err_t
print (const troupe_error_t *error)
{
  fprintf (stderr, "troupe: ");
  troupe_error_print (error, stderr);
  return error->code;
}

static troupe_err_t
take_memory (const char *text, char **out)
{
  *out = strdup (text);
  return *out ? TROUPE_OK : TROUPE_NO_MEMORY;
}

static troupe_err_t
take_brokers (mesh_t *self, const json_t *endpoints)
{
  size_t i;
  json_t *item;
  json_array_foreach (endpoints, i, item)
  {
    const char *endpoint = json_string_value (json_is_object (item) ? json_object_get (item, "endpoint") : item);
    if (endpoint && i < MESH_BROKERS_MAX && take_memory (endpoint, &self->brokers[i]) != TROUPE_OK)
      return TROUPE_NO_MEMORY;
  }
  return TROUPE_OK;
}

static troupe_err_t
take_config (mesh_t *self)
{
  const char *name = troupe_config_text (self->config, "mesh");
  if (asprintf (&self->directory, "%s/%s", troupe_config_text (self->config, "state"), name) < 0)
    self->directory = NULL;
  const char *key;
  json_t *value;
  self->agents = json_array ();
  json_object_foreach (json_object_get (troupe_config_root (self->config), "agents"), key, value)
    json_array_append_new (self->agents, json_string (key));
  if (!self->directory || !self->agents || take_memory (name, &self->name) != TROUPE_OK)
    return TROUPE_NO_MEMORY;
  return take_brokers (self, troupe_config_get (self->config, "brokers"));
}

// The configuration in `path`, with the secrets of `part` (NULL: all); its errors are printed.
static troupe_err_t
load (mesh_t *self, const char *path, const char *part)
{
  troupe_error_t error = {0};
  json_t *errors = NULL;
  troupe_err_t err = troupe_config_load_part (&self->config, path, part, &errors, &error);
  if (err != TROUPE_OK) {
    if (err == TROUPE_NOT_FOUND || err == TROUPE_IO) // nothing in the file is wrong
      fputs ("troupe: ", stderr);
    if (errors && json_array_size (errors) > 0)
      troupe_config_print_errors (errors, stderr);
    else
      print (&error);
    json_decref (errors);
    return err;
  }
  json_decref (errors);
  troupe_config_hide_secrets (self->config);
  err = take_memory (path, &self->file);
  if (err == TROUPE_OK)
    err = take_config (self);
  if (err != TROUPE_OK) {
    troupe_error_set (&error, err, path, NULL, "out of memory");
    print (&error);
  }
  return err;
}

const char *
mesh_named_file (const troupe_args_t *args)
{
  const char *path = troupe_args_value (args, "file");
  if (!path)
    path = getenv ("TROUPE_CONFIG");
  if (!path || !*path)
    path = access (DEFAULT_FILE, F_OK) == 0 ? DEFAULT_FILE : NULL;
  return path;
}

// Directories of running meshes: how many, and the mesh.json of the last.
static size_t
find_running (json_t **out)
{
  glob_t found = {0};
  size_t count = 0;
  if (glob (RUNNING, 0, NULL, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; i++) {
      char *directory = strndup (found.gl_pathv[i], strlen (found.gl_pathv[i]) - strlen ("/mesh.json"));
      json_t *content = json_load_file (found.gl_pathv[i], 0, NULL);
      if (directory && json_is_object (content) && lock_held (directory, NULL)) {
        json_object_set_new (content, "directory", json_string (directory));
        json_decref (*out);
        *out = json_incref (content);
        count++;
      }
      json_decref (content);
      free (directory);
    }
  globfree (&found);
  return count;
}

static troupe_err_t
take_running (mesh_t *self, json_t *content)
{
  const char *name = json_string_value (json_object_get (content, "mesh"));
  const char *file = json_string_value (json_object_get (content, "config"));
  if (take_memory (name ? name : "", &self->name) != TROUPE_OK ||
      take_memory (file ? file : "", &self->file) != TROUPE_OK ||
      take_memory (json_string_value (json_object_get (content, "directory")), &self->directory) != TROUPE_OK)
    return TROUPE_NO_MEMORY;
  self->agents = json_incref (json_object_get (content, "agents"));
  // Where the keys lie is known to the file only. Without it, brokers on ipc can be reached.
  if (file)
    troupe_config_load_part (&self->config, file, "", NULL, NULL);
  return take_brokers (self, json_object_get (content, "brokers"));
}

static troupe_err_t
use_running (mesh_t *self, troupe_error_t *error)
{
  json_t *content = NULL;
  size_t count = find_running (&content);
  troupe_err_t err = TROUPE_OK;
  if (count == 1)
    err = take_running (self, content);
  else if (count == 0)
    err = troupe_error_set (error, TROUPE_BAD_CONFIG, NULL, "name one with -f FILE",
                            "no mesh: neither --broker nor -f nor $TROUPE_CONFIG is given, there is no ./" DEFAULT_FILE
                            ", and no mesh runs under ./.troupe");
  else
    err = troupe_error_set (error, TROUPE_BAD_CONFIG, NULL, "name one with -f FILE", "%zu meshes run under ./.troupe",
                            count);
  json_decref (content);
  return err;
}

static troupe_err_t
use_brokers (mesh_t *self, const troupe_args_t *args, troupe_error_t *error)
{
  for (size_t i = 0; i <= MESH_BROKERS_MAX; i++) {
    const char *endpoint = troupe_args_nth (args, "broker", i);
    if (endpoint && i == MESH_BROKERS_MAX)
      return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "--broker", NULL, "more than %d", MESH_BROKERS_MAX);
    if (i == MESH_BROKERS_MAX)
      break;
    free (self->brokers[i]);
    self->brokers[i] = NULL;
    if (endpoint && take_memory (endpoint, &self->brokers[i]) != TROUPE_OK)
      return troupe_error_set (error, TROUPE_NO_MEMORY, "--broker", NULL, "out of memory");
  }
  return TROUPE_OK;
}

static troupe_err_t
find (mesh_t *self, const troupe_args_t *args)
{
  troupe_error_t error = {0};
  bool brokers = troupe_args_nth (args, "broker", 0) != NULL;
  const char *path = brokers ? troupe_args_value (args, "file") : mesh_named_file (args);
  troupe_err_t err = path ? load (self, path, "") : TROUPE_OK;
  if (err != TROUPE_OK)
    return err;
  if (brokers)
    err = use_brokers (self, args, &error);
  else if (!path)
    err = use_running (self, &error);
  if (err == TROUPE_OK && !self->agents && !(self->agents = json_array ()))
    err = troupe_error_set (&error, TROUPE_NO_MEMORY, NULL, NULL, "out of memory");
  return err == TROUPE_OK ? err : print (&error);
}

troupe_err_t
mesh_find (mesh_t *out, const troupe_args_t *args)
{
  *out = (mesh_t){0};
  troupe_err_t err = find (out, args);
  if (err != TROUPE_OK)
    mesh_close (out);
  return err;
}

troupe_err_t
mesh_load (mesh_t *out, const troupe_args_t *args)
{
  *out = (mesh_t){0};
  const char *path = mesh_named_file (args);
  if (!path) {
    troupe_error_t error;
    troupe_error_set (&error, TROUPE_BAD_CONFIG, NULL, "name one with -f FILE",
                      "no configuration: neither -f nor $TROUPE_CONFIG is given, and there is no ./" DEFAULT_FILE);
    return print (&error);
  }
  troupe_err_t err = load (out, path, NULL);
  if (err != TROUPE_OK)
    mesh_close (out);
  return err;
}

void
mesh_close (mesh_t *self)
{
  troupe_config_destroy (&self->config);
  free (self->file);
  free (self->name);
  free (self->directory);
  for (size_t i = 0; i < MESH_BROKERS_MAX; i++)
    free (self->brokers[i]);
  json_decref (self->agents);
  *self = (mesh_t){0};
}

bool
mesh_is_local (const mesh_t *self)
{
  static const char *const local[] = {"ipc://", "tcp://127.", "tcp://[::1]:"};
  for (size_t i = 0; self->brokers[i] != NULL; i++) {
    bool is = false;
    for (size_t j = 0; j < sizeof local / sizeof *local; j++)
      is = is || strncmp (self->brokers[i], local[j], strlen (local[j])) == 0;
    if (!is)
      return false;
  }
  return true;
}

bool
mesh_running (const mesh_t *self)
{
  return self->directory && lock_held (self->directory, NULL);
}

bool
mesh_starting (const mesh_t *self)
{
  if (!self->directory || !lock_owned (self->directory))
    return false;
  char *path = mesh_path (self, "mesh.json");
  json_t *content = path ? json_load_file (path, 0, NULL) : NULL; // none: it has only just begun
  bool ready = json_is_true (json_object_get (content, "ready"));
  json_decref (content);
  free (path);
  return !ready;
}

char *
mesh_path (const mesh_t *self, const char *name)
{
  char *path;
  return self->directory && asprintf (&path, "%s/%s", self->directory, name) >= 0 ? path : NULL;
}

const char *
mesh_file_hint (const mesh_t *self, char *text, size_t size)
{
  bool plain = !self->file || strcmp (self->file, DEFAULT_FILE) == 0;
  snprintf (text, size, "%s%s", plain ? "" : " -f ", plain ? "" : self->file);
  return text;
}

troupe_err_t
mesh_announce (const mesh_t *self, bool ready, troupe_error_t *error)
{
  json_t *brokers = json_array ();
  for (size_t i = 0; self->brokers[i]; i++)
    json_array_append_new (brokers, json_string (self->brokers[i]));
  json_t *content = json_pack ("{s:s, s:i, s:b, s:s, s:o, s:O}", "mesh", self->name, "pid", (int)getpid (), "ready",
                               ready, "config", self->file, "brokers", brokers, "agents", self->agents);
  char *path = mesh_path (self, "mesh.json"), *draft = mesh_path (self, "mesh.json.new");
  troupe_err_t err = TROUPE_OK;
  if (!content || !path || !draft)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "mesh.json", NULL, "out of memory");
  else if (json_dump_file (content, draft, JSON_INDENT (2)) != 0 || rename (draft, path) != 0)
    err = troupe_error_set (error, TROUPE_IO, path, "is the disk full?", "can't be written: %s", strerror (errno));
  json_decref (content);
  free (path);
  free (draft);
  return err;
}

void
mesh_retract (const mesh_t *self)
{
  char *path = mesh_path (self, "mesh.json");
  if (path)
    unlink (path);
  free (path);
}
