// SPDX-License-Identifier: Apache-2.0
//
// The language: values and messages, coroutines, pipelines of functions, errors with their lines. The checks stand in
// Lua.

#include "unit/script/play.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test (language, has_messages)
{
  play ("local m = msg ('bob', 'Hello', {role = 'assistant', url = 'https://x/y.png',\n"
        "               metadata = {agreement = true, n = {1, 2.5, 'x'}, none = null, content = 'hidden'}})\n"
        "assert (m.name == 'bob' and m.content == 'Hello' and m.role == 'assistant' and m.text == 'Hello')\n"
        "assert (#m.id == 36 and math.type (m.timestamp) == 'integer')\n"
        "assert (#m.url == 1 and m.url[1] == 'https://x/y.png')\n"
        "assert (m.agreement == true and m.n[2] == 2.5 and m.n[3] == 'x' and m.none == nil)\n"
        "assert (m.metadata.content == 'hidden' and m.nothing == nil)\n"
        "assert (tostring (m) == 'bob: Hello')\n"
        "assert (m:done () and m:wait () and m:value ().name == 'bob')\n"
        "assert (msg ('a', 'b').role == 'user' and #msg ('a', 'b').url == 0)\n"
        "assert (msg ('a', 'b') ~= msg ('a', 'b') and m == m)\n"
        "local blocks = msg ('a', {{type = 'text', text = 'x'}, {type = 'text', text = 'y'}})\n"
        "assert (blocks.content[2].text == 'y' and blocks.text == 'x\\ny')\n"
        "assert (not pcall (function () m.content = 'other' end))\n");
}

