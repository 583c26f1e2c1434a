// SPDX-License-Identifier: Apache-2.0
//
// What is heard of hubs by subscription, and what is read from the log instead.

#include "rig.h"

#include <stdlib.h>

static rig_t rig;
static probe_t probe;
static troupe_id_t hub;

static void
open (void)
{
  probe = (probe_t){0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "agent/alice", true, 8);
  for (unsigned i = 0; i < 2; i++) {
    troupe_header_t header;
    rig_welcome (&rig, i);
    rig_expect (&rig, i, TROUPE_CMD_REGISTER);
    troupe_header_init (&header, TROUPE_CMD_REGISTERED);
    troupe_header_set_service (&header, troupe_text ("agent/alice"));
    rig_say (&rig, i, &header, NULL);
    rig_skip (&rig, i);
  }
  hub = rig_id (&rig);
}

static void
close (void)
{
  json_decref (probe.last);
  rig_close (&rig);
}

TestSuite (listening, .init = open, .fini = close);

// A task of alice's that has `entries` of the hub's log to hear.
static void
offer_under (uint64_t epoch, uint64_t since, uint64_t position, unsigned entries)
{
  troupe_header_t header;
  troupe_id_t id = rig_id (&rig);
  troupe_header_init (&header, TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &id);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_news (&header, entries);
  troupe_header_set_hub (&header, &hub);
  troupe_header_set_since (&header, since);
  troupe_header_set_position (&header, position);
  troupe_header_set_entries (&header, entries);
  if (epoch > 0)
    troupe_header_set_epoch (&header, epoch);
  rig_say (&rig, 0, &header, json_string ("input"));
  rig_deliver (&rig);
  cr_assert (eq (int, troupe_task_hear (probe.task, probe_recalled, &probe), TROUPE_OK));
  rig_deliver (&rig);
}

static void
offer (uint64_t since, uint64_t position, unsigned entries)
{
  offer_under (0, since, position, entries);
}

// One entry; it says its position.
static void
publish (unsigned broker, uint64_t position)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_t header;
  troupe_buffer_t *body = NULL;
  json_t *text = json_sprintf ("%d", (int)position);
  cr_assert (eq (int, troupe_value_pack (text, &body, NULL), TROUPE_OK));
  json_decref (text);
  troupe_header_init (&header, TROUPE_CMD_SAID);
  troupe_header_set_hub (&header, &hub);
  troupe_header_set_position (&header, position);
  troupe_header_set_steps (&header, &(uint32_t){0}, 1);
  troupe_header_set_sizes (&header, &(uint32_t){(uint32_t)troupe_buffer_size (body)}, 1);
  size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
  node_core_step (
    rig.core,
    &(node_event_t){.kind = NODE_PUBLISHED, .broker = broker, .header = bytes, .header_size = size, .body = body},
    rig.now);
  troupe_buffer_unref (&body);
  rig_deliver (&rig);
}

// Whether the log is read: beside credit and heartbeats nothing else is said.
static bool
asks (void)
{
  while (!rig_quiet (&rig, 0)) {
    rig_read (&rig, 0);
    if (rig.header.command == TROUPE_CMD_HEAR)
      return true;
  }
  return false;
}

static void
answer_from_the_log (unsigned count)
{
  troupe_header_t header;
  json_t *list = json_array ();
  for (unsigned i = 0; i < count; i++)
    json_array_append_new (list, json_string ("logged"));
  cr_assert (asks ());
  troupe_header_init (&header, TROUPE_CMD_HEARD);
  troupe_header_set_request (&header, rig.header.request);
  troupe_header_set_call (&header, &rig.header.call);
  rig_say (&rig, 0, &header, list);
  rig_deliver (&rig);
}

static void
expect_heard (const char *first, unsigned count)
{
  cr_assert (eq (uint, probe.recalled, 1));
  cr_assert (eq (sz, json_array_size (probe.last), count));
  cr_assert_str_eq (json_string_value (json_array_get (probe.last, 0)), first);
  probe.recalled = 0;
  json_decref (probe.last);
  probe.last = NULL;
  troupe_task_reply (&probe.task, json_null ());
  rig_skip (&rig, 0);
}

static void
hear_from_the_log (uint64_t epoch, uint64_t since, uint64_t position, unsigned entries)
{
  offer_under (epoch, since, position, entries);
  answer_from_the_log (entries);
  expect_heard ("logged", entries);
}

// What was said before anybody here was subscribed.
static void
hear_the_first (void)
{
  hear_from_the_log (0, 0, 5, 1);
}

// What was waited for doesn't come.
static void
read_the_log_after (int64_t ms, unsigned entries)
{
  rig_pass (&rig, ms, 3);
  answer_from_the_log (entries);
  expect_heard ("logged", entries);
}

static uint64_t
count (node_counter_t counter)
{
  return node_core_counter (rig.core, counter);
}

