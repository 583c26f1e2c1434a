// SPDX-License-Identifier: Apache-2.0
//
// Pipelines in C (troupe/pipeline.h) over a mesh that runs: agents of a type of one's own, a broker and Redis between
// them; and what members of a hub hear of each other in them.

#include "blackbox/library/stand.h"
#include "troupe/pipeline.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (pipelines, .init = place_enter, .fini = place_leave);

// -- A clerk, who adds his initial to what he is given ----------------------------------------------------------------

static const char *
text_of (const json_t *message)
{
  const char *text = json_string_value (json_object_get (message, "content"));
  return text != NULL ? text : "";
}

static void
clerk_reply (void *state, troupe_turn_t *turn)
{
  const json_t *input = troupe_task_input (troupe_turn_task (turn)); // also what he has said himself
  (void)state;
  troupe_turn_reply (&turn, json_sprintf ("%s%c", text_of (input), *troupe_turn_agent (turn)), NULL);
}

static const troupe_agent_type_t clerk = {.name = "clerk", .reply = clerk_reply};

// -- A gossip, who says all that he has heard so far ------------------------------------------------------------------

static void
gossip_reply (void *state, troupe_turn_t *turn)
{
  char text[512] = "";
  size_t i;
  json_t *message;
  (void)state;
  json_array_foreach (troupe_turn_memory (turn), i, message)
    snprintf (text + strlen (text), sizeof text - strlen (text), "(%s)", text_of (message));
  snprintf (text + strlen (text), sizeof text - strlen (text), "%c", *troupe_turn_agent (turn));
  troupe_turn_reply (&turn, json_string (text), NULL);
}

static const troupe_agent_type_t gossip = {.name = "gossip", .reply = gossip_reply};

// -- The stage --------------------------------------------------------------------------------------------------------

static stand_t stand;
static troupe_agent_t *ann, *bob;

static void
begin (const troupe_agent_type_t *type)
{
  stand_open (&stand, mesh_plain);
  ann = stand_serve (&stand, "ann", type);
  bob = stand_serve (&stand, "bob", type);
}

static void
end (void)
{
  troupe_agent_destroy (&ann);
  troupe_agent_destroy (&bob);
  stand_close (&stand);
}

static troupe_pipeline_t *
step (const char *service)
{
  troupe_pipeline_t *out = NULL;
  cr_assert_eq (troupe_pipeline_service (&out, service), TROUPE_OK);
  return out;
}

typedef struct {
  bool over;
  json_t *value;
  troupe_error_t error;
} outcome_t;

static void
done (void *context, troupe_run_t *run, const json_t *value, const troupe_error_t *error)
{
  outcome_t *outcome = context;
  (void)run;
  outcome->over = true;
  outcome->value = value != NULL ? json_deep_copy (value) : NULL;
  if (error != NULL)
    outcome->error = *error;
}

// Runs it with this text (NULL: null); the pipeline stays.
static outcome_t
run (const troupe_pipeline_t *pipeline, const char *text, const troupe_hub_t *hub)
{
  outcome_t outcome = {false};
  troupe_run_t *running = NULL;
  troupe_error_t error;
  json_t *input = text != NULL ? json_pack ("{s:s, s:s}", "name", "me", "content", text) : NULL;
  troupe_run_options_t options = {.node = stand.node,
                                  .input = input,
                                  .session = "s",
                                  .hubs = hub != NULL ? troupe_hub_id (hub) : NULL,
                                  .hubs_count = hub != NULL,
                                  .done = done,
                                  .context = &outcome};
  cr_assert_eq (troupe_pipeline_run (pipeline, &running, &options, &error), TROUPE_OK, "%s", error.why);
  json_decref (input);
  int64_t until = troupe_loop_now () + DEADLINE_MS;
  while (!outcome.over && troupe_loop_now () < until)
    troupe_loop_turn (stand.loop, 100);
  cr_assert (outcome.over, "it doesn't end");
  troupe_run_destroy (&running);
  return outcome;
}

static void
expect (const troupe_pipeline_t *pipeline, const char *text, const char *content)
{
  outcome_t outcome = run (pipeline, text, NULL);
  cr_assert_eq (outcome.error.code, TROUPE_OK, "%s", outcome.error.why);
  cr_expect_str_eq (text_of (outcome.value), content);
  json_decref (outcome.value);
}

// -- Conditions -------------------------------------------------------------------------------------------------------

static bool
is_short (void *context, const json_t *x)
{
  (void)context;
  return strlen (text_of (x)) < 3;
}

static bool
is_long (void *context, const json_t *x)
{
  return !is_short (context, x);
}

static unsigned
by_size (void *context, const json_t *x)
{
  (void)context;
  return (unsigned)strlen (text_of (x));
}