Test (language, refuses_what_is_no_message)
{
  static const char *const wrong[] = {"msg ()",
                                      "msg ('a')",
                                      "msg ('a', {x = print})",
                                      "msg ('', 'x')",
                                      "msg ('a', '\\xff')",
                                      "msg ('a', 'b', {rolle = 'user'})",
                                      "msg ('a', 'b', {role = 'boss'})",
                                      "msg ('a', 'b', {metadata = {0/0}})",
                                      "msg ('a', 'b', {url = 7})",
                                      "msg ('a', 'b', 7)",
                                      "local t = {} t.t = t msg ('a', 'b', {metadata = t})",
                                      "msg ('a', 'b', {metadata = {1, 2, x = 3}})"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    cr_assert_eq (play_with (wrong[i], NULL, NULL), 1, "%s", wrong[i]);
}

Test (language, keeps_empty_lists)
{
  play ("local m = msg ('a', 'b', {metadata = {empty = list {}, map = {}, holes = list {null, 1}}}).metadata\n"
        "local again = msg ('a', 'b', {metadata = m}).metadata\n"
        "assert (getmetatable (again.empty) == getmetatable (list {}) and getmetatable (again.map) == nil)\n"
        "assert (again.holes[1] == null and again.holes[2] == 1 and tostring (null) == 'null')\n");
}

Test (language, passes_arguments)
{
  play ("assert (arg[1] == 'one' and arg[2] == 'two' and #arg == 2 and arg[0]:match '%.lua$')\n"
        "assert (select ('#', ...) == 2 and (...) == 'one')\n"
        "assert (session () == 's')\n");
}

Test (language, lets_coroutines_wait_and_yield)
{
  play ("local made = {}\n"
        "local generate = coroutine.wrap (function (n)\n"
        "  for i = 1, n do\n"
        "    sleep (0.001)\n"
        "    made[#made + 1] = coroutine.yield (i)\n"
        "  end\n"
        "  return 'end'\n"
        "end)\n"
        "assert (generate (2) == 1 and generate 'a' == 2 and generate 'b' == 'end')\n"
        "assert (made[1] == 'a' and made[2] == 'b')\n"
        "local inner = coroutine.create (function ()\n"
        "  local innermost = coroutine.wrap (function () sleep (0.001) coroutine.yield (7) end)\n"
        "  coroutine.yield (innermost () + 1)\n"
        "  error ('broken')\n"
        "end)\n"
        "assert (select (2, coroutine.resume (inner)) == 8)\n"
        "local ok, err = coroutine.resume (inner)\n"
        "assert (not ok and err:match 'broken' and coroutine.status (inner) == 'dead')\n"
        "assert (not coroutine.resume (inner))\n"
        "assert (select (2, pcall (coroutine.yield)):match 'outside')\n"
        "assert (coroutine.isyieldable ())\n");
}

Test (language, waits_across_pcall_and_metamethods)
{
  play ("local t = setmetatable ({}, {__index = function (_, k) sleep (0.001) return k .. '!' end})\n"
        "assert (t.x == 'x!')\n"
        "assert (select (2, pcall (function () sleep (0.001) return t.y end)) == 'y!')\n"
        "for k in (function () sleep (0.001) return nil end) do end\n");
}

Test (language, tells_where_waiting_is_not_possible)
{
  play_failing ("table.sort ({3, 2, 1}, function (a, b)\n"
                "  sleep (0)\n"
                "  return a < b\n"
                "end)\n",
                1, ".lua:2: waiting is not possible here");
}

Test (language, has_pipelines_of_functions)
{
  play ("local function add (n) return function (x) return (x or 0) + n end end\n"
        "assert (pipeline.sequential ({}, 5) == 5 and pipeline.sequential ({add (1), add (2)}, 5) == 8)\n"
        "assert (pipeline.sequential (add (1), 5) == 6)\n"
        "local two = pipeline.Sequential {add (1), add (1)}\n"
        "assert (two (1) == 3 and two (two (1)) == 5 and pipeline.Sequential {two, two} (0) == 4)\n"
        "local function even (x) return x % 2 == 0 end\n"
        "assert (pipeline.ifelse (even, add (10), add (20), 2) == 12)\n"
        "assert (pipeline.ifelse (even, add (10), add (20), 3) == 23)\n"
        "assert (pipeline.ifelse (even, add (10), nil, 3) == 3)\n"
        "assert (pipeline.IfElse (even, {add (10), add (1)}) (2) == 13)\n"
        "local by = {a = add (1), b = {add (1), add (1)}}\n"
        "local function key (x) return ({'a', 'b'})[x] end\n"
        "assert (pipeline.switch (key, by, add (100), 1) == 2 and pipeline.switch (key, by, add (100), 2) == 4)\n"
        "assert (pipeline.switch (key, by, add (100), 3) == 103 and pipeline.switch (key, by, nil, 3) == 3)\n"
        "assert (pipeline.Switch (key, by) (2) == 4)\n"
        "assert (pipeline.forloop (add (1), 5, nil, 0) == 5)\n"
        "assert (pipeline.forloop (add (1), 5, function (x) return x >= 3 end, 0) == 3)\n"
        "assert (pipeline.forloop (add (1), 0, nil, 9) == 9 and pipeline.ForLoop ({add (2)}, 3) (0) == 6)\n"
        "local seen = {}\n"
        "local function upto (i, x) seen[#seen + 1] = i .. ':' .. tostring (x) return i < 2 end\n"
        "assert (pipeline.whileloop (add (3), upto, nil) == 6)\n"
        "assert (table.concat (seen, ' ') == '0:nil 1:3 2:6')\n"
        "assert (pipeline.WhileLoop (add (1), function (i) return i < 4 end) (0) == 4)\n"
        "local all = pipeline.fanout ({add (1), add (2), pipeline.Fanout {add (3)}}, 0)\n"
        "assert (all[1] == 1 and all[2] == 2 and all[3][1] == 3)\n"
        "local ok, why = pcall (pipeline.sequential, {add (1), misspelt, add (3)}, 0)\n"
        "assert (not ok and tostring (why):find ('step 2 is nil', 1, true), tostring (why))\n");
}

Test (language, says_which_line_builds_a_wrong_pipeline)
{
  play_failing ("local x = 1\npipeline.sequential ({7}, x)\n", 1, ".lua:2: step 1 is no agent, function or pipeline");
  play_failing ("\n\npipeline.ForLoop ({}, 'often')\n", 1, ".lua:3: the most rounds expected");
}

Test (language, shows_errors_with_file_line_and_traceback)
{
  play_failing ("local function f ()\n  error 'oops'\nend\nlocal function g () f () end\ng ()\n", 1, ".lua:2: oops");
  play_failing ("local function f ()\n  error 'oops'\nend\nlocal function g () f () end\ng ()\n", 1,
                "stack traceback:");
  play_failing ("error {}\n", 1, "table");
  play_failing ("x = = 1\n", 2, ".lua:1: unexpected symbol near '='");
}

Test (language, leaves_by_os_exit)
{
  cr_assert_eq (play_with ("pcall (function () os.exit (7) end) error 'not here'", NULL, NULL), 7);
  cr_assert_eq (play_with ("os.exit (true)", NULL, NULL), 0);
  cr_assert_eq (play_with ("local x <close> = setmetatable ({}, {__close = function () sleep (0) end}) os.exit (false)",
                           NULL, NULL),
                1);
}

Test (language, makes_agents_with_the_right_settings_only)
{
  play_failing ("\nDialogAgent {name = 'a', model = 'm', promt = 'x'}\n", 1, ".lua:2: unknown setting promt");
  play_failing ("DialogAgent {name = 'a'}", 1, "model: a text expected");
  play_failing ("DialogAgent {name = 'a b', model = 'm'}", 1, "\"a b\" is no agent's name");
  play_failing ("Agent {name = 'a'}", 1, "reply: a function (self, x) expected");
  play_failing ("ScriptAgent {name = 'a', file = 'nowhere.lua'}", 1, "there is no such file");
  play_failing ("agent (7)", 1, "the name of an agent expected");
  play_failing ("local a = Agent {name = 'a', reply = print}\na:to_dist ()\n", 1, ".lua:2: a is made of functions");
  play_failing ("local a = DialogAgent {name = 'a', model = 'm'}\na:to_dist ()\n", 1, "starts no processes");
  play_failing ("agent 'x':to_dist ()", 1, "runs in a process of its own already");
}

// What is wrong is said where it is written, and with what would be right.
Test (language, says_what_is_wrong_with_what_it_is_given)
{
  play ("local function why (f, ...) return (select (2, pcall (f, ...))) end\n"
        "local function says (text, ...) for _, part in ipairs {...} do\n"
        "  assert (tostring (text):find (part, 1, true), tostring (text)) end end\n"
        "says (why (DialogAgent, {name = 'a', modle = 'm'}), 'unknown setting modle', 'fallback', 'fault_handler',\n"
        "      'max_retries', 'parse')\n"
        "says (why (DialogAgent, {name = 'a', model = 'm', parse = 'list', falback = {}}), 'unknown setting falback',\n"
        "      'fallback')\n"
        "says (why (pipeline.forloop, nil, 2), 'and not nil')\n"
        "says (why (pipeline.sequential, nil, 2), 'and not nil')\n"
        "says (why (parse.json, {key = 'x'}), 'key')\n"
        "says (why (DictDialogAgent, {name = 'a', model = 'm', keys = 'speak'}), 'a map of keys')\n"
        "says (why (DictDialogAgent, {name = 'a', model = 'm', keys = {}}), 'a map of keys')\n"
        "says (why (DictDialogAgent, {name = 'a', model = 'm', keys = {speak = 'strng'}}), 'strng')\n"
        "says (why (DictDialogAgent, {name = 'a', model = 'm', keys = {speak = 'string'}, modle = 1}), 'modle', 'keys')\n"
        "assert (DialogAgent {name = 'b', model = 'm', parse = 'list', fallback = {'n'}})\n"
        "assert (DictDialogAgent {name = 'c', model = 'm', keys = {'thought', 'speak'}})\n");
}

Test (language, writes_and_reads_json)
{
  play ("assert (json.encode {b = 1, a = {list {}, null, true, 'x\\n', 1.5}}\n"
        "        == '{\"a\":[[],null,true,\"x\\\\n\",1.5],\"b\":1}')\n"
        "assert (json.encode ('x') == '\"x\"' and json.encode (nil) == 'null' and json.encode {} == '{}')\n"
        "assert (json.encode ({a = 1}, {indent = true}) == '{\\n  \"a\": 1\\n}')\n"
        "assert (json.encode (msg ('bob', 'Hi')):find '\"content\":\"Hi\"')\n"
        "local x = json.decode '{\"a\": [1, null, {\"b\": []}], \"c\": null}'\n"
        "assert (x.a[1] == 1 and x.a[2] == null and #x.a[3].b == 0 and x.c == nil)\n"
        "assert (json.encode (x) == '{\"a\":[1,null,{\"b\":[]}]}' and json.decode '7' == 7)\n"
        "local none, why = json.decode '{\\n\"a\": }'\n"
        "assert (none == nil and why:find 'line 2', why)\n"
        "assert (json.decode '' == nil and json.decode '[1] 2' == nil)\n"
        "local ok, err = pcall (json.encode, {print})\n"
        "assert (not ok and err:find 'json.encode: a function', err)\n");
}

Test (language, refuses_a_session_that_no_agent_could_be_in)
{
  static const char *const sessions[] = {"a b", "", "a|b", "x#y"};
  for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
    troupe_script_t *script;
    troupe_error_t error = {0};
    cr_expect_eq (troupe_script_new (&script, &(troupe_script_options_t){.session = sessions[i]}, &error),
                  TROUPE_BAD_ARGUMENT);
    cr_expect (strstr (error.why, "the name of a session") != NULL, "%s", error.why);
  }
}
