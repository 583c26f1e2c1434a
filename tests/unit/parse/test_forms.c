// SPDX-License-Identifier: Apache-2.0
//
// JSON objects, lists, code, tags and regular expressions: what is read, what is refused and with which words.

#include "tests/unit/parse/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define DIALOG "{'type': 'json_object', 'required': {'thought': 'string', 'speak': 'string'}, 'to_content': 'speak'}"

Test (json_object, is_read_and_repaired)
{
  fixture_reads (DIALOG, "{\"thought\": \"a\", \"speak\": \"b\", \"more\": 1}",
                 "{'thought': 'a', 'speak': 'b', 'more': 1}");
  fixture_reads (DIALOG, "Sure!\n```json\n{'thought': 'a', 'speak': 'b',}\n```", "{'thought': 'a', 'speak': 'b'}");
  fixture_reads (DIALOG, "<think>{}</think>{thought: \"a\", speak: \"b", "{'thought': 'a', 'speak': 'b'}");
  fixture_reads ("{'type': 'json_object'}", "[{\"a\": 1}]", "{'a': 1}");
}

Test (json_object, says_everything_that_is_wrong)
{
  fixture_refuses (DIALOG, "{'thought': 5}",
                   PARTS ("the key \"thought\" must be a string, not the number 5",
                          "the key \"speak\" is missing, it must be a string",
                          "Repairs that were tried: other quotes were read as double quotes (at byte 1)", "```json"));
  fixture_refuses (DIALOG, "I can't.", PARTS ("there is no JSON in the reply"));
  fixture_refuses (DIALOG, "[1, 2]", PARTS ("of another kind"));
  fixture_refuses ("{'type': 'json_object', 'required': {'n': ['integer', 'null']}}", "{\"n\": 1.5}",
                   PARTS ("the key \"n\" must be an integer or null, not the number 1.5"));
  fixture_refuses ("{'type': 'json_object', 'optional': {'n': 'integer'}}", "{\"n\": \"x\"}",
                   PARTS ("the key \"n\" must be an integer"));
  fixture_refuses ("{'type': 'json_object', 'schema': {'properties': {'vote': {'enum': ['a', 'b']}}}}",
                   "{\"vote\": \"c\"}", PARTS ("in the object, /vote must be one of [\"a\", \"b\"], not \"c\""));
}

Test (json_object, instruction_shows_the_form)
{
  troupe_parser_t *parser =
    fixture_parser ("{'type': 'json_object', 'required': {'speak': {'type': 'string', 'hint': 'what you say'}}, "
                    "'optional': {'vote': ['string', 'null']}}");
  const char *text = troupe_parser_instruction (parser);
  cr_assert (strstr (text, "{\"speak\": <string: what you say>, \"vote\": <string or null>}") != NULL, "%s", text);
  cr_assert (strstr (text, "may be left out: \"vote\"") != NULL, "%s", text);
  cr_assert_str_eq (troupe_parser_type (parser), "json_object");
  troupe_parser_destroy (&parser);
}

Test (list, is_json_or_lines)
{
  fixture_reads ("{'type': 'list'}", "```json\n[\"a\", 1]\n```", "{'items': ['a', 1]}");
  fixture_reads ("{'type': 'list'}", "Here:\n- red\n- \"green\"\n* blue", "{'items': ['red', '\\'green\\'', 'blue']}");
  fixture_reads ("{'type': 'list', 'items': 'integer'}", "1. 10\n2) 20\n10. 30", "{'items': [10, 20, 30]}");
  fixture_reads ("{'type': 'list'}", "{\"colors\": [\"red\"]}", "{'items': ['red']}");
  fixture_refuses ("{'type': 'list'}", "red and green", PARTS ("there is no JSON list in the reply"));
  fixture_refuses ("{'type': 'list', 'items': 'string', 'min': 3}", "[1, \"a\"]",
                   PARTS ("item 1 must be a string, not the number 1", "has 2 items, and at least 3"));
  fixture_refuses ("{'type': 'list', 'max': 1}", "[1, 2]", PARTS ("at most 1"));
  cr_assert_str_eq (fixture_repairs ("{'type': 'list'}", "- a\n- b"), "bullets");
}

Test (code, is_the_first_block_of_the_language)
{
  static const char python[] = "{'type': 'code', 'language': 'python'}";
  fixture_reads (python, "```python\nx = 1\n```\n```python\nx = 2\n```", "{'language': 'python', 'code': 'x = 1'}");
  fixture_reads (python, "```sh\npip\n```\n```py\nx = 1\n\n```", "{'language': 'py', 'code': 'x = 1\\n'}");
  fixture_reads (python, "```\nx = 1\n```", "{'language': '', 'code': 'x = 1'}");
  fixture_reads (python, "<think>```python\nno\n```</think>\n```python\nx = 1",
                 "{'language': 'python', 'code': 'x = 1'}");
  fixture_reads ("{'type': 'code'}", "````md\n```c\nint x;\n```\n````",
                 "{'language': 'md', 'code': '```c\\nint x;\\n```'}");
  fixture_reads ("{'type': 'code'}", "~~~\nx\n~~~", "{'language': '', 'code': 'x'}");
  fixture_refuses (python, "x = 1", PARTS ("there is no fenced block"));
  fixture_refuses (python, "```c\nx\n```\n```go\ny\n```", PARTS ("none of the 2 fenced blocks is marked as python"));
  cr_assert_str_eq (fixture_repairs (python, "```py\nx"), "fence_language half_fence");
}

