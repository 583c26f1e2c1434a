// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's older completions, which go on with one text: for base models behind vLLM, llama.cpp and the
// like.

#include "model/body.h"
#include "model/http.h"
#include "model/openai_prompt.h"
#include "model/openai_reply.h"

#include <stdlib.h>

static troupe_err_t
completion_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  return http_open_azure (self, error);
}

static troupe_err_t
completion_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  char *text = troupe_message_text (prompt->messages[0]); // laid out as one
  json_t *request = text ? json_pack ("{s:s,s:s}", "model", self->model_name, "prompt", text) : NULL;
  free (text);
  troupe_err_t code =
    request ? parameters_put (request, prompt, parameters_openai, self->model_name, error) : body_no_memory (error);
  if (code == TROUPE_OK && (json_object_update (request, prompt->options) < 0 ||
                            (stream && json_object_set_new (request, "stream", json_true ()) < 0)))
    code = body_no_memory (error);
  if (code == TROUPE_OK)
    return body_write (request, body, error);
  json_decref (request);
  return code;
}

const provider_t openai_completion_provider = {
  .text_only = true,
  .streams = true,
  .path = "/completions",
  .reserved = openai_reserved,
  .parameters = parameters_openai,
  .open = completion_open,
  .write = completion_write,
  .read = openai_read,
  .event = openai_event,
};
