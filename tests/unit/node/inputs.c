// SPDX-License-Identifier: Apache-2.0
//
// Inputs of calls: what the caller may name, what goes out, and what the service gets.

#include "rig.h"

#include <stdlib.h>
#include <string.h>

static troupe_err_t
call_with (rig_t *rig, troupe_placeholder_t **out, const char *input, troupe_placeholder_t *const *inputs,
           unsigned count, bool is_volatile)
{
  json_t *json = json_loads (input, JSON_DECODE_ANY, NULL);
  troupe_call_t call = {
    .service = "agent/bob", .input = json, .inputs = inputs, .inputs_count = count, .is_volatile = is_volatile};
  cr_assert_not_null (json);
  troupe_err_t err = node_core_call (rig->core, out, &call, rig->now, NULL);
  json_decref (json);
  return err;
}

Test (inputs, go_out_behind_the_calls_that_they_are)
{
  rig_t rig;
  rig_open (&rig, 2);
  rig_welcome (&rig, 0);
  rig_welcome (&rig, 1);
  troupe_placeholder_t *input = rig_call (&rig, NULL, "agent/alice", 0), *call = NULL;
  cr_assert (eq (int, call_with (&rig, &call, "[{\"$input\": 0}]", &input, 1, false), TROUPE_OK));
  cr_assert_str_eq (troupe_placeholder_session (call), troupe_placeholder_session (input));
  for (unsigned broker = 0; broker < 2; broker++) {
    rig_expect (&rig, broker, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (input)));
    rig_expect (&rig, broker, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (call)));
    cr_assert (eq (uint, rig.header.inputs_count, 1));
    cr_assert (troupe_id_equal (&rig.header.inputs[0], troupe_placeholder_id (input)));
    rig_disconnect (&rig, 0);
  }
  // The input has to be sent once more, so that it comes behind.
  rig_refuse (&rig, 1, TROUPE_CMD_CALL, troupe_placeholder_id (input), 0, TROUPE_STORE_UNAVAILABLE);
  rig_refuse (&rig, 1, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, TROUPE_UNKNOWN_CALL);
  cr_assert (eq (int, troupe_placeholder_state (call), TROUPE_CALL_MAYBE));
  rig_pass (&rig, 300, 2);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  rig_expect (&rig, 1, TROUPE_CMD_CALL);
  rig_accepted (&rig, 1, troupe_placeholder_id (input));
  rig_refuse (&rig, 1, TROUPE_CMD_CALL, troupe_placeholder_id (call), 0, TROUPE_UNKNOWN_CALL); // the last word
  cr_assert (eq (int, troupe_placeholder_error (call)->code, TROUPE_UNKNOWN_CALL));
  troupe_placeholder_destroy (&call);
  troupe_placeholder_destroy (&input);
  rig_close (&rig);
}

Test (inputs, what_is_checked_first)
{
  rig_t rig;
  troupe_placeholder_t *all[TROUPE_INPUTS_MAX + 1], *call = NULL, *free_one = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *input = rig_call (&rig, NULL, "agent/alice", 0);
  troupe_placeholder_t *other = rig_call (&rig, NULL, "agent/alice", 0);
  rig_skip (&rig, 0);
  for (int i = 0; i <= TROUPE_INPUTS_MAX; i++)
    all[i] = input;
  cr_assert (eq (int, call_with (&rig, &call, "0", all, TROUPE_INPUTS_MAX + 1, false), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, call_with (&rig, &call, "{\"$input\": 1}", all, 1, false), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, call_with (&rig, &call, "[{\"a\": {\"$input\": -1}}]", all, 1, false), TROUPE_BAD_ARGUMENT));
  cr_assert (eq (int, call_with (&rig, &call, "0", all, 1, true), TROUPE_BAD_ARGUMENT));
  all[1] = other; // of another session
  cr_assert (eq (int, call_with (&rig, &call, "0", all, 2, false), TROUPE_BAD_ARGUMENT));
  troupe_call_t made = {.service = "tool/echo", .session = troupe_placeholder_session (input), .is_volatile = true};
  cr_assert (eq (int, node_core_call (rig.core, &free_one, &made, rig.now, NULL), TROUPE_OK));
  cr_assert (eq (int, call_with (&rig, &call, "0", &free_one, 1, false), TROUPE_BAD_ARGUMENT));
  rig_refuse (&rig, 0, TROUPE_CMD_CALL, troupe_placeholder_id (other), 0, TROUPE_UNKNOWN_SERVICE);
  cr_assert (eq (int, call_with (&rig, &call, "0", &other, 1, false), TROUPE_UNKNOWN_SERVICE));
  all[1] = input; // twice the same, and maps that are no references
  cr_assert (
    eq (int, call_with (&rig, &call, "[{\"$input\": \"x\"}, {\"$input\": 5, \"more\": 1}]", all, 2, false), TROUPE_OK));
  troupe_placeholder_destroy (&call);
  troupe_placeholder_destroy (&free_one);
  troupe_placeholder_destroy (&input);
  troupe_placeholder_destroy (&other);
  rig_close (&rig);
}

