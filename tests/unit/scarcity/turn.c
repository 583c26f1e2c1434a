// SPDX-License-Identifier: Apache-2.0
//
// An agent's turn without memory, over real sockets: the call comes in, what the agent remembers is read, it hears what
// was said, asks its model (or, in a script, another agent), remembers, and replies. Its reply is right, or says that
// memory ran out; and the next turn, with memory, is as if nothing had happened. A message that there was no memory for
// makes the node begin its connection anew; then the call is offered once more, as brokers do.

#include "tests/unit/scarcity/desk.h"
#include "tests/unit/scarcity/scarce.h"
#include "troupe/log.h"
#include "troupe/script.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  PATIENCE = 20 * 1000,
  SHORT = 500, // for a turn that may have been lost
  AGAIN = 300, // until a call is offered again
  TURN = 5,
};

static const char text[] = "return { reply = function (self, x)\n"
                           "  local y = agent 'carol' (x)\n"
                           "  self.state = {n = #self.memory}\n"
                           "  return {content = y.text, metadata = {told = x.text}}\n"
                           "end }\n";

typedef struct {
  troupe_loop_t *loop;
  troupe_node_t *node;
  troupe_agent_t *agent;
  desk_t desk;
  json_t *input;
  const char *service;
  char folder[32], path[48];
} scene_t;

static void
turn (scene_t *self)
{
  scarce_begin ();
  troupe_loop_turn (self->loop, TURN);
  scarce_end ();
  desk_serve (&self->desk);
}

// Offers a call, and again under the next attempt, until it has ended or the time is up; whether it has.
static bool
play (scene_t *self, const troupe_id_t *id, unsigned *attempt, int64_t patience)
{
  int64_t now = troupe_loop_now (), until = now + patience, again = now;
  while (!desk_settled (&self->desk, id) && now < until) {
    if (now >= again) {
      desk_offer (&self->desk, self->service, id, ++*attempt, self->input);
      again = now + (scarce_struck () ? AGAIN : PATIENCE);
    }
    turn (self);
    now = troupe_loop_now ();
  }
  return desk_settled (&self->desk, id);
}

static void
expect_reply (const scene_t *self)
{
  const char *said = json_string_value (json_object_get (self->desk.value, "content"));
  cr_assert_eq (self->desk.status, TROUPE_STATUS_VALUE, "%s", troupe_err_name (self->desk.code));
  cr_assert (said != NULL && strcmp (said, "I see.") == 0, "%s", said);
}

static void
turn_scene (const void *arg)
{
  scene_t *self = (scene_t *)(uintptr_t)arg;
  troupe_id_t first = troupe_id_new (), second = troupe_id_new ();
  unsigned attempt = 0;
  bool ended = play (self, &first, &attempt, SHORT);
  scarce_relieve ();
  ended = ended || play (self, &first, &attempt, PATIENCE);
  cr_assert (ended, "the turn never ended");
  if (!scarce_struck () || self->desk.status == TROUPE_STATUS_VALUE)
    expect_reply (self);
  else
    cr_assert_eq (self->desk.code, TROUPE_NO_MEMORY, "%s: %s", troupe_err_name (self->desk.code),
                  json_string_value (json_object_get (self->desk.value, "why")));
  attempt = 0;
  cr_assert (play (self, &second, &attempt, PATIENCE), "the next turn never ended");
  expect_reply (self);
}

static void
open_scene (scene_t *self)
{
  troupe_error_t error = {0};
  *self = (scene_t){.folder = "/tmp/troupe-scarcity-XXXXXX", .input = json_string ("Who are you?")};
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  cr_assert_not_null (mkdtemp (self->folder));
  desk_open (&self->desk, self->folder);
  const char *const brokers[] = {self->desk.endpoint, NULL};
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
  cr_assert_eq (
    troupe_node_new (&self->node, self->loop, &(troupe_node_options_t){.name = "t", .brokers = brokers}, &error),
    TROUPE_OK, "%s", error.why);
}

static void
serve (scene_t *self, const char *name, const troupe_agent_type_t *type, json_t *settings)
{
  troupe_error_t error = {0};
  troupe_agent_options_t options = {.name = name, .type = type, .settings = settings, .concurrency = 4};
  cr_assert_eq (troupe_agent_new (&self->agent, self->node, &options, &error), TROUPE_OK, "%s", error.why);
  json_decref (settings);
  while (self->desk.registered == 0)
    turn (self);
}

static void
close_scene (scene_t *self)
{
  troupe_agent_destroy (&self->agent);
  troupe_node_destroy (&self->node);
  troupe_loop_destroy (&self->loop);
  desk_close (&self->desk);
  json_decref (self->input);
  if (self->path[0] != '\0')
    unlink (self->path);
  rmdir (self->folder);
}

Test (scarcity, turns_of_a_dialog_agent, .timeout = 600)
{
  scene_t self;
  open_scene (&self);
  self.service = "agent/alice";
  serve (&self, "alice", &troupe_agent_dialog, json_pack ("{s:s, s:s}", "model", "m", "prompt", "You are Alice."));
  scarce_play (turn_scene, &self, 100);
  close_scene (&self);
}

Test (scarcity, turns_of_a_script_agent, .timeout = 600)
{
  scene_t self;
  open_scene (&self);
  self.service = "agent/bob";
  snprintf (self.path, sizeof self.path, "%s/bob.lua", self.folder);
  FILE *file = fopen (self.path, "w");
  cr_assert_not_null (file);
  fputs (text, file);
  fclose (file);
  serve (&self, "bob", &troupe_agent_script, json_pack ("{s:s}", "file", self.path));
  scarce_play (turn_scene, &self, 100);
  close_scene (&self);
}
