// SPDX-License-Identifier: Apache-2.0
//
// `troupe repair` and `troupe parse`: replies from files, without a mesh.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

TestSuite (replies, .init = place_enter, .fini = place_leave);

// Runs to its end with this input, which may be NULL; what it says on either must match (NULL: nothing is said).
static void
expect (int status, const char *input, const char *output, const char *errors, const char *const *argv)
{
  process_t *process = process_start (argv);
  if (input)
    process_send (process, input);
  process_close_input (process);
  int came = process_wait (process);
  const char *out = process_output (process), *err = process_errors (process);
  cr_expect_eq (came, status, "status %d: %s%s", came, out, err);
  cr_expect (output ? text_matches (out, output) : !*out, "%s printed %s%s", argv[1], out, err);
  cr_expect (errors ? text_matches (err, errors) : !*err, "%s said %s", argv[1], err);
  process_destroy (&process);
}
#define expect_run(status, input, output, errors, ...)                                                                 \
  expect (status, input, output, errors, (const char *const[]){"troupe", __VA_ARGS__, NULL})

Test (replies, are_mended)
{
  place_write ("reply.txt", "Sure!\n```json\n{'a': True, b: [1, 2,\n```");
  expect_run (0, NULL, "^\\{\"a\":true,\"b\":\\[1,2\\]\\}$", NULL, "repair", "reply.txt");
  expect_run (0, "{\"a\": 1}\n", "^\\{\"a\":1\\}$", NULL, "repair", "-");
  expect_run (0, "{\"a\": 1}\n", "^\\{\"a\":1\\}$", NULL, "repair", "-", "--list");
  expect_run (0, NULL, "\\{\"a\":true", "^reply.txt:[0-9]+: quotes: ", "repair", "--list", "reply.txt");
}

Test (replies, with_several_values_give_one_or_all)
{
  expect_run (0, "[1] and {\"a\": 1}", "^\\{\"a\":1\\}$", NULL, "repair", "-");
  expect_run (0, "[1] and {\"a\": 1}", "^\\[1\\]$", NULL, "repair", "--want", "list", "-");
  expect_run (0, "[1] and {\"a\": 1}", "^\\[1\\]\n\\{\"a\":1\\}$", NULL, "repair", "--all", "-");
}

Test (replies, that_hold_no_such_json_are_an_error)
{
  expect_run (1, "I would rather not.", NULL, "standard input: bad_message: ", "repair", "-");
  expect_run (1, "[1, 2]", NULL, "standard input: bad_message: ", "repair", "--want", "object", "-");
  expect_run (1, "", NULL, "standard input: bad_message: ", "repair", "-");
  expect_run (2, "{}", NULL, "--want: bad_argument: any, object or list", "repair", "--want", "map", "-");
  expect_run (4, NULL, NULL, "nowhere.txt: not_found: ", "repair", "nowhere.txt");
  expect_run (1, NULL, NULL, "io: can't be read: ", "repair", ".");
  expect_run (2, NULL, NULL, "FILE", "repair");
}

Test (replies, that_are_too_large_are_an_error)
{
  int file = open ("large.txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  cr_assert (file >= 0 && ftruncate (file, 100 * 1000 * 1000) == 0);
  close (file);
  expect_run (1, NULL, NULL, "large.txt: too_large: larger than 4194304 bytes", "repair", "large.txt");
  expect_run (1, NULL, NULL, "large.txt: too_large: larger than 4194304 bytes", "parse", "--with", "code", "large.txt");
}

Test (replies, are_read_by_each_parser)
{
  expect_run (0, "{'speak': 'Hi',", "^\\{\"speak\":\"Hi\"\\}$", NULL, "parse", "--with", "json", "--set",
              "required={\"speak\": \"string\"}", "-");
  expect_run (0, "- one\n- two\n", "^\\{\"items\":\\[\"one\",\"two\"\\]\\}$", NULL, "parse", "--with", "list", "-");
  expect_run (0, "```python\nx = 1\n```", "\"code\":\"x = 1", NULL, "parse", "--with", "code", "--set",
              "language=python", "-");
  expect_run (0, "<thought>hm</thought><speak>Hi", "\"thought\":\"hm\",\"speak\":\"Hi\"", NULL, "parse", "--with",
              "tagged", "--set", "tags=[{\"name\": \"thought\"}, {\"name\": \"speak\"}]", "-");
  expect_run (0, "I vote for Ann.", "^\\{\"who\":\"Ann\"\\}$", NULL, "parse", "--with", "regex", "--set",
              "pattern=vote for (?<who>\\w+)", "--set", "instruction=Say whom you vote for.", "-");
  expect_run (0, "Action: search\nAction Input: {'q': 1}", "\"name\":\"search\"", NULL, "parse", "--with", "tool_calls",
              "-");
  place_write ("parser.json", "{\"type\": \"list\", \"min\": 3}");
  expect_run (1, "- one\n- two\n", NULL, "bad_message: ", "parse", "--config", "@parser.json", "-");
}

Test (replies, that_are_wrong_show_what_a_model_is_told)
{
  expect_run (1, "{\"speak\": 5}", NULL, "the key \"speak\" must be a string, not the number 5", "parse", "--with",
              "json", "--set", "required={\"speak\": \"string\"}", "-");
  expect_run (1, "{\"speak\": 5}", "\"fields\":null.*\"feedback\":\"Your reply could not be used", "bad_message",
              "parse", "--json", "--with", "json", "--set", "required={\"speak\": \"string\"}", "-");
  expect_run (0, NULL, "JSON object", NULL, "parse", "--instruction", "--with", "json", "--set",
              "required=[\"speak\"]");
}

Test (replies, refuse_wrong_parsers)
{
  expect_run (3, "x", NULL, "bad_config: .*jsn", "parse", "--with", "jsn", "-");
  expect_run (3, "x", NULL, "pattern: bad_config: ", "parse", "--with", "regex", "-");
  expect_run (3, "x", NULL, "bad_config: ", "parse", "--with", "list", "--set", "colour=red", "-");
  expect_run (2, "x", NULL, "--with: bad_argument: which parser", "parse", "-");
  expect_run (2, NULL, NULL, "FILE: bad_argument: which file", "parse", "--with", "code");
  expect_run (2, "x", NULL, "--set: bad_argument: KEY=VALUE", "parse", "--with", "list", "--set", "min", "-");
  expect_run (2, "x", NULL, "--config: bad_argument: line 1", "parse", "--config", "{", "-");
  expect_run (2, "x", NULL, "--config: bad_argument: an object", "parse", "--config", "[1]", "-");
  expect_run (4, "x", NULL, "nowhere.json: not_found", "parse", "--config", "@nowhere.json", "-");
  expect_run (4, NULL, NULL, "nowhere.txt: not_found", "parse", "--with", "code", "nowhere.txt");
}
