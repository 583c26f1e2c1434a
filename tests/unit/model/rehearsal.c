// SPDX-License-Identifier: Apache-2.0

#include "model/rules.h"
#include "model/script.h"
#include "model/template.h"
#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

// Rules that must be right.
static rules_t
read_rules (const char *text)
{
  rules_t rules;
  config_report_t report;
  config_report_init (&report, "rules.yaml");
  bool right = rules_parse (&rules, text, strlen (text), &report);
  const json_t *first = json_array_get (report.list, 0);
  cr_assert (right, "%s", json_string_value (json_object_get (first, "why")));
  json_decref (report.list);
  return rules;
}

typedef struct {
  reply_t reply;
  script_t script;
  troupe_error_t error;
} played_t;

static troupe_err_t
play (const rules_t *rules, const char *input, uint64_t seed, played_t *out)
{
  json_error_t cause;
  json_t *json = json_loads (input, JSON_DECODE_ANY, &cause);
  cr_assert_not_null (json, "%s", cause.text);
  prompt_t prompt;
  scene_t scene;
  *out = (played_t){0};
  reply_init (&out->reply);
  cr_assert_eq (prompt_of_input (&prompt, json, &out->error), TROUPE_OK, "%s", out->error.why);
  cr_assert (scene_set (&scene, &prompt, "model", seed));
  troupe_err_t code = rules_play (rules, &scene, &out->reply, &out->script, &out->error);
  scene_clear (&scene);
  prompt_clear (&prompt);
  json_decref (json);
  return code;
}

static void
expect (const rules_t *rules, const char *input, const char *text)
{
  played_t played;
  troupe_err_t code = play (rules, input, 1, &played);
  cr_assert_eq (code, TROUPE_OK, "%s: %s", input, played.error.why);
  cr_assert_str_eq (bytes_text (&played.reply.text), text);
  reply_clear (&played.reply);
}

static void
expect_rules (const char *text, const char *input, const char *said)
{
  rules_t rules = read_rules (text);
  expect (&rules, input, said);
  rules_clear (&rules);
}

#define TALK                                                                                                           \
  "{\"agent\": \"alice\", \"messages\": [{\"role\": \"system\", \"name\": \"system\", \"content\": \"You are a "       \
  "pirate\"},"                                                                                                         \
  " {\"name\": \"ann\", \"content\": \"My name is Ann.\"}, {\"role\": \"assistant\", \"name\": \"alice\", "            \
  "\"content\": "                                                                                                      \
  "\"my name is Alice\"}, {\"name\": \"ann\", \"content\": \"Weather in Oslo, please\"}]}"

Test (rehearsal, plays_the_first_rule_that_fits)
{
  rules_t rules = read_rules ("rules:\n"
                              "  - {last: rain, say: rain}\n"
                              "  - {last: {text: WEATHER, ignore_case: true}, turn: 3.., say: late}\n"
                              "  - {agent: bob, say: bob}\n"
                              "  - {system: {regex: pirate$}, last: {regex: 'in ([A-Z][a-z]+)'}, say: 'Arr, {{1}}!'}\n"
                              "  - {say: else}\n");
  expect (&rules, TALK, "Arr, Oslo!");
  expect (&rules, "\"rain in Oslo\"", "rain");
  expect (&rules, "\"x\"", "else");
  rules_clear (&rules);
}

Test (rehearsal, counts_turns)
{
  static const char text[] =
    "rules:\n  - {turn: 1, say: one}\n  - {turn: 2..3, say: two}\n  - {turn: ..9, say: nine}\n";
  expect_rules (text, "\"x\"", "one");
  expect_rules (text, TALK, "two");
  expect_rules (text, "{\"messages\": [{\"role\": \"system\", \"name\": \"s\", \"content\": \"x\"}]}", "nine");
}

