// SPDX-License-Identifier: Apache-2.0

#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define BASE "\"type\": \"post_api\", \"base_url\": \"http://h/generate\", \"model\": \"m\""
#define OWN                                                                                                            \
  "{" BASE ", \"body\": {\"inputs\": \"<s>{{prompt}}\", \"n\": [1, {\"who\": \"{{agent}}/{{model}} {{other}}\"}]},"    \
  " \"answer\": \"data.0.text\"}"

Test (post_api, fills_its_body)
{
  fixture_expect (fixture_request ("{" BASE "}", "\"hi\"", false),
                  "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"name\": \"user\", \"content\": \"hi\"}]}");
  fixture_expect (
    fixture_request (OWN,
                     "{\"messages\": [{\"name\": \"u\", \"content\": \"hi\"}], \"agent\": \"al\","
                     " \"options\": {\"k\": 1}}",
                     false),
    "{\"inputs\": \"<s>## Conversation History\\nu: hi\\nal:\", \"n\": [1, {\"who\": \"al/m {{other}}\"}], \"k\": 1}");
}

Test (post_api, finds_its_answer)
{
  troupe_error_t error = {0};
  json_t *message = fixture_read (OWN, "{\"data\": [{\"text\": \"ho\"}]}", &error);
  cr_assert_not_null (message, "%s", error.why);
  cr_assert_str_eq (json_string_value (json_object_get (message, "content")), "ho");
  json_decref (message);
  cr_assert_null (fixture_read (OWN, "{\"data\": []}", &error));
  cr_assert (strstr (error.why, "without anything at data.0.text"), "%s", error.why);
  cr_assert_null (fixture_read (OWN, "<html>", &error));
  cr_assert (strstr (error.why, "<html>"), "%s", error.why);
}

Test (post_api, reads_vectors_and_images)
{
  troupe_error_t error = {0};
  json_t *value = fixture_read ("{" BASE ", \"task\": \"embedding\", \"answer\": \"v\"}", "{\"v\": [1, 2.5]}", &error);
  cr_assert_not_null (value, "%s", error.why);
  fixture_expect (json_incref (json_object_get (value, "embeddings")), "[[1, 2.5]]");
  json_decref (value);
  value = fixture_read ("{" BASE ", \"task\": \"image\", \"answer\": \"u\"}", "{\"u\": \"http://x/y.png\"}", &error);
  cr_assert_not_null (value, "%s", error.why);
  fixture_expect (json_incref (json_object_get (value, "content")),
                  "[{\"type\": \"image\", \"url\": \"http://x/y.png\"}]");
  json_decref (value);
}
