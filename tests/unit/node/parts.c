// SPDX-License-Identifier: Apache-2.0
//
// Streams: to every broker that asked, from the first part on or not at all, also after the attempt changed.

#include "rig.h"

#include <stdlib.h>
#include <string.h>

static troupe_task_t *
open_task (rig_t *rig, probe_t *probe, troupe_id_t *id, bool read)
{
  troupe_header_t header;
  rig_open (rig, 2);
  rig_welcome (rig, 0);
  rig_welcome (rig, 1);
  rig_serve (rig, probe, "agent/alice", true, 8);
  rig_skip (rig, 0);
  rig_skip (rig, 1);
  *id = rig_id (rig);
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, 1);
  if (read)
    troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  rig_say (rig, 0, &header, json_null ());
  rig_deliver (rig);
  return probe->task;
}

static void
give (troupe_task_t *task, int number)
{
  cr_assert (eq (int, troupe_task_part (task, json_integer (number)), TROUPE_OK));
}

static void
expect_part (rig_t *rig, unsigned broker, unsigned attempt, int number)
{
  rig_expect (rig, broker, TROUPE_CMD_PART);
  cr_assert (eq (ulong, rig->header.attempt, attempt));
  cr_assert (eq (ulong, rig->header.sequence, (unsigned long)number));
  cr_assert (eq (int, *(const char *)troupe_buffer_data (rig->body), number)); // a small integer is its own byte
}

static void
ask_for (rig_t *rig, unsigned broker, const troupe_id_t *id, unsigned attempt)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_STREAM);
  troupe_header_set_call (&header, id);
  troupe_header_set_attempt (&header, attempt);
  rig_say (rig, broker, &header, NULL);
}

Test (parts, whoever_asks_gets_all_of_them)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id, unknown = {{1}};
  troupe_task_t *task = open_task (&rig, &probe, &id, true);
  give (task, 0);
  give (task, 1);
  cr_assert (rig_quiet (&rig, 1));
  ask_for (&rig, 1, &id, 1);
  give (task, 2);
  for (int i = 0; i < 3; i++) {
    expect_part (&rig, 0, 1, i);
    expect_part (&rig, 1, 1, i);
  }
  ask_for (&rig, 1, &id, 1); // one more reader there: the others know these numbers already
  for (int i = 0; i < 3; i++)
    expect_part (&rig, 1, 1, i);
  rig_disconnect (&rig, 1);
  rig_expect (&rig, 0, TROUPE_CMD_GRANT);
  give (task, 3);
  expect_part (&rig, 0, 1, 3);
  ask_for (&rig, 0, &unknown, 1);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 1));
  troupe_task_reply (&task, json_null ());
  rig_skip (&rig, 0);
  ask_for (&rig, 0, &id, 1); // too late
  cr_assert (rig_quiet (&rig, 0));
  rig_close (&rig);
}

Test (parts, a_new_attempt_begins_with_what_was_streamed)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id;
  troupe_task_t *task = open_task (&rig, &probe, &id, true);
  for (int i = 0; i < 3; i++)
    give (task, i);
  rig_disconnect (&rig, 0);
  give (task, 3); // nobody is there to hear it
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_PARTS_DROPPED), 1));
  rig_skip (&rig, 1);
  rig_offer (&rig, 1, "agent/alice", &id, 2); // with the stream flag
  give (task, 4);
  for (int i = 0; i < 4; i++)
    expect_part (&rig, 1, 2, i);
  rig_expect (&rig, 1, TROUPE_CMD_GRANT); // what it takes is this broker's now
  expect_part (&rig, 1, 2, 4);
  rig_offer (&rig, 1, "agent/alice", &id, 3);
  for (int i = 0; i < 5; i++)
    expect_part (&rig, 1, 3, i);
  cr_assert (rig_quiet (&rig, 1));
  troupe_task_reply (&task, json_null ());
  rig_close (&rig);
}

Test (parts, without_the_beginning_there_are_none)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id;
  troupe_task_t *task = open_task (&rig, &probe, &id, false);
  cr_assert (not(troupe_task_streams (task)));
  give (task, 0);
  ask_for (&rig, 1, &id, 1);
  give (task, 1);
  cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1));
  troupe_task_reply (&task, json_null ());
  rig_close (&rig);
}

Test (parts, what_is_kept_is_bounded)
{
  rig_t rig;
  probe_t probe = {0};
  troupe_id_t id;
  troupe_task_t *task = open_task (&rig, &probe, &id, true);
  enum { SIZE = 50 * 1000 };
  char *text = calloc (1, SIZE + 1);
  memset (text, 'x', SIZE);
  for (unsigned i = 0; i < 25; i++) {
    cr_assert (eq (int, troupe_task_part (task, json_string (text)), TROUPE_OK));
    rig_expect (&rig, 0, TROUPE_CMD_PART); // who reads reads on
    cr_assert (eq (ulong, rig.header.sequence, i));
  }
  ask_for (&rig, 1, &id, 1);
  rig_offer (&rig, 0, "agent/alice", &id, 2);
  give (task, 0);
  cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1));
  cr_assert (not(troupe_task_streams (task)));
  free (text);
  troupe_task_reply (&task, json_null ());
  rig_close (&rig);
}

static void
say_part (rig_t *rig, const troupe_id_t *id, unsigned attempt, unsigned sequence)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_PART);
  troupe_header_set_call (&header, id);
  troupe_header_set_attempt (&header, attempt);
  troupe_header_set_sequence (&header, sequence);
  rig_say (rig, 0, &header, json_integer (sequence));
}

Test (parts, a_reader_takes_no_tail_for_the_whole)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_welcome (&rig, 0);
  troupe_placeholder_t *call = rig_call (&rig, &probe, "agent/alice", 0);
  troupe_id_t id = *troupe_placeholder_id (call);
  rig_skip (&rig, 0);
  say_part (&rig, &id, 1, 5);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.parts, 0));
  say_part (&rig, &id, 1, 0);
  say_part (&rig, &id, 1, 1);
  say_part (&rig, &id, 2, 2);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.parts, 2));
  say_part (&rig, &id, 2, 0);
  rig_deliver (&rig);
  cr_assert (eq (uint, probe.parts, 3));
  cr_assert (eq (uint, probe.attempt, 2));
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_PARTS_LATE), 2));
  troupe_placeholder_destroy (&call);
  json_decref (probe.last);
  rig_close (&rig);
}
