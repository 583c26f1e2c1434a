// SPDX-License-Identifier: Apache-2.0

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define OPENAI "{\"type\": \"openai\", \"task\": \"embedding\", \"model\": \"m\"}"
#define OLLAMA "{\"type\": \"ollama\", \"task\": \"embedding\", \"model\": \"m\"}"
#define GEMINI "{\"type\": \"gemini\", \"task\": \"embedding\", \"model\": \"m\"}"

Test (embedding, asks)
{
  static const char wanted[] = "{\"model\": \"m\", \"input\": [\"a\", \"b\"], \"dimensions\": 2}";
  static const char ask[] = "{\"texts\": [\"a\", \"b\"], \"options\": {\"dimensions\": 2}}";
  fixture_expect (fixture_request (OPENAI, ask, false), wanted);
  fixture_expect (fixture_request (OLLAMA, ask, false), wanted);
  fixture_expect (fixture_request (OPENAI, "\"a\"", false), "{\"model\": \"m\", \"input\": [\"a\"]}");
  fixture_expect (fixture_request (OPENAI, "[\"a\"]", false), "{\"model\": \"m\", \"input\": [\"a\"]}");
  fixture_expect (fixture_request (OPENAI, "{\"messages\": [{\"name\": \"u\", \"content\": \"a\"}]}", false),
                  "{\"model\": \"m\", \"input\": [\"a\"]}");
  fixture_expect (
    fixture_request (GEMINI, "\"a\"", false),
    "{\"requests\": [{\"model\": \"models/m\", \"content\": {\"role\": \"user\", \"parts\": [{\"text\": \"a\"}]}}]}");
  fixture_refusal (OPENAI, "{\"texts\": []}", TROUPE_BAD_MESSAGE, "texts: ");
  fixture_refusal (OPENAI, "{\"text\": 1}", TROUPE_BAD_MESSAGE, "text: ");
  fixture_refusal (OPENAI, "{}", TROUPE_BAD_MESSAGE, "text: it is missing");
}

static void
expect (const char *config, const char *body, const char *wanted)
{
  troupe_error_t error = {0};
  json_t *value = fixture_read (config, body, &error);
  cr_assert_not_null (value, "%s", error.why);
  fixture_expect (value, wanted);
}

Test (embedding, reads_vectors_in_the_order_of_the_texts)
{
  expect (
    OPENAI,
    "{\"model\": \"m-1\", \"data\": [{\"index\": 1, \"embedding\": [3, 4]}, {\"index\": 0, \"embedding\": [1, 2]}],"
    " \"usage\": {\"prompt_tokens\": 5, \"total_tokens\": 5}}",
    "{\"embeddings\": [[1, 2], [3, 4]], \"metadata\": {\"model\": \"m-1\", \"provider\": \"openai\", \"attempts\": 1,"
    " \"usage\": {\"input_tokens\": 5}}}");
  expect (OLLAMA, "{\"model\": \"m\", \"embeddings\": [[0.5]], \"prompt_eval_count\": 2}",
          "{\"embeddings\": [[0.5]], \"metadata\": {\"model\": \"m\", \"provider\": \"ollama\", \"attempts\": 1,"
          " \"usage\": {\"input_tokens\": 2}}}");
  expect (GEMINI, "{\"embeddings\": [{\"values\": [0.5]}]}",
          "{\"embeddings\": [[0.5]], \"metadata\": {\"model\": \"m\", \"provider\": \"gemini\", \"attempts\": 1}}");
}

Test (embedding, refuses_what_are_no_vectors)
{
  static const char *const bodies[] = {
    "{\"data\": []}",
    "{\"data\": [{\"embedding\": []}]}",
    "{\"data\": [{\"embedding\": [\"x\"]}]}",
    "{\"data\": [{\"index\": 7, \"embedding\": [1]}]}",
    "{\"data\": [{\"index\": 0, \"embedding\": [1]}, {\"index\": 0, \"embedding\": [1]}]}",
  };
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    troupe_error_t error = {0};
    cr_assert_null (fixture_read (OPENAI, bodies[i], &error), "%s", bodies[i]);
    cr_assert_eq (error.code, TROUPE_MODEL_FAILED);
  }
}
