// SPDX-License-Identifier: Apache-2.0
//
// A provider: how one kind of model server is spoken with, as functions over bytes that know no network, so that they
// are tested without one. To add a provider: write its file with one `provider_t`, name it in the table of model.c
// and in config.def's `models.*.type`. Nothing else changes: threads, sockets, retries, deadlines and errors of HTTP
// are the engine's.
//
// A provider either speaks HTTP (`write`, `read`, `event`) or answers by itself (`play`).
#ifndef TROUPE_MODEL_PROVIDER_H
#define TROUPE_MODEL_PROVIDER_H

#include "model/prompt.h"
#include "model/reply.h"
#include "troupe/model.h"

#include <curl/curl.h>
#include <stdatomic.h>

// How an answer that a provider makes by itself is played: after a delay, in pieces, or as a failure.
typedef struct {
  int64_t delay_ms, chunk_delay_ms; // before the first piece, between two
  size_t chunk;                     // characters a piece; 0: all at once
  bool words;                       // a word a piece
  bool fails;
  troupe_error_t error;
} script_t;

typedef struct provider {
  const char *type; // of config.def's `models.*.type`
  bool rehearsal;   // whether its answers are played, no model's

  // Reads the configuration, and sets state, model_name, and for HTTP url, headers and secret.
  troupe_err_t (*open) (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors,
                        troupe_error_t *error);
  void (*close) (troupe_model_t *self); // may be called after a failed open

  // The body of a request.
  troupe_err_t (*write) (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body,
                         troupe_error_t *error);
  // A reply that came as a whole; one event of a streamed one. `data` is followed by a NUL.
  troupe_err_t (*read) (const troupe_model_t *self, const char *data, size_t size, reply_t *reply,
                        troupe_error_t *error);
  troupe_err_t (*event) (const troupe_model_t *self, const char *event, const char *data, size_t size,
                         reply_t *reply, troupe_error_t *error);

  troupe_err_t (*play) (const troupe_model_t *self, const prompt_t *prompt, reply_t *reply, script_t *script,
                        troupe_error_t *error);
} provider_t;

struct troupe_model {
  const provider_t *provider;
  troupe_engine_t *engine;
  atomic_uint refs; // the owner's, and one for each answer on its way
  char *name, *object; // "gpt", "model/gpt"
  json_t *info;
  bool streams;
  unsigned concurrency, retries;
  int64_t timeout_ms;

  void *state;
  char *model_name; // as the provider calls it
  char *url;        // where asks are posted
  char *shown_url;  // the same without a user's name and password, for errors
  struct curl_slist *headers;
  char *secret;     // what no error may quote; NULL: none
  struct job *jobs; // the tasks that it serves now
};

troupe_model_t *model_ref (troupe_model_t *self);
void model_unref (troupe_model_t *self);
// Ends the tasks that it serves.
void model_end_jobs (troupe_model_t *self);

extern const provider_t openai_chat_provider, rehearsal_provider;

#endif
