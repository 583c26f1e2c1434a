// SPDX-License-Identifier: Apache-2.0
//
// Instances that join and leave while calls come all the time: nobody who calls notices.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

TestSuite (scaling, .init = place_enter, .fini = place_leave);

// -- Load --------------------------------------------------------------------------------------------------------------

enum { IN_FLIGHT = 16 };

// So many calls at any moment; each must end with a value, at its first attempt.
typedef struct {
  troupe_node_t *node;
  const char *service;
  troupe_placeholder_t *calls[IN_FLIGHT];
  unsigned done, by_second; // of them by the instance "second"
} load_t;

static void
load_take (load_t *self, unsigned i)
{
  const json_t *value = troupe_placeholder_value (self->calls[i]);
  const troupe_error_t *error = troupe_placeholder_error (self->calls[i]);
  cr_assert_not_null (value, "%s: %s", troupe_err_name (error->code), error->why);
  cr_assert_eq (json_integer_value (json_object_get (value, "attempt")), 1, "it was lost and repeated");
  self->done++;
  self->by_second += strcmp (json_string_value (json_object_get (value, "by")), "second") == 0;
  troupe_placeholder_destroy (&self->calls[i]);
}

// Whoever has ended is followed by another one; in sessions that nobody knows yet.
static void
load_turn (load_t *self, bool more)
{
  for (unsigned i = 0; i < IN_FLIGHT; i++) {
    if (self->calls[i] != NULL && troupe_placeholder_state (self->calls[i]) >= TROUPE_CALL_SETTLED)
      load_take (self, i);
    if (self->calls[i] != NULL && troupe_placeholder_state (self->calls[i]) == TROUPE_CALL_REFUSED)
      cr_assert_fail ("refused: %s", troupe_placeholder_error (self->calls[i])->why);
    if (self->calls[i] == NULL && more)
      self->calls[i] = stage_call (self->node, self->service, NULL, "[]");
  }
}

static bool
load_reached (load_t *self, unsigned done)
{
  load_turn (self, true);
  return self->done >= done;
}

static bool
load_ended (load_t *self)
{
  bool any = false;
  load_turn (self, false);
  for (unsigned i = 0; i < IN_FLIGHT; i++)
    any = any || self->calls[i] != NULL;
  return !any;
}

static bool
load_by_second (load_t *self, unsigned count)
{
  load_turn (self, true);
  return self->by_second >= count;
}

// -- Joining and leaving -----------------------------------------------------------------------------------------------

static void
join_and_drain (const char *service)
{
  stage_t stage;
  stage_open (&stage, 2, "");
  process_t *first = stage_player (&stage, "first", service, 8);
  load_t load = {.node = stage_node (&stage, "12"), .service = service};
  STAGE_UNTIL (&stage, load_reached (&load, 100));
  cr_assert_eq (load.by_second, 0);
  process_t *second = stage_player_at (&stage, "second", service, 8, "12");
  STAGE_UNTIL (&stage, load_by_second (&load, 50));
  process_signal (first, SIGTERM);
  STAGE_UNTIL (&stage, load_reached (&load, 0) && process_said (first, "drained"));
  process_expect_exit (first, 0);
  unsigned by_first = load.done - load.by_second;
  unsigned enough = load.by_second + 100;
  STAGE_UNTIL (&stage, load_by_second (&load, enough));
  STAGE_UNTIL (&stage, load_ended (&load));
  cr_assert_leq (load.done - load.by_second, by_first + IN_FLIGHT, "the one that left still works");
  (void)second;
  stage_close (&stage);
}

Test (scaling, a_tool_that_joins_shares_the_load_and_one_that_drains_loses_and_refuses_nothing)
{
  join_and_drain ("tool/x");
}

Test (scaling, an_agent_that_joins_gets_new_sessions_and_one_that_drains_loses_and_refuses_nothing)
{
  join_and_drain ("agent/x");
}

// -- Actors ------------------------------------------------------------------------------------------------------------

Test (scaling, actors_that_are_busy_stay_where_they_are_when_an_instance_joins)
{
  enum { SESSIONS = 16 };
  stage_t stage;
  char session[16];
  troupe_placeholder_t *running[SESSIONS], *waiting[SESSIONS];
  stage_open (&stage, 1, "");
  process_t *first = stage_player (&stage, "first", "agent/x", SESSIONS);
  troupe_node_t *node = stage_node (&stage, "1");
  for (int i = 0; i < SESSIONS; i++) {
    snprintf (session, sizeof session, "s%d", i);
    running[i] = stage_call (node, "agent/x", session, "[['hold', 'here']]");
    waiting[i] = stage_call (node, "agent/x", session, "[]");
  }
  snprintf (session, sizeof session, "run %d ", SESSIONS);
  STAGE_UNTIL (&stage, process_said (first, session));
  stage_player (&stage, "second", "agent/x", SESSIONS);
  for (int i = 0; i < SESSIONS; i++)
    process_send (first, "go here\n");
  for (int i = 0; i < SESSIONS; i++) {
    stage_expect_reply (&stage, &running[i], 1, "first");
    stage_expect_reply (&stage, &waiting[i], 1, "first");
  }
  stage_close (&stage);
}
