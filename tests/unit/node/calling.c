// SPDX-License-Identifier: Apache-2.0
//
// A call from its placeholder to its end, and what may be asked of it meanwhile.

#include "rig.h"

#include <string.h>

Test (calling, accepted_parts_settled)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 1000);
  cr_assert (gt (uint, rig.woken, 0));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_NOT_SENT));
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_MAYBE));
  cr_assert (eq (ulong, rig.header.deadline, 1000));
  cr_assert (eq (ulong, rig.header.flags, TROUPE_FLAG_STREAM));
  cr_assert (troupe_text_equal (rig.header.service, "agent/alice"));
  cr_assert (troupe_text_equal (rig.header.session, troupe_placeholder_session (placeholder)));
  cr_assert (eq (sz, strlen (troupe_placeholder_session (placeholder)), 36));

  troupe_id_t id = *troupe_placeholder_id (placeholder);
  rig_accepted (&rig, 0, &id);
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_STORED));
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_PART);
  troupe_header_set_call (&header, &id);
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_sequence (&header, 0);
  rig_say (&rig, 0, &header, json_string ("a"));
  rig_say (&rig, 0, &header, json_string ("again")); // repeated
  troupe_header_set_attempt (&header, 2);
  rig_say (&rig, 0, &header, json_string ("b"));
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_string ("done"));
  cr_assert (eq (uint, probe.parts + probe.settled, 0)); // only from the loop
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.parts, 2));
  cr_assert (eq (uint, probe.attempt, 2));
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert_str_eq (json_string_value (troupe_placeholder_value (placeholder)), "done");
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_VALUE));
  cr_assert (eq (int, troupe_placeholder_error (placeholder)->code, TROUPE_OK));

  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_string ("twice"));
  rig_accepted (&rig, 0, &id);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 2));
  troupe_placeholder_destroy (&placeholder);
  json_decref (probe.last);
  rig_close (&rig);
}

Test (calling, refused)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alcie", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_refuse (&rig, 0, TROUPE_CMD_CALL, troupe_placeholder_id (placeholder), 0, TROUPE_UNKNOWN_SERVICE);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (int, troupe_placeholder_state (placeholder), TROUPE_CALL_REFUSED));
  cr_assert (eq (int, troupe_placeholder_status (placeholder), TROUPE_STATUS_ERROR));
  cr_assert (eq (int, troupe_placeholder_error (placeholder)->code, TROUPE_UNKNOWN_SERVICE));
  cr_assert_null (troupe_placeholder_value (placeholder));
  troupe_placeholder_destroy (&placeholder);
  rig_close (&rig);
}

Test (calling, cancel_before_and_after_sending)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t *unsent = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_placeholder_cancel (unsent);
  cr_assert (eq (uint, probe.settled, 0));
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 1));
  cr_assert (eq (int, troupe_placeholder_status (unsent), TROUPE_STATUS_CANCELLED));

  rig_welcome (&rig, 0);
  cr_assert (rig_quiet (&rig, 0));
  troupe_placeholder_t *sent = rig_call (&rig, &probe, "agent/alice", 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  troupe_placeholder_cancel (sent);
  troupe_placeholder_cancel (sent);
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  cr_assert (troupe_header_has (&rig.header, TROUPE_F (SESSION)));
  cr_assert (rig_quiet (&rig, 0));
  rig_disconnect (&rig, 0);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_expect (&rig, 0, TROUPE_CMD_CANCEL);
  rig_settled (&rig, 0, troupe_placeholder_id (sent), TROUPE_STATUS_CANCELLED, NULL);
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_placeholder_status (sent), TROUPE_STATUS_CANCELLED));
  cr_assert (eq (uint, probe.settled, 2));
  troupe_placeholder_destroy (&unsent);
  troupe_placeholder_destroy (&sent);
  rig_close (&rig);
}

