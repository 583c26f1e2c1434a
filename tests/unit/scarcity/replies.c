// SPDX-License-Identifier: Apache-2.0
//
// Repair, schemas and parsers without memory.

#include "tests/unit/scarcity/scarce.h"
#include "troupe/parse.h"
#include "troupe/repair.h"
#include "troupe/schema.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

// -- Repair -------------------------------------------------------------------------------------------------------------

static void
repair_scene (const void *arg)
{
  const char *text = arg;
  troupe_repair_t *repair = NULL;
  troupe_error_t error = {0};
  scarce_begin ();
  troupe_err_t err = troupe_repair_new (&repair, text, strlen (text), TROUPE_REPAIR_WANT_OBJECT, &error);
  json_t *notes = err == TROUPE_OK ? troupe_repair_notes_json (repair) : NULL;
  bool struck = scarce_struck ();
  scarce_expect (err, &error);
  cr_assert (err != TROUPE_OK || notes || struck);
  cr_assert_eq (err == TROUPE_OK, repair != NULL);
  json_decref (notes);
  troupe_repair_destroy (&repair);
}

Test (scarcity, repair)
{
  static const char *const texts[] = {
    "{\"a\": [1, 2.5, {\"b\": null}], \"c\": \"d\"}",
    "Sure!\n```json\n{'a': True, b: [1, (2, \"x\" + \"y\",\n```\nor {\"a\": 0xFF, \"b\": 12 kg, \"c\": 1e999}",
    "<think>[1]</think>\"a\": \"\\u00e9\\ud83d\\ude00\", \"b\": datetime(2024, 1), 'it's': {\"a\": 1, \"a\": 2",
    "\"{\\\"a\\\": 1}\"", "[{\"a\": 123456789012345678901234567890}] and {}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    scarce_play (repair_scene, texts[i], 5);
}

// -- Schema -------------------------------------------------------------------------------------------------------------

static const char schema_text[] =
  "{\"$id\": \"http://a.b/c\", \"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"type\": \"object\","
  "\"required\": [\"a\", \"x\"], \"$defs\": {\"n\": {\"$anchor\": \"n\", \"type\": [\"integer\", \"null\"], "
  "\"minimum\": 3},"
  "\"t\": {\"$dynamicAnchor\": \"t\", \"items\": {\"$dynamicRef\": \"#t\"}}},"
  "\"properties\": {\"a\": {\"$ref\": \"#n\"}, \"b\": {\"$ref\": \"http://a.b/other#/x\"}, \"t\": {\"$ref\": \"#t\"},"
  "\"s\": {\"type\": \"string\", \"pattern\": \"^(a|\\\\p{L}+)$\", \"maxLength\": 2},"
  "\"l\": {\"prefixItems\": [true], \"contains\": {\"const\": 5}, \"uniqueItems\": true, \"unevaluatedItems\": false}},"
  "\"patternProperties\": {\"^p\": {\"enum\": [1, {\"a\": [2]}]}}, \"unevaluatedProperties\": false,"
  "\"anyOf\": [{\"not\": {\"required\": [\"a\"]}}, {\"if\": {\"minProperties\": 1}, \"then\": {\"maxProperties\": 2}}],"
  "\"dependentSchemas\": {\"a\": {\"propertyNames\": {\"maxLength\": 2}}}}";
static const char schema_value[] =
  "{\"a\": 1, \"b\": \"wrong\", \"s\": \"9\", \"t\": [[[]]], \"l\": [1, 1, 2], \"p1\": 3, "
  "\"more\": {\"x\": [1, 2]}}";

typedef struct {
  json_t *schema, *value;
} schema_scene_t;

static json_t *
other_document (void *arg, const char *uri)
{
  (void)arg;
  (void)uri;
  return json_pack ("{s:{s:s}}", "x", "type", "integer");
}

static void
schema_scene (const void *arg)
{
  const schema_scene_t *self = arg;
  troupe_schema_t *schema = NULL;
  troupe_error_t error = {0};
  json_t *errors = NULL;
  troupe_schema_options_t options = {.registry = other_document};
  scarce_begin ();
  troupe_err_t err = troupe_schema_new (&schema, self->schema, &options, &error);
  cr_assert_eq (err == TROUPE_OK, schema != NULL);
  if (err == TROUPE_OK)
    err = troupe_schema_validate (schema, self->value, &errors, &error);
  bool struck = scarce_struck ();
  scarce_end ();
  // A document that has no memory isn't there.
  cr_assert (err == TROUPE_BAD_MESSAGE || (struck && (err == TROUPE_NO_MEMORY || err == TROUPE_BAD_CONFIG)), "%s: %s",
             troupe_err_name (err), error.why);
  cr_assert_eq (err == TROUPE_BAD_MESSAGE, json_array_size (errors) > 0);
  json_decref (errors);
  troupe_schema_destroy (&schema);
}

Test (scarcity, schema, .timeout = 120)
{
  schema_scene_t self = {json_loads (schema_text, 0, NULL), json_loads (schema_value, 0, NULL)};
  cr_assert (self.schema && self.value);
  scarce_play (schema_scene, &self, 100);
  json_decref (self.schema);
  json_decref (self.value);
}

// -- Parsers ------------------------------------------------------------------------------------------------------------

typedef struct {
  const char *config, *replies[3];
} parse_scene_t;

static const parse_scene_t parsers[] = {
  {"{\"type\": \"json_object\", \"required\": {\"thought\": {\"type\": \"string\", \"hint\": \"what you think\"}, "
   "\"vote\": [\"string\", \"null\"]}, \"optional\": [\"more\"], \"to_content\": \"vote\", \"to_metadata\": "
   "[\"vote\"], "
   "\"schema\": {\"maxProperties\": 3}}",
   {"{'thought': 'hm', 'vote': 'Ann',}", "{\"thought\": 5}", "no"}},
  {"{\"type\": \"list\", \"items\": \"string\", \"min\": 1, \"max\": 2, \"to_metadata\": true}",
   {"- one\n- two", "1. one\n2) two\n3. three", "[1, \"a\"]"}},
  {"{\"type\": \"code\", \"language\": \"python\"}", {"```python\nx = 1\n```", "```c\nint x;\n```", "x = 1"}},
  {"{\"type\": \"tagged\", \"tags\": [{\"name\": \"thought\"}, {\"name\": \"n\", \"begin\": \"[\", \"end\": \"]\", "
   "\"json\": true, \"optional\": true}]}",
   {"<thought>hm</thought>[{'a': 1}]", "<thought>hm", "hm"}},
  {"{\"type\": \"regex\", \"pattern\": \"vote for (?<who>\\\\w+)( (?<why>.*))?\", \"required\": [\"who\"], "
   "\"instruction\": \"Say whom you vote for.\"}",
   {"I vote for Ann as ever", "I vote.", ""}},
  {"{\"type\": \"tool_calls\", \"shape\": \"react\", \"require_call\": true, \"tools\": [{\"name\": \"search\", "
   "\"description\": \"looks it up\", \"parameters\": {\"properties\": {\"q\": {\"type\": \"string\"}}, "
   "\"required\": [\"q\"]}}]}",
   {"Thought: so\nAction: search\nAction Input: {'q': 'x'}\nObservation: made up",
    "<tool_call>{\"name\": \"search\", \"arguments\": {\"q\": 5}}</tool_call>",
    "{\"tool_calls\": [{\"id\": \"1\", \"function\": {\"name\": \"serch\", \"arguments\": \"{}\"}}]}"}},
};

static void
parse_scene (const void *arg)
{
  const parse_scene_t *self = arg;
  scarce_end ();
  json_t *config = json_loads (self->config, 0, NULL);
  troupe_parser_t *parser = NULL;
  troupe_error_t error = {0};
  scarce_begin ();
  troupe_err_t err = troupe_parser_new (&parser, config, &error);
  bool made = err == TROUPE_OK;
  for (size_t i = 0; made && i < 3; i++) {
    troupe_parsed_t *parsed = NULL;
    err = troupe_parser_parse (parser, self->replies[i], &parsed, &error);
    cr_assert (err == TROUPE_OK || err == TROUPE_BAD_MESSAGE ||
               (err == TROUPE_NO_MEMORY && scarce_struck () && !parsed));
    cr_assert (err != TROUPE_BAD_MESSAGE || troupe_parsed_feedback (parsed));
    json_t *all = parsed ? troupe_parsed_to_json (parsed) : NULL;
    cr_assert (all || scarce_struck ());
    json_decref (all);
    troupe_parsed_destroy (&parsed);
    err = TROUPE_OK;
  }
  scarce_expect (err, &error);
  troupe_parser_destroy (&parser);
  json_decref (config);
}

Test (scarcity, parsers, .timeout = 120)
{
  for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++)
    scarce_play (parse_scene, &parsers[i], 30);
}

