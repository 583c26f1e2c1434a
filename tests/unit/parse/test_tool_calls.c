// SPDX-License-Identifier: Apache-2.0
//
// Tool calls in every shape, and what is no call.

#include "tests/unit/parse/fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ANY "{'type': 'tool_calls'}"
#define TOOLS                                                                                                          \
  "{'type': 'tool_calls', 'tools': [{'name': 'search', 'description': 'Looks up.', 'parameters': {'type': 'object', "  \
  "'properties': {'query': {'type': 'string'}}, 'required': ['query']}}, {'name': 'now'}]}"
#define SEARCH "{'calls': [{'id': 'call_1', 'name': 'search', 'arguments': {'query': 'x'}}]}"
#define SEARCH_THOUGHT                                                                                                 \
  "{'calls': [{'id': 'call_1', 'name': 'search', 'arguments': {'query': 'x'}}], 'thought': 'Look up.'}"

static const char *const one_call[] = {
  "<tool_call>\n{\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}\n</tool_call>",
  "<tool_call>{'name': 'search', 'arguments': {'query': 'x'}",
  "<tool_call>\n<function=search>\n<parameter=query>\nx\n</parameter>\n</function>\n</tool_call>",
  "<function=search>{\"query\": \"x\"}</function>",
  "<function_call>{\"name\": \"search\", \"arguments\": \"{\\\"query\\\": \\\"x\\\"}\"}</function_call>",
  "[TOOL_CALLS] [{\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}]",
  "<|python_tag|>{\"type\": \"function\", \"name\": \"search\", \"parameters\": {\"query\": \"x\"}}<|eom_id|>",
  "<|startofthink|>```JSON\n{\"api_name\": \"search\", \"parameters\": {\"query\": \"x\"}}\n```<|endofthink|>",
  "<|startofthink|>```JSON\n{\"api_name\": \"search\", \"parameters\": {\"query\": \"x\"}}\n```<|endofthink|>\n"
  "<|startofexec|>{\"r\": 1}<|endofexec|>\nIt is 1.",
  "{\"tool_calls\": [{\"id\": \"call_1\", \"type\": \"function\", \"function\": {\"name\": \"search\", \"arguments\": "
  "\"{\\\"query\\\": \\\"x\\\"}\"}}]}",
  "```json\n{\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}\n```",
  "{\"function_call\": {\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}}",
  "Action: search\nAction Input: {\"query\": \"x\"}",
  "**Action:** `search`\n**Action Input:** x\n**Observation:** 5\nFinal Answer: 5",
  "Action: search[x]",
  "Action: search\nAction Input: \"x\"\nObservation:",
  "Action:\n```json\n{\"action\": \"search\", \"action_input\": {\"query\": \"x\"}}\n```",
  "<think>search or now?</think><tool_call>{\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}</tool_call>",
};

Test (tool_calls, every_shape_is_read)
{
  for (size_t i = 0; i < sizeof one_call / sizeof *one_call; i++)
    fixture_reads (TOOLS, one_call[i], SEARCH);
  fixture_reads (TOOLS, "Thought: Look up.\nAction: search\nAction Input: {\"query\": \"x\"}\n", SEARCH_THOUGHT);
  fixture_reads (TOOLS, "Look up.\n<tool_call>{\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}</tool_call>",
                 SEARCH_THOUGHT);
  fixture_reads (TOOLS, "Look up.\n```json\n{\"name\": \"search\", \"arguments\": {\"query\": \"x\"}}\n```",
                 SEARCH_THOUGHT);
}

Test (tool_calls, several_in_a_reply)
{
  fixture_reads (
    ANY,
    "<tool_call>{\"name\": \"a\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"b\", \"arguments\": "
    "{\"n\": 1}}</tool_call>",
    "{'calls': [{'id': 'call_1', 'name': 'a', 'arguments': {}}, {'id': 'call_2', 'name': 'b', 'arguments': {'n': "
    "1}}]}");
  fixture_reads (
    ANY,
    "{\"tool_calls\": [{\"id\": \"x1\", \"function\": {\"name\": \"a\", \"arguments\": \"{}\"}}, {\"id\": \"x2\", "
    "\"function\": {\"name\": \"b\", \"arguments\": {}}}]}",
    "{'calls': [{'id': 'x1', 'name': 'a', 'arguments': {}}, {'id': 'x2', 'name': 'b', 'arguments': {}}]}");
}

