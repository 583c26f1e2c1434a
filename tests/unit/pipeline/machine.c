// SPDX-License-Identifier: Apache-2.0
//
// The machine that runs pipelines, in a world that notes each call and answers when the test says so. A call of service
// "tool/a" with "x" is answered by "a(x)"; of "tool/fail" by an error.

#include "pipeline/machine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { CALLS_MAX = 64 };

typedef struct {
  char service[64];
  char input[256]; // as JSON
  unsigned fan;
  bool more;
  void *inputs[TROUPE_INPUTS_MAX];
  json_t *value; // NULL: not answered
  troupe_error_t error;
  bool released;
} call_t;

static call_t calls[CALLS_MAX];
static unsigned calls_count;

static troupe_err_t
make_call (void *world, void **reply, const char *service, const json_t *input, void *const *inputs,
           unsigned inputs_count, unsigned fan, bool more, troupe_error_t *error)
{
  cr_assert_null (world);
  if (strcmp (service, "tool/refused") == 0)
    return troupe_error_set (error, TROUPE_OVERLOADED, service, NULL, "refused");
  call_t *call = &calls[calls_count++];
  char *text = json_dumps (input, JSON_ENCODE_ANY | JSON_COMPACT);
  snprintf (call->service, sizeof call->service, "%s", service);
  snprintf (call->input, sizeof call->input, "%s", text);
  free (text);
  call->fan = fan;
  call->more = more;
  for (unsigned i = 0; i < inputs_count; i++)
    call->inputs[i] = inputs[i];
  *reply = call;
  return TROUPE_OK;
}

static bool
look (void *world, void *reply, const json_t **value, const troupe_error_t **error)
{
  call_t *call = reply;
  (void)world;
  cr_assert (!call->released);
  if (call->error.code != TROUPE_OK)
    *error = &call->error;
  else
    *value = call->value;
  return call->value || call->error.code != TROUPE_OK;
}

static void
release (void *world, void *reply)
{
  call_t *call = reply;
  (void)world;
  cr_assert (!call->released, "released twice");
  call->released = true;
}

static const machine_world_t world = {make_call, look, release};

static void
answer (unsigned n, const char *value)
{
  cr_assert_lt (n, calls_count);
  calls[n].value = json_string (value);
}

static troupe_pipeline_t *
service (const char *name)
{
  troupe_pipeline_t *out;
  cr_assert_eq (troupe_pipeline_service (&out, name), TROUPE_OK);
  return out;
}

static machine_t *
start (const troupe_pipeline_t *pipeline, const char *input)
{
  machine_t *machine;
  json_t *x = input ? json_string (input) : NULL;
  cr_assert_eq (machine_new (&machine, pipeline, x, &world, NULL), TROUPE_OK);
  json_decref (x);
  return machine;
}

// The pipeline must not be done.
static void
expect_waiting (machine_t *machine)
{
  const json_t *value;
  const troupe_error_t *error;
  cr_assert (!machine_step (machine, &value, &error));
}

static void
expect_result (machine_t *machine, const char *expected)
{
  const json_t *value;
  const troupe_error_t *error;
  cr_assert (machine_step (machine, &value, &error));
  cr_assert_null (error, "%s", error ? error->why : "");
  char *text = json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT);
  cr_assert_str_eq (text, expected);
  free (text);
}

static void
end (machine_t **machine_p, troupe_pipeline_t **pipeline_p)
{
  machine_destroy (machine_p);
  troupe_pipeline_destroy (pipeline_p);
  for (unsigned i = 0; i < calls_count; i++) {
    cr_assert (calls[i].released, "call %u is held for ever", i);
    json_decref (calls[i].value);
  }
}

Test (machine, of_no_steps_returns_its_input)
{
  troupe_pipeline_t *none;
  cr_assert_eq (troupe_pipeline_sequential (&none, NULL, 0), TROUPE_OK);
  machine_t *machine = start (none, "x");
  expect_result (machine, "\"x\"");
  end (&machine, &none);
}

Test (machine, makes_all_calls_of_a_sequence_at_once)
{
  troupe_pipeline_t *steps[] = {service ("tool/a"), service ("tool/b"), service ("tool/c")}, *all;
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 3), TROUPE_OK);
  cr_assert_null (steps[0]);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  cr_assert_eq (calls_count, 3);
  cr_assert_str_eq (calls[0].input, "\"x\"");
  cr_assert_str_eq (calls[1].input, "{\"$input\":0}");
  cr_assert_eq (calls[1].inputs[0], &calls[0]);
  cr_assert_eq (calls[2].inputs[0], &calls[1]);
  cr_assert (calls[0].released, "nobody needs it any more");
  answer (2, "c");
  expect_result (machine, "\"c\"");
  end (&machine, &all);
}

static bool
is_yes (void *context, const json_t *x)
{
  ++*(unsigned *)context;
  return json_is_string (x) && strcmp (json_string_value (x), "yes") == 0;
}

