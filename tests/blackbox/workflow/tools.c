// SPDX-License-Identifier: Apache-2.0
//
// Tools that a model calls while an agent of the workflow makes its reply: functions, services, and what goes wrong.
// The model rehearses: it calls what it is told to, and then says what came of it.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (tools, .init = place_enter, .fini = place_leave);

static const char mesh[] = "models:\n"
                           "  m: { type: rehearsal, rules: tools.yaml }\n"
                           "  talker: { type: rehearsal, rules: rules.yaml }\n"
                           "  busy: { type: rehearsal, rules: busy.yaml }\n"
                           "agents:\n"
                           "  scripted: { type: script, file: scripted.lua, model: m }\n";

static const char rules[] =
  "rules:\n"
  "  - { last: { regex: '^7$' }, say: '{\"sum\": 7}' }\n"
  "  - { last: { regex: '^Sum of (.+)$' }, call: { name: add, input: { a: 1, b: 2 } } }\n"
  "  - last: { regex: '^both$' }\n"
  "    call: [ { name: add, input: { a: 1, b: 2 } }, { name: model, input: { text: hi } } ]\n"
  "  - { last: { regex: '^wrong$' }, call: { name: add, input: { a: one } } }\n"
  "  - { last: { regex: '^unknown$' }, call: { name: subtract, input: {} } }\n"
  "  - { last: { regex: '^raise$' }, call: { name: add, input: { a: 13, b: 0 } } }\n"
  "  - { last: { regex: '^refuse$' }, call: { name: add, input: { a: 0, b: 0 } } }\n"
  "  - { last: { regex: '^again' }, call: { name: again, input: {} } }\n"
  "  - { last: { regex: '^later$' }, call: { name: busy, input: {} } }\n"
  "  - { last: { regex: '^form$' }, call: { name: add, input: { a: 3, b: 4 } } }\n"
  "  - { heard: { regex: '^form$' }, call: { name: add, input: { a: 3, b: 4 } } }\n" // behind it stands the instruction
  "  - say: 'it says {{last}}'\n";

static const char add[] = "local add = tool {name = 'add', description = 'Adds',\n"
                          "  parameters = {a = 'integer', b = 'integer'},\n"
                          "  run = function (x)\n"
                          "    if x.a == 13 then error 'unlucky' end\n"
                          "    if x.a == 0 then return nil, 'not with nothing' end\n"
                          "    return x.a + x.b\n"
                          "  end}\n";

// Runs the script behind the tool `add`, in a mesh of its own.
static void
check (const char *script)
{
  char text[8192];
  place_write ("troupe.yaml", mesh);
  place_write ("tools.yaml", rules);
  place_write ("rules.yaml", mesh_rules);
  place_write ("busy.yaml", "rules: [ { fail: { code: overloaded, why: not now, retry_after: 10ms } } ]\n");
  snprintf (text, sizeof text, "%sreturn {reply = function (self, x) return self.model (x, {tools = {add}}) end}\n",
            add);
  place_write ("scripted.lua", text);
  snprintf (text, sizeof text, "%s%s", add, script);
  free (flow_run (text));
  place_expect_empty ();
}

Test (tools, are_called_until_the_model_answers)
{
  check ("local d = DialogAgent {name = 'd', model = 'm', prompt = 'You add.', tools = {add}}\n"
         "local x = d 'Sum of one and two'\n"
         "assert (x.content == 'it says 3', x.content)\n"
         "assert (#x.tools == 1 and x.tools[1].name == 'add' and x.tools[1].input.b == 2 and not x.tools[1].error)\n"
         "x = d 'Hello'\n" // and remembers nothing of the calls
         "assert (x.content == 'it says Hello' and x.tools == nil, x.content)\n"
         "local size = Agent {name = 'size', model = 'm', reply = function (self, x)\n"
         "  local y = self.model ('Sum of all', {tools = {add}})\n"
         "  return y.text .. ' ' .. self.memory:size ()\n"
         "end}\n"
         "assert (size 'x'.text == 'it says 3 1')\n"
         "assert (agent 'scripted' 'Sum of it'.content == 'it says 3')\n");
}

