// SPDX-License-Identifier: Apache-2.0
//
// What instances do with their tasks: read the actor's memory, work, stream, call others one after another, and reply
// with what happened:
//
//   {"n": 17, "by": "5.2", "attempt": 1, "heard": [the numbers in the memory], "calls": [the numbers of their values]}
//
// A job is a task that the user's code holds. Its next step comes by a timer, an answer, or a part of the memory.

#include "sim/mesh_state.h"

#include <stdlib.h>

struct mesh_job {
  mesh_job_t *next;
  mesh_node_t *node;
  uint64_t number; // timers find it by that
  unsigned service;
  troupe_task_t *task;
  json_t *plan, *heard, *calls;
  mesh_wait_t *waiting;
  unsigned step; // slices of work done, then calls made
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

static void
free_job (mesh_job_t *job)
{
  mesh_job_t **at = &job->node->jobs;
  while (*at != job)
    at = &(*at)->next;
  *at = job->next;
  if (job->waiting != NULL)
    mesh_call_forget (job->waiting);
  json_decref (job->plan);
  json_decref (job->heard);
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
  json_t *value = json_pack ("{s:i, s:s, s:i, s:O, s:O}", "n", plan_number (job, "n"), "by", by, "attempt",
                             (int)troupe_task_attempt (job->task), "heard", job->heard, "calls", job->calls);
  mesh_trace (node->mesh, "node %u.%u replies to %s attempt %u", node->index, node->life,
              mesh_id_text (troupe_task_call (job->task)), troupe_task_attempt (job->task));
  node->running[job->service]--;
  troupe_task_reply (&job->task, mesh_need (value));
  free_job (job);
}

// -- Calls -----------------------------------------------------------------------------------------------------------

static void
make_calls (mesh_job_t *job)
{
  json_t *plans = json_object_get (job->plan, "calls");
  if (job->step == json_array_size (plans)) {
    if (plan_number (job, "fail") != 0)
      fail (job);
    else
      reply (job);
    return;
  }
  const json_t *plan = json_array_get (plans, job->step++);
  job->waiting = mesh_call_nested (job->node, job, job->task, plan);
  if (job->waiting != NULL && job->step == json_array_size (plans) &&
      json_is_true (json_object_get (job->plan, "leave"))) {
    mesh_call_forget (job->waiting);
    job->waiting = NULL;
  }
  if (job->waiting == NULL) {
    json_array_append_new (job->calls, json_null ());
    make_calls (job);
  }
}

void
mesh_work_told (mesh_wait_t *wait)
{
  mesh_job_t *job = wait->job;
  const json_t *value = troupe_placeholder_value (wait->placeholder);
  json_array_append_new (job->calls, value != NULL ? json_incref (json_object_get (value, "n")) : json_null ());
  job->waiting = NULL;
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
  work_on (job);
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
