// SPDX-License-Identifier: Apache-2.0
//
// What waits for connections, counted until libzmq has done with it.

#include "broker/unread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 100 * 1000, SIZE = 30 * 1000, MESSAGES = 4, ONE = 1, OTHER = 2 };

static const char route[5] = {0, 0, 0, 0, 1};

static int
prepare (unread_t *unread, broker_connection_t to, troupe_socket_message_t *out, size_t size)
{
  char *bytes = calloc (1, size);
  troupe_buffer_t *body = NULL;
  cr_assert_eq (troupe_buffer_new (&body, bytes, size), TROUPE_OK);
  int failed = unread_admit (unread, to, NULL, size);
  if (failed == 0)
    failed = unread_prepare (unread, to, out, route, sizeof route, "header", 6, body);
  troupe_buffer_unref (&body);
  free (bytes);
  return failed;
}

Test (unread, nothing_is_added_once_the_limit_waits_and_each_connection_counts_alone)
{
  unread_t *unread;
  troupe_socket_message_t messages[MESSAGES], other, small;
  cr_assert_eq (unread_new (&unread, LIMIT, 0), TROUPE_OK);
  for (int i = 0; i < MESSAGES; i++)
    cr_expect_eq (prepare (unread, ONE, &messages[i], SIZE), 0, "%d", i);
  cr_expect_eq (prepare (unread, ONE, &other, SIZE), EAGAIN);
  cr_expect_eq (prepare (unread, OTHER, &other, SIZE), 0);
  cr_expect_eq (prepare (unread, ONE, &small, UNREAD_LEAST), 0, "its number bounds it");
  troupe_socket_drop_prepared (&small);
  unread_tidy (unread, 10000);
  cr_expect_eq (unread_total (unread), (MESSAGES + 1) * SIZE);
  cr_expect_eq (unread_most (unread), MESSAGES * SIZE);
  troupe_socket_drop_prepared (&messages[0]);
  cr_expect_eq (prepare (unread, ONE, &messages[0], SIZE), 0, "as soon as something is done with");
  for (int i = 0; i < MESSAGES; i++)
    troupe_socket_drop_prepared (&messages[i]);
  unread_tidy (unread, 20000);
  cr_expect_eq (unread_total (unread), SIZE);
  cr_expect_eq (unread_most (unread), SIZE);
  troupe_socket_drop_prepared (&other);
  unread_tidy (unread, 30000);
  cr_expect_eq (unread_total (unread), 0);
  unread_destroy (&unread);
}

// A frame of its own counts as well; and what waits may outlive the broker.
Test (unread, what_waits_at_the_end_harms_nobody)
{
  unread_t *unread;
  troupe_socket_message_t message, other;
  char *frame = calloc (1, LIMIT);
  frame[LIMIT - 1] = 'x';
  cr_assert_eq (unread_new (&unread, LIMIT, 0), TROUPE_OK);
  cr_expect_eq (unread_admit (unread, ONE, NULL, LIMIT), 0);
  cr_expect_eq (unread_prepare_whole (unread, ONE, &message, route, sizeof route, frame, LIMIT), 0);
  cr_expect_eq (unread_admit (unread, ONE, NULL, LIMIT), EAGAIN);
  cr_expect_eq (unread_prepare_whole (unread, ONE, &other, route, sizeof route, frame, 10), 0);
  troupe_socket_drop_prepared (&other);
  unread_destroy (&unread);
  cr_expect_eq (message.count, 2);
  cr_expect_eq (memcmp (zmq_msg_data (&message.frames[1]), frame, LIMIT), 0);
  troupe_socket_drop_prepared (&message);
  free (frame);
}

enum { ROOM = 4, SECOND = 1000 }; // messages for all; ms

// So many messages wait for the connection.
static void
fill (unread_t *unread, broker_connection_t to, troupe_socket_message_t *messages, int count)
{
  for (int i = 0; i < count; i++)
    cr_assert_eq (prepare (unread, to, &messages[i], SIZE), 0, "%d", i);
}

static void
drop (troupe_socket_message_t *messages, int count)
{
  for (int i = 0; i < count; i++)
    troupe_socket_drop_prepared (&messages[i]);
}

Test (unread, whoever_has_most_is_in_the_way_when_all_have_too_much)
{
  unread_t *unread;
  troupe_socket_message_t one[1], other[ROOM - 1], next[1];
  cr_assert_eq (unread_new (&unread, LIMIT, ROOM * SIZE), TROUPE_OK);
  cr_expect_eq (unread_worst (unread), 0);
  fill (unread, ONE, one, 1);
  fill (unread, OTHER, other, ROOM - 1);
  cr_expect_eq (prepare (unread, ONE, next, SIZE), EDQUOT);
  cr_expect_eq (unread_worst (unread), OTHER);
  unread_give_up (unread, OTHER);
  cr_expect_eq (unread_total (unread), ROOM * SIZE, "they are still there");
  cr_expect_eq (unread_worst (unread), ONE);
  fill (unread, ONE, next, 1);
  drop (one, 1);
  drop (next, 1);
  drop (other, ROOM - 1);
  unread_tidy (unread, SECOND);
  cr_expect_eq (unread_total (unread), 0);
  unread_destroy (&unread);
}