static troupe_err_t
make_fields (void *arg, const char *reply, json_t **fields, troupe_error_t *error)
{
  (void)arg;
  *fields = json_pack ("{s:s}", "thought", reply);
  return *fields ? TROUPE_OK : troupe_error_set (error, TROUPE_NO_MEMORY, "handler", NULL, "out of memory");
}

// Asks until the handler decides.
static void
asking_scene (const void *arg)
{
  const troupe_parser_t *parser = arg;
  troupe_tally_t *tally = NULL;
  troupe_asking_t *asking = NULL;
  troupe_error_t error = {0};
  troupe_asking_step_t step = TROUPE_ASKING_AGAIN;
  scarce_begin ();
  troupe_err_t err = troupe_tally_new (&tally, &error);
  if (err == TROUPE_OK)
    err = troupe_asking_new (
      &asking, parser,
      &(troupe_asking_options_t){.retries_max = 1, .fault_handler = make_fields, .tally = tally, .model = "model/m"},
      &error);
  for (unsigned i = 0; err == TROUPE_OK && step == TROUPE_ASKING_AGAIN; i++) {
    err = troupe_asking_reply (asking, i == 0 ? "no" : "{'thought': 5}", &step, &error);
    cr_assert (err != TROUPE_OK || step != TROUPE_ASKING_AGAIN || troupe_asking_message (asking));
  }
  json_t *log = asking ? troupe_asking_log (asking) : NULL;
  cr_assert (log || scarce_struck ());
  cr_assert (err != TROUPE_OK || step == TROUPE_ASKING_ACCEPT || scarce_struck ());
  cr_assert (err != TROUPE_OK || step != TROUPE_ASKING_ACCEPT || troupe_asking_result (asking));
  scarce_expect (err, &error);
  json_decref (log);
  troupe_asking_destroy (&asking);
  troupe_tally_destroy (&tally);
}

Test (scarcity, asking_again)
{
  json_t *config = json_loads (parsers[0].config, 0, NULL);
  troupe_parser_t *parser;
  cr_assert_eq (troupe_parser_new (&parser, config, NULL), TROUPE_OK);
  scarce_play (asking_scene, parser, 30);
  troupe_parser_destroy (&parser);
  json_decref (config);
}
