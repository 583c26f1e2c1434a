// SPDX-License-Identifier: Apache-2.0
//
// A model as a service: each task becomes an ask. A task that is cancelled breaks its ask off and ends at once; the
// node drops that outcome. Every running task is in a list, so that nothing is left behind when the process ends
// before its tasks do.
//
// When an ask fails for a reason that lies with the server, and nothing of an answer was handed on, the next model of
// `fallback` is asked by a nested call. Its answer is the task's, and says instead of whom it was given.

#include "model/provider.h"
#include "troupe/log.h"

#include <stdlib.h>
#include <time.h>

typedef struct job {
  struct job *next, **link; // in the model's list
  troupe_task_t *task;
  troupe_model_t *model;
  troupe_answer_t *answer;
  troupe_placeholder_t *placeholder; // of the model that is asked instead
  size_t next_fallback;
  bool passed; // a part was handed on
} job_t;

static void
add (troupe_model_t *model, job_t *self)
{
  self->next = model->jobs;
  self->link = &model->jobs;
  if (self->next)
    self->next->link = &self->next;
  model->jobs = self;
}

static void
end (job_t *self)
{
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  troupe_answer_drop (&self->answer);
  troupe_placeholder_destroy (&self->placeholder);
  free (self);
}

static void
on_part (void *context, const char *text, size_t size)
{
  job_t *self = context;
  json_t *part = json_pack ("{s:s%}", "text", text, size);
  self->passed = true;
  if (part)
    troupe_task_part (self->task, part); // one that gets lost is in the reply all the same
}

// -- Falling back ----------------------------------------------------------------------------------------------------

static bool ask_next (job_t *self, const troupe_error_t *why);

static bool
is_servers_fault (const troupe_error_t *error)
{
  return error->code == TROUPE_MODEL_UNREACHABLE || error->code == TROUPE_MODEL_FAILED ||
         error->code == TROUPE_RATE_LIMITED || error->code == TROUPE_UNAUTHORIZED;
}

static void
on_other_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  job_t *self = context;
  (void)placeholder, (void)attempt;
  self->passed = true;
  troupe_task_part (self->task, json_incref ((json_t *)(uintptr_t)part));
}

// The other's message with {"instead_of": "model/gpt", "answered_by": "model/local"} in its metadata.
static json_t *
mark (const job_t *self, const json_t *value)
{
  const json_t *other = json_array_get (model_key (self->model, "fallback"), self->next_fallback - 1);
  json_t *message = json_copy ((json_t *)(uintptr_t)value);
  json_t *metadata = json_copy (json_object_get (value, "metadata"));
  if (metadata && !json_object_get (metadata, "instead_of"))
    json_object_set_new (metadata, "instead_of", json_string (self->model->object));
  if (metadata && !json_object_get (metadata, "answered_by"))
    json_object_set_new (metadata, "answered_by", json_sprintf ("model/%s", json_string_value (other)));
  if (metadata)
    json_object_set_new (message, "metadata", metadata);
  return message;
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  job_t *self = context;
  const json_t *value = troupe_placeholder_value (placeholder);
  if (value)
    troupe_task_reply (&self->task, mark (self, value));
  else {
    troupe_error_t error = *troupe_placeholder_error (placeholder);
    troupe_placeholder_destroy (&self->placeholder);
    if (ask_next (self, &error))
      return;
    troupe_task_fail (&self->task, &error);
  }
  end (self);
}

static bool
ask_next (job_t *self, const troupe_error_t *why)
{
  char service[128];
  troupe_error_t error = {0};
  const json_t *next = json_array_get (model_key (self->model, "fallback"), self->next_fallback++);
  if (!next || self->passed || !is_servers_fault (why) || troupe_task_cancelled (self->task))
    return false;
  snprintf (service, sizeof service, "model/%s", json_string_value (next));
  model_count (self->model, MODEL_COUNT_INSTEAD, 1);
  troupe_log (TROUPE_LOG_WARNING, "another model is asked instead", "model", self->model->object, "instead", service,
              "why", why->why, NULL);
  return troupe_node_call (self->model->node, &self->placeholder,
                           &(troupe_call_t){
                             .service = service,
                             .input = troupe_task_input (self->task),
                             .parent = self->task,
                             .part = troupe_task_streams (self->task) ? on_other_part : NULL,
                             .settled = on_settled,
                             .context = self,
                           },
                           &error) == TROUPE_OK;
}

