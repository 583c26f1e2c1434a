// SPDX-License-Identifier: Apache-2.0
//
// What a model would be sent, without sending it.

#include "model/gather.h"
#include "error/reading.h"
#include "model/prepare.h"

#include <string.h>

troupe_err_t
troupe_model_show (const troupe_model_t *self, const json_t *input, json_t **out, troupe_error_t *error)
{
  prompt_t prompt;
  bytes_t body = {0};
  gather_t *gather = NULL;
  *out = NULL;
  troupe_err_t code = prompt_of_task (&prompt, self->task, input, error);
  if (code != TROUPE_OK)
    return code;
  if (!self->provider->write)
    code = troupe_error_set (error, TROUPE_BAD_ARGUMENT, self->object, NULL, "a rehearsal is sent nothing");
  if (code == TROUPE_OK)
    code = prepare_begin (self, &prompt, error);
  if (code == TROUPE_OK)
    code = gather_plan (&gather, self, &prompt, error);
  if (code == TROUPE_OK && gather)
    code = gather_pretend (gather, error);
  if (code == TROUPE_OK && gather)
    code = gather_put (gather, &prompt, error);
  if (code == TROUPE_OK)
    code = prepare_end (self, &prompt, error);
  if (code == TROUPE_OK)
    code = self->provider->write (self, &prompt, self->streams, &body, error);
  if (code == TROUPE_OK) {
    json_t *request = reading_json (bytes_text (&body), body.size, 0, NULL); // a form with a sound in it is no JSON
    layout_t layout = self->provider->text_only ? LAYOUT_TEXT : self->layout;
    *out = json_pack ("{s:s,s:s,s:s*,s:o*,s:O*}", "model", self->model_name, "address", self->shown_url, "layout",
                      self->task == TASK_CHAT ? layout_name (layout) : NULL, "request", request, "left_out",
                      json_object_size (prompt.left_out) ? prompt.left_out : NULL);
    if (!*out)
      code = troupe_error_set (error, TROUPE_NO_MEMORY, self->object, NULL, "no memory for a prompt");
  }
  bytes_clear (&body);
  prompt_clear (&prompt);
  gather_destroy (&gather);
  return code;
}