// Whatever waits for it.
Test (unread, whoever_took_nothing_for_longest_is_given_up_first)
{
  enum { DEAF = ONE, READER = OTHER, NEW = 3 };
  unread_t *unread;
  troupe_socket_message_t deaf[1], reader[ROOM - 1], new[1];
  cr_assert_eq (unread_new (&unread, LIMIT, ROOM * SIZE), TROUPE_OK);
  unread_tidy (unread, SECOND);
  fill (unread, DEAF, deaf, 1);
  fill (unread, READER, reader, ROOM - 1);
  cr_expect_eq (unread_worst (unread), READER, "neither has read anything");
  drop (reader, 1);
  fill (unread, READER, reader, 1);
  cr_expect_eq (unread_worst (unread), DEAF, "it has read since");
  unread_tidy (unread, 2 * SECOND);
  cr_expect_eq (unread_worst (unread), DEAF);
  drop (reader, 1);
  fill (unread, NEW, new, 1);
  unread_tidy (unread, 3 * SECOND);
  unread_tidy (unread, 4 * SECOND);
  cr_expect_eq (unread_worst (unread), DEAF, "the other ones have been reading later");
  drop (deaf, 1);
  cr_expect_eq (unread_worst (unread), NEW, "it has read nothing");
  drop (new, 1);
  drop (&reader[1], ROOM - 2);
  unread_destroy (&unread);
}

// If libzmq didn't let go of what waits for connections that ended, memory would have no bound.
Test (unread, what_waits_for_those_who_were_given_up_has_a_bound)
{
  unread_t *unread;
  troupe_socket_message_t first[ROOM], second[ROOM], next[1];
  cr_assert_eq (unread_new (&unread, 2 * ROOM * SIZE, ROOM * SIZE), TROUPE_OK);
  fill (unread, ONE, first, ROOM);
  unread_give_up (unread, ONE);
  unread_give_up (unread, ONE);
  fill (unread, ONE, second, ROOM); // it came again over the same connection
  unread_give_up (unread, ONE);
  cr_expect_eq (prepare (unread, OTHER, next, SIZE), ENOBUFS);
  drop (first, ROOM);
  fill (unread, OTHER, next, 1);
  drop (second, ROOM);
  unread_tidy (unread, SECOND);
  unread_tidy (unread, 2 * SECOND);
  drop (next, 1);
  unread_give_up (unread, OTHER);
  unread_destroy (&unread);
}

Test (unread, a_message_that_is_more_than_all_may_have_waits_alone)
{
  unread_t *unread;
  troupe_socket_message_t large[1], next[1];
  cr_assert_eq (unread_new (&unread, LIMIT, SIZE), TROUPE_OK);
  cr_expect_eq (prepare (unread, ONE, large, SIZE + 1), 0);
  cr_expect_eq (prepare (unread, OTHER, next, SIZE + 1), ENOBUFS, "it wouldn't fit without the other one, either");
  cr_expect_eq (prepare (unread, OTHER, next, SIZE), EDQUOT);
  drop (large, 1);
  unread_destroy (&unread);
}

Test (unread, whoever_is_given_up_is_cut_off)
{
  int pair[2], other[2];
  char byte;
  unread_t *unread;
  cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
  cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM, 0, other), 0);
  broker_line_t line = broker_line_of (pair[0]), gone = broker_line_of (other[0]), none = broker_line_of (-1);
  cr_assert_eq (unread_new (&unread, LIMIT, SIZE), TROUPE_OK);
  cr_expect_eq (unread_admit (unread, ONE, &line, SIZE), 0);
  cr_expect_eq (unread_admit (unread, OTHER, &gone, SIZE), 0);
  close (other[0]);
  cr_assert_eq (dup2 (pair[0], other[0]), other[0]); // somebody else's by now
  unread_give_up (unread, OTHER);
  broker_line_cut (&none);
  broker_line_cut (NULL);
  cr_expect_eq (recv (pair[1], &byte, 1, MSG_DONTWAIT), -1, "it goes on");
  unread_give_up (unread, ONE);
  cr_expect_eq (recv (pair[1], &byte, 1, MSG_DONTWAIT), 0, "it has ended");
  unread_destroy (&unread);
}
