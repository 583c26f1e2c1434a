// SPDX-License-Identifier: Apache-2.0
//
// Replies that come out right: what a model gets wrong is mended, or it is asked again and told what was wrong, or the
// fault handler decides, or there is an error that tells all that was tried.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (replies, .init = place_enter, .fini = place_leave);

// "once" is answered wrongly once, "always" again and again, and anything else nearly right.
static const char rules[] = "rules:\n"
                            "  - { heard: always, say: never }\n"
                            "  - { last: always, say: never }\n"
                            "  - last: { regex: 'could not be used: [a-zA-Z ]*' }\n"
                            "    say: \"{'thought': 'sorry', 'speak': 'better', 'told': '{{0}}',\"\n"
                            "  - { last: once, say: I would rather not. }\n"
                            "  - { heard: once, say: I would rather not. }\n"
                            "  - say: \"{'thought': 'hm', 'speak': 'right',}\"\n";

static const char mesh[] = "models:\n"
                           "  m: { type: rehearsal, rules: replies.yaml }\n"
                           "agents:\n"
                           "  plain: { model: m }\n"
                           "  keyed: { type: dict_dialog, model: m, keys: { speak: string } }\n";

static const char prelude[] =
  "local speak = parse.json {keys = {speak = 'string', thought = 'string'}, to_content = 'speak'}\n"
  "local function err_of (f, ...)\n"
  "  local ok, err = pcall (f, ...)\n"
  "  assert (not ok)\n"
  "  return tostring (err), err\n"
  "end\n";

static void
check (const char *script)
{
  char *text;
  place_write ("troupe.yaml", mesh);
  place_write ("replies.yaml", rules);
  cr_assert_gt (asprintf (&text, "%s%s", prelude, script), 0);
  free (flow_run (text));
  free (text);
  place_expect_empty ();
}

Test (replies, of_an_agent_with_a_parser_come_out_right)
{
  check ("local a = DialogAgent {name = 'a', model = 'm', prompt = 'Be kind.', parse = speak}\n"
         "local x = a 'hello'\n"
         "assert (x.content == 'right' and x.speak == 'right' and x.thought == nil, x.content)\n"
         "x = a 'once'\n" // what was wrong is told, and the form again
         "assert (x.content == 'better' and x.told:match 'no JSON', x.told)\n"
         "local b = DialogAgent {name = 'b', model = 'm', parse = speak, max_retries = 2}\n"
         "local text, err = err_of (function () return b 'always'.content end)\n"
         "assert (err.code == 'service_failed' and text:match 'no reply of 3 had the form', text)\n"
         "assert (text:match ' 1: .* 2: .* 3: ', text)\n");
}

Test (replies, that_were_wrong_are_not_remembered)
{
  check ("local last\n"
         "local a = Agent {name = 'a', model = 'm', reply = function (self, x)\n"
         "  local reply = self.model (x, {parse = speak})\n"
         "  last = self.memory:size ()\n"
         "  return reply.speak .. reply.thought\n"
         "end}\n"
         "assert (a 'once'.content == 'bettersorry' and last == 1)\n"
         "assert (a 'hello'.content == 'righthm' and last == 3)\n");
}

Test (replies, may_be_read_by_a_function)
{
  check (
    "local seen = {}\n"
    "local a = DialogAgent {name = 'a', model = 'm', parse = function (text)\n"
    "  seen[#seen + 1] = text\n"
    "  local fields = repair (text, 'object')\n"
    "  if not fields then error 'an object expected' end\n"
    "  return {word = fields.speak}\n"
    "end}\n"
    "local x = a 'once'\n"
    "assert (x.word == 'better' and #seen == 2 and seen[1] == 'I would rather not.')\n"
    "local b = DialogAgent {name = 'b', model = 'm', parse = function (text) return text:upper () end}\n"
    "assert (b 'once'.content == 'I WOULD RATHER NOT.')\n"
    "local c = DialogAgent {name = 'c', model = 'm', max_retries = 1, parse = function () return nil, 'too long' end}\n"
    "assert (err_of (function () return c 'hello'.content end):match '1: too long; 2: too long')\n");
}