Test (rehearsal, hears_what_others_said_before)
{
  static const char text[] = "rules:\n"
                             "  - heard: {regex: 'my name is ([a-z]+)', ignore_case: true}\n"
                             "    say: '{{heard.1}}, {{heard}} {{name}}: {{last}} ({{agent}}, {{model}}, {{turn}})'\n"
                             "  - say: nothing\n";
  expect_rules (text, TALK, "Ann, My name is Ann. ann: Weather in Oslo, please (alice, model, 2)");
  expect_rules (text, "\"my name is Bob\"", "nothing");
}

Test (rehearsal, expands_templates)
{
  expect_rules ("rules: [{say: 'a{{{{b}} {{choice:x}}{{choice:}}{{agent}}'}]", "\"x\"", "a{{b}} xmodel");
  expect_rules ("rules: [{json: {said: '{{last}}', n: 1, list: [true, null, '{{turn}}']}}]", "\"hi\"",
                "{\"said\":\"hi\",\"n\":1,\"list\":[true,null,\"1\"]}");
  expect_rules ("rules: [{last: {regex: '(a)|(b)'}, say: '{{0}}{{1}}{{2}}.'}]", "\"b\"", "bb.");
}

static bool
compiles (const char *regex)
{
  char why[128];
  pattern_t pattern = {.text = strdup (regex)};
  bool made = pattern_compile (&pattern, why, sizeof why);
  pattern_clear (&pattern);
  return made;
}

Test (rehearsal, refuses_a_regex_that_would_fill_the_memory)
{
  cr_assert (compiles ("a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q+r+s+t+u+v+w+x+y+z+"));
  cr_assert (compiles ("^[]^a-z[:digit:]{]{1,200}(\\.[^].+]+){2,20}$"));
  cr_assert (compiles ("(((((((((a)))))))))(b|c)*?"));
  cr_assert_not (compiles ("a++++++++++++++++++++++++++++++"));
  cr_assert_not (compiles ("((((((((a{255}){255}){255}){255}){255}){255}){255}){255}"));
  cr_assert_not (compiles ("((((((((((((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+"));
  cr_assert_not (compiles ("(a"));
  cr_assert_not (compiles ("a{99999}"));
}

Test (rehearsal, shortens_what_is_long)
{
  char input[2048] = "\"", wanted[1024] = "";
  for (int i = 0; i < 300; i++)
    strcat (input, "\xC3\xA9");
  strcat (input, "\"");
  for (int i = 0; i < TEMPLATE_SHORT_MAX; i++)
    strcat (wanted, "\xC3\xA9");
  strcat (wanted, "\xE2\x80\xA6");
  expect_rules ("rules: [{say: '{{last.short}}'}]", input, wanted);
}

Test (rehearsal, calls_tools)
{
  rules_t rules = read_rules ("rules:\n"
                              "  - last: {regex: 'in ([A-Z][a-z]+)'}\n"
                              "    say: Let me see.\n"
                              "    call: {name: weather, input: {city: '{{1}}', days: 2}}\n");
  played_t played, again;
  json_t *message;
  cr_assert_eq (play (&rules, TALK, 1, &played), TROUPE_OK);
  cr_assert_eq (play (&rules, TALK, 1, &again), TROUPE_OK);
  cr_assert_str_eq (played.reply.tools[0].id, again.reply.tools[0].id);
  cr_assert_eq (reply_message (&played.reply, "m", "rehearsal", 1, &message, &played.error), TROUPE_OK);
  const json_t *block = json_array_get (json_object_get (message, "content"), 1);
  cr_assert_str_eq (json_string_value (json_object_get (block, "name")), "weather");
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (block, "input"), "city")), "Oslo");
  json_decref (message);
  reply_clear (&played.reply);
  reply_clear (&again.reply);
  rules_clear (&rules);
}