static void
on_done (void *context, json_t *message, const troupe_error_t *error)
{
  job_t *self = context;
  self->answer = NULL;
  model_count_end (self->model, message, error ? error->code : TROUPE_OK);
  if (!message && ask_next (self, error))
    return;
  if (message)
    troupe_task_reply (&self->task, message);
  else
    troupe_task_fail (&self->task, error);
  end (self);
}

static void
cancel (job_t *self)
{
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_CANCELLED, troupe_task_service (self->task), NULL, "the call was cancelled");
  model_count (self->model, MODEL_COUNT_CANCELLED, 1);
  troupe_task_fail (&self->task, &error);
  end (self);
}

static void
on_cancel (void *context, troupe_task_t *task)
{
  (void)task;
  cancel (context);
}

void
model_end_jobs (troupe_model_t *self)
{
  while (self->jobs)
    cancel (self->jobs);
}

static void
serve (void *context, troupe_task_t *task)
{
  troupe_model_t *model = context;
  troupe_error_t error = {0};
  job_t *self = calloc (1, sizeof *self);
  if (!self) {
    troupe_error_set (&error, TROUPE_NO_MEMORY, model->object, NULL, "no memory for a task");
    troupe_task_fail (&task, &error);
    return;
  }
  self->task = task;
  self->model = model;
  add (model, self);
  model_count (model, MODEL_COUNT_ASKS, 1);
  troupe_model_ask_t ask = {
    .input = troupe_task_input (task),
    .deadline = troupe_task_deadline (task),
    .part = troupe_task_streams (task) ? on_part : NULL,
    .done = on_done,
    .context = self,
  };
  if (troupe_model_ask (model, &self->answer, &ask, &error) == TROUPE_OK) {
    troupe_task_on_cancel (task, on_cancel, self);
    return;
  }
  model_count_end (model, NULL, error.code);
  troupe_task_fail (&self->task, &error);
  end (self);
}

// The wall's clock is what people and other hosts read.
static json_t *
make_circuit (int64_t until, unsigned failures)
{
  struct timespec wall;
  clock_gettime (CLOCK_REALTIME, &wall);
  int64_t now_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
  return json_pack ("{s:s,s:I,s:i}", "state", "open", "until_ms", (json_int_t)(now_ms + until - troupe_loop_now ()),
                    "failures", (int)failures);
}

void
model_tell_circuit (troupe_model_t *self, int64_t until, unsigned failures)
{
  troupe_error_t error;
  self->left_alone_until = until;
  json_t *info = json_copy (self->info);
  if (self->node && info && (!until || json_object_set_new (info, "circuit", make_circuit (until, failures)) == 0) &&
      troupe_node_describe (self->node, self->object, info, &error) != TROUPE_OK)
    troupe_log_error (TROUPE_LOG_WARNING, "the state of a model can't be shown", &error);
  json_decref (info);
}

troupe_err_t
troupe_model_serve (troupe_model_t *self, troupe_node_t *node, troupe_error_t *error)
{
  if (self->provider->rehearsal)
    troupe_log (TROUPE_LOG_WARNING, "this model is a rehearsal: no real model answers, its replies are played by rules",
                "model", self->object, NULL);
  self->node = node;
  return troupe_node_serve (node,
                            &(troupe_service_t){
                              .name = self->object,
                              .credit = self->concurrency,
                              .info = self->info,
                              .serve = serve,
                              .context = self,
                            },
                            error);
}
