// SPDX-License-Identifier: Apache-2.0
//
// More than can be taken: a peer that never reads large answers, and callers that are faster than what they call. The
// broker's memory stays bounded, whoever is refused hears when to try again, and nobody else notices.

#include "blackbox/harness/stage.h"
#include "troupe/socket.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite (unread, .init = place_enter, .fini = place_leave, .timeout = 180);

enum {
  MIB = 1024 * 1024,
  ANSWERS = 200,    // of a MiB each, for whoever doesn't read them
  DEAF = 12,        // peers
  ROOM = 100 * MIB, // what a sanitizer and libzmq add to a few MiB
  OPEN = 100,       // calls that the broker holds
  MANY = 3000,      // that come
  TEXT = 32 * 1024,
  FLOODS = 3,         // more, of nearly 100 MiB each
  GROWTH = 100 * MIB, // of the broker by these
};

static size_t
resident (const process_t *process)
{
  char path[64];
  unsigned long pages = 0;
  snprintf (path, sizeof path, "/proc/%d/statm", (int)process_pid (process));
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "it has ended");
  cr_assert_eq (fscanf (file, "%*s %lu", &pages), 1);
  fclose (file);
  return pages * (size_t)sysconf (_SC_PAGESIZE);
}

// What a sanitizer keeps of freed memory is none of the broker's.
static void
keep_little (void)
{
  const char *given = getenv ("ASAN_OPTIONS");
  char options[512];
  snprintf (options, sizeof options, "%s%squarantine_size_mb=8", given ? given : "", given && *given ? ":" : "");
  setenv ("ASAN_OPTIONS", options, 1);
}

// -- Large answers -----------------------------------------------------------------------------------------------------

static json_t *big; // a MiB

static void
reply_big (void *context, troupe_task_t *task)
{
  (void)context;
  troupe_task_reply (&task, json_incref (big));
}

static void
send_header (void *socket, const troupe_header_t *header, const json_t *body)
{
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *packed = NULL;
  if (body != NULL)
    cr_assert_eq (troupe_value_pack (body, &packed, NULL), TROUPE_OK);
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert_eq (troupe_socket_send (socket, NULL, 0, bytes, size, packed), 0);
  troupe_buffer_unref (&packed);
}

static void
make_big_calls (stage_t *stage, troupe_node_t *node, troupe_id_t ids[ANSWERS])
{
  for (int i = 0; i < ANSWERS; i++) {
    troupe_placeholder_t *call = stage_call (node, "tool/big", "one", "[]");
    cr_assert_not_null (stage_outcome (stage, call));
    ids[i] = *troupe_placeholder_id (call);
    troupe_placeholder_destroy (&call);
  }
}

// Says hello, asks for the outcomes of all these calls, and reads nothing.
static void *
open_deaf_peer (void *context, const char *name, const troupe_id_t ids[ANSWERS])
{
  void *socket;
  const int one = 1;
  troupe_header_t header;
  json_t *about = json_pack ("{s:s}", "program", "deaf");
  cr_assert_eq (troupe_socket_new (&socket, context, ZMQ_DEALER, NULL), TROUPE_OK);
  cr_assert_eq (zmq_setsockopt (socket, ZMQ_RCVHWM, &one, sizeof one), 0);
  cr_assert_eq (troupe_socket_connect (socket, "ipc://b1.ipc", NULL), TROUPE_OK);
  troupe_header_init (&header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&header, troupe_text (name));
  send_header (socket, &header, about);
  json_decref (about);
  for (int i = 0; i < ANSWERS; i++) {
    troupe_header_init (&header, TROUPE_CMD_AWAIT);
    troupe_header_set_call (&header, &ids[i]);
    troupe_header_set_session (&header, troupe_text ("one"));
    send_header (socket, &header, NULL);
  }
  return socket;
}

// A service that answers with a MiB.
static troupe_node_t *
open_big (stage_t *stage, const char *limits)
{
  keep_little ();
  stage_open (stage, 1, limits);
  troupe_node_t *node = stage_node (stage, "1");
  char *text = calloc (1, MIB);
  memset (text, 'x', MIB - 1);
  big = json_string (text);
  free (text);
  troupe_service_t service = {.name = "tool/big", .credit = 4, .serve = reply_big};
  cr_assert_eq (troupe_node_serve (node, &service, NULL), TROUPE_OK);
  STAGE_UNTIL (stage, stage_instances (stage, 0, "tool/big") == 1);
  return node;
}

Test (unread, a_peer_that_does_not_read_large_answers_is_dropped_and_others_go_on)
{
  stage_t stage;
  troupe_node_t *node = open_big (&stage, "heartbeat: 1s, lease: 20s, message: 2MiB, unread: 8MiB");
  troupe_id_t ids[ANSWERS];
  make_big_calls (&stage, node, ids);
  size_t before = resident (stage.brokers[0]);

  void *context = zmq_ctx_new (), *deaf = open_deaf_peer (context, "deaf-1", ids);
  STAGE_UNTIL (&stage, process_said_error (stage.brokers[0], "deaf-1.*it doesn't read what is sent to it"));
  cr_expect_gt (stage_counter (&stage, 0, "messages_unsent"), 0);
  troupe_placeholder_t *other = stage_call (node, "tool/big", "two", "[]");
  cr_expect_not_null (stage_outcome (&stage, other), "others are served");
  size_t now = resident (stage.brokers[0]);
  cr_expect_lt (now, before + ROOM, "the broker had %zu MiB, and has %zu MiB", before / MIB, now / MIB);
  troupe_socket_close (&deaf, false);
  zmq_ctx_term (context);
  troupe_placeholder_destroy (&other);
  json_decref (big);
  stage_close (&stage);
}

