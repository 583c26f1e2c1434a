// SPDX-License-Identifier: Apache-2.0
//
// A model as a service: each task becomes an ask. A task that is cancelled breaks its ask off and ends at once; the
// node drops that outcome. Every running task is in a list, so that nothing is left behind when the process ends
// before its tasks do.

#include "model/provider.h"
#include "troupe/log.h"

#include <stdlib.h>

typedef struct job {
  struct job *next, **link; // in the model's list
  troupe_task_t *task;
  troupe_answer_t *answer;
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
  free (self);
}

static void
on_part (void *context, const char *text, size_t size)
{
  job_t *self = context;
  json_t *part = json_pack ("{s:s%}", "text", text, size);
  if (part)
    troupe_task_part (self->task, part); // one that gets lost is in the reply all the same
}

static void
on_done (void *context, json_t *message, const troupe_error_t *error)
{
  job_t *self = context;
  self->answer = NULL;
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
  troupe_task_fail (&self->task, &error);
  end (self);
}

static void
on_cancel (void *context, troupe_task_t *task)
{
  (void) task;
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
  add (model, self);
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
  troupe_task_fail (&self->task, &error);
  end (self);
}

troupe_err_t
troupe_model_serve (troupe_model_t *self, troupe_node_t *node, troupe_error_t *error)
{
  if (self->provider->rehearsal)
    troupe_log (TROUPE_LOG_WARNING, "this model is a rehearsal: no real model answers, its replies are played by rules",
                "model", self->object, NULL);
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