Test (machine, waits_for_what_a_condition_looks_at)
{
  unsigned asked = 0;
  troupe_pipeline_t *then = service ("tool/then"), *otherwise = service ("tool/else"), *steps[2], *all;
  steps[0] = service ("tool/ask");
  cr_assert_eq (troupe_pipeline_ifelse (&steps[1], &then, &otherwise, is_yes, &asked), TROUPE_OK);
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 2), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  cr_assert_eq (calls_count, 1);
  cr_assert_eq (asked, 0);
  answer (0, "yes");
  expect_waiting (machine);
  cr_assert_eq (asked, 1);
  cr_assert_str_eq (calls[1].service, "tool/then");
  answer (1, "done");
  expect_result (machine, "\"done\"");
  end (&machine, &all);
}

Test (machine, passes_x_on_where_there_is_no_else)
{
  unsigned asked = 0;
  troupe_pipeline_t *then = service ("tool/then"), *all;
  cr_assert_eq (troupe_pipeline_ifelse (&all, &then, NULL, is_yes, &asked), TROUPE_OK);
  machine_t *machine = start (all, "no");
  expect_result (machine, "\"no\"");
  cr_assert_eq (calls_count, 0);
  end (&machine, &all);
}

static unsigned
by_length (void *context, const json_t *x)
{
  (void)context;
  return (unsigned)json_string_length (x);
}

Test (machine, switches_and_has_a_default)
{
  static const char *const inputs[] = {"", "1", "22", "4444"};
  static const char *const expected[] = {"tool/zero", "tool/one", "tool/other", "tool/other"};
  troupe_pipeline_t *cases[] = {service ("tool/zero"), service ("tool/one")}, *other = service ("tool/other"), *all;
  cr_assert_eq (troupe_pipeline_switch (&all, cases, 2, &other, by_length, NULL), TROUPE_OK);
  for (unsigned i = 0; i < 4; i++) {
    machine_t *machine = start (all, inputs[i]);
    expect_waiting (machine);
    cr_assert_str_eq (calls[i].service, expected[i]);
    machine_destroy (&machine);
  }
  machine_t *machine = NULL;
  end (&machine, &all);
}

Test (machine, loops_at_most_so_often)
{
  troupe_pipeline_t *body = service ("tool/a"), *all;
  cr_assert_eq (troupe_pipeline_forloop (&all, &body, 3, NULL, NULL), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  cr_assert_eq (calls_count, 3, "nothing is looked at, so all are made at once");
  answer (2, "third");
  expect_result (machine, "\"third\"");
  end (&machine, &all);
}

Test (machine, leaves_a_loop_when_the_output_says_so)
{
  unsigned asked = 0;
  troupe_pipeline_t *body = service ("tool/a"), *all;
  cr_assert_eq (troupe_pipeline_forloop (&all, &body, 10, is_yes, &asked), TROUPE_OK);
  machine_t *machine = start (all, "yes");
  expect_waiting (machine);
  cr_assert_eq (asked, 0, "the input was asked for");
  answer (0, "no");
  expect_waiting (machine);
  answer (1, "yes");
  expect_result (machine, "\"yes\"");
  cr_assert_eq (calls_count, 2);
  end (&machine, &all);
}

static bool
twice (void *context, unsigned i, const json_t *x)
{
  json_array_append_new (context, json_pack ("[i, O]", (int)i, x));
  return i < 2;
}

Test (machine, asks_a_while_loop_first)
{
  json_t *seen = json_array ();
  troupe_pipeline_t *body = service ("tool/a"), *all;
  cr_assert_eq (troupe_pipeline_whileloop (&all, &body, twice, seen), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  answer (0, "y");
  expect_waiting (machine);
  answer (1, "z");
  expect_result (machine, "\"z\"");
  char *text = json_dumps (seen, JSON_COMPACT);
  cr_assert_str_eq (text, "[[0,\"x\"],[1,\"y\"],[2,\"z\"]]");
  free (text);
  json_decref (seen);
  end (&machine, &all);
}

Test (machine, fans_out_and_answers_in_order)
{
  troupe_pipeline_t *two[] = {service ("tool/b1"), service ("tool/b2")}, *branches[3], *steps[2], *all;
  branches[0] = service ("tool/a");
  cr_assert_eq (troupe_pipeline_sequential (&branches[1], two, 2), TROUPE_OK);
  branches[2] = service ("tool/c");
  cr_assert_eq (troupe_pipeline_fanout (&steps[0], branches, 3), TROUPE_OK);
  steps[1] = service ("tool/judge");
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 2), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  cr_assert_eq (calls_count, 5);
  cr_assert_neq (calls[0].fan, 0);
  cr_assert_eq (calls[0].fan, calls[3].fan);
  cr_assert_eq (calls[1].fan, 0);
  cr_assert (calls[0].more && !calls[1].more && !calls[3].more, "the second branch's first call is in no group");
  cr_assert_str_eq (calls[4].input, "[{\"$input\":0},{\"$input\":1},{\"$input\":2}]");
  cr_assert_eq (calls[4].inputs[1], &calls[2]);
  answer (4, "all");
  expect_result (machine, "\"all\"");
  end (&machine, &all);
}

Test (machine, gives_the_list_of_a_fan_out)
{
  troupe_pipeline_t *branches[] = {service ("tool/a"), NULL, service ("tool/c")}, *all;
  cr_assert_eq (troupe_pipeline_fanout (&all, branches, 3), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  answer (1, "c");
  expect_waiting (machine);
  answer (0, "a");
  expect_result (machine, "[\"a\",\"x\",\"c\"]");
  end (&machine, &all);
}

Test (machine, sends_values_beyond_sixteen_inputs)
{
  troupe_pipeline_t *branches[20], *steps[2], *all;
  for (unsigned i = 0; i < 20; i++)
    branches[i] = service ("tool/a");
  cr_assert_eq (troupe_pipeline_fanout (&steps[0], branches, 20), TROUPE_OK);
  steps[1] = service ("tool/judge");
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 2), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  cr_assert_eq (calls_count, 20);
  for (unsigned i = 16; i < 20; i++)
    answer (i, "late");
  expect_waiting (machine);
  cr_assert_eq (calls_count, 21);
  cr_assert_not_null (strstr (calls[20].input, "{\"$input\":15},\"late\",\"late\""), "%s", calls[20].input);
  end (&machine, &all);
}

Test (machine, ends_with_the_first_error_that_is_looked_at)
{
  unsigned asked = 0;
  troupe_pipeline_t *then = service ("tool/then"), *steps[2], *all;
  const json_t *value;
  const troupe_error_t *error;
  steps[0] = service ("tool/fail");
  cr_assert_eq (troupe_pipeline_ifelse (&steps[1], &then, NULL, is_yes, &asked), TROUPE_OK);
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 2), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  troupe_error_set (&calls[0].error, TROUPE_MODEL_FAILED, "tool/fail", NULL, "it failed");
  cr_assert (machine_step (machine, &value, &error));
  cr_assert_eq (error->code, TROUPE_MODEL_FAILED);
  cr_assert_eq (asked, 0);
  end (&machine, &all);
}

