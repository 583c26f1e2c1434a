// SPDX-License-Identifier: Apache-2.0
//
// Workflows that end sessions.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite (sessions, .init = place_enter, .fini = place_leave);

Test (sessions, a_workflow_ends_its_own_and_begins_it_anew)
{
  flow_check ("local alice, bob = agent 'alice', agent 'bob'\n"
              "assert (alice 'a'.content == 'turn 1: a' and alice 'b'.content == 'turn 2: b')\n"
              "local late = bob 'late'\n"
              "assert (end_session () == true)\n"
              "local ok, err = pcall (function () return late.content end)\n"
              "assert (not ok and err.code == 'cancelled', tostring (err))\n"
              "assert (alice 'c'.content == 'turn 1: c')\n");
}

Test (sessions, a_workflow_ends_another_one)
{
  process_t *up = flow_up ();
  mesh_expect_reply ("alice", "other", "Hello", "^turn 1: Hello$");
  char *output = flow_run ("assert (agent 'alice' 'x'.content == 'turn 1: x')\n"
                           "print (end_session 'other', end_session 'other', end_session 'nobody')\n"
                           "assert (agent 'alice' 'y'.content == 'turn 2: y')\n");
  cr_assert_str_eq (output, "true\tfalse\tfalse\n");
  free (output);
  mesh_expect_reply ("alice", "other", "Hello", "^turn 1: Hello$");
  mesh_down (&up);
}

Test (sessions, an_agent_ends_none)
{
  flow_check ("local rude = Agent {name = 'rude', reply = function (self, x) end_session () return 'x' end}\n"
              "local ok, err = pcall (function () return rude 'x'.content end)\n"
              "assert (not ok and tostring (err):match 'end_session is for workflows', tostring (err))\n"
              "ok, err = pcall (end_session, {})\n"
              "assert (not ok and tostring (err):match 'string expected', tostring (err))\n"
              "ok, err = pcall (end_session, ('x'):rep (200))\n"
              "assert (not ok and err.code == 'bad_argument', tostring (err))\n"
              "ok, err = pcall (table.sort, {1, 2, 3}, function () end_session () end)\n"
              "assert (not ok and tostring (err):match 'waits for the mesh', tostring (err))\n");
}