// Each of these takes less than one may, and together they are too much.
Test (unread, of_many_peers_that_do_not_read_all_have_a_bound_and_others_go_on)
{
  stage_t stage;
  troupe_node_t *node =
    open_big (&stage, "heartbeat: 1s, lease: 20s, message: 2MiB, unread: 64MiB, unread_total: 64MiB");
  troupe_id_t ids[ANSWERS];
  make_big_calls (&stage, node, ids);
  size_t before = resident (stage.brokers[0]);
  void *context = zmq_ctx_new (), *deaf[DEAF];
  for (int i = 0; i < DEAF; i++) {
    char name[16];
    snprintf (name, sizeof name, "deaf-%d", i + 1);
    deaf[i] = open_deaf_peer (context, name, ids);
  }
  STAGE_UNTIL (&stage, stage_counter (&stage, 0, "peers_lost") >= DEAF);
  for (int i = 0; i < 10; i++) {
    troupe_placeholder_t *other = stage_call (node, "tool/big", "two", "[]");
    cr_expect_not_null (stage_outcome (&stage, other), "others are served");
    troupe_placeholder_destroy (&other);
  }
  size_t now = resident (stage.brokers[0]);
  cr_expect_lt (now, before + 64 * MIB + ROOM, "the broker had %zu MiB, and has %zu MiB", before / MIB, now / MIB);
  for (int i = 0; i < DEAF; i++)
    troupe_socket_close (&deaf[i], false);
  zmq_ctx_term (context);
  json_decref (big);
  stage_close (&stage);
}

// -- Back-pressure -----------------------------------------------------------------------------------------------------

typedef struct {
  troupe_placeholder_t *calls[MANY];
  unsigned stored, refused, hinted;
} flood_t;

static bool
all_told (flood_t *self)
{
  self->stored = self->refused = self->hinted = 0;
  for (int i = 0; i < MANY; i++) {
    const troupe_error_t *error = troupe_placeholder_error (self->calls[i]);
    self->stored += troupe_placeholder_state (self->calls[i]) == TROUPE_CALL_STORED;
    if (troupe_placeholder_state (self->calls[i]) != TROUPE_CALL_REFUSED)
      continue;
    cr_assert_eq (error->code, TROUPE_OVERLOADED, "%s: %s", troupe_err_name (error->code), error->why);
    self->refused++;
    self->hinted += error->retry_after_ms > 0;
  }
  return self->stored + self->refused == MANY;
}

static void
forget (flood_t *self)
{
  for (int i = 0; i < MANY; i++)
    troupe_placeholder_destroy (&self->calls[i]);
}

// A caller that sends all it has, without waiting for any answer, to a service that does nothing for now.
static void
flood (stage_t *stage, flood_t *self, troupe_node_t *node)
{
  char *text = calloc (1, TEXT);
  memset (text, 'x', TEXT - 1);
  json_t *input = json_pack ("[[s, s], [s, s]]", "hold", "here", "say", "more");
  json_array_append_new (input, json_pack ("[s, {s:s}]", "part", "text", text));
  free (text);
  for (int i = 0; i < MANY; i++) {
    troupe_call_t call = {.service = "tool/slow", .input = input, .session = "one", .deadline_ms = 4 * DEADLINE_MS};
    cr_assert_eq (troupe_node_call (node, &self->calls[i], &call, NULL), TROUPE_OK);
  }
  json_decref (input);
  STAGE_UNTIL (stage, all_told (self));
}

Test (unread, callers_that_are_faster_than_what_they_call_are_told_so_and_when_to_try_again)
{
  static flood_t all, more;
  stage_t stage;
  keep_little ();
  stage_open (&stage, 1, "heartbeat: 1s, lease: 20s, open_calls: 100, mailbox: 100000");
  process_t *worker = stage_player (&stage, "w", "tool/slow", 1), *quick = stage_player (&stage, "q", "tool/quick", 1);
  troupe_node_t *node = stage_node (&stage, "1");
  flood (&stage, &all, node);
  cr_expect_eq (all.stored, OPEN);
  cr_expect_eq (all.refused, MANY - OPEN);
  cr_expect_eq (all.hinted, all.refused, "%u of %u say when to try again", all.hinted, all.refused);
  cr_expect_eq (stage_counter (&stage, 0, "calls_overloaded"), (int)all.refused);
  size_t before = resident (stage.brokers[0]);
  for (int i = 0; i < FLOODS; i++) {
    flood (&stage, &more, node);
    cr_expect_eq (more.hinted, MANY, "%u of %d", more.hinted, MANY);
    forget (&more);
  }
  size_t now = resident (stage.brokers[0]);
  cr_expect_lt (now, before + GROWTH, "the broker had %zu MiB, and has %zu MiB", before / MIB, now / MIB);

  // As soon as it works there is room again, also for others.
  STAGE_UNTIL (&stage, process_said (worker, "hold here"));
  process_send (worker, "go here\n");
  STAGE_UNTIL (&stage, troupe_placeholder_state (all.calls[0]) == TROUPE_CALL_SETTLED);
  troupe_placeholder_t *other = stage_call (node, "tool/quick", "two", "[]");
  stage_expect_reply (&stage, &other, 1, "q");
  forget (&all);
  (void)quick;
  stage_close (&stage);
}