Test (rehearsal, fails_on_purpose_and_when_nothing_fits)
{
  rules_t rules = read_rules ("delay: 5ms\n"
                              "rules:\n"
                              "  - {last: busy, fail: {code: rate_limited, why: 'no {{last}}', retry_after: 2s}}\n"
                              "  - {last: down, delay: 1s, fail: model_unreachable}\n");
  played_t played;
  cr_assert_eq (play (&rules, "\"busy\"", 1, &played), TROUPE_OK);
  cr_assert (played.script.fails);
  cr_assert_eq (played.script.delay_ms, 5);
  cr_assert_eq (played.script.error.code, TROUPE_RATE_LIMITED);
  cr_assert_eq (played.script.error.retry_after_ms, 2000);
  cr_assert_str_eq (played.script.error.why, "no busy");
  cr_assert_eq (play (&rules, "\"down\"", 1, &played), TROUPE_OK);
  cr_assert_eq (played.script.error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert_eq (played.script.delay_ms, 1000);
  cr_assert_eq (play (&rules, "\"else\"", 1, &played), TROUPE_MODEL_REFUSED);
  cr_assert (strstr (played.error.why, "else"));
  rules_clear (&rules);
}

// The text for a prompt that differs by a number and an id, so that chance is seen.
static void
say (const rules_t *rules, unsigned number, uint64_t seed, char out[64])
{
  char input[256];
  played_t played;
  troupe_id_t id = troupe_id_new ();
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&id, text);
  snprintf (input, sizeof input, "{\"messages\": [{\"id\": \"%s\", \"name\": \"u\", \"content\": \"%u\"}]}", text,
            number);
  cr_assert_eq (play (rules, input, seed, &played), TROUPE_OK);
  snprintf (out, 64, "%s", bytes_text (&played.reply.text));
  reply_clear (&played.reply);
}

Test (rehearsal, draws_from_seed_agent_and_texts_alone)
{
  rules_t rules = read_rules ("rules: [{chance: 0.25, say: rare}, {say: [a, b, '{{choice:c|d}}{{choice:c|d}}']}]");
  unsigned rare = 0, varied = 0;
  for (unsigned i = 0; i < 400; i++) {
    char once[64], again[64], other[64];
    say (&rules, i, 1, once);
    say (&rules, i, 1, again);
    say (&rules, i, 2, other);
    cr_assert_str_eq (once, again);
    rare += strcmp (once, "rare") == 0;
    varied += strcmp (once, other) != 0;
  }
  cr_assert (rare > 50 && rare < 150, "%u", rare);
  cr_assert (varied > 100, "%u", varied);
  rules_clear (&rules);
}

Test (rehearsal, tells_every_error_of_a_file_with_its_place)
{
  static const char text[] = "dealy: 5ms\n"                                // 1
                             "rules:\n"                                    // 2
                             "  - last: {regex: 'a(b'}\n"                  // 3
                             "    say: '{{lsat}}'\n"                       // 4
                             "  - say: '{{1}}'\n"                          // 5
                             "    chance: 2\n"                             // 6
                             "  - last: x\n"                               // 7
                             "  - fail: rate_limitd\n"                     // 8
                             "    say: x\n"                                // 9
                             "  - {saay: x, turn: 5..2, delay: 5}\n"       // 10
                             "  - {say: '{{choice:a', heard: {txt: x}}\n"; // 11
  static const struct {
    int line;
    const char *path, *hint;
  } wanted[] = {{1, "", "delay"},
                {3, "rules[0].last", ""},
                {4, "rules[0]", "{{last}}"},
                {5, "rules[1]", ""},
                {6, "rules[1].chance", ""},
                {7, "rules[2]", ""},
                {8, "rules[3].fail", "rate_limited"},
                {8, "rules[3]", ""},
                {10, "rules[4]", ""},
                {10, "rules[4]", "say"},
                {10, "rules[4].turn", ""},
                {10, "rules[4].delay", ""},
                {11, "rules[5]", ""},
                {11, "rules[5].heard", "text"},
                {11, "rules[5].heard", ""}};
  rules_t rules;
  config_report_t report;
  config_report_init (&report, "rules.yaml");
  cr_assert_not (rules_parse (&rules, text, strlen (text), &report));
  config_report_sort (&report);
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    bool found = false;
    size_t j;
    json_t *entry;
    json_array_foreach (report.list, j, entry)
      found |= json_integer_value (json_object_get (entry, "line")) == wanted[i].line &&
               strcmp (json_string_value (json_object_get (entry, "path")), wanted[i].path) == 0 &&
               strstr (json_string_value (json_object_get (entry, "hint")), wanted[i].hint);
    char *all = json_dumps (report.list, JSON_INDENT (1));
    cr_assert (found, "line %d, %s: %s", wanted[i].line, wanted[i].path, all);
    free (all);
  }
  json_decref (report.list);
}