Test (listening, begins_with_the_first_offer_at_every_broker)
{
  node_topic_t topic;
  cr_assert (eq (ptr, (void *)(uintptr_t)node_core_wish (rig.core, 0).publish, NULL));
  hear_the_first ();
  for (unsigned i = 0; i < 2; i++) {
    cr_assert_not_null (node_core_wish (rig.core, i).publish);
    cr_assert (not(node_core_wish (rig.core, i).events));
    cr_assert (node_core_topic (rig.core, i, &topic));
    cr_assert (topic.on && troupe_id_equal (&topic.hub, &hub));
    cr_assert (not(node_core_topic (rig.core, i, &topic)));
  }
  node_core_topics_forget (rig.core, 1);
  cr_assert (node_core_topic (rig.core, 1, &topic) && topic.on, "another socket");
}

Test (listening, ends_when_nothing_was_heard_for_a_while)
{
  node_topic_t topic;
  hear_the_first ();
  cr_assert (node_core_topic (rig.core, 0, &topic));
  rig_pass (&rig, 61 * 1000, 3);
  cr_assert (node_core_topic (rig.core, 0, &topic) && !topic.on);
  cr_assert (not(node_core_topic (rig.core, 1, &topic)), "which never was subscribed");
  rig_skip (&rig, 0);
  hear_from_the_log (0, 5, 6, 1);
  cr_assert (node_core_topic (rig.core, 0, &topic) && topic.on);
}

Test (listening, spares_reading_the_log)
{
  hear_the_first ();
  publish (0, 7);
  publish (1, 9);
  offer (5, 10, 2);
  cr_assert (not(asks ()));
  expect_heard ("7", 2);
  cr_assert (eq (ulong, count (NODE_COUNT_HEARD_PUBLISHED), 2));
  cr_assert (eq (ulong, count (NODE_COUNT_HEARD_LOGGED), 1));
}

// As many entries are here as the log has, and yet it may have others.
Test (listening, does_not_trust_what_was_published_before_the_store_s_history_changed)
{
  const uint64_t first = 7 * (uint64_t)TROUPE_GENERATION_SIZE, second = 8 * (uint64_t)TROUPE_GENERATION_SIZE;
  hear_from_the_log (first + 1, first, first + 5, 1);
  publish (0, first + 7);
  hear_from_the_log (second + 1, first + 5, first + 10, 1);
  cr_assert (eq (ulong, count (NODE_COUNT_SAID_DROPPED), 1));
  publish (0, first + 11); // by a broker that stood still
  publish (0, second + 1);
  hear_from_the_log (second + 1, first + 10, second + 2, 2);
  publish (0, second + 3);
  offer_under (second + 1, second + 2, second + 4, 1);
  cr_assert (not(asks ()));
  expect_heard ("800000003", 1);
}

Test (listening, waits_a_moment_for_what_is_missing)
{
  hear_the_first ();
  publish (0, 9);
  offer (5, 10, 2);
  rig_pass (&rig, 5, 3);
  cr_assert (not(asks ()));
  cr_assert (eq (uint, probe.recalled, 0));
  publish (1, 7); // of the other broker
  expect_heard ("7", 2);
}

Test (listening, reads_the_log_when_it_does_not_come)
{
  hear_the_first ();
  publish (0, 7);
  offer (5, 10, 2);
  read_the_log_after (41, 2);
  publish (1, 9); // late
  cr_assert (eq (ulong, count (NODE_COUNT_HEARD_PUBLISHED), 0));
  cr_assert (eq (ulong, count (NODE_COUNT_HEARD_LOGGED), 3));
}

// How long it waits, it learns.
Test (listening, waits_longer_where_it_read_the_log_too_soon)
{
  hear_the_first ();
  publish (0, 7);
  offer (5, 10, 2);
  read_the_log_after (41, 2);
  publish (1, 9); // it was on its way
  publish (0, 11);
  offer (10, 14, 2);
  rig_pass (&rig, 45, 3);
  cr_assert (not(asks ()));
  publish (1, 13);
  expect_heard ("11", 2);
  publish (0, 15);
  offer (14, 18, 2);
  read_the_log_after (81, 2);
  rig_pass (&rig, 300, 3);
  rig_skip (&rig, 0);
  publish (0, 19); // the other one was lost
  offer (18, 22, 2);
  read_the_log_after (11, 2);
}

Test (listening, does_not_wait_where_nothing_ever_came)
{
  hear_the_first ();
  hear_from_the_log (0, 5, 6, 1);
}

Test (listening, a_task_that_ends_meanwhile_is_forgotten)
{
  hear_the_first ();
  publish (0, 7);
  offer (5, 10, 2);
  troupe_task_reply (&probe.task, json_null ());
  cr_assert (not(asks ()));
  publish (0, 9);
  rig_pass (&rig, 60, 3);
  cr_assert (eq (uint, probe.recalled, 0));
}

Test (listening, what_nobody_here_hears_is_dropped)
{
  publish (0, 7);
  cr_assert (eq (ulong, count (NODE_COUNT_FRAMES_UNEXPECTED), 1));
}
