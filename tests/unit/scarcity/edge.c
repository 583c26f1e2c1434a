// SPDX-License-Identifier: Apache-2.0
//
// A node's edge without memory: its sockets are made, frames go out and come in, alone and in runs, it registers,
// subscribes and hears, loses its connection and makes another one, and closes. With memory again all that it took has
// ended, and a new call is answered. (What libzmq itself allocates is out of our hands: see guarantees.md.)

#include "tests/unit/scarcity/desk.h"
#include "tests/unit/scarcity/scarce.h"
#include "troupe/log.h"
#include "troupe/node.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  PATIENCE = 20 * 1000,
  SHORT = 100, // in which all that is not delayed has happened
  TURN = 5,
  SMALL = 4, // calls, which go out in a run
  CALLS = SMALL + 1,
  LARGE = 50 * 1000, // bytes of an input that has a frame of its own
};

typedef struct {
  troupe_loop_t *loop;
  troupe_node_t *node;
  desk_t desk;
  troupe_placeholder_t *calls[CALLS];
  unsigned calls_count, heard;
  json_t *small, *large;
  char folder[32];
} scene_t;

static void
turn (scene_t *self)
{
  scarce_begin ();
  troupe_loop_turn (self->loop, TURN);
  scarce_end ();
  desk_serve (&self->desk);
  desk_publish (&self->desk);
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  (void)context;
  cr_assert_neq (troupe_placeholder_status (placeholder), TROUPE_STATUS_NONE);
}

static void
on_event (void *context, const char *service, const char *instance, const json_t *event)
{
  (void)service, (void)instance, (void)event;
  ((scene_t *)context)->heard++;
}

static void
on_serve (void *context, troupe_task_t *task)
{
  (void)context;
  troupe_task_reply (&task, json_null ());
}

static troupe_placeholder_t *
call (scene_t *self, const json_t *input)
{
  troupe_placeholder_t *placeholder = NULL;
  troupe_error_t error = {0};
  troupe_call_t made = {
    .service = "tool/x", .input = input, .session = "s", .settled = on_settled, .deadline_ms = PATIENCE};
  scarce_begin ();
  troupe_err_t err = troupe_node_call (self->node, &placeholder, &made, &error);
  scarce_expect (err, &error);
  return placeholder;
}

static bool
settled (const scene_t *self)
{
  for (unsigned i = 0; i < self->calls_count; i++)
    if (troupe_placeholder_status (self->calls[i]) == TROUPE_STATUS_NONE)
      return false;
  return true;
}

static void
begin (scene_t *self)
{
  troupe_error_t error = {0};
  troupe_service_t service = {.name = "agent/alice", .actor = true, .credit = 4, .serve = on_serve};
  scarce_begin ();
  troupe_err_t err = troupe_node_serve (self->node, &service, &error);
  scarce_expect (err, &error);
  scarce_begin ();
  err = troupe_node_on_event (self->node, on_event, self, &error);
  scarce_expect (err, &error);
  self->calls_count = 0;
  for (unsigned i = 0; i < CALLS; i++)
    if ((self->calls[self->calls_count] = call (self, i < SMALL ? self->small : self->large)) != NULL)
      self->calls_count++;
  for (int64_t until = troupe_loop_now () + SHORT; troupe_loop_now () < until && (!settled (self) || self->heard == 0);)
    turn (self);
}

static void
go_on (scene_t *self)
{
  scarce_relieve ();
  for (int64_t until = troupe_loop_now () + PATIENCE; !settled (self);) {
    cr_assert_lt (troupe_loop_now (), until, "a call never ended");
    turn (self);
  }
  troupe_placeholder_t *last = call (self, self->large);
  for (int64_t until = troupe_loop_now () + PATIENCE; troupe_placeholder_status (last) == TROUPE_STATUS_NONE;) {
    cr_assert_lt (troupe_loop_now (), until, "the last call never ended");
    turn (self);
  }
  cr_assert_eq (troupe_placeholder_status (last), TROUPE_STATUS_VALUE);
  troupe_placeholder_destroy (&last);
}

static void
edge_scene (const void *arg)
{
  scene_t *self = (scene_t *)(uintptr_t)arg;
  const char *const brokers[] = {self->desk.endpoint, NULL};
  troupe_error_t error = {0};
  self->heard = 0;
  scarce_begin ();
  troupe_err_t err =
    troupe_node_new (&self->node, self->loop, &(troupe_node_options_t){.name = "t", .brokers = brokers}, &error);
  scarce_expect (err, &error);
  if (err != TROUPE_OK)
    return;
  begin (self);
  go_on (self);
  for (unsigned i = 0; i < self->calls_count; i++)
    troupe_placeholder_destroy (&self->calls[i]);
  troupe_node_destroy (&self->node);
}

Test (scarcity, edge_of_a_node, .timeout = 600)
{
  char *text = calloc (1, LARGE);
  memset (text, 'x', LARGE - 1);
  scene_t self = {
    .folder = "/tmp/troupe-scarcity-XXXXXX", .small = json_pack ("{s:s}", "a", "b"), .large = json_string (text)};
  free (text);
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  cr_assert_not_null (mkdtemp (self.folder));
  desk_open (&self.desk, self.folder);
  cr_assert_eq (troupe_loop_new (&self.loop), TROUPE_OK);
  scarce_play (edge_scene, &self, 60);
  troupe_loop_destroy (&self.loop);
  desk_close (&self.desk);
  json_decref (self.small);
  json_decref (self.large);
  rmdir (self.folder);
}
