// SPDX-License-Identifier: Apache-2.0
//
// Vectors are kept in the order of the texts. OpenAI numbers them, and gives no promise that they come in order, so an
// index is obeyed where there is one.

#include "model/embedding.h"
#include "model/body.h"

static bool
is_vector (const json_t *list)
{
  size_t i;
  json_t *number;
  json_array_foreach ((json_t *)(uintptr_t)list, i, number)
    if (!json_is_number (number))
      return false;
  return json_array_size (list) > 0;
}

static troupe_err_t
not_vectors (const troupe_model_t *model, troupe_error_t *error)
{
  return body_lacks (model, "a list of vectors of numbers, one for each text", error);
}

troupe_err_t
embedding_take (const troupe_model_t *model, const json_t *list, const char *key, reply_t *reply, troupe_error_t *error)
{
  size_t i, count = json_array_size (list);
  json_t *item, *vectors = json_array ();
  for (i = 0; vectors && i < count; i++)
    if (json_array_append_new (vectors, json_null ()) < 0)
      json_decref (vectors), vectors = NULL;
  if (!vectors)
    return body_no_memory (error);
  reply->embeddings = vectors;
  json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
    const json_t *number = json_object_get (item, "index");
    json_t *vector = key ? json_object_get (item, key) : item;
    size_t place = json_is_integer (number) ? (size_t)json_integer_value (number) : i;
    if (!is_vector (vector) || place >= count || !json_is_null (json_array_get (vectors, place)))
      return not_vectors (model, error);
    json_array_set (vectors, place, vector);
  }
  return count ? TROUPE_OK : not_vectors (model, error);
}

troupe_err_t
embedding_write_texts (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body,
                       troupe_error_t *error)
{
  (void)stream;
  json_t *request = json_pack ("{s:s,s:O}", "model", self->model_name, "input", prompt->texts);
  if (request && json_object_update (request, prompt->options) < 0) {
    json_decref (request);
    request = NULL;
  }
  return body_write (request, body, error);
}
