// SPDX-License-Identifier: Apache-2.0
//
// The steps between an ask and its request, in an order that matters: what the provider can't take is refused first, so
// that errors name places in the ask; then the history is cut, while messages are still whole; then what it points to
// is fetched, if it must be, so that nothing is fetched in vain; then it is laid out.

#include "model/prepare.h"
#include "model/body.h"
#include "model/bytes.h"
#include "model/gather.h"
#include "model/window.h"

#include <stdlib.h>
#include <string.h>

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a prompt");
}

const char *
prepare_reserved (const provider_t *provider, const json_t *options)
{
  for (size_t i = 0; provider->reserved && provider->reserved[i][0]; i++)
    if (json_object_get (options, provider->reserved[i][0]))
      return provider->reserved[i][1];
  return NULL;
}

// The ask's members over the configured ones.
static bool
put_over (json_t **out, const json_t *configured)
{
  json_t *both = json_is_object (configured) ? json_copy ((json_t *)(uintptr_t)configured) : json_object ();
  if (!both || (*out && json_object_update (both, *out) < 0)) {
    json_decref (both);
    return false;
  }
  json_decref (*out);
  *out = both;
  return true;
}

static troupe_err_t
check (const troupe_model_t *model, const prompt_t *prompt, troupe_error_t *error)
{
  const provider_t *provider = model->provider;
  const char *why = prepare_reserved (provider, prompt->options);
  if (why)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL, "options: %s", why);
  if (prompt->tools && provider->text_only)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL,
                             "tools: this model completes texts, and calls no tools");
  return gather_check (model, prompt, error);
}

// -- The system message ----------------------------------------------------------------------------------------------

static bool
add_knowledge (bytes_t *text, const json_t *knowledge)
{
  if (knowledge && !bytes_add_text (text, "\n\n## Knowledge\n"))
    return false;
  for (size_t i = 0; i < json_array_size (knowledge); i++) {
    const char *item = json_string_value (json_array_get (knowledge, i));
    if ((i && !bytes_add_text (text, "\n\n")) || !bytes_add_text (text, item))
      return false;
  }
  return true;
}

static bool
add_format (bytes_t *text, const json_t *format)
{
  if (!format)
    return true;
  if (!json_is_object (format))
    return bytes_add_text (text, "\n\nAnswer with one JSON value and nothing else.");
  return bytes_add_text (text, "\n\nAnswer with one JSON value that fits this JSON Schema, and nothing else:\n") &&
         body_append (format, text);
}

// A system message of the first one's text and more; a new one when there is none.
static troupe_err_t
put_system (prompt_t *prompt, const char *more, troupe_error_t *error)
{
  troupe_message_t *made, *first = prompt->messages[0];
  bool there = troupe_message_role (first) == TROUPE_ROLE_SYSTEM;
  char *said = there ? troupe_message_text (first) : NULL;
  bytes_t text = {0};
  bool added = (!there || (said && bytes_add_text (&text, said))) && bytes_add_text (&text, there ? more : more + 2);
  free (said);
  troupe_err_t code = added ? troupe_message_new (&made, there ? troupe_message_name (first) : "system",
                                                  TROUPE_ROLE_SYSTEM, text.data, error)
                            : no_memory (error);
  bytes_clear (&text);
  if (code != TROUPE_OK)
    return code;
  if (there)
    troupe_message_unref (&prompt->messages[0]);
  else {
    troupe_message_t **messages = realloc (prompt->messages, (prompt->count + 1) * sizeof *messages);
    if (!messages) {
      troupe_message_unref (&made);
      return no_memory (error);
    }
    prompt->messages = messages;
    memmove (messages + 1, messages, prompt->count++ * sizeof *messages);
  }
  prompt->messages[0] = made;
  return TROUPE_OK;
}

static troupe_err_t
extend_system (const troupe_model_t *model, prompt_t *prompt, troupe_error_t *error)
{
  bytes_t more = {0};
  troupe_err_t code = TROUPE_OK;
  if (!add_knowledge (&more, prompt->knowledge) ||
      !add_format (&more, model->provider->formats ? NULL : prompt->format))
    code = no_memory (error);
  else if (more.size)
    code = put_system (prompt, more.data, error);
  bytes_clear (&more);
  return code;
}

troupe_err_t
prepare_begin (const troupe_model_t *model, prompt_t *prompt, troupe_error_t *error)
{
  troupe_err_t code = check (model, prompt, error);
  if (code != TROUPE_OK)
    return code;
  if (!put_over (&prompt->options, model_key (model, "options")) ||
      !put_over (&prompt->parameters, model_key (model, "parameters")))
    return no_memory (error);
  return model->task == TASK_CHAT ? window_fit (prompt, model->window, model->ranks, error) : TROUPE_OK;
}

troupe_err_t
prepare_end (const troupe_model_t *model, prompt_t *prompt, troupe_error_t *error)
{
  if (model->task != TASK_CHAT)
    return TROUPE_OK;
  troupe_err_t code = extend_system (model, prompt, error);
  return code == TROUPE_OK ? layout_apply (prompt, model->provider->text_only ? LAYOUT_TEXT : model->layout, error)
                           : code;
}
