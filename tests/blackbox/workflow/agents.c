// SPDX-License-Identifier: Apache-2.0
//
// Agents that a workflow makes: inside, in processes of their own, and the person at the terminal.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite (agents, .init = place_enter, .fini = place_leave);

Test (agents, run_inside_with_memory_and_state)
{
  flow_check ("local a = Agent {name = 'a', config = {step = 2},\n"
              "  init = function (self, config) self.state.n = 10 end,\n"
              "  reply = function (self, x)\n"
              "    self.state.n = self.state.n + self.config.step\n"
              "    self.memory:add (x)\n" // it has it already
              "    local last = self.memory:get (1)[1]\n"
              "    assert (last == x and self.memory:size () == #self.memory:get ())\n"
              "    return {content = self.name .. self.state.n .. ' ' .. self.memory:size (),\n"
              "            metadata = {agreement = true}, url = 'https://x/y'}\n"
              "  end}\n"
              "local x = a 'one'\n"
              "assert (x.content == 'a12 1' and x.agreement == true and x.url[1] == 'https://x/y', x.content)\n"
              "x = a 'two'\n"
              "assert (x.content == 'a14 3', x.content)\n"
              "assert (a (x).content == 'a16 4')\n"); // its own reply is known to it
}

Test (agents, remember_what_they_add)
{
  flow_check (
    "local note\n"
    "local a = Agent {name = 'a', reply = function (self, x)\n"
    "  if x then self.memory:add (msg ('note', 'of ' .. x.content)) self.memory:add (agent 'alice' 'hi') end\n"
    "  local names = {}\n"
    "  for i, m in ipairs (self.memory:get ()) do names[i] = m.name end\n"
    "  return table.concat (names, ' ')\n"
    "end}\n"
    "assert (a 'one'.content == 'user note alice')\n"
    "assert (a ().content == 'user note alice a')\n");
}

Test (agents, make_calls_of_their_own)
{
  flow_check ("local a = Agent {name = 'a', model = 'talker', reply = function (self, x)\n"
              "  local one, two = agent 'alice' (x), agent 'bob' (x)\n"
              "  local said = self.model ('be brief', x)\n"
              "  return one.content .. '|' .. two.content .. '|' .. said.content\n"
              "end}\n"
              "assert (a 'q'.content == 'turn 1: q|turn 1: q|turn 2: q')\n"
              "local reply = Agent {name = 'b', reply = function (self, x) return agent 'alice' (x) end} ('r')\n"
              "assert (reply.content == 'turn 2: r' and reply.name == 'b')\n");
}

Test (agents, fail_with_what_went_wrong)
{
  flow_check ("local function err_of (reply)\n"
              "  local a = Agent {name = 'x' .. math.random (1000000), reply = reply}\n"
              "  local ok, err = pcall (function () return a 'q'.content end)\n"
              "  assert (not ok)\n"
              "  return tostring (err), err\n"
              "end\n"
              "assert (err_of (function () error 'broken' end):match 'flow.lua:7: broken')\n"
              "assert (err_of (function () end):match 'returned nothing')\n"
              "assert (err_of (function () return {x = 1} end):match 'without content')\n"
              "assert (err_of (function (self) self.count = 1 end):match 'keeps what lasts in self.state')\n"
              "local text, err = err_of (function () return agent 'alice' 'fail' end)\n"
              "assert (err.code == 'model_failed' and text:match 'told to fail', text)\n");
}

Test (agents, of_two_runs_never_meet)
{
  static const char script[] = "local a = Agent {name = 'a', reply = function (self, x)\n"
                               "  self.state.n = (self.state.n or 0) + 1\n"
                               "  return self.session .. self.state.n\n"
                               "end}\n"
                               "print 'ready'\n"
                               "UserAgent {name = 'me'} ():wait ()\n"
                               "for i = 1, 10 do assert (a ().content == session () .. i) end\n";
  process_t *up = flow_up ();
  place_write ("flow.lua", script);
  process_t *one = process_run ("troupe", "run", "flow.lua"), *two = process_run ("troupe", "run", "flow.lua");
  process_expect (one, "ready");
  process_expect (two, "ready");
  process_send (one, "go\n");
  process_send (two, "go\n");
  flow_end (&one, 0);
  flow_end (&two, 0);
  mesh_down (&up);
}

