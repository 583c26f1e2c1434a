// SPDX-License-Identifier: Apache-2.0
//
// What instances do with their tasks: read the actor's memory, work, stream, call others one after another, and reply
// with what happened:
//
//   {"n": 17, "by": "5.2", "attempt": 1, "heard": [the numbers in the memory], "news": [the numbers that were said in
//    its hubs], "calls": [the numbers of their values]}
//
// A job is a task that the user's code holds. Its next step comes by a timer, an answer, or a part of the memory.

#include "sim/mesh_state.h"

#include <stdlib.h>

enum { STOP_GRACE_MS = 1000, WAITING_MAX = 16 };

struct mesh_job {
  mesh_job_t *next;
  mesh_node_t *node;
  uint64_t number; // timers find it by that
  unsigned service;
  troupe_task_t *task;
  json_t *plan, *heard, *news, *calls;
  mesh_wait_t *waiting[WAITING_MAX];
  unsigned waiting_count, step; // step: slices of work done, then calls made
  bool blocked;                 // the next call is made when none is waited for
  troupe_id_t hubs[MESH_HUBS_AT_ONCE];
};

typedef struct {
  mesh_node_t *node;
  unsigned life;
  uint64_t number;
} alarm_ring_t;

static int
plan_number (const mesh_job_t *job, const char *name)
{
  return (int)json_integer_value (json_object_get (job->plan, name));
}

static void forget_all (mesh_job_t *job);

static void
free_job (mesh_job_t *job)
{
  mesh_job_t **at = &job->node->jobs;
  while (*at != job)
    at = &(*at)->next;
  *at = job->next;
  forget_all (job);
  json_decref (job->plan);
  json_decref (job->heard);
  json_decref (job->news);
  json_decref (job->calls);
  free (job);
}

static void
end_with_error (mesh_job_t *job, const troupe_error_t *error)
{
  job->node->running[job->service]--;
  troupe_task_fail (&job->task, error);
  free_job (job);
}

static void
on_cancelled (void *context, troupe_task_t *task)
{
  mesh_job_t *job = context;
  mesh_trace (job->node->mesh, "node %u.%u is to stop %s attempt %u", job->node->index, job->node->life,
              mesh_id_text (troupe_task_call (task)), troupe_task_attempt (task));
  job->node->running[job->service]--;
  troupe_task_reply (&job->task, json_null ());
  free_job (job);
}

void
mesh_work_drop (mesh_node_t *node)
{
  while (node->jobs != NULL) {
    mesh_job_t *job = node->jobs;
    troupe_task_reply (&job->task, json_null ());
    free_job (job);
  }
}

void
mesh_work_check_stopped (mesh_t *self)
{
  for (unsigned i = 0; i < mesh_nodes (self); i++) {
    const mesh_node_t *node = &self->nodes[i];
    for (const mesh_job_t *job = node->jobs; job != NULL; job = job->next) {
      const mesh_call_t *call = mesh_call_find (self, troupe_task_call (job->task));
      if (call->lost_at != 0)
        mesh_found (self, MESH_CHECK_STOPPED, "node %u.%u still runs %s, which the store has lost", node->index,
                    node->life, mesh_id_text (&call->id));
      if (call->settled_at != 0 && self->clock.now > call->settled_at + STOP_GRACE_MS * MS)
        mesh_found (self, MESH_CHECK_STOPPED, "node %u.%u still runs %s attempt %u, which settled at %d ms", node->index,
                    node->life, mesh_id_text (&call->id), troupe_task_attempt (job->task),
                    (int)(call->settled_at / MS));
    }
  }
}

// -- The end ---------------------------------------------------------------------------------------------------------

static void
fail (mesh_job_t *job)
{
  troupe_error_t error;
  bool may_pass = plan_number (job, "fail") == 2;
  troupe_error_set (&error, may_pass ? TROUPE_MODEL_FAILED : TROUPE_SERVICE_FAILED, mesh_services[job->service].name,
                    NULL, "it was planned to fail");
  end_with_error (job, &error);
}