// An offer whose body is the texts, packed one behind the other; all but the first are inputs.
static void
offer (rig_t *rig, const char *const *texts, unsigned count, uint32_t last_size)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  char packed[1024];
  size_t size = 0;
  uint32_t sizes[8];
  troupe_header_t header;
  troupe_buffer_t *body = NULL;
  for (unsigned i = 0; i < count; i++) {
    json_t *json = json_loads (texts[i], JSON_DECODE_ANY, NULL);
    cr_assert (eq (int, troupe_value_pack (json, &body, NULL), TROUPE_OK));
    memcpy (packed + size, troupe_buffer_data (body), troupe_buffer_size (body));
    size += troupe_buffer_size (body);
    if (i > 0)
      sizes[i - 1] = (uint32_t)troupe_buffer_size (body);
    troupe_buffer_unref (&body);
    json_decref (json);
  }
  if (last_size > 0)
    sizes[count - 2] = last_size;
  troupe_id_t id = rig_id (rig);
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, 1);
  if (count > 1)
    troupe_header_set_sizes (&header, sizes, count - 1);
  cr_assert (eq (int, troupe_buffer_new (&body, packed, size), TROUPE_OK));
  node_event_t event = {NODE_RECEIVED, 0, bytes, troupe_header_encode (&header, bytes, sizeof bytes), body};
  node_core_step (rig->core, &event, rig->now);
  troupe_buffer_unref (&body);
  rig_deliver (rig);
}

Test (inputs, stand_where_they_belong)
{
  static const struct {
    const char *texts[4];
    unsigned count;
    const char *expected; // NULL: bad_message
    uint32_t last_size;
  } cases[] = {
    {{"{\"$input\": 0}", "\"whole\""}, 2, "\"whole\"", 0},
    {{"[{\"$input\": 1}, {\"a\": {\"$input\": 0}, \"b\": [{\"$input\": 1}]}]", "{\"x\": 1}", "[2]"},
     3,
     "[[2], {\"a\": {\"x\": 1}, \"b\": [[2]]}]",
     0},
    {{"{\"$input\": 0}"}, 1, "{\"$input\": 0}", 0},                              // no inputs: data
    {{"[{\"$input\": 0}]", "{\"$input\": 1}", "7"}, 3, "[{\"$input\": 1}]", 0},  // values are not looked into
    {{"[{\"$input\": 0, \"y\": 1}]", "7"}, 2, "[{\"$input\": 0, \"y\": 1}]", 0}, // another map
    {{"[{\"$input\": 1}]", "7"}, 2, NULL, 0},
    {{"[{\"$input\": -1}]", "7"}, 2, NULL, 0},
    {{"[1]", "7"}, 2, NULL, 100}, // longer than the body
    {{"[1]", "[7]"}, 2, NULL, 1}, // half a value
  };
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  rig_serve (&rig, &probe, "agent/alice", true, 8);
  rig_skip (&rig, 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unsigned served = probe.served;
    offer (&rig, cases[i].texts, cases[i].count, cases[i].last_size);
    cr_assert (eq (uint, probe.served - served, cases[i].expected != NULL));
    if (cases[i].expected != NULL) {
      json_t *expected = json_loads (cases[i].expected, JSON_DECODE_ANY, NULL);
      cr_assert_eq (json_equal (troupe_task_input (probe.task), expected), 1);
      json_decref (expected);
      troupe_task_reply (&probe.task, json_null ());
    }
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
    cr_assert (eq (ulong, rig.header.status, cases[i].expected != NULL ? TROUPE_STATUS_VALUE : TROUPE_STATUS_ERROR));
  }
  rig_close (&rig);
}