Test (calling, a_forgotten_call_is_sent_all_the_same)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t *placeholder = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_id_t id = *troupe_placeholder_id (placeholder);
  troupe_placeholder_destroy (&placeholder);
  cr_assert_null (placeholder);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_CALL);
  rig_accepted (&rig, 0, &id);
  rig_settled (&rig, 0, &id, TROUPE_STATUS_VALUE, json_null ());
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.settled, 0));
  rig_close (&rig);
}

static void
destroy_own (void *context, troupe_placeholder_t *placeholder)
{
  troupe_placeholder_t **own = context;
  cr_assert (eq (ptr, *own, placeholder));
  troupe_placeholder_destroy (own);
}

Test (calling, a_function_may_destroy_its_placeholder)
{
  rig_t rig;
  json_t *input = json_null ();
  troupe_placeholder_t *placeholder = NULL;
  troupe_call_t call = {.service = "agent/alice", .input = input, .settled = destroy_own, .context = &placeholder};
  rig_open (&rig, 1);
  cr_assert (eq (int, node_core_call (rig.core, &placeholder, &call, rig.now, NULL), TROUPE_OK));
  troupe_placeholder_cancel (placeholder);
  rig_deliver (&rig);
  cr_assert_null (placeholder);
  rig_close (&rig);
}

Test (calling, what_is_checked_first)
{
  rig_t rig;
  char name[200], *large = malloc (200 * 1000);
  troupe_error_t error = {0};
  troupe_placeholder_t *placeholder = NULL;
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  memset (name, 'x', sizeof name);
  name[sizeof name - 1] = '\0';
  memset (large, 'x', 200 * 1000);
  json_t *input = json_stringn (large, 200 * 1000);
  const struct {
    troupe_call_t call;
    troupe_err_t err;
  } cases[] = {
    {{.service = NULL}, TROUPE_BAD_ARGUMENT},
    {{.service = "alice"}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .session = ""}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .session = "a b"}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .session = name}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .deadline_ms = -1}, TROUPE_BAD_ARGUMENT},
    {{.service = "agent/alice", .input = input}, TROUPE_TOO_LARGE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_assert (eq (int, node_core_call (rig.core, &placeholder, &cases[i].call, rig.now, &error), cases[i].err));
  cr_assert_not_null (strstr (error.why, "200005"));
  cr_assert_not_null (strstr (error.why, "100000"));
  cr_assert_null (placeholder);
  json_decref (input);
  free (large);
  rig_close (&rig);
}

Test (calling, open_calls_are_bounded)
{
  rig_t rig;
  enum { MOST = 100 * 1000 };
  troupe_error_t error = {0};
  rig_open (&rig, 1);
  troupe_placeholder_t **all = calloc (MOST, sizeof (troupe_placeholder_t *)), *one = NULL;
  troupe_call_t call = {.service = "agent/alice"};
  for (int i = 0; i < MOST; i++)
    all[i] = rig_call (&rig, NULL, "agent/alice", 0);
  cr_assert (eq (int, node_core_call (rig.core, &one, &call, rig.now, &error), TROUPE_OVERLOADED));
  cr_assert (gt (uint, error.retry_after_ms, 0));
  rig_welcome (&rig, 0);
  for (int i = 0; i < MOST; i++) {
    if (i % 1000 == 0)
      rig_pass (&rig, 0, 1);
    rig_expect (&rig, 0, TROUPE_CMD_CALL);
    cr_assert (troupe_id_equal (&rig.header.call, troupe_placeholder_id (all[i])));
  }
  for (int i = 0; i < MOST; i++)
    troupe_placeholder_destroy (&all[i]);
  free (all);
  rig_close (&rig);
}

Test (calling, placeholders_may_outlive_the_node)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *open = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_placeholder_t *settled = rig_call (&rig, &probe, "agent/alice", 0);
  rig_skip (&rig, 0);
  rig_settled (&rig, 0, troupe_placeholder_id (settled), TROUPE_STATUS_VALUE, json_null ());
  rig_close (&rig);
  troupe_placeholder_cancel (open);
  troupe_placeholder_destroy (&open);
  troupe_placeholder_destroy (&settled);
  cr_assert (eq (uint, probe.settled, 0));
}
