// SPDX-License-Identifier: Apache-2.0
//
// DashScope's image synthesis (AgentScope's "dashscope_image_synthesis" wrapper), in DashScope's own API: a request
// begins a task, and the task is asked about until it has ended. Its images are links that hold for a day. Of several
// images some may have failed: the others are the answer.

#include "model/body.h"
#include "model/failure.h"

#include <string.h>

static const char *const reserved[][2] = {
  {"model", "model is configured as models.NAME.model"},
  {NULL, NULL},
};

static const char *const headers[] = {"X-DashScope-Async", "enable", NULL};

// `options` hold "parameters" and what else than the prompt stands in "input".
static troupe_err_t
image_write (const troupe_model_t *self, const prompt_t *prompt, bool stream, bytes_t *body, troupe_error_t *error)
{
  (void)stream;
  json_t *request = json_pack ("{s:s,s:{}}", "model", self->model_name, "input");
  if (request && prompt->options && json_object_update_recursive (request, prompt->options) < 0) {
    json_decref (request);
    return body_no_memory (error);
  }
  json_t *input = json_object_get (request, "input");
  if (!json_is_object (input)) {
    json_decref (request);
    return request ? troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "options.input: a map is needed")
                   : body_no_memory (error);
  }
  if (json_object_set (input, "prompt", json_array_get (prompt->texts, 0)) < 0) {
    json_decref (request);
    return body_no_memory (error);
  }
  return body_write (request, body, error);
}

static troupe_err_t
take_images (const troupe_model_t *self, const json_t *output, reply_t *reply, troupe_error_t *error)
{
  size_t i;
  json_t *result;
  reply->blocks = json_array ();
  json_array_foreach (json_object_get (output, "results"), i, result) {
    const char *url = body_text (result, "url"), *actual = body_text (result, "actual_prompt");
    if (url[0] && json_array_append_new (reply->blocks, json_pack ("{s:s,s:s,s:s*}", "type", "image", "url", url,
                                                                   "revised_prompt", actual[0] ? actual : NULL)) < 0)
      return body_no_memory (error);
  }
  if (json_array_size (reply->blocks) > 0)
    return TROUPE_OK;
  const json_t *first = json_array_get (json_object_get (output, "results"), 0);
  return body_text (first, "message")[0] ? failure_of_object (self, first, error)
                                         : body_lacks (self, "any image", error);
}

// The id becomes a part of an address.
static bool
is_task (const char *id)
{
  size_t size = strlen (id);
  return size > 0 && size < REPLY_WORD_MAX &&
         strspn (id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == size;
}

static troupe_err_t
take_task (const troupe_model_t *self, const json_t *output, reply_t *reply, troupe_error_t *error)
{
  const char *status = body_text (output, "task_status"), *id = body_text (output, "task_id");
  if (strcmp (status, "SUCCEEDED") == 0) {
    reply->ended = true;
    return take_images (self, output, reply, error);
  }
  if (strcmp (status, "PENDING") != 0 && strcmp (status, "RUNNING") != 0) {
    char next[TROUPE_ERROR_NEXT_MAX];
    snprintf (next, sizeof next, "the task's id is %.64s", id);
    return troupe_error_set (error, TROUPE_MODEL_REFUSED, self->object, id[0] ? next : NULL,
                             "%s: the task ended as %.32s: %.64s: %.400s", self->shown_url,
                             status[0] ? status : "nothing", body_text (output, "code"), body_text (output, "message"));
  }
  if (!is_task (id))
    return body_lacks (self, "the id of its task", error);
  reply_set_word (reply->task, id);
  return TROUPE_OK;
}

static troupe_err_t
image_read (const troupe_model_t *self, const char *data, size_t size, reply_t *reply, troupe_error_t *error)
{
  json_t *root;
  troupe_err_t code = body_read (self, data, size, &root, error);
  if (code != TROUPE_OK)
    return code;
  const json_t *output = json_object_get (root, "output");
  reply_set_word (reply->model, self->model_name);
  code = json_is_object (output)          ? take_task (self, output, reply, error)
         : body_text (root, "message")[0] ? failure_of_object (self, root, error)
                                          : body_lacks (self, "any output", error);
  json_decref (root);
  return code;
}

const provider_t dashscope_image_provider = {
  .path = "/api/v1/services/aigc/text2image/image-synthesis",
  .task_path = "/api/v1/tasks/TASK_ID",
  .headers = headers,
  .reserved = reserved,
  .write = image_write,
  .read = image_read,
};