Test (tagged, several_texts)
{
  static const char tags[] =
    "{'type': 'tagged', 'tags': [{'name': 'thought', 'hint': 'what you think'}, {'name': 'code', "
    "'begin': '[CODE]', 'end': '[/CODE]'}, {'name': 'votes', 'json': true, 'optional': true}]}";
  fixture_reads (tags, "<thought>a < b</thought>\n[CODE]\nx = 1\n[/CODE]", "{'thought': 'a < b', 'code': 'x = 1'}");
  fixture_reads (tags, "<Thought>a\n[CODE]x[/code] <votes>[1, 2,]</votes>",
                 "{'thought': 'a', 'code': 'x', 'votes': [1, 2]}");
  fixture_reads (tags, "<think>[CODE]no[/CODE]</think><thought>a</thought>[CODE]yes",
                 "{'thought': 'a', 'code': 'yes'}");
  fixture_refuses (tags, "x = 1",
                   PARTS ("the tag <thought> is missing", "the tag [CODE] is missing", "what you think</thought>"));
  fixture_refuses (tags, "<thought>a</thought>[CODE]b[/CODE]<votes>none</votes>",
                   PARTS ("between <votes> and </votes> is not JSON"));
}

Test (regex, named_groups)
{
  static const char score[] =
    "{'type': 'regex', 'pattern': 'Score: (?<score>[0-9]+)(?: because (?<why>.*))?', 'required': "
    "['score'], 'instruction': 'Say: Score: <number>'}";
  fixture_reads (score, "Well. Score: 8 because it is clear", "{'score': '8', 'why': 'it is clear'}");
  fixture_reads (score, "<think>Score: 1</think>Score: 7", "{'score': '7'}");
  fixture_refuses (score, "eight", PARTS ("does not have the form", "Say: Score: <number>"));
  fixture_refuses ("{'type': 'regex', 'pattern': '(?<a>(x+x+)+)y', 'instruction': 'x'}",
                   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxzy",
                   PARTS ("takes too long"));
}

Test (config, every_wrong_one_is_refused_with_its_key)
{
  static const char *const wrong[][2] = {
    {"{}", "type: "},
    {"{'type': 'jason_object'}", "(json_object)"},
    {"{'type': 'json_object', 'requird': {}}", "(required)"},
    {"{'type': 'json_object', 'required': {'a': 'text'}}", "a: there is no type \"text\""},
    {"{'type': 'json_object', 'required': {'a': []}}", "a: "},
    {"{'type': 'json_object', 'required': [1]}", "required: "},
    {"{'type': 'json_object', 'schema': {'type': 'text'}}", "type: it must be the name of a type"},
    {"{'type': 'json_object', 'to_memory': 5}", "to_memory: "},
    {"{'type': 'json_object', 'example': 5}", "example: "},
    {"{'type': 'json_object', 'instruction': 5}", "instruction: "},
    {"{'type': 'list', 'min': -1}", "min: "},
    {"{'type': 'list', 'items': 'text'}", "items: "},
    {"{'type': 'code', 'language': 'a b'}", "language: "},
    {"{'type': 'tagged'}", "tags: "},
    {"{'type': 'tagged', 'tags': [{'begin': 'x'}]}", "tags: tag 1 has no name"},
    {"{'type': 'tagged', 'tags': [{'name': 'x', 'ending': 'y'}]}", "x: a tag has no other keys"},
    {"{'type': 'regex', 'pattern': '(?<a>x', 'instruction': 'x'}", "pattern: missing closing parenthesis"},
    {"{'type': 'regex', 'pattern': 'x', 'instruction': 'x'}", "pattern: it has no named group"},
    {"{'type': 'regex', 'pattern': '(?<a>x)'}", "instruction: "},
    {"{'type': 'regex', 'pattern': '(?<a>x)', 'instruction': 'x', 'required': ['b']}", "required: "},
    {"{'type': 'tool_calls', 'shape': 'xml'}", "shape: "},
    {"{'type': 'tool_calls', 'tools': [{'description': 'x'}]}", "tools: tool 1 has no name"},
    {"{'type': 'tool_calls', 'tools': [{'name': 'x', 'parameters': {'type': 'text'}}]}", "type: "},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *refusal = fixture_refusal (wrong[i][0]);
    cr_assert (strstr (refusal, wrong[i][1]) != NULL, "%s: %s", wrong[i][0], refusal);
  }
}
