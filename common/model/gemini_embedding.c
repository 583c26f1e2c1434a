// SPDX-License-Identifier: Apache-2.0
//
// The provider of Gemini's embeddings: a batch of requests, each of which names the model once more.

#include "model/body.h"
#include "model/embedding.h"
#include "model/failure.h"

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"content", "content is what the ask holds"},
  {NULL, NULL},
};

static json_t *
make_request (const troupe_model_t *self, json_t *text, json_t *options)
{
  json_t *request = json_pack ("{s:o,s:{s:s,s:[{s:O}]}}", "model", json_sprintf ("models/%s", self->model_name),
                               "content", "role", "user", "parts", "text", text);
  if (request && json_object_update (request, options) < 0) {
    json_decref (request);
    return NULL;
  }
  return request;
}

static troupe_err_t
embedding_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  size_t i;
  json_t *text, *requests = json_array ();
  (void)stream;
  json_array_foreach (prompt->texts, i, text)
    if (json_array_append_new (requests, make_request (self, text, prompt->options)) < 0) {
      json_decref (requests);
      return body_no_memory (error);
    }
  return body_write (json_pack ("{s:o}", "requests", requests), body, error);
}

static troupe_err_t
embedding_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  reply_set_word (reply->model, self->model_name);
  if (json_object_get (root, "error"))
    code = failure_of_object (self, json_object_get (root, "error"), error);
  else
    code = embedding_take (self, json_object_get (root, "embeddings"), "values", reply, error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

const provider_t gemini_embedding_provider = {
  .path = "/models/{model}:batchEmbedContents",
  .reserved = reserved,
  .write = embedding_write,
  .read = embedding_read,
};