Test (machine, ends_with_a_call_that_is_refused)
{
  troupe_pipeline_t *branches[] = {service ("tool/a"), service ("tool/refused")}, *all;
  const json_t *value;
  const troupe_error_t *error;
  cr_assert_eq (troupe_pipeline_fanout (&all, branches, 2), TROUPE_OK);
  machine_t *machine = start (all, "x");
  cr_assert (machine_step (machine, &value, &error));
  cr_assert_eq (error->code, TROUPE_OVERLOADED);
  end (&machine, &all);
}

Test (machine, can_be_left_in_the_middle)
{
  unsigned asked = 0;
  troupe_pipeline_t *body = service ("tool/a"), *branches[2], *all;
  cr_assert_eq (troupe_pipeline_forloop (&branches[0], &body, 5, is_yes, &asked), TROUPE_OK);
  branches[1] = service ("tool/b");
  cr_assert_eq (troupe_pipeline_fanout (&all, branches, 2), TROUPE_OK);
  machine_t *machine = start (all, "x");
  expect_waiting (machine);
  end (&machine, &all);
}

Test (building, runs_a_pipeline_again_and_again)
{
  troupe_pipeline_t *steps[] = {service ("tool/a"), service ("tool/b")}, *all;
  cr_assert_eq (troupe_pipeline_sequential (&all, steps, 2), TROUPE_OK);
  machine_t *first = start (all, "1"), *second = start (all, "2");
  expect_waiting (first);
  expect_waiting (second);
  answer (3, "second");
  answer (1, "first");
  expect_result (second, "\"second\"");
  expect_result (first, "\"first\"");
  machine_destroy (&second);
  end (&first, &all);
}

Test (building, refuses_what_is_no_service)
{
  troupe_pipeline_t *out;
  cr_assert_eq (troupe_pipeline_service (&out, "alice"), TROUPE_BAD_ARGUMENT);
  cr_assert_null (out);
}

Test (building, has_limits)
{
  troupe_pipeline_t *inner = service ("tool/a"), *out = NULL;
  troupe_err_t err = TROUPE_OK;
  unsigned depth = 0;
  while (err == TROUPE_OK) {
    err = troupe_pipeline_sequential (&out, &inner, 1);
    inner = out;
    depth++;
  }
  cr_assert_eq (err, TROUPE_TOO_DEEP);
  cr_assert_null (out);
  cr_assert_eq (depth, TROUPE_PIPELINE_DEPTH_MAX);

  troupe_pipeline_t **many = calloc (TROUPE_PIPELINE_STEPS_MAX + 1, sizeof *many);
  many[0] = service ("tool/a");
  cr_assert_eq (troupe_pipeline_fanout (&out, many, TROUPE_PIPELINE_STEPS_MAX + 1), TROUPE_TOO_LARGE);
  cr_assert_null (many[0], "taken over, and gone");
  free (many);
}
