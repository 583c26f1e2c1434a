// SPDX-License-Identifier: Apache-2.0
//
// The library as a programmer of agents meets it (troupe/agent.h): a type of one's own, served by this process in a
// mesh that runs, called by this process.

#include "blackbox/harness/mesh.h"
#include "troupe/agent.h"
#include "troupe/message.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (agent, .init = place_enter, .fini = place_leave);

static troupe_loop_t *loop;
static troupe_node_t *node;
static process_t *up;

static void
join_mesh (void)
{
  static const char *const brokers[] = { "ipc://.troupe/troupe/broker-1.ipc", NULL };
  troupe_error_t error;
  up = mesh_up (mesh_plain);
  cr_assert_eq (troupe_loop_new (&loop), TROUPE_OK);
  cr_assert_eq (troupe_node_new (&node, loop, &(troupe_node_options_t){ .name = "test", .brokers = brokers }, &error),
                TROUPE_OK, "%s", error.why);
}

static void
leave_mesh (troupe_agent_t **agent_p)
{
  troupe_agent_destroy (agent_p);
  troupe_node_destroy (&node);
  troupe_loop_destroy (&loop);
  mesh_down (&up);
}

static troupe_agent_t *
serve (const troupe_agent_type_t *type, const json_t *settings)
{
  troupe_agent_t *agent;
  troupe_error_t error;
  troupe_agent_options_t options = { .name = type->name, .type = type, .settings = settings, .concurrency = 4 };
  cr_assert_eq (troupe_agent_new (&agent, node, &options, &error), TROUPE_OK, "%s", error.why);
  return agent;
}

static troupe_placeholder_t *
call (const char *service, const char *input, const char *session)
{
  json_t *value = json_loads (input, JSON_DECODE_ANY, NULL);
  troupe_placeholder_t *placeholder;
  troupe_error_t error;
  troupe_call_t options = { .service = service, .input = value, .session = session, .wait = true };
  cr_assert_eq (troupe_node_call (node, &placeholder, &options, &error), TROUPE_OK, "%s", error.why);
  json_decref (value);
  return placeholder;
}

// Its outcome, which must be a message with this content.
static void
expect_content (troupe_placeholder_t *placeholder, const char *expected)
{
  cr_assert_eq (troupe_placeholder_wait (placeholder, DEADLINE_MS), TROUPE_OK);
  cr_assert_eq (troupe_placeholder_status (placeholder), TROUPE_STATUS_VALUE, "%s",
                troupe_placeholder_error (placeholder)->why);
  const json_t *reply = troupe_placeholder_value (placeholder);
  cr_assert_str_eq (json_string_value (json_object_get (reply, "content")), expected);
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (troupe_placeholder_id (placeholder), id);
  cr_assert_str_eq (json_string_value (json_object_get (reply, "id")), id);
  cr_assert_str_eq (json_string_value (json_object_get (reply, "role")), "assistant");
  troupe_placeholder_destroy (&placeholder);
}

static void
expect_error (troupe_placeholder_t *placeholder, troupe_err_t expected)
{
  cr_assert_eq (troupe_placeholder_wait (placeholder, DEADLINE_MS), TROUPE_OK);
  cr_assert_eq (troupe_placeholder_error (placeholder)->code, expected, "%s", troupe_placeholder_error (placeholder)->why);
  troupe_placeholder_destroy (&placeholder);
}

// -- A parrot: says how much it remembers, and the last words ---------------------------------------------------------

static void
parrot_reply (void *state, troupe_turn_t *turn)
{
  const json_t *input = troupe_turn_input (turn);
  const json_t *last = json_array_get (input, json_array_size (input) - 1);
  const char *words = json_string_value (json_object_get (last, "content"));
  cr_assert_null (state);
  troupe_turn_reply (&turn,
                     json_sprintf ("%zu: %s", json_array_size (troupe_turn_memory (turn)), words ? words : "(nothing)"),
                     json_pack ("{s:b}", "parrot", 1));
}

static const troupe_agent_type_t parrot = { .name = "parrot", .reply = parrot_reply };

Test (agent, of_an_own_type_hears_and_remembers)
{
  join_mesh ();
  troupe_agent_t *agent = serve (&parrot, NULL);
  expect_content (call ("agent/parrot", "\"Hello\"", "one"), "0: Hello");
  expect_content (call ("agent/parrot", "[{\"name\": \"bob\", \"content\": \"a\"}, {\"name\": \"bob\", \"content\": \"b\"}]", "one"),
                  "2: b");
  expect_content (call ("agent/parrot", "null", "one"), "5: (nothing)");
  expect_content (call ("agent/parrot", "\"Hello\"", "two"), "0: Hello");
  leave_mesh (&agent);
}

Test (agent, that_is_made_again_remembers)
{
  join_mesh ();
  troupe_agent_t *agent = serve (&parrot, NULL);
  expect_content (call ("agent/parrot", "\"Hello\"", "one"), "0: Hello");
  troupe_agent_destroy (&agent);
  troupe_node_destroy (&node);
  static const char *const brokers[] = { "ipc://.troupe/troupe/broker-1.ipc", NULL };
  cr_assert_eq (troupe_node_new (&node, loop, &(troupe_node_options_t){ .name = "test", .brokers = brokers }, NULL), TROUPE_OK);
  agent = serve (&parrot, NULL);
  expect_content (call ("agent/parrot", "\"Again\"", "one"), "2: Again");
  leave_mesh (&agent);
}

// -- A clerk: asks a model, and has a state ---------------------------------------------------------------------------

