// SPDX-License-Identifier: Apache-2.0
//
// A model that errs in each way that models do: what can be mended is mended without a second ask, for the rest it is
// asked again, and what it can't put right the fault handler decides, or an error tells of every try. Whatever it is,
// it is counted for the model that said it.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (mending, .init = place_enter, .fini = place_leave);

// The model "m" plays the rules below; "away" can't be reached, and has "m" asked instead; so has an agent of "gone".
static const char mesh[] =
  "models:\n"
  "  m: { type: rehearsal, rules: mending.yaml }\n"
  "  away: { type: openai_chat, model: x, base_url: 'http://127.0.0.1:1', api_key: k, retries: 0,\n"
  "          fallback: [m] }\n"
  "  gone: { type: rehearsal, rules: away.yaml }\n"
  "agents:\n"
  "  keyed: { type: dict_dialog, model: m, keys: { speak: string, score: integer } }\n"
  "  passed: { type: dict_dialog, model: away, keys: { speak: string, score: integer } }\n"
  "  other: { type: dict_dialog, model: gone, fallback: [m], keys: [speak] }\n";

static const char away[] = "rules:\n"
                           "  - fail: { code: model_unreachable, why: it is away }\n";

// How each way is written; each means {"speak": "It's fine", "score": 7}, or begins wrongly and is put right.
static const struct {
  const char *way, *reply;
  const char *counted; // unchanged, mended; wrong: it was asked again
} ways[] = {
  {"plain", "{\"speak\": \"It's fine\", \"score\": 7}", "unchanged"},
  {"fenced", "```json\n{\"speak\": \"It's fine\", \"score\": 7}\n```", "mended"},
  {"half fenced", "```\n{\"speak\": \"It's fine\", \"score\": 7}", "mended"},
  {"prose", "Sure, here is my answer: {\"speak\": \"It's fine\", \"score\": 7}. I hope it helps!", "mended"},
  {"thinking", "<think>{\"speak\": \"hm\", \"score\": 0}?</think>{\"speak\": \"It's fine\", \"score\": 7}", "mended"},
  {"cut", "{\"score\": 7, \"speak\": \"It's fine", "mended"},
  {"single quotes", "{'speak': 'It\\'s fine', 'score': 7}", "mended"},
  {"typographic quotes",
   "{\xE2\x80\x9Cspeak\xE2\x80\x9D: \xE2\x80\x9CIt's fine\xE2\x80\x9D, \xE2\x80\x9Cscore\xE2\x80\x9D: 7}", "mended"},
  {"no comma", "{\"speak\": \"It's fine\" \"score\": 7}", "mended"},
  {"no colon", "{\"speak\" \"It's fine\", \"score\": 7}", "mended"},
  {"no brace", "{\"speak\": \"It's fine\", \"score\": 7 ", "mended"},
  {"no first brace", "\"speak\": \"It's fine\", \"score\": 7}", "mended"},
  {"comma too many", "{\"speak\": \"It's fine\", \"score\": 7,}", "mended"},
  {"no quotes", "{speak: \"It's fine\", score: 7}", "mended"},
  {"comment", "{\"speak\": \"It's fine\", // as ever\n \"score\": 7}", "mended"},
  {"python", "{'speak': \"It's fine\", 'score': 7, 'sure': True, 'why': None}", "mended"},
  {"wrong key", "{\"say\": \"It's fine\", \"score\": 7}", "wrong"},
  {"wrong type", "{\"speak\": \"It's fine\", \"score\": \"seven\"}", "wrong"},
  {"list", "[\"It's fine\", 7]", "wrong"},
  {"sentence", "I would rather not say.", "wrong"},
  {"repeated form", "{\"speak\": <string>, \"score\": <integer>}", "wrong"},
  {"empty object", "{}", "wrong"},
  {"blanks", "  ", "wrong"},
};

enum { WAYS = sizeof ways / sizeof *ways };

