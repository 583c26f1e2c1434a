// SPDX-License-Identifier: Apache-2.0
//
// Any text as a reply, for a parser of each type (the first byte chooses): fields, or a feedback that says why not.

#include "troupe/parse.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char *const configs[] = {
  "{\"type\": \"json_object\", \"required\": {\"thought\": \"string\", \"speak\": \"string\"}, \"to_content\": "
  "\"speak\"}",
  "{\"type\": \"list\", \"items\": [\"string\", \"integer\"], \"max\": 5, \"to_metadata\": true}",
  "{\"type\": \"code\", \"language\": \"python\"}",
  "{\"type\": \"tagged\", \"tags\": [{\"name\": \"thought\"}, {\"name\": \"a\", \"begin\": \"[\", \"end\": \"]\", "
  "\"json\": true, "
  "\"optional\": true}]}",
  "{\"type\": \"regex\", \"pattern\": \"(?<a>(x+)+)(?<b>y)?\", \"required\": [\"a\"], \"instruction\": \"x\"}",
  "{\"type\": \"tool_calls\", \"shape\": \"react\", \"tools\": [{\"name\": \"search\", \"parameters\": "
  "{\"properties\": {\"query\": "
  "{\"type\": \"string\"}}}}]}",
  "{\"type\": \"tool_calls\"}",
};

enum { CONFIGS = sizeof configs / sizeof *configs };

static void
check (const troupe_parsed_t *parsed, troupe_err_t err)
{
  FUZZ_EXPECT ((err == TROUPE_OK) == (troupe_parsed_fields (parsed) != NULL));
  FUZZ_EXPECT ((err == TROUPE_OK) == (troupe_parsed_feedback (parsed) == NULL));
  json_t *all = troupe_parsed_to_json (parsed);
  char *text = json_dumps (all, 0);
  FUZZ_EXPECT (text != NULL);
  free (text);
  json_decref (all);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  json_object_seed (1); // the same run each time
  troupe_parser_t *parser;
  troupe_parsed_t *parsed;
  troupe_error_t error = {0};
  json_t *config = json_loads (configs[*data % CONFIGS], 0, NULL);
  FUZZ_EXPECT (config != NULL && troupe_parser_new (&parser, config, &error) == TROUPE_OK);
  char *reply = strndup ((const char *)data + 1, size - 1);
  troupe_err_t err = troupe_parser_parse (parser, reply, &parsed, &error);
  FUZZ_EXPECT (err == TROUPE_OK || err == TROUPE_BAD_MESSAGE);
  FUZZ_EXPECT (parsed != NULL && (err == TROUPE_OK || error.why[0] != '\0'));
  check (parsed, err);
  free (reply);
  troupe_parsed_destroy (&parsed);
  troupe_parser_destroy (&parser);
  json_decref (config);
  return 0;
}
