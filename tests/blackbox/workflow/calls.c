// SPDX-License-Identifier: Apache-2.0
//
// Calls and their placeholders.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

TestSuite (calls, .init = place_enter, .fini = place_leave);

Test (calls, return_placeholders_at_once)
{
  flow_check ("local alice, bob = agent 'alice', agent 'bob'\n"
              "local x = alice 'late'\n"
              "assert (not x:done () and #x.id == 36 and x.name == 'alice' and x.timestamp > 1600000000000)\n"
              "local y = bob (x)\n" // depends on x, and is there at once as well
              "assert (not y:done () and y.name == 'bob')\n"
              "assert (x:wait {timeout = 0.05} == false)\n"
              "x:cancel ()\n"
              "assert (x:wait () and y:wait ())\n"
              "local ok, err = pcall (function () return y.content end)\n"
              "assert (not ok and err.service == 'agent/bob', tostring (err))\n");
}

Test (calls, wait_where_a_reply_is_read)
{
  flow_check ("local x = agent 'alice' (msg ('host', 'Hello', {metadata = {n = 1}}))\n"
              "assert (x.content == 'turn 1: Hello' and x:done () and x.role == 'assistant' and x.text == x.content)\n"
              "local y = agent 'bob' (x)\n"
              "assert (y.content == 'turn 1: turn 1: Hello')\n"
              "assert (y.metadata.rehearsal == true and y.rehearsal == true and y:value ().name == 'bob')\n"
              "assert (x.timestamp == x:value ().timestamp and x.id == x:value ().id)\n"
              "print (x, 1, nil)\n"
              "local all = agent 'alice' {x, y, msg ('me', 'third')}\n"
              "assert (all.content == 'turn 3: third', all.content)\n");
}

Test (calls, print_like_print)
{
  process_t *up = flow_up ();
  char *output = flow_run ("print ('a', 1, nil, true, agent 'alice' 'x', msg ('b', 'c'), null)");
  cr_assert_str_eq (output, "a\t1\tnil\ttrue\talice: turn 1: x\tb: c\tnull\n");
  free (output);
  mesh_down (&up);
}

Test (calls, raise_their_errors_where_replies_are_used)
{
  flow_check (
    "local alice = agent 'alice'\n"
    "local x = alice 'fail'\n"
    "x:wait ()\n" // doesn't raise
    "local ok, err = pcall (function ()\n"
    "  return x.content\n"
    "end)\n"
    "assert (not ok and err.code == 'model_failed' and err.service == 'agent/alice')\n"
    "assert (tostring (err):match 'flow.lua:5: agent/alice, model/talker: model_failed: it was told to fail')\n"
    "local depends = agent 'bob' (x)\n"
    "ok, err = pcall (function () return depends.content end)\n"
    "assert (tostring (err):match 'agent/bob.*told to fail', tostring (err))\n"
    "ok, err = pcall (function () return agent 'alcie' ().content end)\n"
    "assert (err.code == 'unknown_service' and tostring (err):match 'did you mean agent/alice', tostring (err))\n");
}

// What went wrong first, however many steps behind it, and however it is called.
Test (calls, of_an_unknown_service_tell_so_to_whoever_depends_on_them)
{
  flow_check ("local alice, alcie, bob = agent 'alice', agent 'alcie', agent 'bob'\n"
              "local function expect (x)\n"
              "  local ok, err = pcall (function () return x.content end)\n"
              "  assert (not ok and err.code == 'unknown_service' and err.object == 'agent/alcie', tostring (err))\n"
              "  assert (tostring (err):match 'did you mean agent/alice', tostring (err))\n"
              "end\n"
              "expect (pipeline.sequential ({alice, alcie, bob, alice}, msg ('me', 'x')))\n"
              "local refused = alcie (alice 'x')\n"
              "refused:wait ()\n"
              "expect (bob (refused))\n"
              "expect (bob {alice 'y', alcie 'z', msg ('me', 'x')})\n"
              "local nested = Agent {name = 'nested', reply = function (self, x) return bob (alcie (x)) end}\n"
              "local ok, err = pcall (function () return nested 'x'.content end)\n"
              "assert (err.code == 'unknown_service' and err.object:match 'agent/alcie', tostring (err))\n");
}

Test (calls, show_file_line_and_traceback_of_an_error)
{
  process_t *up = flow_up ();
  process_t *run = flow_start ("local function ask ()\n  return agent 'alice' 'fail'.content\nend\nask ()\n");
  process_expect_error (run, "flow.lua:2: agent/alice, model/talker: model_failed: it was told to fail");
  process_expect_error (run, "stack traceback");
  process_expect_error (run, "flow.lua:4: in main chunk");
  flow_end (&run, 5);
  run = flow_start ("local x = nil\nprint (x.y)\n");
  process_expect_error (run, "flow.lua:2: attempt to index a nil value");
  flow_end (&run, 1);
  run = flow_start ("x = = 1\n");
  process_expect_error (run, "flow.lua:1: unexpected symbol");
  flow_end (&run, 2);
  mesh_down (&up);
}

Test (calls, end_with_ctrl_c)
{
  process_t *up = flow_up ();
  process_t *run = flow_start ("local x = agent 'alice' 'late'\nprint 'asked'\nprint (x.content)\n");
  process_expect (run, "asked");
  process_signal (run, SIGINT);
  flow_end (&run, 7);
  mesh_expect_reply ("alice", "test", "Hello", "^turn 1: Hello$"); // what was asked keeps nobody
  mesh_down (&up);
}

