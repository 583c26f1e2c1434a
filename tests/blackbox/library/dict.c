// SPDX-License-Identifier: Apache-2.0
//
// DictDialogAgent: what it says, passes on and remembers of the object that its model answers with, and what happens
// when that is none.

#include "blackbox/library/stand.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (dict, .init = place_enter, .fini = place_leave);

// Its model says what stands behind "say ", is wrong `again` and again, and quotes what it was given.
static const char yaml[] = "models:\n"
                           "  model: { type: rehearsal, rules: dict.yaml }\n"
                           "agents:\n"
                           "  dict:\n"
                           "    type: dict_dialog\n"
                           "    model: model\n"
                           "    prompt: You are Dict.\n"
                           "    keys: { thought: string, speak: string, agreement: boolean }\n"
                           "    max_retries: 2\n"
                           "  plain: { type: dict_dialog, model: model, max_retries: 0 }\n";
static const char rules[] = "rules:\n"
                            "  - { last: { regex: '^say (.*)$' }, say: '{{1}}' }\n"
                            "  - { last: once, say: 'I had rather talk.' }\n"
                            "  - last: there is no JSON in the reply\n"
                            "    heard: { regex: '^once' }\n"
                            "    json: { thought: mended, speak: now it fits, agreement: true }\n"
                            "  - { last: late, delay: 10m, say: late }\n"
                            "  - last: your memory\n"
                            "    json: { thought: none, agreement: true, speak: 'turn {{turn}} {{system}}' }\n"
                            "  - { say: never }\n";

static void
open_stand (stand_t *stand)
{
  place_write ("dict.yaml", rules);
  stand_open (stand, yaml);
}

static json_t *
ask (stand_t *stand, const char *agent, const char *input)
{
  troupe_error_t error;
  json_t *reply = stand_outcome (stand_call (stand, agent, input, NULL), &error);
  cr_assert_not_null (reply, "%s: %s", error.object, error.why);
  return reply;
}

static void
expect_failure (stand_t *stand, const char *agent, const char *input, troupe_err_t code, const char *why)
{
  troupe_error_t error;
  cr_assert_null (stand_outcome (stand_call (stand, agent, input, NULL), &error));
  cr_assert_eq (error.code, code, "%s", error.why);
  cr_assert (strstr (error.object, agent), "%s", error.object);
  cr_assert (strstr (error.why, why), "%s", error.why);
}

static const char *
content (const json_t *reply)
{
  return json_string_value (json_object_get (reply, "content"));
}

#define GOOD "\"say {\\\"thought\\\": \\\"hm\\\", \\\"speak\\\": \\\"Yes.\\\", \\\"agreement\\\": true}\""

Test (dict, says_speak_and_passes_on_its_keys_but_not_the_thought)
{
  stand_t stand;
  open_stand (&stand);
  json_t *reply = ask (&stand, "agent/dict", GOOD), *metadata = json_object_get (reply, "metadata");
  cr_assert_str_eq (content (reply), "Yes.");
  cr_assert_str_eq (json_string_value (json_object_get (metadata, "speak")), "Yes.");
  cr_assert (json_is_true (json_object_get (metadata, "agreement")));
  cr_assert (json_is_true (json_object_get (metadata, "rehearsal")), "what the model tells is passed on");
  char *whole = json_dumps (reply, 0);
  cr_assert_null (strstr (whole, "hm"), "%s", whole);
  free (whole);
  json_decref (reply);
  stand_close (&stand);
}

Test (dict, mends_what_its_model_gets_wrong)
{
  stand_t stand;
  open_stand (&stand);
  json_t *reply = ask (&stand, "agent/dict", "\"say Sure! {thought: 'hm', speak: 'Yes.', agreement: True,}\"");
  cr_assert_str_eq (content (reply), "Yes.");
  json_decref (reply);
  stand_close (&stand);
}

// The wrong reply and what was wrong are shown to the model, and forgotten once it is right.
Test (dict, asks_again_and_tells_what_was_wrong)
{
  stand_t stand;
  open_stand (&stand);
  json_t *reply = ask (&stand, "agent/dict", "\"once\"");
  cr_assert_str_eq (content (reply), "now it fits");
  json_decref (reply);
  reply = ask (&stand, "agent/dict", "\"your memory\"");
  cr_assert (text_matches (content (reply), "^turn 2 You are Dict[.]"), "%s", content (reply)); // of users' messages
  cr_assert (strstr (content (reply), "\"thought\": <string>, \"speak\": <string>, \"agreement\": <boolean>"), "%s",
             content (reply));
  json_decref (reply);
  stand_close (&stand);
}

Test (dict, gives_up_and_tells_of_each_try)
{
  stand_t stand;
  open_stand (&stand);
  expect_failure (&stand, "agent/dict", "\"never\"", TROUPE_SERVICE_FAILED, "no reply of 3 had the form");
  expect_failure (&stand, "agent/plain", "\"never\"", TROUPE_SERVICE_FAILED, "no reply of 1 had the form");
  // Nothing of it is remembered.
  json_t *reply = ask (&stand, "agent/dict", "\"your memory\"");
  cr_assert (text_matches (content (reply), "^turn 1 "), "%s", content (reply));
  json_decref (reply);
  stand_close (&stand);
}