// A text in double quotes of YAML, or of Lua.
static void
print_text (FILE *file, const char *text)
{
  fputc ('"', file);
  for (; *text; text++)
    fprintf (file, *text == '\n' ? "\\n" : *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
  fputc ('"', file);
}

static void
write_rules (void)
{
  FILE *file = fopen ("mending.yaml", "w");
  cr_assert_not_null (file);
  fputs ("rules:\n"
         "  - { heard: stubborn, say: never }\n"
         "  - { last: stubborn, say: never }\n"
         "  - last: could not be used\n"
         "    say: '{\"speak\": \"It''s fine\", \"score\": 7}'\n",
         file);
  for (size_t i = 0; i < 2 * WAYS; i++) { // heard: behind it stands the instruction
    fprintf (file, "  - %s: { regex: '^%s$' }\n    say: ", i < WAYS ? "last" : "heard", ways[i % WAYS].way);
    print_text (file, ways[i % WAYS].reply);
    fputc ('\n', file);
  }
  fclose (file);
}

static void
open_files (void)
{
  place_write ("troupe.yaml", mesh);
  place_write ("away.yaml", away);
  write_rules ();
}

// `ways` as a table of the script's.
static void
print_ways (FILE *file)
{
  fputs ("local ways = {\n", file);
  for (size_t i = 0; i < WAYS; i++) {
    fprintf (file, "  { way = \"%s\", counted = \"%s\", reply = ", ways[i].way, ways[i].counted);
    print_text (file, ways[i].reply);
    fputs (" },\n", file);
  }
  fputs ("}\nlocal form = parse.json { keys = { speak = 'string', score = 'integer' } }\n", file);
}

static void
check (const char *script)
{
  char *text = NULL;
  size_t size;
  open_files ();
  FILE *file = open_memstream (&text, &size);
  print_ways (file);
  fputs (script, file);
  fclose (file);
  free (flow_run (text));
  free (text);
  place_expect_empty ();
}

Test (mending, each_way_comes_out_right)
{
  check ("for i, row in ipairs (ways) do\n"
         "  local a = DialogAgent { name = 'a' .. i, model = 'm', parse = form, max_retries = 1 }\n"
         "  local before = parse.counts ()['model/m'] or {}\n"
         "  local ok, err = pcall (function ()\n"
         "    local x = a (row.way)\n"
         "    assert (x.speak == \"It's fine\" and x.score == 7, x.content)\n"
         "  end)\n"
         "  assert (ok, row.way .. ': ' .. tostring (err))\n"
         "  local after = parse.counts ()['model/m']\n"
         "  local function grew (key) return (after[key] or 0) - (before[key] or 0) end\n"
         "  local asks = row.counted == 'wrong' and 2 or 1\n"
         "  assert (grew 'replies' == asks and grew 'retries' == asks - 1 and grew (row.counted) == 1, row.way)\n"
         "  assert (row.counted ~= 'mended' or next (after.repairs), row.way)\n"
         "end\n");
}

// So too for an agent of the mesh, and in one ask of a model.
Test (mending, each_way_comes_out_right_wherever_it_is_asked)
{
  check ("local keyed = agent 'keyed'\n"
         "local b = Agent { name = 'b', model = 'm', reply = function (self, x)\n"
         "  local y = self.model (x, { parse = form })\n"
         "  assert (y.speak == \"It's fine\" and y.score == 7, x.content)\n"
         "  return 'done'\n"
         "end }\n"
         "for _, row in ipairs (ways) do\n"
         "  local x = keyed (row.way)\n"
         "  assert (x.speak == \"It's fine\" and x.score == 7, row.way)\n"
         "  assert (b (row.way).content == 'done')\n"
         "end\n");
}

Test (mending, without_a_try_left_the_fault_handler_decides_or_an_error_tells_all)
{
  check ("for i, row in ipairs (ways) do\n"
         "  if row.counted == 'wrong' then\n"
         "    local a = DialogAgent { name = 'a' .. i, model = 'm', parse = form, max_retries = 0,\n"
         "      fault_handler = function (text, wrong)\n"
         "        assert (text == row.reply and #wrong > 0, row.way)\n"
         "        return { speak = 'made', score = 1 }\n"
         "      end }\n"
         "    assert (a (row.way).speak == 'made', row.way)\n"
         "    local b = DialogAgent { name = 'b' .. i, model = 'm', parse = form, max_retries = 0 }\n"
         "    local ok, err = pcall (function () return b (row.way).content end)\n"
         "    assert (not ok and err.code == 'service_failed', row.way)\n"
         "    assert (tostring (err):match 'no reply of 1 had the form that is expected: 1: .', tostring (err))\n"
         "  end\n"
         "end\n"
         "local c = DialogAgent { name = 'c', model = 'm', parse = form, max_retries = 2 }\n"
         "local ok, err = pcall (function () return c 'stubborn'.content end)\n"
         "assert (not ok and tostring (err):match '1: there is no JSON.* 2: there is no JSON.* 3: there is no JSON',\n"
         "  tostring (err))\n"
         "local m = parse.counts ()['model/m']\n"
         "assert (m.handled == 7 and m.failed == 8, m.handled .. ' handled, ' .. m.failed .. ' failed')\n");
}

// -- Tool calls -----------------------------------------------------------------------------------------------------------

Test (mending, calls_of_tools_are_read_in_each_shape)
{
  place_write ("troupe.yaml", "models:\n  m: { type: rehearsal, rules: mending.yaml }\n");
  place_write (
    "mending.yaml",
    "rules:\n"
    "  - { last: openai, say: \"{'tool_calls': [{'id': '1', 'type': 'function', 'function': {'name': 'search', "
    "'arguments': '{\\\"q\\\": \\\"moles\\\",}'}}]}\" }\n"
    "  - { last: react, say: \"Thought: I look it up.\\nAction: search\\nAction Input: {'q': 'moles'}\\nObservation: "
    "5\" }\n"
    "  - { last: tag, say: \"<tool_call>\\n{'name': 'search', 'arguments': {'q': 'moles',}\\n</tool_call>\" }\n"
    "  - { last: half, say: \"<tool_call>{\\\"name\\\": \\\"search\\\", \\\"arguments\\\": {\\\"q\\\": "
    "\\\"moles\\\"}\" }\n"
    "  - { last: function, say: \"<function=search>{'q': 'moles'}</function>\" }\n"
    "  - { last: mistral, say: \"[TOOL_CALLS] [{'name': 'search', 'arguments': {'q': 'moles'}}]\" }\n"
    "  - { last: llama, say: \"<|python_tag|>{'name': 'search', 'parameters': {'q': 'moles'}}\" }\n"
    "  - { last: modelscope, say: \"<|startofthink|>```JSON\\n{'api_name': 'search', 'parameters': {'q': "
    "'moles'}}\\n```"
    "<|endofthink|>\" }\n"
    "  - { last: json, say: \"I search.\\n```json\\n{name: 'search', arguments: {q: 'moles'}}\\n```\" }\n"
    "  - { last: answer, say: \"There are 42.\" }\n");
  free (
    flow_run ("local form = parse.tool_calls { tools = { { name = 'search', parameters =\n"
              "  { type = 'object', properties = { q = { type = 'string' } }, required = { 'q' } } } } }\n"
              "for _, way in ipairs { 'openai', 'react', 'tag', 'half', 'function', 'mistral', 'llama', 'modelscope', "
              "'json' } do\n"
              "  local a = DialogAgent { name = 'a-' .. way, model = 'm', parse = form, max_retries = 0 }\n"
              "  local x = a (way)\n"
              "  local calls = x.calls\n"
              "  assert (#calls == 1 and calls[1].name == 'search' and calls[1].arguments.q == 'moles', way)\n"
              "end\n"
              "local a = DialogAgent { name = 'b', model = 'm', parse = form, max_retries = 0 }\n"
              "assert (a 'answer'.content == 'There are 42.')\n"));
  place_expect_empty ();
}

// -- Which model it was ---------------------------------------------------------------------------------------------------

// Of the counts that an agent's process logs at its end.
static bool
log_tells (const char *agent, const char *model, const char *counts)
{
  char path[256], line[4096], about[64];
  bool found = false;
  snprintf (path, sizeof path, ".troupe/troupe/log/agent-%s.log", agent);
  snprintf (about, sizeof about, "\"replies were read\",\"model\":\"%s\"", model);
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "%s", path);
  while (!found && fgets (line, sizeof line, file))
    found = strstr (line, about) && strstr (line, counts);
  fclose (file);
  return found;
}