Test (replies, that_stay_wrong_are_the_fault_handlers)
{
  check ("local a = DialogAgent {name = 'a', model = 'm', parse = speak, max_retries = 1,\n"
         "  fault_handler = function (text, wrong) return {speak = text .. '!', wrong = wrong} end}\n"
         "local x = a 'always'\n"
         "assert (x.content == 'never!' and #x.wrong > 0)\n"
         "local b = DialogAgent {name = 'b', model = 'm', parse = speak, max_retries = 0,\n"
         "  fault_handler = function (text) error 'nor can I' end}\n"
         "assert (err_of (function () return b 'always'.content end):match 'the fault handler: nor can I')\n"
         "local c = DialogAgent {name = 'c', model = 'm', parse = speak, max_retries = 0,\n"
         "  fault_handler = function (text) return 'I pass.' end}\n"
         "assert (c 'always'.content == 'I pass.')\n");
}

Test (replies, may_be_asked_for_per_call)
{
  check ("local plain = agent 'plain'\n"
         "local x = plain ('hello', {parse = speak, deadline = 60})\n"
         "assert (x.speak == 'right' and x.thought == 'hm' and x.name == 'plain' and #x.id == 36)\n"
         "assert (plain ('once', {parse = speak}).speak == 'better')\n"
         "x = agent 'plain' (msg ('me', 'always'), {parse = speak, max_retries = 1,\n"
         "  fault_handler = function () return {speak = 'made'} end})\n"
         "assert (x.speak == 'made' and x.content == 'made')\n"
         "local text, err = err_of (plain, 'always', {parse = 'json', max_retries = 0})\n"
         "assert (err.code == 'service_failed' and err.service == 'agent/plain', text)\n");
}

Test (replies, are_counted_by_model)
{
  check ("local a = DialogAgent {name = 'a', model = 'm', parse = speak, max_retries = 1}\n"
         "a 'hello':wait ()\n"
         "a 'once':wait ()\n"
         "pcall (function () return DialogAgent {name = 'b', model = 'm', parse = speak, max_retries = 0} "
         "'always'.content end)\n"
         "local m = parse.counts ()['model/m']\n"
         "assert (m.replies == 4 and m.mended == 2 and m.wrong == 2 and m.retries == 1 and m.failed == 1 and not "
         "m.unchanged)\n"
         "assert (m.repairs.quotes == 2 and m.repairs.unclosed_object == 1)\n");
}

Test (replies, of_agents_of_the_mesh_are_counted_in_their_log)
{
  char line[4096];
  bool found = false;
  check ("assert (agent 'keyed' 'once'.speak == 'better')\n");
  FILE *file = fopen (".troupe/troupe/log/agent-keyed.log", "r");
  cr_assert_not_null (file);
  while (!found && fgets (line, sizeof line, file))
    found = strstr (line, "\"replies were read\",\"model\":\"model/m\"") && strstr (line, "\\\"retries\\\":1");
  fclose (file);
  cr_assert (found, "no totals in the log");
}

Test (replies, refuse_wrong_settings)
{
  check ("local function wrong (settings, part)\n"
         "  settings.name, settings.model = 'x', 'm'\n"
         "  local text = err_of (DialogAgent, settings)\n"
         "  assert (text:match 'flow.lua:%d+: ' and text:match (part), text)\n"
         "end\n"
         "wrong ({max_retries = 1}, 'go with parse')\n"
         "wrong ({parse = 'jsn'}, 'no parser jsn')\n"
         "wrong ({parse = 7}, 'a parser, its name')\n"
         "wrong ({parse = speak, max_retries = 17}, '0 to 16')\n"
         "wrong ({parse = speak, max_retries = 1.5}, '0 to 16')\n"
         "wrong ({parse = speak, fault_handler = 'no'}, 'fault_handler: a function')\n"
         "wrong ({parse = speak, colour = 'red'}, 'unknown setting colour')\n"
         "assert (err_of (parse.json, {keys = {a = 'strin'}}):match 'settings: ')\n"
         "assert (err_of (parse.list, {wat = 1}):match 'settings: ')\n"
         "assert (err_of (parse.json, {keys = print}):match 'settings: ')\n");
}
