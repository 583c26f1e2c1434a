// SPDX-License-Identifier: Apache-2.0
//
// Replies that repeat the instruction's placeholders are told that values are expected; answers that merely look like
// one stay.

#include "tests/unit/parse/fixture.h"
#include "troupe/parse.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SPEAK "{'type': 'json_object', 'required': {'speak': 'string'}}"
#define HINTED                                                                                                         \
  "{'type': 'json_object', 'required': {'speak': {'type': 'string', 'hint': 'what you say'}, 'n': 'any'}, "            \
  "'optional': {'vote': ['string', 'null']}}"

// What the instruction shows, given back as the reply.
static void
refuses_its_own (const char *config, const char *part)
{
  troupe_parser_t *parser = fixture_parser (config);
  char *reply = strdup (troupe_parser_instruction (parser));
  troupe_parser_destroy (&parser);
  fixture_refuses (config, reply, PARTS (part));
  free (reply);
}

Test (unfilled, object_is_no_answer)
{
  static const char wanted[] = "the value of \"speak\" is expected, not the string \"<string>\"";
  fixture_refuses (SPEAK, "{\"speak\": <string>}", PARTS (wanted));
  fixture_refuses (SPEAK, "```json\n{\"speak\": \" <string> \"}\n```", PARTS ("the value of \"speak\" is expected"));
  refuses_its_own (SPEAK, wanted);
  fixture_refuses (HINTED, "{\"speak\": \"<string: what you say>\", \"n\": \"<any>\", \"vote\": \"<string or null>\"}",
                   PARTS ("the value of \"speak\"", "the value of \"n\"", "the value of \"vote\""));
  fixture_refuses (HINTED, "{\"speak\": \"<what you say>\", \"n\": 1}", PARTS ("the value of \"speak\""));
  fixture_refuses (HINTED, "{\"speak\": \"<string>\"}", PARTS ("the key \"n\" is missing", "the value of \"speak\""));
  fixture_refuses ("{'type': 'json_object', 'example': {'votes': [{'name': '<name>'}], 'why': 'it is late'}}",
                   "{\"votes\": [{\"name\": \"<name>\"}], \"why\": \"it is late\"}", PARTS ("the value of \"name\""));
  fixture_refuses ("{'type': 'json_object', 'instruction': 'Write {a: <your answer>}'}", "{\"a\": \"<your answer>\"}",
                   PARTS ("the value of \"a\""));
}

Test (unfilled, object_of_any_keys_is_no_answer)
{
  refuses_its_own ("{'type': 'json_object'}", "the object's keys and values are expected, not {...}");
  fixture_reads ("{'type': 'json_object'}", "{}", "{}");
}

Test (unfilled, other_types_are_no_answer)
{
  refuses_its_own ("{'type': 'list', 'items': 'string'}", "the value of item 1 is expected");
  refuses_its_own ("{'type': 'code', 'language': 'python'}", "the value of \"code\" is expected");
  refuses_its_own ("{'type': 'tagged', 'tags': [{'name': 'speak', 'hint': 'what you say'}, {'name': 'plan'}]}",
                   "the value of \"plan\" is expected, not the string \"...\"");
  refuses_its_own ("{'type': 'tagged', 'tags': [{'name': 'code', 'begin': '[CODE]', 'end': '[/CODE]'}]}",
                   "the value of \"code\" is expected");
  fixture_refuses ("{'type': 'regex', 'pattern': 'Score: (?<score>.*)', 'instruction': 'Say: Score: <number>'}",
                   "Score: <number>", PARTS ("the value of \"score\""));
  fixture_refuses ("{'type': 'tool_calls', 'shape': 'react'}", "Thought: <what you think>\nFinal Answer: <your answer>",
                   PARTS ("the value of \"final\""));
}

Test (unfilled, answers_that_look_like_one_stay)
{
  fixture_reads (SPEAK, "{\"speak\": \"<br>\"}", "{'speak': '<br>'}");
  fixture_reads (SPEAK, "{\"speak\": \"string\"}", "{'speak': 'string'}");
  fixture_reads (SPEAK, "{\"speak\": \"Write <string> there.\"}", "{'speak': 'Write <string> there.'}");
  fixture_reads ("{'type': 'json_object', 'schema': {'properties': {'tag': {'enum': ['<b>', '<i>']}}}}",
                 "{\"tag\": \"<b>\"}", "{'tag': '<b>'}");
  fixture_reads ("{'type': 'tagged', 'tags': [{'name': 'agree', 'hint': 'yes'}]}", "<agree>yes</agree>",
                 "{'agree': 'yes'}");
  fixture_reads ("{'type': 'tool_calls', 'shape': 'react'}", "Thought: <what you think>\nAction: f\nAction Input: {}",
                 "{'calls': [{'id': 'call_1', 'name': 'f', 'arguments': {}}], 'thought': '<what you think>'}");
}

Test (unfilled, a_long_list_of_them_is_told_shortly)
{
  char reply[4096] = "[", *end = reply + 1;
  for (int i = 0; i < 200; i++)
    end = stpcpy (end, i == 0 ? "\"<any>\"" : ", \"<any>\"");
  stpcpy (end, "]");
  troupe_parser_t *parser = fixture_parser ("{'type': 'list'}");
  troupe_parsed_t *parsed;
  cr_assert (eq (int, troupe_parser_parse (parser, reply, &parsed, NULL), TROUPE_BAD_MESSAGE));
  cr_assert (strstr (troupe_parsed_feedback (parsed), "the value of item 8 ") != NULL);
  cr_assert (strstr (troupe_parsed_feedback (parsed), "item 9 ") == NULL);
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
}
