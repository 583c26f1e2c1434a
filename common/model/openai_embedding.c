// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's embeddings, which many servers have, DashScope's compatible mode among them.

#include "model/body.h"
#include "model/embedding.h"
#include "model/http.h"
#include "model/openai_reply.h"

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"input", "input is what the ask holds"},
  {"encoding_format", "vectors are read as numbers"},
  {NULL, NULL},
};

static troupe_err_t
embedding_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  return http_open_azure (self, error);
}

static troupe_err_t
embedding_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code == TROUPE_OK)
    code = openai_read_frame (self, root, reply, error);
  if (code == TROUPE_OK)
    code = embedding_take (self, json_object_get (root, "data"), "embedding", reply, error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

const provider_t openai_embedding_provider = {
  .path = "/embeddings",
  .reserved = reserved,
  .open = embedding_open,
  .write = embedding_write_texts,
  .read = embedding_read,
};

const provider_t dashscope_embedding_provider = {
  .path = "/compatible-mode/v1/embeddings",
  .reserved = reserved,
  .write = embedding_write_texts,
  .read = embedding_read,
};