Test (agents, in_files_are_the_same_inside_and_outside)
{
  flow_check ("local near = ScriptAgent {name = 'near', file = 'counter.lua', config = {from = 5}}\n"
              "local far = ScriptAgent {name = 'far', file = 'counter.lua', config = {from = 5}}:to_dist ()\n"
              "for _, c in ipairs {near, far} do\n"
              "  local x, y = c 'a', c 'b'\n"
              "  assert (x.content == c.name .. ' 6 (1): ' and y.content == c.name .. ' 7 (3): ', y.content)\n"
              "end\n");
}

static pid_t
await_agent (const char *name, pid_t other)
{
  pid_t pid = 0;
  for (int i = 0; i < 3000 && (pid == 0 || pid == other); i++) {
    pid = 0;
    place_find ("troupe-agent", name, &pid, 1);
    usleep (10000);
  }
  cr_assert (pid != 0 && pid != other, "no process serves %s", name);
  return pid;
}

Test (agents, in_processes_of_their_own_come_back)
{
  process_t *up = flow_up ();
  process_t *run =
    flow_start ("local far = ScriptAgent {name = 'far', file = 'counter.lua'}:to_dist ()\n"
                "local dora = DialogAgent {name = 'dora', model = 'talker', prompt = 'secret'}:to_dist ()\n"
                "print (far 'a', dora 'a')\n"
                "UserAgent {name = 'me'} ():wait ()\n"
                "print (far 'b', dora 'b')\n");
  process_expect (run, "far: far 1 \\(1\\): .*dora: turn 1: a");
  pid_t far = await_agent ("far", 0);
  char path[64], line[4096] = "";
  snprintf (path, sizeof path, "/proc/%d/cmdline", (int)await_agent ("dora", 0));
  FILE *file = fopen (path, "r");
  cr_assert_gt (fread (line, 1, sizeof line - 1, file), 0);
  fclose (file);
  for (size_t i = 0; i < sizeof line - 1; i++)
    line[i] = line[i] ? line[i] : ' ';
  cr_assert_null (strstr (line, "secret"), "its settings stand in the process list: %s", line);
  kill (far, SIGKILL);
  await_agent ("far", far);
  process_send (run, "go\n");
  process_expect (run, "far: far 2 \\(3\\): .*dora: turn 2: b");
  flow_end (&run, 0);
  pid_t pid;
  cr_assert_eq (place_find ("troupe-agent", "far", &pid, 1), 0, "it ends with the workflow");
  mesh_down (&up);
}

Test (agents, in_processes_of_their_own_end_with_a_killed_workflow)
{
  process_t *up = flow_up ();
  process_t *run = flow_start ("ScriptAgent {name = 'far', file = 'counter.lua'}:to_dist () ()\n"
                               "print (agent 'far#test' ().content)\nsleep (1000)\n");
  process_expect (run, "far 2");
  pid_t pid = await_agent ("far", 0);
  process_signal (run, SIGKILL);
  cr_assert_eq (process_wait (run), 128 + SIGKILL);
  process_destroy (&run);
  place_await_exit (pid);
  mesh_down (&up);
}

Test (agents, that_cant_be_started_fail_the_workflow)
{
  process_t *up = flow_up ();
  place_write ("broken.lua", "return {\n");
  process_t *run = flow_start ("local far = ScriptAgent {name = 'far', file = 'broken.lua'}:to_dist ()\n"
                               "print (far ().content)\n");
  process_expect_error (run, "broken.lua:2: ");
  process_expect_error (run, "far: service_failed: the agent's process can't be started");
  flow_end (&run, 1);
  mesh_down (&up);
}

