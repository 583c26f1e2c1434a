// SPDX-License-Identifier: Apache-2.0
//
// Ready means: it can do its work now.

#include "blackbox/health/ward.h"

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (ready, .init = place_enter, .fini = place_leave, .timeout = 120);

Test (ready, a_broker_is_ready_as_long_as_redis_answers)
{
  stage_t stage;
  patient_t broker;
  ward_open (&stage, "");
  ward_start (&broker, "troupe-broker", "b1");
  ward_until (&broker, false, "^not ready; broker: Redis doesn't answer");
  stage_start_redis (&stage);
  ward_until (&broker, true, "^ready$");
  stage_kill (&stage.redis);
  ward_until (&broker, false, "^not ready; broker: Redis doesn't answer");
  char *alive = page_get (broker.url, "/healthz");
  cr_expect_str_eq (alive, "ok\n");
  free (alive);
  cr_expect_eq (page_value (broker.url, "troupe_broker_store_up "), 0);
  stage_start_redis (&stage);
  ward_until (&broker, true, "^ready$");
  process_signal (stage.redis, SIGSTOP); // it is there, and says nothing
  ward_until (&broker, false, "^not ready; broker: Redis doesn't answer");
  process_signal (stage.redis, SIGCONT);
  ward_until (&broker, true, "^ready$");
  ward_stop (&broker);
  stage_kill (&stage.redis);
}

Test (ready, agents_and_models_are_ready_once_a_broker_has_registered_them)
{
  stage_t stage;
  patient_t broker, agent, model;
  ward_open (&stage, mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  ward_start (&agent, "troupe-agent", "alice");
  ward_start (&model, "troupe-model", "talker");
  ward_until (&agent, false, "^not ready; mesh: no broker answers; tried ipc://b1.ipc");
  ward_until (&model, false, "^not ready; mesh: no broker answers");
  stage_start_redis (&stage);
  ward_start (&broker, "troupe-broker", "b1");
  ward_until (&agent, true, "^ready$");
  ward_until (&model, true, "^ready$");
  cr_expect_eq (page_value (agent.url, "troupe_node_services_registered "), 1);
  stage_kill (&broker.process);
  ward_until (&agent, false, "^not ready; mesh: no broker answers");
  ward_until (&model, false, "^not ready; mesh: no broker answers");
  ward_start (&broker, "troupe-broker", "b1");
  ward_until (&agent, true, "^ready$");
  ward_stop (&agent);
  ward_stop (&model);
  ward_stop (&broker);
  stage_kill (&stage.redis);
}

// A frozen broker: it takes connections, and says nothing.
Test (ready, an_agent_is_not_ready_when_its_broker_hangs)
{
  stage_t stage;
  patient_t broker, agent;
  ward_open (&stage, mesh_plain);
  place_write ("rules.yaml", mesh_rules);
  stage_start_redis (&stage);
  ward_start (&broker, "troupe-broker", "b1");
  ward_start (&agent, "troupe-agent", "alice");
  ward_until (&agent, true, "^ready$");
  process_signal (broker.process, SIGSTOP);
  ward_until (&agent, false, "^not ready; mesh: ");
  process_signal (broker.process, SIGCONT);
  ward_until (&agent, true, "^ready$");
  ward_stop (&agent);
  ward_stop (&broker);
  stage_kill (&stage.redis);
}

Test (ready, a_model_is_not_ready_while_its_server_is_left_alone)
{
  stage_t stage;
  patient_t broker, model;
  char models[512];
  snprintf (models, sizeof models,
            "models:\n  away: { type: openai_chat, base_url: 'http://127.0.0.1:%d/v1', api_key: k, retries: 0 }\n",
            place_free_port ());
  ward_open (&stage, models);
  stage_start_redis (&stage);
  ward_start (&broker, "troupe-broker", "b1");
  ward_start (&model, "troupe-model", "away");
  ward_until (&model, true, "^ready$");
  for (int i = 0; i < 5; i++) {
    int status;
    json_t *value = mesh_call ("model/away", "\"Are you there?\"", NULL, &status, NULL);
    cr_expect_null (value);
  }
  ward_until (&model, false,
              "^not ready; model: http://127.0.0.1:[0-9]+/[^ ]* fails again and again, and is left alone");
  cr_expect_eq (page_value (model.url, "troupe_model_asks_total "), 5);
  cr_expect_eq (page_value (model.url, "troupe_model_failures_total{code=\"model_unreachable\"} "), 5);
  cr_expect_eq (page_value (model.url, "troupe_model_circuit_openings_total "), 1);
  cr_expect_eq (page_value (model.url, "troupe_model_circuit_open "), 1);
  ward_stop (&model);
  ward_stop (&broker);
  stage_kill (&stage.redis);
}
