// SPDX-License-Identifier: Apache-2.0
//
// Pipelines: who is called after whom (AgentScope section 3.1), built once and run often. Lua has the same ones by the
// same names (docs/reference/workflows.md).
//
// A pipeline does something with x: a value, or a reply that may not be there yet. What it passes on between two calls
// is the placeholder, so a whole sequence is under way at once and no value comes through this process on its way. Only
// a condition waits for the value that it looks at; the loop goes on meanwhile.
//
//   troupe_pipeline_t *steps[2], *body, *talk;
//   troupe_pipeline_service (&steps[0], "agent/alice");
//   troupe_pipeline_service (&steps[1], "agent/bob");
//   troupe_pipeline_sequential (&body, steps, 2);
//   troupe_pipeline_whileloop (&talk, &body, not_yet_done, NULL);
//   troupe_pipeline_run (talk, &run, &(troupe_run_options_t){ .node = node, .input = hello, .done = done }, &error);
//   troupe_loop_run (loop);
//
// Building: a function takes over the pipelines that it is made of and sets them to NULL, also when it fails. A NULL
// among them is a step that passes x on, so a failure before shows as a NULL and can't be used by mistake: the
// functions return no_memory then. A pipeline never changes once it is built, and outlives its runs.
//
// Thread rule: a run is used on its node's loop's thread only.
#ifndef TROUPE_PIPELINE_H
#define TROUPE_PIPELINE_H

#include "troupe/node.h"

typedef struct troupe_pipeline troupe_pipeline_t;
typedef struct troupe_run troupe_run_t;

enum {
  TROUPE_PIPELINE_STEPS_MAX = 1024, // of one sequence, switch or fan-out
  TROUPE_PIPELINE_DEPTH_MAX = 64    // pipelines in each other
};

// -- Building ----------------------------------------------------------------------------------------------------------

// Calls a service with x. bad_argument, no_memory.
troupe_err_t troupe_pipeline_service (troupe_pipeline_t **out, const char *service);
// One after another; none: x is the result. too_large, too_deep, no_memory, here and below.
troupe_err_t troupe_pipeline_sequential (troupe_pipeline_t **out, troupe_pipeline_t **steps, unsigned count);

// Conditions look at the value of x, borrowed; NULL: the pipeline was run without one. They are called from the loop.
typedef bool (troupe_condition_fn) (void *context, const json_t *x);
// `otherwise` may be NULL, or point to NULL: then x is the result.
troupe_err_t troupe_pipeline_ifelse (troupe_pipeline_t **out, troupe_pipeline_t **then, troupe_pipeline_t **otherwise,
                                     troupe_condition_fn *condition, void *context);
// The case to go on with, from 0; any other number: the default.
typedef unsigned (troupe_choice_fn) (void *context, const json_t *x);
troupe_err_t troupe_pipeline_switch (troupe_pipeline_t **out, troupe_pipeline_t **cases, unsigned count,
                                     troupe_pipeline_t **otherwise, troupe_choice_fn *choice, void *context);
// At most `max` rounds; after each, `done` (may be NULL) says whether that was enough.
troupe_err_t troupe_pipeline_forloop (troupe_pipeline_t **out, troupe_pipeline_t **body, unsigned max,
                                      troupe_condition_fn *done, void *context);
// As long as `condition` holds, which is asked before each round; `i` rounds are done, so it is 0 at first.
typedef bool (troupe_round_fn) (void *context, unsigned i, const json_t *x);
troupe_err_t troupe_pipeline_whileloop (troupe_pipeline_t **out, troupe_pipeline_t **body, troupe_round_fn *condition,
                                        void *context);
// All with the same x, at the same time; the result is the list of theirs, in this order. In a hub the services that
// are its branches don't hear each other.
troupe_err_t troupe_pipeline_fanout (troupe_pipeline_t **out, troupe_pipeline_t **branches, unsigned count);
// After its last run, unless it became a part of another one.
void troupe_pipeline_destroy (troupe_pipeline_t **self_p);

// -- Running -----------------------------------------------------------------------------------------------------------

// From the loop, once: the value of the result (borrowed; NULL: null was run through nothing), or the first error that
// a condition or the result met. The run may be destroyed in it.
typedef void (troupe_run_done_fn) (void *context, troupe_run_t *run, const json_t *value, const troupe_error_t *error);

typedef struct {
  troupe_node_t *node;
  const json_t *input;     // the first x; NULL: null
  const char *session;     // of every call; NULL: the parent's, or a new one
  troupe_task_t *parent;   // NULL: none. Destroy the run before the task ends
  int64_t deadline_ms;     // of each call; as in troupe_call_t
  bool wait;               // likewise
  const troupe_id_t *hubs; // likewise; copied
  unsigned hubs_count;
  troupe_run_done_fn *done;
  void *context;
} troupe_run_options_t;

// *out is the caller's. What can't be called ends the run by `done`. bad_argument (too many hubs), no_memory.
troupe_err_t troupe_pipeline_run (const troupe_pipeline_t *self, troupe_run_t **out,
                                  const troupe_run_options_t *options, troupe_error_t *error);
// Asks for the cancellation of every call of the run that is under way.
void troupe_run_cancel (troupe_run_t *self);
// Forgets it: `done` is not called any more; calls that were made go on.
void troupe_run_destroy (troupe_run_t **self_p);

#endif