typedef struct {
  char greeting[32];
  unsigned cancelled;
} clerk_t;

static clerk_t clerk_state;

static troupe_err_t
clerk_open (void **state, const char *agent, const json_t *settings, troupe_error_t *error)
{
  const char *greeting = json_string_value (json_object_get (settings, "greeting"));
  if (!greeting)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, agent, NULL, "a clerk needs a greeting");
  snprintf (clerk_state.greeting, sizeof clerk_state.greeting, "%s", greeting);
  *state = &clerk_state;
  return TROUPE_OK;
}

static void
clerk_answered (void *context, troupe_turn_t *turn, const json_t *value, const troupe_error_t *error)
{
  const clerk_t *self = context;
  if (error)
    troupe_turn_fail (&turn, error);
  else
    troupe_turn_reply (&turn, json_sprintf ("%s %s", self->greeting, json_string_value (json_object_get (value, "content"))),
                       NULL);
}

static void
clerk_reply (void *state, troupe_turn_t *turn)
{
  troupe_error_t error;
  json_t *ask = json_pack ("{s:O}", "messages", troupe_turn_input (turn));
  troupe_err_t code = troupe_turn_ask (turn, "model/talker", ask, false, clerk_answered, state, &error);
  if (code == TROUPE_OK)
    cr_assert_eq (troupe_turn_ask (turn, "model/talker", ask, false, clerk_answered, state, NULL), TROUPE_CONFLICT);
  json_decref (ask);
  if (code != TROUPE_OK)
    troupe_turn_fail (&turn, &error);
}

static void
clerk_cancelled (void *state, troupe_turn_t *turn)
{
  clerk_t *self = state;
  cr_assert_str_eq (troupe_turn_agent (turn), "clerk");
  self->cancelled++;
}

static const troupe_agent_type_t clerk = {
  .name = "clerk", .open = clerk_open, .reply = clerk_reply, .cancelled = clerk_cancelled
};

Test (agent, of_an_own_type_asks_its_model)
{
  join_mesh ();
  json_t *settings = json_pack ("{s:s}", "greeting", "Sir:");
  troupe_agent_t *agent = serve (&clerk, settings);
  expect_content (call ("agent/clerk", "\"Hello\"", NULL), "Sir: turn 1: Hello");
  expect_error (call ("agent/clerk", "\"fail\"", NULL), TROUPE_MODEL_FAILED);
  json_decref (settings);
  leave_mesh (&agent);
}

Test (agent, whose_type_does_not_open_is_not_served)
{
  join_mesh ();
  troupe_agent_t *agent = NULL;
  troupe_error_t error;
  troupe_agent_options_t options = { .name = "clerk", .type = &clerk, .concurrency = 4 };
  cr_assert_eq (troupe_agent_new (&agent, node, &options, &error), TROUPE_BAD_CONFIG);
  cr_assert_str_eq (error.why, "a clerk needs a greeting");
  cr_assert_null (agent);
  leave_mesh (&agent);
}

Test (agent, is_told_when_its_turn_is_cancelled)
{
  join_mesh ();
  json_t *settings = json_pack ("{s:s}", "greeting", "Sir:");
  troupe_agent_t *agent = serve (&clerk, settings);
  expect_content (call ("agent/clerk", "\"Hello\"", "one"), "Sir: turn 1: Hello");
  troupe_placeholder_t *placeholder = call ("agent/clerk", "\"late\"", "one");
  while (troupe_placeholder_state (placeholder) < TROUPE_CALL_STORED)
    cr_assert_eq (troupe_loop_turn (loop, DEADLINE_MS), TROUPE_OK);
  troupe_placeholder_t *behind = call ("agent/clerk", "\"Hello\"", "one");
  troupe_placeholder_cancel (placeholder);
  expect_error (placeholder, TROUPE_CANCELLED);
  // The next one's turn comes once the cancelled one has ended.
  expect_content (behind, "Sir: turn 1: Hello");
  cr_assert_leq (clerk_state.cancelled, 1);
  json_decref (settings);
  leave_mesh (&agent);
}

static json_int_t
model_running (void)
{
  json_t *reports = mesh_report (), *service;
  json_int_t running = -1;
  size_t i;
  json_array_foreach (json_object_get (json_array_get (reports, 0), "services"), i, service)
    if (strcmp (json_string_value (json_object_get (service, "name")), "model/talker") == 0)
      running = json_integer_value (json_object_get (json_array_get (json_object_get (service, "instances"), 0), "running"));
  json_decref (reports);
  return running;
}

// Until the mesh reports that the model runs that many calls.
static void
await_model_running (json_int_t wanted)
{
  int64_t deadline = troupe_loop_now () + DEADLINE_MS;
  while (model_running () != wanted) {
    cr_assert_lt (troupe_loop_now (), deadline);
    cr_assert_eq (troupe_loop_turn (loop, 0), TROUPE_OK);
  }
}

Test (agent, fails_its_turns_when_it_is_destroyed)
{
  join_mesh ();
  json_t *settings = json_pack ("{s:s}", "greeting", "Sir:");
  troupe_agent_t *agent = serve (&clerk, settings);
  expect_content (call ("agent/clerk", "\"Hello\"", "one"), "Sir: turn 1: Hello");
  troupe_placeholder_t *placeholder = call ("agent/clerk", "\"late\"", "one");
  await_model_running (1);
  troupe_agent_destroy (&agent);
  cr_assert_eq (clerk_state.cancelled, 1);
  expect_error (placeholder, TROUPE_CANCELLED);
  await_model_running (0);
  json_decref (settings);
  leave_mesh (&agent);
}
