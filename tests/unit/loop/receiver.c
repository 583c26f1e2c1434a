// SPDX-License-Identifier: Apache-2.0
//
// Sockets that the loop waits for without looking at them each time: whatever was there before, or comes while nobody
// looks, is told.
#include "troupe/loop.h"

#include <criterion/criterion.h>
#include <zmq.h>

enum { TIMEOUT_MS = 10 * 1000, BOUND = 2 }; // met by failing tests only

typedef struct {
  void *zmq, *sender, *receiver;
  troupe_loop_t *loop;
  unsigned received, called;
} pair_t;

// Reads BOUND messages at most, as a function that shares the loop with others does.
static void
on_message (void *context, short events)
{
  pair_t *self = context;
  char byte;
  cr_assert (events & ZMQ_POLLIN);
  self->called++;
  for (unsigned i = 0; i < BOUND && zmq_recv (self->receiver, &byte, 1, ZMQ_DONTWAIT) >= 0; i++)
    self->received++;
}

static void
open_pair (pair_t *self)
{
  *self = (pair_t){.zmq = zmq_ctx_new ()};
  self->sender = zmq_socket (self->zmq, ZMQ_PAIR);
  self->receiver = zmq_socket (self->zmq, ZMQ_PAIR);
  cr_assert_eq (zmq_bind (self->sender, "inproc://pair"), 0);
  cr_assert_eq (zmq_connect (self->receiver, "inproc://pair"), 0);
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
}

static void
close_pair (pair_t *self)
{
  troupe_loop_destroy (&self->loop);
  zmq_close (self->receiver);
  zmq_close (self->sender);
  zmq_ctx_term (self->zmq);
}

static void
send_some (pair_t *self, unsigned count)
{
  while (count-- > 0)
    cr_assert_eq (zmq_send (self->sender, "x", 1, ZMQ_DONTWAIT), 1);
}

static void
expect_received (pair_t *self, unsigned count)
{
  int64_t end = troupe_loop_now () + TIMEOUT_MS;
  while (self->received < count && troupe_loop_now () < end)
    cr_assert_eq (troupe_loop_turn (self->loop, 100), TROUPE_OK);
  cr_assert_eq (self->received, count);
}

Test (receiver, what_came_before_it_was_added_is_told)
{
  pair_t pair;
  open_pair (&pair);
  send_some (&pair, 1);
  cr_assert_eq (troupe_loop_add_receiver (pair.loop, pair.receiver, on_message, &pair), TROUPE_OK);
  expect_received (&pair, 1);
  close_pair (&pair);
}

Test (receiver, what_its_function_left_is_told_again)
{
  pair_t pair;
  open_pair (&pair);
  cr_assert_eq (troupe_loop_add_receiver (pair.loop, pair.receiver, on_message, &pair), TROUPE_OK);
  send_some (&pair, 5 * BOUND + 1);
  expect_received (&pair, 5 * BOUND + 1);
  cr_assert_geq (pair.called, 6u);
  close_pair (&pair);
}

Test (receiver, it_wakes_after_having_had_nothing)
{
  pair_t pair;
  open_pair (&pair);
  cr_assert_eq (troupe_loop_add_receiver (pair.loop, pair.receiver, on_message, &pair), TROUPE_OK);
  for (unsigned i = 1; i <= 1000; i++) {
    cr_assert_eq (troupe_loop_turn (pair.loop, 0), TROUPE_OK);
    send_some (&pair, 1);
    expect_received (&pair, i);
  }
  close_pair (&pair);
}

Test (receiver, a_turn_without_messages_ends_in_time)
{
  pair_t pair;
  open_pair (&pair);
  cr_assert_eq (troupe_loop_add_receiver (pair.loop, pair.receiver, on_message, &pair), TROUPE_OK);
  int64_t start = troupe_loop_now ();
  cr_assert_eq (troupe_loop_turn (pair.loop, 50), TROUPE_OK);
  cr_assert_geq (troupe_loop_now () - start, 49);
  cr_assert_eq (pair.called, 0u);
  close_pair (&pair);
}

// Looking at it elsewhere takes the wake-up away, as a send may.
Test (receiver, what_was_noticed_elsewhere_is_told)
{
  pair_t pair;
  int events;
  size_t size = sizeof events;
  open_pair (&pair);
  cr_assert_eq (troupe_loop_add_receiver (pair.loop, pair.receiver, on_message, &pair), TROUPE_OK);
  cr_assert_eq (troupe_loop_turn (pair.loop, 0), TROUPE_OK); // there is nothing, and the loop knows
  send_some (&pair, 1);
  do
    cr_assert_eq (zmq_getsockopt (pair.receiver, ZMQ_EVENTS, &events, &size), 0);
  while ((events & ZMQ_POLLIN) == 0);
  troupe_loop_look_at (pair.loop, pair.receiver);
  cr_assert_eq (troupe_loop_turn (pair.loop, 0), TROUPE_OK);
  cr_assert_eq (pair.received, 1);
  close_pair (&pair);
}
