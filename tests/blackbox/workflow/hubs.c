// SPDX-License-Identifier: Apache-2.0
//
// Hubs of a workflow.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite (hubs, .init = place_enter, .fini = place_leave);

// Agents that say all that they remember, as "name:content".
#define TELLERS                                                                                                        \
  "local function teller (name)\n"                                                                                     \
  "  return Agent {name = name, reply = function (self, x)\n"                                                          \
  "    local all = {}\n"                                                                                               \
  "    for i, m in ipairs (self.memory:get ()) do all[i] = m.name .. ':' .. m.content end\n"                           \
  "    return #all == 0 and 'nothing' or '[' .. table.concat (all, ' ') .. ']'\n"                                      \
  "  end}\n"                                                                                                           \
  "end\n"                                                                                                              \
  "local a, b, c = teller 'a', teller 'b', teller 'c'\n"                                                               \
  "local function says (x, expected) assert (x.content == expected, x.content .. ', not ' .. expected) end\n"

Test (hubs, let_members_hear_each_other)
{
  flow_check (TELLERS "msghub ({a, b}, msg ('host', 'Welcome'), function (hub)\n"
                      "  local x, y, z = a (), b (), a ()\n" // at once, and yet in this order
                      "  says (x, '[host:Welcome]')\n"
                      "  says (y, '[host:Welcome a:[host:Welcome]]')\n"
                      "  says (z, '[host:Welcome a:[host:Welcome] b:' .. y.content .. ']')\n"
                      "end)\n"
                      "says (c (), 'nothing')\n");
}

Test (hubs, can_be_joined_and_left)
{
  flow_check (TELLERS
              "msghub ({a, b}, function (hub)\n"
              "  a ()\n"
              "  hub:delete (b)\n"
              "  hub:add (c)\n"
              "  hub:broadcast (msg ('host', 'one'))\n"
              "  hub:broadcast {msg ('host', 'two'), msg ('host', 'three')}\n"
              "  says (b (), '[a:nothing]')\n"
              "  says (c (), '[host:one host:two host:three]')\n"
              "  hub:set_auto_broadcast (false)\n"
              "  says (a 'x', '[a:nothing host:one host:two host:three c:[host:one host:two host:three] user:x]')\n"
              "  says (c (), '[host:one host:two host:three c:[host:one host:two host:three]]')\n"
              "end)\n");
}

Test (hubs, end_with_their_block_also_by_an_error)
{
  flow_check (TELLERS "local kept\n"
                      "assert (not pcall (msghub, {a, b}, nil, function (hub) kept = hub a () error 'x' end))\n"
                      "assert (not pcall (kept.broadcast, kept, msg ('host', 'late')))\n"
                      "a ():wait ()\n"
                      "says (b (), '[a:nothing]')\n"
                      "assert (msghub ({a}, nil, function () return 7 end) == 7)\n");
}

Test (hubs, reach_functions_and_coroutines_of_their_block)
{
  flow_check (TELLERS "local function ask (x) return x () end\n"
                      "msghub ({a, b, c}, nil, function (hub)\n"
                      "  ask (a):wait ()\n"
                      "  coroutine.wrap (function () b ():wait () end) ()\n"
                      "  says (c (), '[a:nothing b:[a:nothing]]')\n"
                      "end)\n");
}

Test (hubs, of_coroutines_are_their_own)
{
  flow_check (TELLERS "local one = coroutine.wrap (function ()\n"
                      "  msghub ({a, b}, nil, function () coroutine.yield () end)\n"
                      "end)\n"
                      "one ()\n"
                      "a ():wait ()\n" // not in the coroutine, and so not in its hub
                      "says (b (), 'nothing')\n"
                      "one ()\n");
}

Test (hubs, stand_in_each_other)
{
  flow_check (TELLERS "msghub ({a, b}, nil, function ()\n"
                      "  msghub ({a, c}, msg ('host', 'inner'), function ()\n"
                      "    a ():wait ()\n"
                      "    says (b (), '[a:[host:inner]]')\n"
                      "    says (c (), '[host:inner a:[host:inner]]')\n"
                      "  end)\n"
                      "end)\n");
}

Test (hubs, dont_hear_what_a_member_asks_for_itself)
{
  flow_check (TELLERS "local boss = Agent {name = 'boss', reply = function (self, x)\n"
                      "  return 'b says ' .. b ().content\n"
                      "end}\n"
                      "msghub ({boss, b, c}, nil, function ()\n"
                      "  says (boss (), 'b says nothing')\n"
                      "  says (c (), '[boss:b says nothing]')\n"
                      "end)\n");
}

Test (hubs, keep_a_fan_out_apart)
{
  flow_check (TELLERS "msghub ({a, b, c}, msg ('host', 'vote'), function ()\n"
                      "  local replies = pipeline.fanout ({a, b, c})\n"
                      "  for _, x in ipairs (replies) do says (x, '[host:vote]') end\n"
                      "  local d = a ()\n"
                      "  says (d, '[host:vote a:[host:vote] b:[host:vote] c:[host:vote]]')\n"
                      "end)\n");
}

Test (hubs, are_heard_by_observe_where_there_is_one)
{
  flow_check ("local c = ScriptAgent {name = 'c', file = 'counter.lua'}\n"
              "local far = ScriptAgent {name = 'far', file = 'counter.lua'}:to_dist ()\n"
              "msghub ({c, far, agent 'alice'}, msg ('host', 'Welcome'), function (hub)\n"
              "  agent 'alice' ()\n"
              "  assert (c ().content == 'c 1 (0): Welcome turn 1: Welcome ', c ().content)\n"
              "  local x = far ().content\n"
              "  assert (x:match '^far 1 %(0%): Welcome turn 1: Welcome ', x)\n"
              "end)\n");
}

Test (hubs, say_what_is_wrong)
{
  flow_check ("local alice, bob = agent 'alice', agent 'bob'\n"
              "local function fails (part, ...)\n"
              "  local ok, why = pcall (...)\n"
              "  assert (not ok and tostring (why):find (part, 1, true), tostring (why))\n"
              "end\n"
              "local function none () end\n"
              "fails ('the announcement is a message', msghub, {alice}, 'Welcome!', none)\n"
              "fails ('number 2 is nil', msghub, {alice, misspelt, bob}, none)\n"
              "fails ('number 1 is no agent', msghub, {'alice'}, none)\n");
}

// Nothing waits for it in the script.
Test (hubs, tell_what_is_refused_after_their_block)
{
  process_t *up = flow_up ();
  process_t *run = flow_start ("local many = {}\n"
                               "for i = 1, 1001 do many[i] = msg ('host', 'x') end\n"
                               "msghub ({agent 'alice'}, function (hub) hub:broadcast (many) end)\n");
  process_expect_error (run, "troupe: hub: 1001 messages at once; at most 1000 are taken");
  flow_end (&run, 0);
  mesh_down (&up);
}
