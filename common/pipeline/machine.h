// SPDX-License-Identifier: Apache-2.0
//
// The machine that runs pipelines: pure, the world around it makes the calls. So tests run it without a mesh.
#ifndef PIPELINE_MACHINE_H
#define PIPELINE_MACHINE_H

#include "troupe/pipeline.h"

typedef enum {
  PIPELINE_SERVICE,
  PIPELINE_SEQUENTIAL,
  PIPELINE_IFELSE,
  PIPELINE_SWITCH,
  PIPELINE_FORLOOP,
  PIPELINE_WHILELOOP,
  PIPELINE_FANOUT
} pipeline_kind_t;

struct troupe_pipeline {
  pipeline_kind_t kind;
  unsigned depth;
  char *service;
  troupe_pipeline_t **parts; // NULL: passes x on. ifelse: then, otherwise; switch: the cases, then the default
  unsigned count;            // of parts
  unsigned max;
  troupe_condition_fn *condition;
  troupe_choice_fn *choice;
  troupe_round_fn *round;
  void *context;
};

// What the machine asks of the world. A reply is the world's: any pointer but NULL.
typedef struct {
  // Calls; `inputs` are the replies that stand as {"$input": n} in `input`. `fan`: the group's number; 0: none.
  // `more`: others of the group follow.
  troupe_err_t (*call) (void *world, void **reply, const char *service, const json_t *input, void *const *inputs,
                        unsigned inputs_count, unsigned fan, bool more, troupe_error_t *error);
  // False: it isn't there. Else the value, or the error.
  bool (*look) (void *world, void *reply, const json_t **value, const troupe_error_t **error);
  void (*release) (void *world, void *reply); // nobody needs it any more
} machine_world_t;

typedef struct machine machine_t;

troupe_err_t machine_new (machine_t **out, const troupe_pipeline_t *pipeline, const json_t *input,
                          const machine_world_t *functions, void *world);
void machine_destroy (machine_t **self_p);
// Goes on as far as it can: at first, and whenever a reply has come. True: it has ended, and *value or *error (one of
// them may be NULL) tell how, borrowed until machine_destroy.
bool machine_step (machine_t *self, const json_t **value, const troupe_error_t **error);

#endif
