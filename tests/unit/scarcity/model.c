// SPDX-License-Identifier: Apache-2.0
//
// Models without memory: one is made, an ask becomes a request, and what a server says becomes a message. Replies are
// those that the fuzz target of replies begins with. A message that comes in spite of a failed allocation is whole:
// what there was no memory for is an error, never left out.

#include "troupe/model.h"
#include "model/failure.h"
#include "model/prepare.h"
#include "model/rules.h"
#include "model/stream.h"
#include "tests/unit/scarcity/scarce.h"
#include "troupe/log.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORPUS TROUPE_SOURCE_DIR "/tests/fuzz/corpus/"

static const struct {
  char letter; // that files of the corpus begin with
  const char *type, *task, *api;
} wires[] = {
  {'c', "openai", "chat", "chat"},        {'r', "openai", "chat", "responses"}, {'t', "openai", "chat", "completion"},
  {'e', "openai", "embedding", NULL},     {'i', "openai", "image", NULL},       {'s', "openai", "speech", NULL},
  {'l', "openai", "transcription", NULL}, {'a', "anthropic", "chat", NULL},     {'g', "gemini", "chat", NULL},
  {'h', "gemini", "embedding", NULL},     {'o', "ollama", "chat", "chat"},      {'p', "ollama", "chat", "completion"},
  {'q', "ollama", "embedding", NULL},     {'d', "dashscope", "chat", NULL},     {'j', "dashscope", "image", NULL},
  {'x', "post_api", "chat", NULL},        {'y', "post_api", "embedding", NULL},
};

enum { WIRES = sizeof wires / sizeof *wires, FILE_MAX = 64 * 1024 };

static json_t *
config_of (size_t wire)
{
  return json_pack ("{s:s, s:s, s:s, s:s, s:s*, s:{s:s}, s:i}", "type", wires[wire].type, "task", wires[wire].task,
                    "base_url", "http://h/v1", "api_key", "sk-of-the-test", "api", wires[wire].api, "headers", "X-A",
                    "b", "context", 4000);
}

static troupe_model_t *
make_model (size_t wire)
{
  troupe_model_t *model;
  json_t *config = config_of (wire);
  troupe_error_t error = {0};
  cr_assert_eq (troupe_model_new (&model, NULL, &(troupe_model_options_t){.name = "m", .config = config}, NULL, &error),
                TROUPE_OK, "%s: %s", wires[wire].type, error.why);
  json_decref (config);
  return model;
}

// -- From an ask to a request ---------------------------------------------------------------------------------------------

static const char chat[] =
  "{\"messages\": [{\"name\": \"sys\", \"role\": \"system\", \"content\": \"Be kind.\"}, {\"name\": \"Ann\", "
  "\"content\": "
  "\"What is a mole?\"}, {\"name\": \"m\", \"role\": \"assistant\", \"content\": [{\"type\": \"tool_use\", \"id\": "
  "\"1\", "
  "\"name\": \"look\", \"input\": {\"q\": \"mole\"}}]}, {\"name\": \"look\", \"role\": \"tool\", \"content\": "
  "[{\"type\": "
  "\"tool_result\", \"id\": \"1\", \"name\": \"look\", \"output\": {\"a\": [1]}, \"error\": false}]}], \"knowledge\": "
  "[\"moles dig\"], "
  "\"parameters\": {\"temperature\": 0.5, \"seed\": 7}, \"tools\": [{\"name\": \"look\", \"description\": \"looks\", "
  "\"parameters\": {\"type\": \"object\", \"properties\": {\"q\": {\"type\": \"string\"}}}}], \"agent\": \"m\"}";

typedef struct {
  size_t wire;
  json_t *config, *input;
  bytes_t wanted; // the request, as it is with memory
} ask_t;

static void
ask_scene (const void *arg)
{
  ask_t *self = (ask_t *)(uintptr_t)arg;
  troupe_model_t *model = NULL;
  prompt_t prompt = {0};
  bytes_t body = {0};
  troupe_error_t error = {0};
  scarce_begin ();
  troupe_err_t err =
    troupe_model_new (&model, NULL, &(troupe_model_options_t){.name = "m", .config = self->config}, NULL, &error);
  bool made = err == TROUPE_OK;
  if (made)
    err = prompt_of_task (&prompt, model->task, self->input, &error);
  if (made && err == TROUPE_OK)
    err = prepare_begin (model, &prompt, &error);
  if (err == TROUPE_OK)
    err = prepare_end (model, &prompt, &error);
  if (err == TROUPE_OK)
    err = model->provider->write (model, &prompt, model->streams, &body, &error);
  scarce_expect (err, &error);
  if (err == TROUPE_OK && !scarce_struck ()) {
    bytes_clear (&self->wanted);
    self->wanted = body;
    body = (bytes_t){0};
  } else if (err == TROUPE_OK && self->wanted.size > 0) {
    cr_expect_str_eq (bytes_text (&body), bytes_text (&self->wanted));
  }
  bytes_clear (&body);
  if (made)
    prompt_clear (&prompt);
  troupe_model_destroy (&model);
}

