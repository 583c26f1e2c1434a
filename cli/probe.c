// SPDX-License-Identifier: Apache-2.0
//
// `troupe probe`: is a process ready? Only what has no secrets is read of the configuration.
#include "cli/mesh.h"
#include "cli/verbs.h"
#include "troupe/health.h"

static int
probe_configured (const troupe_args_t *args)
{
  troupe_config_t *config = NULL;
  troupe_error_t error = {0};
  json_t *errors = NULL;
  const char *file = mesh_named_file (args);
  troupe_err_t err = file != NULL
                       ? troupe_config_load_part (&config, file, "", &errors, &error)
                       : troupe_error_set (&error, TROUPE_NOT_FOUND, "troupe.yaml", "name it with -f, or give an URL",
                                           "there is no configuration here");
  if (json_array_size (errors) > 0)
    troupe_config_print_errors (errors, stderr);
  else if (err != TROUPE_OK)
    troupe_error_print (&error, stderr);
  json_decref (errors);
  int status = err == TROUPE_OK
                 ? troupe_health_probe_main (json_string_value (troupe_config_get (config, "health.listen")))
                 : troupe_err_exit (err);
  troupe_config_destroy (&config);
  return status;
}

int
probe_run (const troupe_args_t *args)
{
  const char *where = troupe_args_operand (args, 0);
  return where != NULL ? troupe_health_probe_main (where) : probe_configured (args);
}
