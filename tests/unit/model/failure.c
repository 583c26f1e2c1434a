// SPDX-License-Identifier: Apache-2.0

#include "model/failure.h"
#include "unit/model/model_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static troupe_model_t *
new_model (void)
{
  return fixture_model ("{\"type\": \"openai_chat\", \"base_url\": \"http://h/v1\", \"model\": \"big\","
                        " \"api_key\": \"sk-0123456789\"}");
}

Test (failure, maps_every_kind_of_status)
{
  static const struct {
    long status;
    const char *body;
    troupe_err_t code;
    const char *why, *next;
  } cases[] = {
    {401, "{\"error\": {\"message\": \"Incorrect key\"}}", TROUPE_UNAUTHORIZED, "Incorrect key",
     "api_key of models.gpt"},
    {403, "", TROUPE_UNAUTHORIZED, "HTTP 403", "api_key of models.gpt"},
    {404, "{\"error\": {\"message\": \"nope\"}}", TROUPE_MODEL_REFUSED, "http://h/v1/chat/completions has no model big",
     "base_url of models.gpt"},
    {400, "{\"error\": \"context too long\"}", TROUPE_MODEL_REFUSED, "context too long", ""},
    {422, "{\"detail\": [{\"loc\": [\"body\"], \"msg\": \"field required\"}]}", TROUPE_MODEL_REFUSED, "field required",
     ""},
    {413, "", TROUPE_MODEL_REFUSED, "HTTP 413", ""},
    {302, "", TROUPE_MODEL_REFUSED, "HTTP 302", "base_url"},
    {429, "{\"error\": {\"message\": \"slow down\"}}", TROUPE_RATE_LIMITED, "slow down", ""},
    {429, "{\"error\": {\"message\": \"no money\", \"code\": \"insufficient_quota\"}}", TROUPE_MODEL_REFUSED,
     "no money", "billing"},
    {500, "<html><b>Oops</b>\n\n\t</html>", TROUPE_MODEL_FAILED, "HTTP 500: <html><b>Oops</b> </html>", ""},
    {503, "{\"message\": \"later\"}", TROUPE_MODEL_FAILED, "later", ""},
    {408, "", TROUPE_MODEL_FAILED, "408", ""},
  };
  troupe_model_t *model = new_model ();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    troupe_error_t error = {0};
    const char *body = cases[i].body;
    troupe_err_t code = failure_of_status (model, cases[i].status, body, strlen (body), 1500, &error);
    cr_assert_eq (code, cases[i].code, "%ld: %s", cases[i].status, troupe_err_name (code));
    cr_assert (strstr (error.why, cases[i].why), "%ld: %s", cases[i].status, error.why);
    cr_assert (strstr (error.next, cases[i].next), "%ld: %s", cases[i].status, error.next);
    cr_assert_str_eq (error.object, "model/gpt");
    cr_assert_eq (error.retry_after_ms, troupe_err_class (code) == TROUPE_CLASS_RETRYABLE ? 1500 : 0);
  }
  troupe_model_destroy (&model);
}

Test (failure, hides_the_key_even_when_it_was_cut)
{
  troupe_model_t *model = new_model ();
  troupe_error_t error = {0};
  const char *body = "{\"error\": {\"message\": \"bad sk-0123456789, really sk-0123456789\"}}";
  failure_of_status (model, 401, body, strlen (body), 0, &error);
  failure_finish (model, &error);
  cr_assert (strstr (error.why, "bad ***, really ***"), "%s", error.why);
  snprintf (error.why, sizeof error.why, "cut in the middle: sk-01234");
  failure_finish (model, &error);
  cr_assert_str_eq (error.why, "cut in the middle: ***");
  troupe_model_destroy (&model);
}

Test (failure, tells_a_server_that_is_away_from_one_that_broke_off)
{
  troupe_model_t *model = new_model ();
  troupe_error_t error = {0};
  failure_of_curl (model, CURLE_COULDNT_CONNECT, "Failed to connect", false, &error);
  cr_assert_eq (error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (error.why, "http://h/v1"));
  cr_assert (strstr (error.next, "is the server running?"));
  failure_of_curl (model, CURLE_PARTIAL_FILE, "", true, &error);
  cr_assert_eq (error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (error.why, "in the middle"));
  failure_of_curl (model, CURLE_PEER_FAILED_VERIFICATION, "", false, &error);
  cr_assert (strstr (error.next, "certificates"));
  cr_assert_not (failure_may_pass (CURLE_PEER_FAILED_VERIFICATION));
  cr_assert (failure_may_pass (CURLE_COULDNT_CONNECT));
  troupe_model_destroy (&model);
}

Test (failure, finds_the_pause_that_google_asks_for)
{
  troupe_model_t *model = new_model ();
  troupe_error_t error = {0};
  static const char body[] = "{\"error\": {\"code\": 429, \"status\": \"RESOURCE_EXHAUSTED\", \"details\": [{\"@type\":"
                             " \"type.googleapis.com/google.rpc.QuotaFailure\"}, {\"@type\":"
                             " \"type.googleapis.com/google.rpc.RetryInfo\", \"retryDelay\": \"34.5s\"}]}}";
  cr_assert_eq (failure_of_status (model, 429, body, strlen (body), 0, &error), TROUPE_RATE_LIMITED);
  cr_assert_eq (error.retry_after_ms, 34500);
  troupe_model_destroy (&model);
}
