// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's text to speech. The reply is the sound itself; it becomes an audio block with a data: URL.

#include "model/base64.h"
#include "model/body.h"
#include "model/http.h"

#include <string.h>

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"input", "input is what the ask holds"},
  {"stream_format", "the sound comes whole"},
  {NULL, NULL},
};

static troupe_err_t
speech_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  return http_open_azure (self, error);
}

// A voice is required there; alloy is the first of all their models'.
static troupe_err_t
speech_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  (void)stream;
  json_t *request = json_pack ("{s:s,s:O,s:s}", "model", self->model_name, "input", json_array_get (prompt->texts, 0),
                               "voice", "alloy");
  if (request && json_object_update (request, prompt->options) < 0) {
    json_decref (request);
    request = NULL;
  }
  return body_write (request, body, error);
}

// By the first bytes, since the type of the reply isn't at hand here, and servers are careless about it.
static const char *
mime_of (const char *data, size_t size)
{
  if (size >= 4 && memcmp (data, "RIFF", 4) == 0)
    return "audio/wav";
  if (size >= 4 && memcmp (data, "OggS", 4) == 0)
    return "audio/ogg";
  if (size >= 4 && memcmp (data, "fLaC", 4) == 0)
    return "audio/flac";
  return "audio/mpeg";
}

static troupe_err_t
speech_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  bytes_t url = {0};
  const char *mime = mime_of (data, size);
  reply_set_word (reply->model, self->model_name);
  if (size == 0 || data[0] == '{')
    return size ? troupe_error_set (error, TROUPE_MODEL_FAILED, self->object, NULL,
                                    "%s sends JSON instead of sound: %.200s", self->shown_url, data)
                : body_lacks (self, "any sound", error);
  bool made = bytes_add_text (&url, "data:") && bytes_add_text (&url, mime) && bytes_add_text (&url, ";base64,") &&
              base64_encode (&url, data, size);
  reply->blocks = made ? json_pack ("[{s:s,s:s,s:s}]", "type", "audio", "url", url.data, "mime", mime) : NULL;
  bytes_clear (&url);
  reply->ended = reply->blocks != NULL;
  return reply->blocks ? TROUPE_OK : body_no_memory (error);
}

const provider_t openai_speech_provider = {
  .path = "/audio/speech",
  .reserved = reserved,
  .open = speech_open,
  .write = speech_write,
  .read = speech_read,
};
