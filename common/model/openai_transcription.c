// SPDX-License-Identifier: Apache-2.0
//
// The provider of OpenAI's speech to text. The sound is uploaded as a form (RFC 7578), so it must come as a data: URL.
// The form's boundary is a UUID of the model's: no sound holds it but by an accident that doesn't happen.

#include "model/base64.h"
#include "model/body.h"
#include "model/http.h"
#include "model/openai_reply.h"
#include "troupe/id.h"

#include <stdlib.h>
#include <string.h>

enum { UPLOAD_MAX = 25 * 1000 * 1000 };

static const media_rule_t media_rules[] = {
  {"audio", MEDIA_DATA, UPLOAD_MAX},
  {NULL, MEDIA_DATA, 0},
};

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {"file", "file is what the ask holds"},
  {"stream", "the text comes whole"},
  {NULL, NULL},
};

static troupe_err_t
transcription_open (troupe_model_t *self, const troupe_model_options_t *options, json_t **errors, troupe_error_t *error)
{
  (void)options, (void)errors;
  char boundary[TROUPE_ID_TEXT_SIZE], type[128];
  troupe_id_t id = troupe_id_new ();
  troupe_id_to_text (&id, boundary);
  self->state = strdup (boundary);
  if (!self->state)
    return body_no_memory (error);
  snprintf (type, sizeof type, "multipart/form-data; boundary=%s", boundary);
  troupe_err_t code = http_replace_header (self, "Content-Type", type, error);
  return code == TROUPE_OK ? http_open_azure (self, error) : code;
}

static void
transcription_close (troupe_model_t *self)
{
  free (self->state);
  self->state = NULL;
}

static bool
add_field (bytes_t *body, const char *boundary, const char *name, const char *value)
{
  return bytes_add_text (body, "--") && bytes_add_text (body, boundary) &&
         bytes_add_text (body, "\r\nContent-Disposition: form-data; name=\"") && bytes_add_text (body, name) &&
         bytes_add_text (body, "\"\r\n\r\n") && bytes_add_text (body, value) && bytes_add_text (body, "\r\n");
}

static bool
add_options (bytes_t *body, const char *boundary, const json_t *options)
{
  const char *name;
  json_t *value;
  bool added = true;
  json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
    char *dumped = json_is_string (value) ? NULL : json_dumps (value, JSON_ENCODE_ANY);
    const char *text = json_is_string (value) ? json_string_value (value) : dumped;
    added = added && !strpbrk (name, "\"\r\n") && text && add_field (body, boundary, name, text);
    free (dumped);
  }
  return added;
}

// Their servers tell the form of a sound by the file's name.
static const char *
ending (const char *mime)
{
  static const char *const endings[][2] = {
    {"wav", "wav"}, {"ogg", "ogg"}, {"flac", "flac"}, {"mp4", "m4a"}, {"webm", "webm"}};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (strstr (mime, endings[i][0]))
      return endings[i][1];
  return "mp3";
}

static bool
add_file (bytes_t *body, const char *boundary, const media_t *media)
{
  return bytes_add_text (body, "--") && bytes_add_text (body, boundary) &&
         bytes_add_text (body, "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"audio.") &&
         bytes_add_text (body, ending (media->mime)) && bytes_add_text (body, "\"\r\nContent-Type: ") &&
         bytes_add_text (body, strpbrk (media->mime, "\r\n") || !media->mime[0] ? "audio/mpeg" : media->mime) &&
         bytes_add_text (body, "\r\n\r\n") && base64_decode (body, media->data) && bytes_add_text (body, "\r\n--") &&
         bytes_add_text (body, boundary) && bytes_add_text (body, "--\r\n");
}

static troupe_err_t
transcription_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body,
                     troupe_error_t *error)
{
  media_t media;
  const char *boundary = self->state;
  (void)stream;
  if (!part_media (&media, "audio", prompt->audio, NULL) || !media.data)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "audio: a data: URL with Base64 is needed");
  if (media.size > UPLOAD_MAX)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "audio: %zu bytes; at most %d are taken",
                             media.size, UPLOAD_MAX);
  if (!add_field (body, boundary, "model", self->model_name) ||
      !add_field (body, boundary, "response_format", "json") || !add_options (body, boundary, prompt->options) ||
      !add_file (body, boundary, &media))
    return body_no_memory (error);
  return TROUPE_OK;
}

static troupe_err_t
transcription_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  code = openai_read_frame (self, root, reply, error);
  const json_t *text = json_object_get (root, "text");
  if (code == TROUPE_OK)
    code = json_is_string (text) ? body_add (&reply->text, text, error) : body_lacks (self, "a text", error);
  reply->ended = code == TROUPE_OK;
  json_decref (root);
  return code;
}

const provider_t openai_transcription_provider = {
  .path = "/audio/transcriptions",
  .reserved = reserved,
  .media = media_rules,
  .open = transcription_open,
  .close = transcription_close,
  .write = transcription_write,
  .read = transcription_read,
};
