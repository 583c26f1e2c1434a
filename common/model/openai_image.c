// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's images (AgentScope's "openai_dall_e" wrapper). Today's models answer with Base64, DALL-E
// with links unless it is asked otherwise; either becomes image blocks.

#include "model/body.h"
#include "model/http.h"
#include "model/openai_reply.h"

#include <string.h>

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"prompt", "prompt is what the ask holds"},
  {"stream", "images come whole"},
  {NULL, NULL},
};

static troupe_err_t
image_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  return http_open_azure (self, error);
}

static troupe_err_t
image_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  (void)stream;
  json_t *request = json_pack ("{s:s,s:O}", "model", self->model_name, "prompt", json_array_get (prompt->texts, 0));
  if (request && json_object_update (request, prompt->options) < 0) {
    json_decref (request);
    request = NULL;
  }
  return body_write (request, body, error);
}

static json_t *
make_block (const json_t *image, const char *format)
{
  const char *base64 = body_text (image, "b64_json"), *revised = body_text (image, "revised_prompt");
  json_t *url =
    base64[0] ? json_sprintf ("data:image/%s;base64,%s", format, base64) : json_incref (json_object_get (image, "url"));
  json_t *block = json_pack ("{s:s,s:o}", "type", "image", "url", url);
  if (block && revised[0] && json_object_set_new (block, "revised_prompt", json_string (revised)) < 0) {
    json_decref (block);
    return NULL;
  }
  return block;
}

static troupe_err_t
take_images (const troupe_model_t *self, const json_t *root, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *image;
  const char *format = body_text (root, "output_format");
  const json_t *data = json_object_get (root, "data");
  if (json_array_size (data) == 0)
    return body_lacks (self, "any image", error);
  reply->blocks = json_array ();
  json_array_foreach ((json_t *)(uintptr_t)data, i, image) {
    if (!body_text (image, "b64_json")[0] && !body_text (image, "url")[0])
      return body_lacks (self, "an image's url or b64_json", error);
    if (json_array_append_new (reply->blocks, make_block (image, format[0] ? format : "png")) < 0)
      return body_no_memory (error);
  }
  return TROUPE_OK;
}

static troupe_err_t
image_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  code = openai_read_frame (self, root, reply, error);
  const json_t *usage = json_object_get (root, "usage");
  body_count (&reply->input_tokens, json_object_get (usage, "input_tokens"));
  body_count (&reply->output_tokens, json_object_get (usage, "output_tokens"));
  if (code == TROUPE_OK)
    code = take_images (self, root, reply, error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

const provider_t openai_image_provider = {
  .path = "/images/generations",
  .reserved = reserved,
  .open = image_open,
  .write = image_write,
  .read = image_read,
};