Test (tool_calls, an_answer_is_no_call)
{
  fixture_reads (ANY, "It is 5.", "{'calls': [], 'final': 'It is 5.'}");
  fixture_reads (ANY, "Thought: I know.\nFinal Answer: It is 5.\nReally.",
                 "{'calls': [], 'thought': 'I know.', 'final': 'It is 5.\\nReally.'}");
  fixture_reads (ANY, "The object {\"name\": \"x\"} is no call.",
                 "{'calls': [], 'final': 'The object {\\'name\\': \\'x\\'} is no call.'}");
  fixture_reads (ANY, "<think>hm</think>Yes.", "{'calls': [], 'final': 'Yes.'}");
}

Test (tool_calls, what_is_marked_as_a_call_and_is_none)
{
  fixture_refuses (TOOLS, "<tool_call>search x</tool_call>", PARTS ("in a tool call, there is no JSON"));
  fixture_refuses (TOOLS, "<tool_call>{\"query\": \"x\"}</tool_call>",
                   PARTS ("must be a JSON object with \"name\" and \"arguments\""));
  fixture_refuses (TOOLS, "<tool_call>{\"name\": \"search\", \"arguments\": [1]}</tool_call>",
                   PARTS ("the arguments of the call of \"search\" must be an object, not the list [1]"));
  fixture_refuses (TOOLS, "<tool_call>{\"name\": \"serch\", \"arguments\": {\"query\": \"x\"}}</tool_call>",
                   PARTS ("there is no tool \"serch\"; did you mean \"search\"?", "- search: Looks up."));
  fixture_refuses (TOOLS, "Action: search\nAction Input: {\"query\": 5}",
                   PARTS ("in the arguments of search, /query must be a string, not 5"));
  fixture_refuses (TOOLS, "Action: search\nAction Input: {}", PARTS ("an object with the property \"query\""));
  fixture_refuses (TOOLS, "Action:\n", PARTS ("\"Action:\" names no tool"));
  fixture_refuses ("{'type': 'tool_calls', 'require_call': true}", "It is 5.",
                   PARTS ("there is no tool call in the reply"));
}

Test (tool_calls, feedback_is_utf8_whatever_the_name_was)
{
  troupe_parser_t *parser = fixture_parser (TOOLS);
  troupe_parsed_t *parsed;
  char reply[400] = "Action: ";
  for (int i = 0; i < 60; i++)
    strcat (reply, "\xEF\xBF\xBD");
  strcat (reply, "x[y]");
  cr_assert (eq (int, troupe_parser_parse (parser, reply, &parsed, NULL), TROUPE_BAD_MESSAGE));
  json_t *json = troupe_parsed_to_json (parsed);
  cr_assert (json != NULL);
  json_decref (json);
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
}

Test (tool_calls, repairs_say_what_was_made_up)
{
  cr_assert (strstr (fixture_repairs (TOOLS, one_call[8]), "made_up_result") != NULL);
  cr_assert (strstr (fixture_repairs (TOOLS, one_call[13]), "made_up_result") != NULL);
  cr_assert (strstr (fixture_repairs (TOOLS, one_call[13]), "plain_input") != NULL);
  cr_assert (strstr (fixture_repairs ("{'type': 'tool_calls', 'shape': 'react'}", one_call[0]), "other_shape") != NULL);
  cr_assert (strstr (fixture_repairs ("{'type': 'tool_calls', 'shape': 'tool_call'}", one_call[0]), "other_shape") ==
             NULL);
}

Test (tool_calls, content_and_metadata)
{
  troupe_parser_t *parser = fixture_parser (TOOLS);
  troupe_parsed_t *parsed;
  cr_assert (eq (int, troupe_parser_parse (parser, one_call[0], &parsed, NULL), TROUPE_OK));
  cr_assert (troupe_parsed_content (parsed) == NULL);
  cr_assert (eq (sz, json_array_size (json_object_get (troupe_parsed_metadata (parsed), "calls")), 1));
  troupe_parsed_destroy (&parsed);
  cr_assert (eq (int, troupe_parser_parse (parser, "It is 5.", &parsed, NULL), TROUPE_OK));
  cr_assert_str_eq (troupe_parsed_content (parsed), "It is 5.");
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
}