Test (rehearsal, survives_a_file_that_is_none)
{
  static const char *const texts[] = {"",
                                      "[]",
                                      "rules:",
                                      "rules: []",
                                      "rules: [1]",
                                      "rules: [{}]",
                                      "rules: [{say: []}]",
                                      "rules: [{call: []}]",
                                      "rules: [{call: [{name: 'a b', input: 1, x: 2}]}]",
                                      "rules: [{fail: {}}]",
                                      "rules: [{say: {a: b}}]",
                                      "rules: [{last: {}, say: x}]",
                                      "rules: [{last: {text: a, regex: b}, say: x}]",
                                      "{",
                                      "a: [",
                                      "\xff",
                                      "rules: [{last: {regex: [a]}, say: x}]",
                                      "rules: [{chunk: 0, say: x}]",
                                      "rules: [{json: {a: '{{b}}'}}]",
                                      "rules: [{call: {name: f, input: {x: '{{3}}'}}}]"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    rules_t rules;
    config_report_t report;
    config_report_init (&report, "rules.yaml");
    cr_assert_not (rules_parse (&rules, texts[i], strlen (texts[i]), &report), "%s", texts[i]);
    cr_assert (report.count > 0, "%s", texts[i]);
    json_decref (report.list);
  }
}

Test (rehearsal, small_talk_remembers_and_says_what_it_is)
{
  rules_t rules = read_rules (rules_small_talk);
  played_t played;
  static const struct {
    const char *input, *said;
  } cases[] = {
    {"\"hello\"", "not a real model"},
    {"\"My name is Ann\"", "Ann"},
    {"\"Something else.\"", "not a real model"},
    {"{\"messages\": [{\"name\": \"u\", \"content\": \"Hi, call me Zo\\u00eb!\"}, {\"name\": \"u\", \"content\": "
     "\"What's "
     "my name?\"}]}",
     "Zo\xC3\xAB"},
    {"{\"messages\": [{\"name\": \"u\", \"content\": \"a\"}, {\"name\": \"u\", \"content\": \"b\"}, {\"name\": \"u\", "
     "\"content\": \"how many turns?\"}]}",
     "3"},
    {"{\"messages\": [{\"name\": \"u\", \"content\": \"a\"}, {\"name\": \"u\", \"content\": \"the end\"}]}", "the end"},
    {"{\"messages\": [{\"role\": \"system\", \"name\": \"s\", \"content\": \"a\"}]}", "Nobody has said anything"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_assert_eq (play (&rules, cases[i].input, i, &played), TROUPE_OK, "%s", cases[i].input);
    const char *text = bytes_text (&played.reply.text);
    cr_assert (strstr (text, cases[i].said), "%s: %s", cases[i].input, text);
    cr_assert (strncmp (text, "[rehearsal] ", 12) == 0, "%s", text);
    cr_assert (played.script.words);
    reply_clear (&played.reply);
  }
  rules_clear (&rules);
}

Test (rehearsal, cuts_texts_between_characters)
{
  static const char text[] = "Zo\xC3\xAB  says \xF0\x9F\x98\x80";
  cr_assert_eq (script_piece (&(script_t){.words = true}, text, strlen (text)), 6);
  cr_assert_eq (script_piece (&(script_t){.chunk = 3}, text, strlen (text)), 4);
  cr_assert_eq (script_piece (&(script_t){.chunk = 1}, text + 11, 4), 4);
  cr_assert_eq (script_piece (&(script_t){.chunk = 0}, text, strlen (text)), strlen (text));
  cr_assert_eq (script_piece (&(script_t){.chunk = 9}, text, 0), 0);
}

Test (rehearsal, reads_its_rules_from_a_file_and_reports_its_errors)
{
  char path[] = "/tmp/troupe-rules-XXXXXX";
  int fd = mkstemp (path);
  FILE *file = fdopen (fd, "w");
  fputs ("rules:\n  - say: '{{x}}'\n  - sya: x\n", file);
  fclose (file);
  json_t *errors = NULL, *config = json_pack ("{s:s,s:s}", "type", "rehearsal", "rules", path);
  troupe_error_t error;
  troupe_model_t *model;
  troupe_model_options_t options = {.name = "r", .config = config};
  cr_assert_eq (troupe_model_new (&model, NULL, &options, &errors, &error), TROUPE_BAD_CONFIG);
  cr_assert_eq (json_array_size (errors), 3);
  cr_assert (strstr (error.object, ":2:"), "%s", error.object);
  remove (path);
  cr_assert_eq (troupe_model_new (&model, NULL, &options, NULL, &error), TROUPE_NOT_FOUND);
  json_decref (errors);
  json_decref (config);
}

Test (rehearsal, picks_from_a_list_in_the_prompt)
{
#define VOTE                                                                                                           \
  "{\"agent\": \"bob\", \"messages\": [{\"name\": \"ann\", \"content\": \"I suspect eve.\"}, {\"name\": \"host\", "    \
  "\"content\": "                                                                                                      \
  "\"Vote for one of ann, bob and eve.\"}]}"
  expect_rules ("rules:\n"
                "  - {last: {regex: 'one of (.*)[.]'}, heard: {regex: 'suspect ([a-z]+)'}, say: '{{pick:1:1}}'}\n",
                VOTE, "eve");
  rules_t rules = read_rules ("rules:\n  - {last: {regex: 'one of (.*)[.]'}, say: '{{pick:1}} {{pick:1}}'}\n");
  bool ann = false, eve = false;
  for (uint64_t seed = 0; seed < 40; seed++) {
    played_t played;
    cr_assert_eq (play (&rules, VOTE, seed, &played), TROUPE_OK);
    bool is_ann = strcmp (bytes_text (&played.reply.text), "ann ann") == 0;
    cr_assert (is_ann || strcmp (bytes_text (&played.reply.text), "eve eve") == 0, "%s",
               bytes_text (&played.reply.text));
    ann = ann || is_ann;
    eve = eve || !is_ann;
    reply_clear (&played.reply);
  }
  cr_assert (ann && eve);
  rules_clear (&rules);
}

Test (rehearsal, a_pick_needs_its_groups)
{
  static const struct {
    const char *rules, *why;
  } wrong[] = {
    {"rules:\n  - {last: vote, say: '{{pick:1}}'}\n", "last has no such group"},
    {"rules:\n  - {last: {regex: '(a)'}, say: '{{pick:2}}'}\n", "last has no such group"},
    {"rules:\n  - {last: {regex: '(a)'}, say: '{{pick:1:1}}'}\n", "heard has no such group"},
    {"rules:\n  - {last: {regex: '(a)'}, say: '{{pick:x}}'}\n", "means nothing"},
    {"rules:\n  - {last: {regex: '(a)'}, say: '{{pick:1:}}'}\n", "means nothing"},
    {"rules:\n  - {last: {regex: '(a)'}, say: '{{pick}}'}\n", "means nothing"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    rules_t rules;
    config_report_t report;
    config_report_init (&report, "rules.yaml");
    cr_assert_not (rules_parse (&rules, wrong[i].rules, strlen (wrong[i].rules), &report), "%s", wrong[i].rules);
    const char *why = json_string_value (json_object_get (json_array_get (report.list, 0), "why"));
    cr_assert (strstr (why, wrong[i].why), "%s", why);
    json_decref (report.list);
  }
}