Test (mending, is_counted_for_the_model_that_answered)
{
  check ("for _, name in ipairs { 'passed', 'other' } do\n"
         "  local a = agent (name)\n"
         "  assert (a 'python'.speak == \"It's fine\")\n"
         "  local x = a 'sentence'\n"
         "  assert (x.speak == \"It's fine\" and x.answered_by == 'model/m')\n"
         "  assert (x.instead_of == (name == 'passed' and 'model/away' or 'model/gone'), x.instead_of)\n"
         "end\n"
         "local c = DialogAgent { name = 'c', model = 'away', parse = form }\n"
         "assert (c 'python'.speak == \"It's fine\")\n"
         "local counts = parse.counts ()\n"
         "assert (counts['model/m'].mended == 1 and not counts['model/away'])\n"
         "local function expect (x)\n"
         "  assert (x.instead_of == 'model/gone' and x.answered_by == 'model/m' and x.rehearsal, x.text)\n"
         "end\n"
         "expect (DialogAgent { name = 'd', model = 'gone', fallback = { 'm' } } 'plain')\n"
         "expect (DialogAgent { name = 'e', model = 'gone', fallback = { 'm' }, parse = form } 'python')\n"
         "local function ask (self, x) return self.model (x) end\n"
         "expect (Agent { name = 'f', model = 'gone', fallback = { 'x', 'm' }, reply = ask } 'plain')\n"
         "assert (DialogAgent { name = 'g', model = 'm', fallback = { 'x' } } 'plain'.instead_of == nil)\n"
         "counts = parse.counts ()\n"
         "assert (counts['model/m'].mended == 2 and not counts['model/gone'])\n");
  for (int i = 0; i < 2; i++) {
    const char *agent = i == 0 ? "passed" : "other";
    cr_expect (log_tells (agent, "model/m", "\\\"wrong\\\":1"), "%s", agent);
    cr_expect_not (log_tells (agent, i == 0 ? "model/away" : "model/gone", ""), "%s", agent);
  }
}