static const char *
input_of (size_t wire)
{
  if (strcmp (wires[wire].task, "chat") == 0)
    return wires[wire].api && strcmp (wires[wire].api, "completion") == 0
             ? "{\"messages\": [{\"name\": \"Ann\", \"content\": \"What is a mole?\"}]}"
             : chat;
  return strcmp (wires[wire].task, "embedding") == 0 ? "{\"texts\": [\"one\", \"two\"]}" : "{\"text\": \"say it\"}";
}

Test (scarcity, asks_of_models, .timeout = 600)
{
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  for (size_t wire = 0; wire < WIRES; wire++) {
    if (strcmp (wires[wire].task, "transcription") == 0)
      continue; // it reads a file of sound
    ask_t self = {wire, config_of (wire), json_loads (input_of (wire), 0, NULL), {0}};
    ask_scene (&self); // what is wanted
    cr_assert_gt (self.wanted.size, 0, "%s", wires[wire].type);
    scarce_play (ask_scene, &self, 20);
    bytes_clear (&self.wanted);
    json_decref (self.config);
    json_decref (self.input);
  }
}

// -- From what a server says to a message -----------------------------------------------------------------------------------

typedef struct {
  troupe_model_t *model;
  const char *data;
  size_t size;
  bool stream;
  reply_t *reply;
  json_t *wanted; // the message, with memory; NULL: an error
} said_t;

static troupe_err_t
read_stream (const said_t *self, troupe_error_t *error)
{
  enum { PIECE = 40 };
  stream_t stream = {.model = self->model, .reply = self->reply};
  troupe_err_t err = TROUPE_OK;
  for (size_t at = 0; err == TROUPE_OK && at < self->size; at += PIECE)
    err = stream_feed (&stream, self->data + at, self->size - at < PIECE ? self->size - at : PIECE, error);
  if (err == TROUPE_OK)
    err = stream_end (&stream, error);
  stream_clear (&stream);
  return err;
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

static void
said_scene (const void *arg)
{
  said_t *self = (said_t *)(uintptr_t)arg;
  reply_t reply;
  troupe_error_t error = {0};
  json_t *message = NULL;
  reply_init (&reply);
  self->reply = &reply;
  scarce_begin ();
  troupe_err_t err = self->stream ? read_stream (self, &error)
                                  : self->model->provider->read (self->model, self->data, self->size, &reply, &error);
  if (err == TROUPE_OK && !reply.task[0])
    err = reply_message (&reply, "m", self->model->vendor->type, 1, &message, &error);
  if (err != TROUPE_OK)
    failure_finish (self->model, &error);
  reply_clear (&reply);
  scarce_end ();
  forget_ids (message);
  cr_expect (err == TROUPE_OK || (error.code == err && error.why[0]));
  if (!scarce_struck ()) {
    json_decref (self->wanted);
    self->wanted = json_incref (message);
  } else if (message) {
    cr_expect (self->wanted && json_equal (message, self->wanted), "not all of it came, and no error");
  }
  json_decref (message);
}

static void
play_file (const char *path)
{
  static char text[FILE_MAX];
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "%s", path);
  size_t size = fread (text, 1, sizeof text - 1, file), wire = 0;
  fclose (file);
  text[size] = '\0';
  while (wire < WIRES && wires[wire].letter != text[0])
    wire++;
  if (wire == WIRES)
    return; // the fuzzer chooses by other means
  said_t self = {.model = make_model (wire), .data = text + 1, .size = size - 1};
  for (int stream = 0; stream < (self.model->provider->event ? 2 : 1); stream++) {
    self.stream = stream;
    said_scene (&self); // what is wanted
    scarce_play (said_scene, &self, 1);
  }
  json_decref (self.wanted);
  troupe_model_destroy (&self.model);
}

Test (scarcity, what_models_say, .timeout = 600)
{
  glob_t found;
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  cr_assert_eq (glob (CORPUS "reply/*", 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++)
    play_file (found.gl_pathv[i]);
  cr_assert_gt (found.gl_pathc, 10);
  globfree (&found);
}

// -- Rules ------------------------------------------------------------------------------------------------------------------

static void
rules_scene (const void *arg)
{
  static const char rules[] = "chunk: word\n"
                              "rules:\n"
                              "  - last: { regex: 'weather in ([A-Z][a-z]+)', ignore_case: true }\n"
                              "    call: { name: get, input: { city: '{{1}}' } }\n"
                              "  - { last: busy, fail: { code: rate_limited, why: 'so {{name}}', retry_after: 2s } }\n"
                              "  - { agent: host, turn: ..3, say: [ 'Round {{turn}}', '{{choice:a|b}}' ], delay: 1s }\n"
                              "  - json: { a: '{{last}}', b: [1, true] }\n"
                              "  - { unknown: 1 }\n";
  config_report_t report;
  rules_t out = {0};
  const char *text = arg ? arg : rules;
  scarce_begin ();
  config_report_init (&report, "rules.yaml");
  bool right = rules_parse (&out, text, strlen (text), &report);
  scarce_end ();
  cr_expect (!right || arg, "a rule of an unknown key was taken");
  if (right)
    rules_clear (&out);
  json_decref (report.list);
}

Test (scarcity, rules_of_rehearsals, .timeout = 120)
{
  static const char right[] =
    "rules:\n  - { last: { regex: 'a(b)' }, say: ['x {{1}}', y], chance: 0.5 }\n  - json: [1]\n";
  scarce_play (rules_scene, NULL, 30);
  scarce_play (rules_scene, right, 20);
}
