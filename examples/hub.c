// SPDX-License-Identifier: Apache-2.0
//
// A hub and a pipeline in C: two agents of a mesh that runs talk twice in turn, in a hub, and hear each other. Only the
// last reply comes to this program; everything else stays between the agents.
//
//   troupe up -f examples/hub.yaml                                  in one terminal
//   build/release/bin/example-hub ipc://.troupe/hub/broker-1.ipc    in another

#include "troupe/hub.h"
#include "troupe/pipeline.h"

#include <stdio.h>

typedef struct {
  troupe_loop_t *loop;
  int status;
} example_t;

static void
done (void *context, troupe_run_t *run, const json_t *value, const troupe_error_t *error)
{
  example_t *self = context;
  (void)run;
  if (error) {
    troupe_error_print (error, stderr);
    self->status = troupe_err_exit (error->code);
  } else {
    printf ("%s: %s\n", json_string_value (json_object_get (value, "name")),
            json_string_value (json_object_get (value, "content")));
  }
  troupe_loop_stop (self->loop);
}

// alice, bob, alice, bob. NULL: out of memory.
static troupe_pipeline_t *
build (void)
{
  troupe_pipeline_t *steps[2] = {NULL}, *body = NULL, *talk = NULL;
  troupe_pipeline_service (&steps[0], "agent/alice");
  troupe_pipeline_service (&steps[1], "agent/bob"); // what fails here makes the next function fail
  troupe_pipeline_sequential (&body, steps, 2);
  troupe_pipeline_forloop (&talk, &body, 2, NULL, NULL);
  return talk;
}

static troupe_err_t
talk (example_t *self, troupe_node_t *node, const troupe_pipeline_t *pipeline, troupe_error_t *error)
{
  static const char *const members[] = {"agent/alice", "agent/bob"};
  char session[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = troupe_id_new ();
  troupe_id_to_text (&id, session);
  json_t *welcome = json_pack ("{s:s, s:s}", "name", "host", "content", "Welcome! Introduce yourselves.");
  troupe_hub_options_t options = {.session = session, .members = members, .members_count = 2, .announcement = welcome};
  troupe_hub_t *hub = NULL;
  troupe_run_t *run = NULL;
  troupe_err_t err = troupe_hub_open (&hub, node, &options, error);
  json_decref (welcome);
  if (err == TROUPE_OK)
    err = troupe_pipeline_run (pipeline, &run,
                               &(troupe_run_options_t){.node = node,
                                                       .session = session,
                                                       .wait = true,
                                                       .done = done,
                                                       .hubs = troupe_hub_id (hub),
                                                       .hubs_count = 1,
                                                       .context = self},
                               error);
  if (err == TROUPE_OK)
    err = troupe_loop_run (self->loop);
  troupe_run_destroy (&run);
  troupe_hub_close (&hub);
  return err;
}

int
main (int argc, char **argv)
{
  const char *brokers[] = {argc > 1 ? argv[1] : "ipc://.troupe/hub/broker-1.ipc", NULL};
  troupe_error_t error = {.code = TROUPE_NO_MEMORY};
  troupe_node_t *node = NULL;
  example_t self = {0};
  troupe_pipeline_t *pipeline = build ();
  troupe_err_t err = pipeline ? troupe_loop_new (&self.loop) : TROUPE_NO_MEMORY;
  if (err == TROUPE_OK)
    err = troupe_node_new (&node, self.loop, &(troupe_node_options_t){.name = "example", .brokers = brokers}, &error);
  if (err == TROUPE_OK)
    err = talk (&self, node, pipeline, &error);
  if (err != TROUPE_OK) {
    troupe_error_print (&error, stderr);
    self.status = troupe_err_exit (err);
  }
  troupe_pipeline_destroy (&pipeline);
  troupe_node_destroy (&node);
  troupe_loop_destroy (&self.loop);
  return self.status;
}
