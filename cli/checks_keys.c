// SPDX-License-Identifier: Apache-2.0
//
// Checks of the keys of a mesh: whether those that are needed are there, fit, and are readable by their owner only.
// Another machine's secrets needn't be here, so a missing .key file is told, and is no fault.
#include "cli/checks.h"
#include "troupe/keys.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
check_secret (checks_t *self, const char *name, const char *path)
{
  troupe_key_t key;
  struct stat info;
  troupe_error_t error = {0};
  if (access (path, F_OK) != 0) {
    checks_add (self, "key", true, NULL, "%s: the secret key isn't on this machine", name);
    return;
  }
  if (troupe_key_read (&key, path, &error) != TROUPE_OK) {
    checks_add (self, "key", false, error.next, "%s: %s", path, error.why);
    return;
  }
  troupe_key_forget (&key);
  bool hidden = stat (path, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  checks_add (self, "key", hidden, "chmod 600, unless it is meant so", "%s %s", path,
              hidden ? "is its owner's only" : "can be read by other users");
}

static void
check_pair (checks_t *self, const char *directory, const char *name)
{
  char path[PATH_MAX];
  troupe_key_t key;
  troupe_error_t error = {0};
  snprintf (path, sizeof path, "%s/%s.pub", directory, name);
  if (troupe_key_read (&key, path, &error) != TROUPE_OK)
    checks_add (self, "key", false, "troupe keygen --mesh, or copy it here", "%s: %s", path, error.why);
  snprintf (path, sizeof path, "%s/%s.key", directory, name);
  check_secret (self, name, path);
}

void
checks_keys (checks_t *self, const mesh_t *mesh)
{
  size_t i;
  json_t *broker;
  const char *directory = troupe_config_text (mesh->config, "keys.directory");
  json_array_foreach (troupe_config_get (mesh->config, "brokers"), i, broker) {
    const char *name = json_string_value (json_object_get (broker, "name"));
    if (strncmp (json_string_value (json_object_get (broker, "endpoint")), "ipc://", 6) == 0)
      continue;
    if (json_is_true (json_object_get (broker, "insecure")))
      checks_add (self, "key", false, "give it keys: troupe keygen --mesh",
                  "%s is insecure: whoever reaches its port may do everything", name);
    else if (directory)
      check_pair (self, directory, name);
  }
  const char *own = troupe_config_text (mesh->config, "keys.file");
  if (own)
    check_secret (self, "keys.file", own);
  else if (directory)
    check_pair (self, directory, TROUPE_TOKEN_OPERATOR);
}