static void
reply (mesh_job_t *job)
{
  char by[16];
  mesh_node_t *node = job->node;
  snprintf (by, sizeof by, "%u.%u", node->index, node->life);
  for (int i = plan_number (job, "memory"); i > 0; i--)
    if (troupe_task_remember (job->task, mesh_need (json_integer (plan_number (job, "n")))) != TROUPE_OK)
      abort ();
  json_t *value = json_pack ("{s:i, s:s, s:i, s:O, s:O, s:O}", "n", plan_number (job, "n"), "by", by, "attempt",
                             (int)troupe_task_attempt (job->task), "heard", job->heard, "news", job->news, "calls",
                             job->calls);
  mesh_trace (node->mesh, "node %u.%u replies to %s attempt %u", node->index, node->life,
              mesh_id_text (troupe_task_call (job->task)), troupe_task_attempt (job->task));
  node->running[job->service]--;
  troupe_task_reply (&job->task, mesh_need (value));
  free_job (job);
}

// -- Calls -----------------------------------------------------------------------------------------------------------

static void
forget_all (mesh_job_t *job)
{
  while (job->waiting_count > 0)
    mesh_call_forget (job->waiting[--job->waiting_count]);
}

static bool
is_true (const json_t *step, const char *name)
{
  return json_is_true (json_object_get (step, name));
}

static mesh_wait_t *
call_one (mesh_job_t *job, const json_t *step)
{
  mesh_said_t said = {.step = step, .input = step};
  if (!mesh_hub_is_op (step) && json_object_get (step, "said") == NULL)
    return mesh_call_nested (job->node, job, job->task, step, NULL);
  json_t *input = mesh_hub_is_op (step) ? mesh_hub_input (step, job->hubs) : json_incref ((json_t *)(uintptr_t)step);
  said.input = input;
  mesh_hub_fill (&said, step, job->hubs, troupe_task_call (job->task));
  mesh_wait_t *wait = mesh_call_nested (job->node, job, job->task, step, &said);
  if (wait != NULL && said.op != NULL && strcmp (said.op, "hub/open") == 0)
    job->hubs[json_integer_value (json_object_get (step, "hub"))] = wait->call->id;
  json_decref (input);
  return wait;
}

// Makes the next calls, up to one that has to be waited for; or ends the task.
static void
make_calls (mesh_job_t *job)
{
  json_t *plans = json_object_get (job->plan, "calls");
  size_t count = json_array_size (plans);
  while (job->step < count && !(job->blocked && job->waiting_count > 0)) {
    const json_t *step = json_array_get (plans, job->step++);
    mesh_wait_t *wait = call_one (job, step);
    if (wait == NULL)
      json_array_append_new (job->calls, json_null ());
    else
      job->waiting[job->waiting_count++] = wait;
    job->blocked = !mesh_hub_is_op (step) && !is_true (step, "pipe");
    job->blocked |= job->waiting_count == WAITING_MAX;
  }
  if (job->step == count && is_true (job->plan, "leave"))
    forget_all (job);
  if (job->step < count || job->waiting_count > 0)
    return;
  if (plan_number (job, "fail") != 0)
    fail (job);
  else
    reply (job);
}

void
mesh_work_told (mesh_wait_t *wait)
{
  mesh_job_t *job = wait->job;
  const json_t *value = troupe_placeholder_value (wait->placeholder);
  unsigned at = 0;
  while (job->waiting[at] != wait)
    at++;
  job->waiting[at] = job->waiting[--job->waiting_count];
  json_array_append_new (job->calls, value != NULL ? json_incref (json_object_get (value, "n")) : json_null ());
  mesh_call_forget (wait);
  make_calls (job);
}

// -- Work ------------------------------------------------------------------------------------------------------------

static void slice_done (mesh_t *mesh, void *thing);

static void
work_on (mesh_job_t *job)
{
  if (json_is_true (json_object_get (job->plan, "hang")))
    return; // its deadline ends it
  mesh_clock_t *clock = &job->node->mesh->clock;
  alarm_ring_t *ring = mesh_need (malloc (sizeof *ring));
  *ring = (alarm_ring_t){job->node, job->node->life, job->number};
  int64_t slice = (int64_t)plan_number (job, "work") * MS / (plan_number (job, "parts") + 1);
  mesh_clock_at (clock, clock->now + slice, slice_done, ring, free);
}

