// SPDX-License-Identifier: Apache-2.0
//
// A provider: how one kind of model server is spoken with, as functions over bytes that know no network, so that they
// are tested without one. To add a provider: write its file with one `provider_t` and its rows in troupe/provider.def.
// Nothing else changes: addresses, keys, threads, sockets, retries, deadlines and errors of HTTP are the engine's; a
// prompt comes checked, cut to the model's window and laid out.
//
// A provider either speaks HTTP (`write`, `read`, `event`) or answers by itself (`play`).
#ifndef TROUPE_MODEL_PROVIDER_H
#define TROUPE_MODEL_PROVIDER_H

#include "model/breaker.h"
#include "model/layout.h"
#include "model/links.h"
#include "model/parameters.h"
#include "model/part.h"
#include "model/prompt.h"
#include "model/quota.h"
#include "model/ranks.h"
#include "model/reply.h"
#include "troupe/model.h"

#include <curl/curl.h>
#include <stdatomic.h>

typedef enum { AUTH_NONE, AUTH_BEARER, AUTH_AZURE, AUTH_ANTHROPIC, AUTH_GOOGLE } model_auth_t;

// A row of TROUPE_PROVIDER.
typedef struct {
  const char *type, *base_url;
  model_auth_t auth;
  layout_t layout;
} vendor_t;

// How an answer that a provider makes by itself is played: after a delay, in pieces, or as a failure.
typedef struct {
  int64_t delay_ms, chunk_delay_ms; // before the first piece, between two
  size_t chunk;                     // characters a piece; 0: all at once
  bool words;                       // a word a piece
  bool fails;
  troupe_error_t error;
} script_t;

typedef struct provider {
  bool rehearsal;                     // its answers are played, no model's
  bool formats;                       // it has structured output of its own; else the prompt asks for it in words
  bool text_only;                     // a completion of one text: no tools, no media
  bool streams;                       // a reply can be streamed
  bool lines;                         // a streamed reply is a JSON text a line, not events
  bool binary;                        // a reply is bytes, not JSON
  const char *path;                   // appended to base_url; {model} stands for the model's name. NULL: nothing
  const char *stream_path;            // the same for a streamed reply; NULL: `path`
  const char *task_path;              // where a task is asked about, TASK_ID is its id; NULL: a reply comes at once
  const char *const *headers;         // further ones, NULL-terminated; NULL: none
  const char *const (*reserved)[2];   // options that aren't the user's to set, and why; NULL-terminated; or NULL
  const parameter_name_t *parameters; // what it calls the portable parameters; NULL: it takes none
  const media_rule_t *media;          // what else than text it takes; NULL: nothing

  // Checks its own configuration, and changes what was made of it. May be NULL, as may close.
  troupe_err_t (*open) (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors,
                        troupe_error_t *error);
  void (*close) (troupe_model_t *self); // may be called after a failed open

  // The body of a request.
  troupe_err_t (*write) (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body,
                         troupe_error_t *error);
  // A reply that came as a whole; one event (or line) of a streamed one. `data` is followed by a NUL.
  troupe_err_t (*read) (const troupe_model_t *self, const char *data, size_t size, reply_t *reply,
                        troupe_error_t *error);
  troupe_err_t (*event) (const troupe_model_t *self, const char *event, const char *data, size_t size, reply_t *reply,
                         troupe_error_t *error);

  troupe_err_t (*play) (const troupe_model_t *self, const prompt_t *prompt, reply_t *reply, script_t *script,
                        troupe_error_t *error);
} provider_t;

// From the table of what a model counts.
typedef enum {
#define MODEL_COUNTER(constant, name, unit, sentence) MODEL_COUNT_##constant,
#include "model/metrics.def"
#undef MODEL_COUNTER
  MODEL_COUNTERS
} model_counter_t;

struct troupe_model {
  const vendor_t *vendor;
  const provider_t *provider;
  model_task_t task;
  troupe_engine_t *engine;
  atomic_uint refs;    // the owner's, and one for each answer on its way
  char *name, *object; // "gpt", "model/gpt"
  json_t *info;
  json_t *config; // a copy
  layout_t layout;
  bool streams;
  unsigned concurrency, retries;
  int64_t timeout_ms, retry_pause_ms;
  size_t window;  // tokens; 0: unknown
  ranks_t *ranks; // NULL: tokens are estimated
  links_t links;  // what may be fetched of the links in asks

  void *state;      // the provider's
  char *model_name; // as the provider calls it
  char *url;        // where asks are posted
  char *stream_url; // where those are whose reply is streamed; NULL: there too
  char *task_url;   // where tasks are asked about; NULL: nowhere
  char *shown_url;  // `url` without a user's name and password, for errors
  struct curl_slist *headers;
  char **secrets; // what no error may quote
  size_t secret_count;
  breaker_t breaker; // the engine's thread's
  quota_t quota;     // likewise
  // Under the engine's mutex: when the breaker, open, lets somebody try (on the loop's clock; 0: it is closed), after
  // how many failures, and whether that is news to the loop.
  struct {
    int64_t until;
    unsigned failures;
    bool news;
  } circuit;
  troupe_node_t *node; // that it is served on; NULL: none
  struct job *jobs;    // the tasks that it serves now
  _Atomic uint64_t counters[MODEL_COUNTERS];
  uint64_t failures[TROUPE_ERR_COUNT]; // by code
  int64_t left_alone_until;            // its server: `circuit.until`, as the loop was told
};

// Any thread.
void model_count (troupe_model_t *self, model_counter_t counter, uint64_t more);
// An ask ended, with a message or (NULL) an error.
void model_count_end (troupe_model_t *self, const json_t *message, troupe_err_t code);

troupe_model_t *model_ref (troupe_model_t *self);
void model_unref (troupe_model_t *self);
// Its server is left alone until then, or isn't any more (0): says so in the mesh. For the loop.
void model_tell_circuit (troupe_model_t *self, int64_t until, unsigned failures);
// Ends the tasks that it serves.
void model_end_jobs (troupe_model_t *self);
// A key of its configuration, and as text; NULL: it isn't there.
const json_t *model_key (const troupe_model_t *self, const char *key);
const char *model_text (const troupe_model_t *self, const char *key);

// The row of a type; NULL: there is none.
const vendor_t *provider_vendor (const char *type);
bool provider_task (model_task_t *out, const char *name);
const char *provider_task_name (model_task_t task);
// The provider of a type, a task and an `api` (NULL: the default); NULL: there is none.
const provider_t *provider_find (const char *type, model_task_t task, const char *api);

extern const provider_t openai_chat_provider, openai_completion_provider, openai_responses_provider,
  openai_embedding_provider, openai_image_provider, openai_speech_provider, openai_transcription_provider,
  anthropic_provider, gemini_provider, gemini_embedding_provider, ollama_chat_provider, ollama_completion_provider,
  ollama_embedding_provider, dashscope_chat_provider, dashscope_embedding_provider, dashscope_image_provider,
  post_api_provider, rehearsal_provider;

#endif
