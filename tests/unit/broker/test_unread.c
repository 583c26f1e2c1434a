// SPDX-License-Identifier: Apache-2.0
//
// What waits for connections, counted until libzmq has done with it.

#include "broker/unread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

enum { LIMIT = 100 * 1000, SIZE = 30 * 1000, MESSAGES = 4, ONE = 1, OTHER = 2 };

static const char route[5] = {0, 0, 0, 0, 1};

static int
prepare (unread_t *unread, broker_connection_t to, troupe_socket_message_t *out, size_t size)
{
  char *bytes = calloc (1, size);
  troupe_buffer_t *body = NULL;
  cr_assert_eq (troupe_buffer_new (&body, bytes, size), TROUPE_OK);
  int failed = unread_prepare (unread, to, out, route, sizeof route, "header", 6, body);
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
  cr_expect_eq (unread_prepare_whole (unread, ONE, &message, route, sizeof route, frame, LIMIT), 0);
  cr_expect_eq (unread_prepare_whole (unread, ONE, &other, route, sizeof route, frame, LIMIT), EAGAIN);
  cr_expect_eq (unread_prepare_whole (unread, ONE, &other, route, sizeof route, frame, 10), 0);
  troupe_socket_drop_prepared (&other);
  unread_destroy (&unread);
  cr_expect_eq (message.count, 2);
  cr_expect_eq (memcmp (zmq_msg_data (&message.frames[1]), frame, LIMIT), 0);
  troupe_socket_drop_prepared (&message);
  free (frame);
}

// Half of what all may have is whoever's; of the other half each gets its share, or one message.
Test (unread, all_together_have_a_limit_and_each_its_share)
{
  enum { TOTAL = 10 * SIZE, FIRST = 5 };
  unread_t *unread;
  troupe_socket_message_t messages[FIRST], others[FIRST], other;
  cr_assert_eq (unread_new (&unread, TOTAL, TOTAL), TROUPE_OK);
  for (int i = 0; i < FIRST; i++)
    cr_expect_eq (prepare (unread, ONE, &messages[i], SIZE), 0, "%d", i);
  cr_expect_eq (prepare (unread, ONE, &other, SIZE), EDQUOT, "it has more than its share");
  cr_expect_eq (prepare (unread, OTHER, &others[0], SIZE), 0);
  cr_expect_eq (prepare (unread, OTHER, &others[1], SIZE), 0, "2 of 2.5");
  cr_expect_eq (prepare (unread, OTHER, &other, SIZE), EDQUOT, "3 of 2.5");
  for (int i = 2; i < FIRST; i++)
    cr_expect_eq (prepare (unread, OTHER + i, &others[i], SIZE), 0, "each has one message");
  cr_expect_eq (prepare (unread, OTHER + FIRST, &other, SIZE), EDQUOT, "nothing is left");
  troupe_socket_drop_prepared (&messages[0]);
  cr_expect_eq (prepare (unread, OTHER + FIRST, &messages[0], SIZE), 0);
  for (int i = 0; i < FIRST; i++) {
    troupe_socket_drop_prepared (&messages[i]);
    troupe_socket_drop_prepared (&others[i]);
  }
  cr_expect_eq (unread_total (unread), 0);
  unread_destroy (&unread);
}