static void
slice_done (mesh_t *mesh, void *thing)
{
  alarm_ring_t *ring = thing;
  mesh_node_t *node = ring->node;
  (void)mesh;
  if (node->core == NULL || node->life != ring->life) {
    free (ring);
    return;
  }
  if (mesh_node_frozen (node))
    return;
  mesh_job_t *job = node->jobs;
  while (job != NULL && job->number != ring->number)
    job = job->next;
  free (ring);
  if (job == NULL)
    return;
  if (job->step < (unsigned)plan_number (job, "parts")) {
    troupe_task_part (job->task, mesh_need (json_integer (job->step++)));
    work_on (job);
  } else {
    job->step = 0;
    make_calls (job);
  }
  mesh_node_turn (node);
}

// -- The beginning ---------------------------------------------------------------------------------------------------

// What was said: a value, or a message of a broadcast.
static void
on_heard (void *context, troupe_task_t *task, json_t *messages, const troupe_error_t *error)
{
  mesh_job_t *job = context;
  if (messages == NULL) {
    mesh_trace (job->node->mesh, "node %u.%u can't hear for %s: %s", job->node->index, job->node->life,
                mesh_id_text (troupe_task_call (task)), error->why);
    end_with_error (job, error);
    return;
  }
  for (size_t i = 0; i < json_array_size (messages); i++) {
    const json_t *message = json_array_get (messages, i), *metadata = json_object_get (message, "metadata");
    json_array_append (job->news, json_object_get (metadata != NULL ? metadata : message, "n"));
  }
  json_decref (messages);
  work_on (job);
}

static void
on_recalled (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *error)
{
  mesh_job_t *job = context;
  if (entries == NULL) {
    mesh_trace (job->node->mesh, "node %u.%u can't read the memory for %s: %s", job->node->index, job->node->life,
                mesh_id_text (troupe_task_call (task)), error->why);
    end_with_error (job, error);
    return;
  }
  json_decref (job->heard);
  job->heard = entries;
  if (troupe_task_news (task) == 0)
    work_on (job);
  else if (troupe_task_hear (task, on_heard, job) != TROUPE_OK)
    abort ();
}

static void
check_inputs (const mesh_job_t *job)
{
  const json_t *inputs = json_object_get (job->plan, "inputs"), *from = json_object_get (job->plan, "from");
  for (size_t i = 0; i < json_array_size (from); i++)
    if (!json_equal (json_object_get (json_array_get (inputs, i), "n"), json_array_get (from, i)))
      mesh_found (job->node->mesh, MESH_CHECK_INPUTS, "input %zu of %s is not the value of the call %d", i,
                  mesh_id_text (troupe_task_call (job->task)), (int)json_integer_value (json_array_get (from, i)));
}

void
mesh_work_serve (void *context, troupe_task_t *task)
{
  mesh_node_t *node = context;
  mesh_job_t *job = mesh_need (calloc (1, sizeof *job));
  *job = (mesh_job_t){.next = node->jobs,
                      .node = node,
                      .number = ++node->jobs_made,
                      .service = mesh_service_of (troupe_text (troupe_task_service (task))),
                      .task = task,
                      .plan = json_incref ((json_t *)(uintptr_t)troupe_task_input (task)),
                      .heard = mesh_need (json_array ()),
                      .news = mesh_need (json_array ()),
                      .calls = mesh_need (json_array ())};
  node->jobs = job;
  node->running[job->service]++;
  mesh_trace (node->mesh, "node %u.%u begins %s attempt %u", node->index, node->life,
              mesh_id_text (troupe_task_call (task)), troupe_task_attempt (task));
  check_inputs (job);
  troupe_task_on_cancel (task, on_cancelled, job);
  if (!mesh_services[job->service].actor)
    work_on (job);
  else if (troupe_task_recall (task, 0, 65536, on_recalled, job) != TROUPE_OK)
    abort ();
}