Test (tools, may_be_services_and_are_called_together)
{
  check ("local model = tool {name = 'model', parameters = {text = 'string'}, run = function (x)\n"
         "  return call ('model/talker', {messages = {{name = 'me', content = x.text}}})\n"
         "end}\n"
         "local d = DialogAgent {name = 'd', model = 'm', tools = {add, model}}\n"
         "local x = d 'both'\n"
         "assert (x.content:find ('3') and x.content:find ('turn 1: hi', 1, true), x.content)\n"
         "local direct = tool {name = 'add', parameters = {type = 'object'}, service = 'model/talker', once = true}\n"
         "x = DialogAgent {name = 'e', model = 'm', tools = {direct}} 'Sum of x'\n" // no ask, which the model is told
         "assert (x.content:find 'bad_message', x.content)\n"
         "local nobody = tool {name = 'add', service = 'tool/nobody'}\n"
         "x = DialogAgent {name = 'f', model = 'm', tools = {nobody}} 'Sum of x'\n"
         "assert (x.content:find 'unknown_service' and x.tools[1].error:find 'unknown_service', x.content)\n");
}

Test (tools, that_fail_tell_the_model_why)
{
  check ("local d = DialogAgent {name = 'd', model = 'm', tools = {add}}\n"
         "local function says (word, what)\n"
         "  local x = d (word)\n"
         "  assert (x.content:find ('it says ' .. what, 1, true), x.content)\n"
         "  assert (x.tools[1].error:find (what, 1, true), x.tools[1].error)\n"
         "end\n"
         "says ('wrong', \"these arguments don't fit its parameters: \")\n"
         "assert (d 'wrong'.content:find '/a must be an integer', d 'wrong'.content)\n"
         "says ('unknown', 'there is no tool subtract; there are add')\n"
         "says ('raise', 'unlucky')\n"
         "says ('refuse', 'not with nothing')\n");
}

Test (tools, that_may_succeed_later_are_called_again)
{
  check ("local times = 0\n"
         "local function run ()\n"
         "  times = times + 1\n"
         "  local ok, err = pcall (function () return call ('model/busy', 'x').text end)\n"
         "  assert (not ok and err.retryable and err.retry_after == 0.01, tostring (err))\n"
         "  if times % 3 > 0 then error (err) end\n"
         "  return 'fine ' .. times\n"
         "end\n"
         "local busy = tool {name = 'busy', run = run}\n"
         "local x = DialogAgent {name = 'd', model = 'm', tools = {busy}} 'later'\n"
         "assert (x.content == 'it says fine 3' and #x.tools == 1 and not x.tools[1].error, x.content)\n"
         "local once = tool {name = 'busy', run = run, retries = 0}\n"
         "x = DialogAgent {name = 'e', model = 'm', tools = {once}} 'later'\n"
         "assert (x.content:find 'it says overloaded: not now' and times == 4, x.content)\n"
         "local direct = tool {name = 'busy', parameters = {type = 'object'}, service = 'model/busy', retries = 1}\n"
         "x = DialogAgent {name = 'f', model = 'm', tools = {direct}} 'later'\n"
         "assert (x.content:find 'it says bad_message', x.content)\n"
         "local ok, err = pcall (tool, {name = 'a', service = 'tool/a', once = true, retries = 1})\n"
         "assert (not ok and tostring (err):find \"what runs once isn't run again\", tostring (err))\n");
}

Test (tools, are_called_no_more_than_so_often)
{
  check ("local times = 0\n"
         "local again = tool {name = 'again', run = function () times = times + 1 return 'again ' .. times end}\n"
         "local d = DialogAgent {name = 'd', model = 'm', tools = {again}, rounds = 3}\n"
         "local ok, err = pcall (function () return d 'again'.content end)\n"
         "assert (not ok and err.code == 'service_failed' and times == 3, tostring (err))\n"
         "assert (tostring (err):find 'it called tools 3 times', tostring (err))\n");
}