Test (agents, may_run_elsewhere)
{
  flow_check ("local a = DialogAgent {name = 'x', model = 'talker'}:to_dist {service = 'agent/alice'}\n"
              "assert (a 'Hello'.content == 'turn 1: Hello' and a ().name == 'alice')\n");
}

Test (agents, are_people_too)
{
  process_t *up = flow_up ();
  process_t *run = flow_start ("local user, alice = UserAgent {name = 'me'}, agent 'alice'\n"
                               "local x\n"
                               "repeat\n"
                               "  x = pipeline.sequential ({alice, user}, x)\n"
                               "until x.content == 'exit'\n"
                               "print ('left', x.name)\n");
  process_send (run, "Hello\n");
  process_expect (run, "alice: turn ");
  process_send (run, "exit\n");
  process_expect (run, "alice: turn 1: Hello");
  process_expect (run, "left\tme");
  flow_end (&run, 0);
  run = flow_start ("UserAgent () 'Anybody there?':wait ()\nprint (UserAgent {name = 'b'} ().content)\n");
  process_expect (run, "Anybody there");
  process_close_input (run);
  process_expect_error (run, "the user has left");
  flow_end (&run, 7);
  mesh_down (&up);
}

Test (agents, reply_with_the_keys_that_are_asked_for)
{
  flow_check (
    "local d = DictDialogAgent {name = 'd', model = 'dict', keys = {speak = 'string', agreement = 'boolean'}}\n"
    "local x = d 'hello'\n"
    "assert (x.speak == 'I say hello' and x.agreement == true and x.content == x.speak and x.thought == nil)\n"
    "local y = d ('and', {keys = {vote = 'string'}})\n"
    "assert (y.vote == 'bob' and y.speak == nil)\n");
}

// What was said in a hub since the last turn is there for one turn.
Test (agents, may_be_without_memory)
{
  flow_check ("local d = DialogAgent {name = 'd', model = 'talker', memory = false}\n"
              "assert (d 'one'.content == 'turn 1: one' and d 'two'.content == 'turn 1: two')\n"
              "local f = Agent {name = 'f', memory = false, reply = function (self, x)\n"
              "  self.state.n = (self.state.n or 0) + 1\n"
              "  local texts = {}\n"
              "  for i, m in ipairs (self.memory:get ()) do texts[i] = m.text end\n"
              "  return self.state.n .. ': ' .. table.concat (texts, ' ')\n"
              "end}\n"
              "assert (f 'one'.content == '1: one' and f 'two'.content == '2: two')\n"
              "msghub ({d, f}, msg ('host', 'heard'), function () assert (f 'asked'.content == '3: heard asked') end)\n"
              "assert (f 'three'.content == '4: three', f 'three'.content)\n"
              "assert (not pcall (DialogAgent, {name = 'e', model = 'talker', memory = 'no'}))\n");
}

Test (agents, ask_another_model_when_theirs_is_away)
{
  flow_check ("local d = DictDialogAgent {name = 'd', model = 'away', fallback = {'dict'}, keys = {'speak'}}\n"
              "assert (d 'hello'.speak == 'I say hello')\n"
              "local ok, why = pcall (function () return DictDialogAgent {name = 'e', model = 'away', fallback = "
              "'dict'} 'x'.text end)\n"
              "assert (not ok and tostring (why):find 'fallback', tostring (why))\n");
}

Test (agents, of_the_configuration_may_be_scripts)
{
  place_write ("counter.lua", flow_counter);
  process_t *up = mesh_up ("agents:\n"
                           "  counter: { type: script, file: counter.lua, config: { from: 5 } }\n");
  mesh_expect_reply ("counter", "one", "Hello", "^counter 6 \\(1\\): $");
  pid_t first = mesh_process ("agent", "counter");
  kill (first, SIGKILL);
  mesh_expect_reply ("counter", "one", "Hello", "^counter 7 \\(3\\): $");
  mesh_expect_reply ("counter", "two", "Hello", "^counter 6 \\(1\\): $");
  mesh_down (&up);
}
