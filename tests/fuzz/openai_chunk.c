// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what an OpenAI server sends: a chunk of a stream twice over, a whole reply, a body that explains an error.
// Each makes a message or an error that says why, and no error quotes the key.

#include "model/failure.h"
#include "tests/fuzz/fuzz.h"
#include "troupe/message.h"

#include <string.h>

static const char key[] = "sk-of-the-fuzzer";

static troupe_model_t *
new_model (void)
{
  troupe_model_t *model;
  json_t *config = json_pack ("{s:s,s:s,s:s}", "type", "openai_chat", "base_url", "http://h/v1", "api_key", key);
  troupe_model_options_t options = {.name = "m", .config = config};
  FUZZ_EXPECT (troupe_model_new (&model, NULL, &options, NULL, NULL) == TROUPE_OK);
  json_decref (config);
  return model;
}

static void
expect_error (const troupe_model_t *model, troupe_error_t *error)
{
  FUZZ_EXPECT (error->code != TROUPE_OK && error->why[0]);
  failure_finish (model, error);
  FUZZ_EXPECT (error->object[0] && !strstr (error->why, key));
}

static void
expect_message (const troupe_model_t *model, troupe_err_t code, reply_t *reply, troupe_error_t *error)
{
  json_t *json = NULL;
  troupe_message_t *message;
  if (code == TROUPE_OK)
    code = reply_message (reply, "m", "openai_chat", 1, &json, error);
  if (code == TROUPE_OK) {
    FUZZ_EXPECT (troupe_message_of_json (&message, json, NULL) == TROUPE_OK);
    troupe_message_unref (&message);
  }
  else
    expect_error (model, error);
  json_decref (json);
  reply_clear (reply);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_object_seed (1); // the same run each time
  troupe_model_t *model = new_model ();
  char *text = malloc (size + 1);
  FUZZ_EXPECT (text);
  if (size)
    memcpy (text, data, size);
  text[size] = 0;
  reply_t reply;
  reply_init (&reply);
  troupe_error_t error = {0};
  troupe_err_t code = model->provider->event (model, "message", text, size, &reply, &error);
  if (code == TROUPE_OK)
    code = model->provider->event (model, "message", text, size, &reply, &error);
  expect_message (model, code, &reply, &error);
  error = (troupe_error_t){0};
  code = model->provider->read (model, text, size, &reply, &error);
  expect_message (model, code, &reply, &error);
  error = (troupe_error_t){0};
  failure_of_status (model, 300 + (size ? data[0] : 0), text, size, 0, &error);
  expect_error (model, &error);
  free (text);
  troupe_model_destroy (&model);
  return 0;
}