Test (tools, go_with_parsers_and_other_options_of_an_ask)
{
  check ("local form = parse.json {keys = {sum = 'integer'}}\n"
         "assert (DialogAgent {name = 'd', model = 'm', tools = {add}, parse = form} 'form'.sum == 7)\n"
         "local c = DialogAgent {name = 'c', model = 'away', fallback = {'m'}, tools = {add}} 'Sum of us'\n"
         "assert (c.content == 'it says 3' and c.instead_of == 'model/away' and #c.tools == 1, c.content)\n"
         "local b = Agent {name = 'b', model = 'm', reply = function (self, x)\n"
         "  local y = self.model (x, {tools = {add}, parse = form, parameters = {temperature = 0}})\n"
         "  local z = self.model ('hm', {knowledge = {'Moles dig.'}, format = 'json', parameters = {seed = 1}})\n"
         "  return {content = z.text, metadata = {sum = y.sum, tools = y.tools}}\n"
         "end}\n"
         "local x = b 'form'\n"
         "assert (x.sum == 7 and #x.tools == 1 and x.text == 'it says hm', x.text)\n");
}

// It kills its process the first time. What the model had said by then is found again, in both rounds.
static const char mortal[] = "local words = {}\n"
                             "local again = tool {name = 'again', run = function ()\n"
                             "  local file <close> = io.open ('runs', 'a+')\n"
                             "  for word in file:lines () do words[#words + 1] = word end\n"
                             "  file:write 'run\\n'\n"
                             "  file:flush ()\n"
                             "  if #words == 0 then os.execute 'kill -9 $PPID' end\n"
                             "  return 'run ' .. #words + 1\n"
                             "end}\n"
                             "return {reply = function (self, x) return self.model (x, {tools = {again}}) end}\n";

Test (tools, run_again_when_their_process_died)
{
  place_write ("mortal.lua", mortal);
  place_write ("tools.yaml", rules);
  process_t *up = mesh_up ("models: { m: { type: rehearsal, rules: tools.yaml } }\n"
                           "agents: { mortal: { type: script, file: mortal.lua, model: m } }\n");
  free (flow_run ("local x = agent 'mortal' ('again', {wait = true})\n"
                  "assert (x.content == 'it says run 2' and #x.tools == 1, x.content)\n"));
  mesh_down (&up);
}

Test (tools, that_are_wrong_are_refused_where_they_are_made)
{
  check ("local function expect (what, f, ...)\n"
         "  local ok, err = pcall (f, ...)\n"
         "  assert (not ok and tostring (err):find (what, 1, true), what .. ': ' .. tostring (err))\n"
         "end\n"
         "local function run () end\n"
         "expect ('name: 1 to 64', tool, {name = 'a b', run = run})\n"
         "expect ('unknown setting rum', tool, {name = 'a', rum = run})\n"
         "expect ('a function run (arguments), or a service', tool, {name = 'a'})\n"
         "expect ('a function run (arguments), or a service', tool, {name = 'a', run = run, service = 'tool/a'})\n"
         "expect ('once and deadline are for a service', tool, {name = 'a', run = run, once = true})\n"
         "expect ('parameters', tool, {name = 'a', run = run, parameters = {'x'}})\n"
         "expect (\"a tool's parameters\", tool, {name = 'a', run = run, parameters = {x = 'strnig'}})\n"
         "expect ('number 1 is no tool', DialogAgent, {name = 'd', model = 'm', tools = {run}})\n"
         "expect ('two of the name add', DialogAgent, {name = 'd', model = 'm', tools = {add, add}})\n"
         "expect ('number 1 is nil', DialogAgent, {name = 'd', model = 'm', tools = {misspelt, add}})\n"
         "expect ('rounds: 1 to 64', DialogAgent, {name = 'd', model = 'm', tools = {add}, rounds = 0})\n"
         "local b = Agent {name = 'b', model = 'm', reply = function (self, x)\n"
         "  expect ('stream doesn\\'t go with tools', self.model, x, {tools = {add}, stream = true})\n"
         "  expect ('unknown option tool;', self.model, x, {tool = add})\n"
         "  return 'fine'\n"
         "end}\n"
         "assert (b 'x'.text == 'fine')\n");
}
