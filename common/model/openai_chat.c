// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's chat completions, which vLLM, llama.cpp, LM Studio, DashScope and many others speak too
// (AgentScope's "openai_chat" wrapper). How a prompt looks stands in openai_prompt.c, how a reply looks in
// openai_reply.c.

#include "model/http.h"
#include "model/openai_prompt.h"
#include "model/openai_reply.h"

#include <string.h>

const char *const openai_reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"messages", "messages is what the ask holds"},
  {"tools", "tools is what the ask holds"},
  {"stream", "stream is configured as models.NAME.stream"},
  {"stream_options", "stream_options is set where a reply is streamed"},
  {"n", "n is 1: an ask has one answer"},
  {NULL, NULL},
};

static troupe_err_t
chat_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  return http_open_azure (self, error);
}

const provider_t openai_chat_provider = {
  .formats = true,
  .streams = true,
  .path = "/chat/completions",
  .reserved = openai_reserved,
  .parameters = parameters_openai,
  .media = openai_media,
  .open = chat_open,
  .write = openai_write_prompt,
  .read = openai_read,
  .event = openai_event,
};
