// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what a model's server sends. The first byte chooses the provider, the rest is a stream, then a whole
// reply, then a body that explains an error. Each makes a message or an error that says why; a stream makes the same in
// whatever pieces it comes; and no error quotes the key.

#include "model/failure.h"
#include "model/stream.h"
#include "tests/fuzz/fuzz.h"
#include "troupe/message.h"

#include <string.h>

static const char key[] = "sk-of-the-fuzzer";

// Every provider that reads bytes, under a letter of its own, which files of the corpus begin with.
static const struct {
  char letter;
  const char *type, *task, *api;
} wires[] = {
  {'c', "openai", "chat", "chat"},        {'r', "openai", "chat", "responses"}, {'t', "openai", "chat", "completion"},
  {'e', "openai", "embedding", NULL},     {'i', "openai", "image", NULL},       {'s', "openai", "speech", NULL},
  {'l', "openai", "transcription", NULL}, {'a', "anthropic", "chat", NULL},     {'g', "gemini", "chat", NULL},
  {'h', "gemini", "embedding", NULL},     {'o', "ollama", "chat", "chat"},      {'p', "ollama", "chat", "completion"},
  {'q', "ollama", "embedding", NULL},     {'d', "dashscope", "chat", NULL},     {'j', "dashscope", "image", NULL},
  {'x', "post_api", "chat", NULL},        {'y', "post_api", "embedding", NULL},
};
enum { WIRES = sizeof wires / sizeof *wires };

// -- Models ----------------------------------------------------------------------------------------------------------

static troupe_model_t *models[WIRES];

static troupe_model_t *
new_model (size_t wire)
{
  troupe_model_t *model;
  json_t *config = json_pack ("{s:s,s:s,s:s,s:s,s:s*}", "type", wires[wire].type, "task", wires[wire].task, "base_url",
                              "http://h/v1", "api_key", key, "api", wires[wire].api);
  troupe_model_options_t options = {.name = "m", .config = config};
  FUZZ_EXPECT (troupe_model_new (&model, NULL, &options, NULL, NULL) == TROUPE_OK);
  json_decref (config);
  return model;
}

static const troupe_model_t *
choose (uint8_t letter)
{
  size_t wire = letter % WIRES;
  for (size_t i = 0; i < WIRES; i++)
    if (wires[i].letter == letter)
      wire = i;
  if (!models[wire])
    models[wire] = new_model (wire); // kept: the fuzzer's process has no end of its own
  return models[wire];
}

// -- What comes out --------------------------------------------------------------------------------------------------

static void
expect_error (const troupe_model_t *model, troupe_error_t *error)
{
  FUZZ_EXPECT (error->code != TROUPE_OK && error->why[0]);
  failure_finish (model, error);
  FUZZ_EXPECT (error->object[0] && !strstr (error->why, key));
}

// Ids that we mint are others each time.
static void
forget_ids (json_t *message)
{
  size_t i;
  json_t *block;
  json_object_del (message, "id");
  json_object_del (message, "timestamp");
  json_array_foreach (json_object_get (message, "content"), i, block)
    json_object_del (block, "id");
}

// The message, or NULL and why in `error`; frees the reply.
static json_t *
finish (const troupe_model_t *model, troupe_err_t code, reply_t *reply, troupe_error_t *error)
{
  json_t *json = NULL;
  troupe_message_t *message;
  if (code == TROUPE_OK && !reply->task[0])
    code = reply_message (reply, "m", model->vendor->type, 1, &json, error);
  if (code != TROUPE_OK)
    expect_error (model, error);
  if (json && model->task != TASK_EMBEDDING) {
    FUZZ_EXPECT (troupe_message_of_json (&message, json, NULL) == TROUPE_OK);
    troupe_message_unref (&message);
    forget_ids (json);
  }
  reply_clear (reply);
  return json;
}

// -- What goes in ----------------------------------------------------------------------------------------------------

static json_t *
read_stream (const troupe_model_t *model, const char *data, size_t size, size_t step, troupe_error_t *error)
{
  reply_t reply;
  reply_init (&reply);
  stream_t stream = {.model = model, .reply = &reply};
  troupe_err_t code = TROUPE_OK;
  for (size_t at = 0; code == TROUPE_OK && at < size; at += step)
    code = stream_feed (&stream, data + at, step < size - at ? step : size - at, error);
  if (code == TROUPE_OK)
    code = stream_end (&stream, error);
  stream_clear (&stream);
  return finish (model, code, &reply, error);
}

static void
expect_same_in_pieces (const troupe_model_t *model, const char *data, size_t size)
{
  troupe_error_t one = {0}, other = {0};
  json_t *whole = read_stream (model, data, size, size, &one);
  json_t *pieces = read_stream (model, data, size, 1 + size / 5, &other);
  FUZZ_EXPECT (!whole == !pieces && one.code == other.code);
  FUZZ_EXPECT (!whole || json_equal (whole, pieces));
  json_decref (whole);
  json_decref (pieces);
}

static void
read_whole (const troupe_model_t *model, const char *data, size_t size)
{
  reply_t reply;
  reply_init (&reply);
  troupe_error_t error = {0};
  troupe_err_t code = model->provider->read (model, data, size, &reply, &error);
  json_decref (finish (model, code, &reply, &error));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  json_object_seed (1); // the same run each time
  const troupe_model_t *model = choose (*data++);
  char *text = malloc (size--);
  FUZZ_EXPECT (text);
  memcpy (text, data, size);
  text[size] = 0;
  if (model->provider->event)
    expect_same_in_pieces (model, text, size);
  read_whole (model, text, size);
  troupe_error_t error = {0};
  failure_of_status (model, 300 + data[0], text, size, 0, &error);
  expect_error (model, &error);
  free (text);
  return 0;
}
