// SPDX-License-Identifier: Apache-2.0
//
// A workflow without memory: it makes messages, calls that nobody answers, coroutines, parsers and agents, and ends. It
// may fail, but it always ends. (Lua's own allocations are limited by unit-script.)

#include "troupe/script.h"
#include "tests/unit/scarcity/scarce.h"
#include "troupe/log.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE = 20 * 1000 };

static const char text[] = "local m = msg ('a', 'b', {metadata = {1, 2, {x = 'y'}}})\n"
                           "local f = coroutine.wrap (function () sleep (0) coroutine.yield (m.metadata) end)\n"
                           "f ()\n"
                           "pcall (function () return agent 'x' (m):wait {timeout = 0} end)\n"
                           "local a = Agent {name = 'me', reply = function (self, x) return x end}\n"
                           "local p = parse.json {keys = {speak = 'string'}}\n"
                           "local fields = p:parse (\"{'speak': 'hi',}\")\n"
                           "local value, notes = repair ('[1, 2', 'list')\n"
                           "agent 'x' ():cancel ()\n"
                           "pcall (pipeline.sequential, { function (x) return x end }, m)\n"
                           "return 3\n";

typedef struct {
  troupe_loop_t *loop;
  troupe_node_t *node;
  char path[64];
  bool ended;
} scene_t;

static void
ended (void *context, int status, const char *trace)
{
  scene_t *self = context;
  (void)status, (void)trace;
  self->ended = true;
}

static void
script_scene (const void *arg)
{
  scene_t *self = (scene_t *)(uintptr_t)arg;
  troupe_script_t *script = NULL;
  troupe_error_t error = {0};
  self->ended = false;
  int64_t until = troupe_loop_now () + PATIENCE;
  scarce_begin ();
  troupe_err_t err =
    troupe_script_new (&script, &(troupe_script_options_t){.node = self->node, .session = "s"}, &error);
  bool made = err == TROUPE_OK;
  if (made)
    err = troupe_script_run (script, self->path, (const char *const[]){"one", NULL}, ended, self, &error);
  while (err == TROUPE_OK && !self->ended && troupe_loop_now () < until)
    troupe_loop_turn (self->loop, 50); // what it has no memory for is tried again by the next turn
  scarce_end ();
  cr_assert (err == TROUPE_OK || scarce_struck (), "%s: %s", troupe_err_name (err), error.why);
  cr_assert (err != TROUPE_OK || self->ended, "it never ended");
  if (made)
    troupe_script_destroy (&script);
}

Test (scarcity, workflows, .timeout = 600)
{
  static const char *const brokers[] = {"ipc:///nonexistent/broker", NULL};
  scene_t self = {.path = "/tmp/troupe-scarcity-XXXXXX.lua"};
  troupe_error_t error = {0};
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  int fd = mkstemps (self.path, 4);
  cr_assert_eq (write (fd, text, strlen (text)), (ssize_t)strlen (text));
  close (fd);
  cr_assert_eq (troupe_loop_new (&self.loop), TROUPE_OK);
  cr_assert_eq (
    troupe_node_new (&self.node, self.loop, &(troupe_node_options_t){.name = "t", .brokers = brokers}, &error),
    TROUPE_OK);
  scarce_play (script_scene, &self, 100);
  unlink (self.path);
  troupe_node_destroy (&self.node);
  troupe_loop_destroy (&self.loop);
}
