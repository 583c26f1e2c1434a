// SPDX-License-Identifier: Apache-2.0
//
// The chats of DashScope: its OpenAI-compatible mode, which stands beside its own API under one address, so that one
// base_url serves both.

#include "model/openai_prompt.h"
#include "model/openai_reply.h"

const provider_t dashscope_chat_provider = {
  .formats = false, // json_object only, and it demands the word JSON in the prompt
  .streams = true,
  .path = "/compatible-mode/v1/chat/completions",
  .reserved = openai_reserved,
  .parameters = parameters_dashscope,
  .media = openai_media,
  .write = openai_write_prompt,
  .read = openai_read,
  .event = openai_event,
};
