// SPDX-License-Identifier: Apache-2.0
//
// The provider of Ollama's embeddings.

#include "model/body.h"
#include "model/embedding.h"
#include "model/failure.h"

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"input", "input is what the ask holds"},
  {NULL, NULL},
};

static troupe_err_t
embedding_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  const char *model = body_text (root, "model");
  reply_set_word (reply->model, model[0] ? model : self->model_name);
  body_count (&reply->input_tokens, json_object_get (root, "prompt_eval_count"));
  if (json_object_get (root, "error"))
    code = failure_of_object (self, json_object_get (root, "error"), error);
  else
    code = embedding_take (self, json_object_get (root, "embeddings"), NULL, reply, error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

const provider_t ollama_embedding_provider = {
  .path = "/api/embed",
  .reserved = reserved,
  .write = embedding_write_texts,
  .read = embedding_read,
};