// Each waits for the other one to have begun: one after the other they would never end.
Test (calls, that_dont_depend_on_each_other_run_at_the_same_time)
{
  flow_check ("local begun = {}\n"
              "local function meet (name, other)\n"
              "  return Agent {name = name, reply = function (self, x)\n"
              "    begun[name] = true\n"
              "    for _ = 1, 3000 do if begun[other] then break end sleep (0.01) end\n"
              "    assert (begun[other], 'they run one after the other')\n"
              "    return name .. ' met ' .. other\n"
              "  end}\n"
              "end\n"
              "local a, b = meet ('a', 'b'), meet ('b', 'a')\n"
              "local x, y = a (), b ()\n"
              "assert (x.content == 'a met b' and y.content == 'b met a')\n"
              "local again = pipeline.fanout ({a, b}, 'x')\n"
              "assert (again[1].content == 'a met b' and again[2].content == 'b met a')\n");
}

Test (calls, go_on_in_the_session_that_is_named)
{
  process_t *up = flow_up ();
  for (int i = 1; i <= 2; i++) {
    char expected[32];
    char *output = flow_run ("print (agent 'alice' 'x'.content)");
    snprintf (expected, sizeof expected, "turn %d: x\n", i);
    cr_assert_str_eq (output, expected);
    free (output);
  }
  mesh_down (&up);
}

Test (calls, can_be_left_and_picked_up_by_another_process)
{
  process_t *up = flow_up ();
  char *id = flow_run ("local x = agent 'alice' 'Hello'\nio.write (agent 'bob' (x).id)\n"), script[512];
  snprintf (script, sizeof script,
            "local x = placeholder ('%s', 'test')\n"
            "assert (x.id == '%s' and x.content == 'turn 1: turn 1: Hello' and x.name == 'bob')\n"
            "assert (agent 'alice' (x).content == 'turn 2: turn 1: turn 1: Hello')\n",
            id, id);
  free (flow_run (script));
  free (id);
  mesh_down (&up);
}

Test (calls, reach_every_service)
{
  flow_check ("local x = call ('model/talker', {messages = {{name = 'me', content = 'Hi'}}})\n"
              "assert (x.content == 'turn 1: Hi' and x.name == 'talker' and x:value ().role == 'assistant')\n"
              "local ok, err = pcall (call, 'nonsense', 1)\n"
              "assert (not ok and err.code == 'bad_argument', tostring (err))\n"
              "local late = agent 'alice' ('late', {deadline = 0.2})\n"
              "ok, err = pcall (function () return late.content end)\n"
              "assert (err.code == 'deadline', tostring (err))\n"
              "ok, err = pcall (agent 'alice', 'late', {deadline = 'soon'})\n"
              "assert (not ok and tostring (err):find 'deadline: a number', tostring (err))\n");
}

// Its agent kills its own process the first time that it is asked for a word, and tells how often it was.
static const char mortal[] = "return { reply = function (self, x)\n"
                             "  local path, runs = x.content .. '.runs', 0\n"
                             "  local file <close> = io.open (path, 'a+')\n"
                             "  for _ in file:lines () do runs = runs + 1 end\n"
                             "  file:write 'run\\n'\n"
                             "  file:flush ()\n"
                             "  if runs == 0 then os.execute 'kill -9 $PPID' end\n"
                             "  return 'run ' .. runs + 1\n"
                             "end }\n";

Test (calls, may_be_made_to_run_at_most_once)
{
  place_write ("mortal.lua", mortal);
  process_t *up = mesh_up ("models: { talker: { type: rehearsal } }\n"
                           "agents: { mortal: { type: script, file: mortal.lua } }\n");
  free (flow_run (
    "local mortal = agent 'mortal'\n"
    "assert (mortal ('again', {wait = true}).content == 'run 2')\n"
    "local function expect (x)\n"
    "  local ok, err = pcall (function () return x.content end)\n"
    "  assert (not ok and err.code == 'service_died' and tostring (err):match 'at most once', tostring (err))\n"
    "end\n"
    "expect (mortal ('agent', {once = true, wait = true}))\n"
    "expect (call ('agent/mortal', msg ('me', 'service'), {once = true, wait = true}))\n"
    "local function ask (_, x) return mortal (x, {once = true, wait = true}) end\n"
    "expect (Agent {name = 'nested', reply = ask} 'nested')\n"
    "assert (mortal ('agent', {once = true, wait = true}).content == 'run 2')\n"
    "local ok, err = pcall (mortal, 'x', {once = 1})\n"
    "assert (not ok and tostring (err):find 'once: true or false', tostring (err))\n"
    "ok, err = pcall (call, 'agent/mortal', 'x', {onec = true})\n"
    "assert (not ok and tostring (err):find 'unknown option onec; there are deadline, once', tostring (err))\n"));
  mesh_down (&up);
}

Test (calls, of_more_replies_than_a_call_may_name)
{
  flow_check ("local echo = Agent {name = 'echo', reply = function (_, x) return x.content end}\n"
              "local count = Agent {name = 'count', reply = function (_, x) return #x .. x[20].content end}\n"
              "local replies = {}\n"
              "for i = 1, 20 do replies[i] = echo ('n' .. i) end\n"
              "assert (count (replies).content == '20n20')\n");
}