static bool
twice (void *context, unsigned i, const json_t *x)
{
  (void)context;
  (void)x;
  return i < 2;
}

// -- Each of them -----------------------------------------------------------------------------------------------------

Test (pipelines, a_sequence_passes_what_each_says_to_the_next)
{
  troupe_pipeline_t *steps[] = {step ("agent/ann"), step ("agent/bob"), step ("agent/ann")}, *all;
  begin (&clerk);
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 3), TROUPE_OK);
  expect (all, "x", "xaba");
  expect (all, "y", "yaba"); // as often as one likes
  troupe_pipeline_destroy (&all);
  end ();
}

Test (pipelines, a_condition_looks_at_a_reply)
{
  troupe_pipeline_t *steps[2] = {step ("agent/ann")}, *yes = step ("agent/ann"), *no = step ("agent/bob"), *all;
  begin (&clerk);
  cr_assert_eq (troupe_pipeline_ifelse (&steps[1], &yes, &no, is_short, NULL), TROUPE_OK);
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 2), TROUPE_OK);
  expect (all, "x", "xaa");
  expect (all, "xx", "xxab");
  troupe_pipeline_destroy (&all);
  end ();
}

Test (pipelines, a_switch_chooses)
{
  troupe_pipeline_t *cases[2] = {NULL, step ("agent/ann")}, *otherwise = step ("agent/bob"), *all;
  begin (&clerk);
  cr_assert_eq (troupe_pipeline_service (&cases[0], "agent/bob"), TROUPE_OK);
  cr_assert_eq (troupe_pipeline_switch (&all, cases, 2, &otherwise, by_size, NULL), TROUPE_OK);
  expect (all, "x", "xa");
  expect (all, "xxx", "xxxb");
  troupe_pipeline_destroy (&all);
  end ();
}

Test (pipelines, loops_go_on_until_they_are_to_end)
{
  troupe_pipeline_t *body = step ("agent/ann"), *other = step ("agent/bob"), *forloop, *whileloop;
  begin (&clerk);
  cr_assert_eq (troupe_pipeline_forloop (&forloop, &body, 5, is_long, NULL), TROUPE_OK);
  expect (forloop, "x", "xaa");
  cr_assert_eq (troupe_pipeline_whileloop (&whileloop, &other, twice, NULL), TROUPE_OK);
  expect (whileloop, "x", "xbb");
  troupe_pipeline_destroy (&forloop);
  troupe_pipeline_destroy (&whileloop);
  end ();
}

Test (pipelines, an_error_ends_it)
{
  troupe_pipeline_t *steps[] = {step ("agent/alice"), step ("agent/ann"), step ("agent/bob")}, *all;
  begin (&clerk);
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 3), TROUPE_OK);
  outcome_t outcome = run (all, "fail", NULL); // what alice's model is told
  cr_expect_null (outcome.value);
  cr_expect_eq (outcome.error.code, TROUPE_MODEL_FAILED, "%s", outcome.error.why);
  troupe_pipeline_destroy (&all);
  end ();
}

// The branches don't hear each other, and who is called after them hears all.
Test (pipelines, a_fanout_in_a_hub_and_what_follows_it)
{
  static const char *const members[] = {"agent/ann", "agent/bob"};
  troupe_pipeline_t *branches[] = {step ("agent/ann"), step ("agent/bob")}, *fanout, *next = step ("agent/ann");
  troupe_hub_t *hub = NULL;
  troupe_error_t error;
  begin (&gossip);
  json_t *announcement = json_pack ("{s:s, s:s}", "name", "host", "content", "Hi");
  troupe_hub_options_t options = {.session = "s", .members = members, .members_count = 2, .announcement = announcement};
  cr_assert_eq (troupe_hub_open (&hub, stand.node, &options, &error), TROUPE_OK, "%s", error.why);
  json_decref (announcement);
  cr_assert_eq (troupe_pipeline_fanout (&fanout, branches, 2), TROUPE_OK);
  outcome_t outcome = run (fanout, NULL, hub);
  cr_assert_eq (json_array_size (outcome.value), 2, "%s", outcome.error.why);
  cr_expect_str_eq (text_of (json_array_get (outcome.value, 0)), "(Hi)a");
  cr_expect_str_eq (text_of (json_array_get (outcome.value, 1)), "(Hi)b");
  json_decref (outcome.value);
  outcome = run (next, NULL, hub);
  cr_expect_str_eq (text_of (outcome.value), "(Hi)((Hi)a)((Hi)b)a");
  json_decref (outcome.value);
  troupe_hub_close (&hub);
  troupe_pipeline_destroy (&fanout);
  troupe_pipeline_destroy (&next);
  end ();
}