Test (dict, takes_the_keys_of_a_call)
{
  stand_t stand;
  open_stand (&stand);
  json_t *reply =
    ask (&stand, "agent/dict", "{\"messages\": \"say {\\\"vote\\\": \\\"Ann\\\"}\", \"keys\": [\"vote\"]}");
  cr_assert_str_eq (content (reply), "{\"vote\":\"Ann\"}");
  cr_assert_str_eq (json_string_value (json_object_get (json_object_get (reply, "metadata"), "vote")), "Ann");
  json_decref (reply);
  reply =
    ask (&stand, "agent/plain", "{\"messages\": " GOOD ", \"keys\": {\"speak\": \"string\", \"thought\": \"string\"}}");
  cr_assert_str_eq (content (reply), "Yes.");
  cr_assert_null (json_object_get (json_object_get (reply, "metadata"), "agreement"), "it wasn't asked for");
  json_decref (reply);
  expect_failure (&stand, "agent/dict", "{\"messages\": null, \"keys\": \"vote\"}", TROUPE_BAD_ARGUMENT,
                  "list of keys expected");
  expect_failure (&stand, "agent/dict", "{\"messages\": null, \"keys\": {\"vote\": \"name\"}}", TROUPE_BAD_ARGUMENT,
                  "no type \"name\"");
  stand_close (&stand);
}

// -- What it remembers ------------------------------------------------------------------------------------------------

// Tells what an agent of this name has remembered last.
static void
archivist_reply (void *state, troupe_turn_t *turn)
{
  const json_t *memory = troupe_turn_memory (turn);
  const json_t *last = json_array_get (memory, json_array_size (memory) - 1);
  (void)state;
  troupe_turn_reply (&turn, json_incref (json_object_get (last, "content")), NULL);
}

static const troupe_agent_type_t archivist = {.name = "archivist", .reply = archivist_reply};

static void
expect_memory (stand_t *stand, const char *name, const char *settings, const char *remembered)
{
  char service[64];
  troupe_error_t error;
  troupe_agent_t *agent;
  json_t *map = json_loads (settings, 0, NULL);
  troupe_agent_options_t options = {.name = name, .type = &troupe_agent_dict_dialog, .settings = map, .concurrency = 1};
  snprintf (service, sizeof service, "agent/%s", name);
  cr_assert_eq (troupe_agent_new (&agent, stand->node, &options, &error), TROUPE_OK, "%s", error.why);
  stand_expect (stand_call (stand, service, GOOD, NULL), "Yes.");
  troupe_agent_destroy (&agent);
  troupe_node_destroy (&stand->node);
  stand_join (stand);
  agent = stand_serve (stand, name, &archivist);
  stand_expect (stand_call (stand, service, "null", NULL), remembered);
  troupe_agent_destroy (&agent);
  troupe_node_destroy (&stand->node);
  stand_join (stand);
  json_decref (map);
}

Test (dict, remembers_the_whole_object_or_what_its_settings_choose)
{
  stand_t stand;
  open_stand (&stand);
  expect_memory (&stand, "one", "{\"model\": \"model\", \"keys\": [\"thought\", \"speak\", \"agreement\"]}",
                 "{\"thought\":\"hm\",\"speak\":\"Yes.\",\"agreement\":true}");
  expect_memory (&stand, "two", "{\"model\": \"model\", \"keys\": [\"speak\"], \"to_memory\": \"thought\"}", "hm");
  expect_memory (&stand, "three", "{\"model\": \"model\", \"keys\": [\"speak\"], \"to_memory\": false}", "Yes.");
  stand_close (&stand);
}

Test (dict, can_be_cancelled_while_its_model_thinks)
{
  stand_t stand;
  troupe_error_t error;
  open_stand (&stand);
  troupe_placeholder_t *late = stand_call (&stand, "agent/dict", "\"late\"", NULL);
  troupe_placeholder_t *behind = stand_call (&stand, "agent/dict", GOOD, NULL);
  while (troupe_placeholder_state (late) < TROUPE_CALL_STORED)
    cr_assert_eq (troupe_loop_turn (stand.loop, DEADLINE_MS), TROUPE_OK);
  troupe_placeholder_cancel (late);
  cr_assert_null (stand_outcome (late, &error));
  cr_assert_eq (error.code, TROUPE_CANCELLED);
  stand_expect (behind, "Yes.");
  stand_close (&stand);
}

Test (dict, is_refused_with_settings_that_make_no_sense)
{
  static const struct {
    const char *settings, *why;
  } wrong[] = {
    {"{\"model\": \"m\", \"keys\": \"speak\"}", "keys: a map of keys"},
    {"{\"model\": \"m\", \"keys\": {\"speak\": \"text\"}}", "speak: there is no type"},
    {"{\"model\": \"m\", \"max_retries\": 17}", "max_retries: 0 to 16"},
    {"{\"model\": \"m\", \"max_retries\": true}", "max_retries: 0 to 16"},
    {"{\"model\": \"m\", \"to_memory\": 1}", "to_memory: "},
    {"{\"keys\": [\"speak\"]}", "no name of a model"},
  };
  stand_t stand;
  open_stand (&stand);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    troupe_error_t error;
    troupe_agent_t *agent = NULL;
    json_t *settings = json_loads (wrong[i].settings, 0, NULL);
    troupe_agent_options_t options = {
      .name = "x", .type = &troupe_agent_dict_dialog, .settings = settings, .concurrency = 1};
    cr_assert_eq (troupe_agent_new (&agent, stand.node, &options, &error), TROUPE_BAD_CONFIG, "%s", wrong[i].settings);
    cr_assert (strstr (error.why, wrong[i].why), "%s", error.why);
    cr_assert_null (agent);
    json_decref (settings);
  }
  stand_close (&stand);
}
