// SPDX-License-Identifier: Apache-2.0
//
// /metrics: pages that Prometheus takes, and counters that say what happened.

#include "blackbox/health/ward.h"

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite (metrics, .init = place_enter, .fini = place_leave, .timeout = 120);

static void
lint (const char *url)
{
  char *page = page_get (url, "/metrics");
  page_lint (page);
  free (page);
}

static const char dict[] = "models:\n"
                           "  talker: { type: rehearsal, rules: rules.yaml }\n"
                           "agents:\n"
                           "  alice: { model: talker, prompt: You are Alice. }\n"
                           "  dora: { model: talker, type: dict_dialog, max_retries: 1 }\n";

Test (metrics, every_programs_page_is_taken_and_tells_what_happened)
{
  enum { CALLS = 3 };
  stage_t stage;
  patient_t broker, model, alice, dora;
  int status;
  ward_open (&stage, dict);
  place_write ("rules.yaml", mesh_rules);
  stage_start_redis (&stage);
  ward_start (&broker, "troupe-broker", "b1");
  ward_start (&model, "troupe-model", "talker");
  ward_start (&alice, "troupe-agent", "alice");
  ward_start (&dora, "troupe-agent", "dora");
  for (patient_t *const *at = (patient_t *[]){&broker, &model, &alice, &dora, NULL}; *at != NULL; at++) {
    ward_until (*at, true, "^ready$");
    lint ((*at)->url);
  }
  for (int i = 0; i < CALLS; i++)
    json_decref (mesh_call ("agent/alice", "\"hello\"", "one", &status, NULL));
  cr_expect_null (mesh_call ("agent/alice", "\"fail\"", "one", &status, NULL));
  cr_expect_null (mesh_call ("agent/dora", "\"hello\"", "two", &status, NULL)); // it rehearses no JSON
  cr_expect_null (mesh_call ("agent/nobody", "\"hello\"", NULL, &status, NULL));

  // Each call of an agent makes one of its model's; dora asks again once.
  cr_expect_eq (page_value (broker.url, "troupe_broker_calls_accepted_total "), 2 * (CALLS + 1) + 3);
  cr_expect_eq (page_value (broker.url, "troupe_broker_calls_value_total "), 2 * CALLS + 2);
  cr_expect_eq (page_value (broker.url, "troupe_broker_calls_error_total "), 3);
  cr_expect_eq (page_value (broker.url, "troupe_broker_calls_refused_total "), 1);
  cr_expect_eq (page_value (broker.url, "troupe_broker_services_served "), 3);
  cr_expect_eq (page_value (broker.url, "troupe_broker_queue_length{queue=\"open_calls\"} "), 0);
  cr_expect_eq (page_value (model.url, "troupe_model_asks_total "), CALLS + 3);
  cr_expect_eq (page_value (model.url, "troupe_model_answers_total "), CALLS + 2);
  cr_expect_eq (page_value (model.url, "troupe_model_failures_total{code=\"model_failed\"} "), 1);
  cr_expect_eq (page_value (dora.url, "troupe_agent_replies_wrong_total{model=\"model/talker\"} "), 2);
  cr_expect_eq (page_value (dora.url, "troupe_agent_replies_asked_again_total{model=\"model/talker\"} "), 1);
  cr_expect_eq (page_value (dora.url, "troupe_agent_replies_failed_total{model=\"model/talker\"} "), 1);
  cr_expect_gt (page_value (alice.url, "process_resident_memory_bytes "), 1024 * 1024);

  for (patient_t *const *at = (patient_t *[]){&dora, &alice, &model, &broker, NULL}; *at != NULL; at++) {
    lint ((*at)->url);
    ward_stop (*at);
  }
  stage_kill (&stage.redis);
}

// What finds no room is counted where it found none, and a lost worker is.
Test (metrics, drops_and_losses_are_counted)
{
  stage_t stage;
  patient_t broker;
  ward_open (&stage, "limits: { heartbeat: 200ms, lease: 1s, open_calls: 2 }\n");
  cr_assert_eq (troupe_loop_new (&stage.loop), TROUPE_OK);
  stage_start_redis (&stage);
  ward_start (&broker, "troupe-broker", "b1");
  ward_until (&broker, true, "^ready$");
  stage.brokers[0] = broker.process;
  stage.brokers_count = 1;
  process_t *worker = stage_player (&stage, "w", "tool/x", 1);
  troupe_node_t *node = stage_node (&stage, "1");
  troupe_placeholder_t *one = stage_call (node, "tool/x", "s", "[['hold', 'here']]");
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  troupe_placeholder_t *two = stage_call (node, "tool/x", "s", "[]");
  stage_until_stored (&stage, two);
  troupe_placeholder_t *three = stage_call (node, "tool/x", "s", "[]");
  stage_expect_error (&stage, &three, TROUPE_OVERLOADED, "open calls");
  cr_expect_eq (page_value (broker.url, "troupe_broker_queue_drops_total{queue=\"open_calls\"} "), 1);
  cr_expect_eq (page_value (broker.url, "troupe_broker_queue_length{queue=\"open_calls\"} "), 2);
  cr_expect_eq (page_value (broker.url, "troupe_broker_queue_capacity{queue=\"open_calls\"} "), 2);
  cr_expect_eq (page_value (broker.url, "troupe_broker_calls_running "), 1);
  cr_expect_eq (page_value (broker.url, "troupe_broker_calls_queued "), 1);
  stage_kill (&worker);
  STAGE_UNTIL (&stage, page_value (broker.url, "troupe_broker_attempts_lost_total ") == 1);
  worker = stage_player (&stage, "v", "tool/x", 2);
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  process_send (worker, "go here\n");
  stage_expect_reply (&stage, &one, 2, NULL);
  stage_expect_reply (&stage, &two, 1, NULL);
  stage_close (&stage);
}
