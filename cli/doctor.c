// SPDX-License-Identifier: Apache-2.0
//
// `troupe doctor`: runs every check (checks.h), also after one failed, and prints a line for each.
#include "cli/checks.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

enum { NAME_WIDTH = 16 };

void
checks_add (checks_t *self, const char *check, bool ok, const char *next, const char *format, ...)
{
  char *text;
  va_list arguments;
  va_start (arguments, format);
  int size = vasprintf (&text, format, arguments);
  va_end (arguments);
  json_t *item = json_pack ("{s:s, s:b, s:s}", "check", check, "ok", ok, "text", size < 0 ? "" : text);
  if (!ok && next && *next)
    json_object_set_new (item, "next", json_string (next));
  json_array_append_new (self->list, item);
  self->failed = self->failed || !ok;
  if (size >= 0)
    free (text);
}

static void
print (const checks_t *self)
{
  size_t i;
  json_t *item;
  bool colour = output_colour (stdout);
  json_array_foreach (self->list, i, item)
  {
    bool ok = json_is_true (json_object_get (item, "ok"));
    const char *next = json_string_value (json_object_get (item, "next"));
    printf ("%s%s%s %-*s ", colour ? (ok ? OUTPUT_GREEN : OUTPUT_RED) : "", ok ? "●" : "✕", colour ? OUTPUT_PLAIN : "",
            NAME_WIDTH, json_string_value (json_object_get (item, "check")));
    output_text (stdout, json_string_value (json_object_get (item, "text")));
    putchar ('\n');
    if (next)
      printf ("  %-*s → %s\n", NAME_WIDTH - 2, "", next);
  }
}

static void
check_configured (checks_t *self, const troupe_args_t *args)
{
  mesh_t mesh;
  const char *path = mesh_named_file (args);
  if (mesh_load (&mesh, args) != TROUPE_OK) {
    checks_add (self, "configuration", false, "correct it, or name another with -f FILE", "%s: see the messages above",
                path ? path : "none");
    return;
  }
  checks_add (self, "configuration", true, NULL, "%s", mesh.file);
  checks_redis (self, &mesh);
  checks_state (self, &mesh);
  checks_endpoints (self, &mesh);
  checks_keys (self, &mesh);
  checks_mesh (self, &mesh);
  checks_models (self, &mesh);
  mesh_close (&mesh);
}

int
doctor_run (const troupe_args_t *args)
{
  checks_t self = {.list = json_array ()};
  signal (SIGPIPE, SIG_IGN);
  troupe_log_init (&(troupe_log_options_t){.program = "doctor", .level = TROUPE_LOG_OFF});
  checks_programs (&self);
  checks_clock (&self);
  check_configured (&self, args);
  if (troupe_args_flag (args, "json"))
    output_json (self.list);
  else
    print (&self);
  json_decref (self.list);
  return self.failed ? 1 : 0;
}
