// SPDX-License-Identifier: Apache-2.0
#include "unit/script/play.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  troupe_loop_t *loop;
  int status;
  char *trace;
} play_t;

static void
ended (void *context, int status, const char *trace)
{
  play_t *self = context;
  self->status = status;
  self->trace = trace ? strdup (trace) : NULL;
  troupe_loop_stop (self->loop);
}

static void
write_file (char path[], const char *text)
{
  int fd = mkstemps (path, 4);
  cr_assert_geq (fd, 0);
  cr_assert_eq (write (fd, text, strlen (text)), (ssize_t)strlen (text));
  close (fd);
}

int
play_with (const char *text, const troupe_script_options_t *given, char **trace)
{
  static const char *const brokers[] = {"ipc:///nonexistent/broker", NULL};
  troupe_script_options_t options = given ? *given : (troupe_script_options_t){0};
  char path[] = "/tmp/troupe-script-XXXXXX.lua";
  play_t self = {.status = -1};
  troupe_node_t *node;
  troupe_script_t *script;
  troupe_error_t error;
  write_file (path, text);
  cr_assert_eq (troupe_loop_new (&self.loop), TROUPE_OK);
  cr_assert_eq (troupe_node_new (&node, self.loop, &(troupe_node_options_t){.name = "t", .brokers = brokers}, &error),
                TROUPE_OK);
  options.node = node;
  options.session = "s";
  troupe_err_t err = troupe_script_new (&script, &options, &error);
  if (err == TROUPE_OK)
    err = troupe_script_run (script, path, (const char *const[]){"one", "two", NULL}, ended, &self, &error);
  else
    script = NULL;
  unlink (path);
  if (err == TROUPE_OK) {
    cr_assert_eq (troupe_loop_run (self.loop), TROUPE_OK);
  } else {
    self.status = troupe_err_exit (err);
    self.trace = strdup (error.why);
  }
  troupe_script_destroy (&script);
  troupe_node_destroy (&node);
  troupe_loop_destroy (&self.loop);
  if (trace)
    *trace = self.trace;
  else
    free (self.trace);
  return self.status;
}

void
play (const char *text)
{
  char *trace;
  int status = play_with (text, NULL, &trace);
  cr_assert_eq (status, 0, "%s", trace ? trace : "");
  free (trace);
}

void
play_failing (const char *text, int status, const char *part)
{
  char *trace;
  int came = play_with (text, NULL, &trace);
  cr_assert_eq (came, status, "%s", trace ? trace : "");
  cr_assert_not_null (trace);
  cr_assert_not_null (strstr (trace, part), "%s", trace);
  free (trace);
}
