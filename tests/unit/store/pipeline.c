// SPDX-License-Identifier: Apache-2.0
#include "store/pipeline.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
no_reply (void *context, const struct redisReply *reply)
{
  (void)context;
  (void)reply;
}

static store_waiter_t
waiter (intptr_t number)
{
  return (store_waiter_t){no_reply, (void *)number};
}

Test (pipeline, commands_are_written_as_redis_reads_them)
{
  store_pipeline_t pipeline = {0};
  const char *argv[] = {"SET", "a\0b", ""};
  const size_t sizes[] = {3, 3, 0};
  cr_assert_eq (store_pipeline_push (&pipeline, 3, argv, sizes, waiter (1)), TROUPE_OK);
  cr_assert_eq (store_pipeline_push (&pipeline, 1, (const char *[]){"PING"}, NULL, waiter (2)), TROUPE_OK);
  static const char expected[] = "*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n";
  cr_assert_eq (pipeline.filled, sizeof expected - 1);
  cr_expect_eq (memcmp (pipeline.bytes, expected, sizeof expected - 1), 0);
  store_pipeline_clear (&pipeline);
}

Test (pipeline, waiters_come_in_order_through_growth_and_wrap)
{
  store_pipeline_t pipeline = {0};
  intptr_t pushed = 0, popped = 0;
  store_waiter_t oldest;
  for (int round = 0; round < 50; round++) {
    for (int i = 0; i < 100; i++)
      cr_assert_eq (store_pipeline_push (&pipeline, 1, (const char *[]){"PING"}, NULL, waiter (++pushed)), TROUPE_OK);
    for (int i = 0; i < 70; i++) {
      cr_assert (store_pipeline_pop (&pipeline, &oldest));
      cr_assert_eq ((intptr_t)oldest.context, ++popped);
    }
  }
  while (store_pipeline_pop (&pipeline, &oldest))
    cr_assert_eq ((intptr_t)oldest.context, ++popped);
  cr_expect_eq (popped, pushed);
  store_pipeline_clear (&pipeline);
}

Test (pipeline, a_full_one_refuses_and_stays_as_it_was)
{
  store_pipeline_t pipeline = {0};
  size_t size = 64 * 1024 * 1024;
  char *large = calloc (1, size);
  const char *argv[] = {"ECHO", large};
  const size_t sizes[] = {4, size};
  for (int i = 0; i < 3; i++)
    cr_assert_eq (store_pipeline_push (&pipeline, 2, argv, sizes, waiter (i)), TROUPE_OK);
  size_t filled = pipeline.filled;
  cr_expect_eq (store_pipeline_push (&pipeline, 2, argv, sizes, waiter (4)), TROUPE_OVERLOADED);
  cr_expect_eq (pipeline.filled, filled);
  cr_expect_eq (pipeline.count, 3);
  free (large);
  store_pipeline_clear (&pipeline);
}

Test (pipeline, what_the_kernel_does_not_take_is_written_later)
{
  int fds[2];
  cr_assert_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  store_pipeline_t pipeline = {0};
  size_t size = 8 * 1024 * 1024, got = 0, rounds = 0;
  char *large = malloc (size), *buffer = malloc (size + 1024);
  for (size_t i = 0; i < size; i++)
    large[i] = (char)(i * 7 % 251);
  const char *argv[] = {"ECHO", large};
  const size_t sizes[] = {4, size};
  cr_assert_eq (store_pipeline_push (&pipeline, 2, argv, sizes, waiter (1)), TROUPE_OK);
  size_t all = pipeline.filled;
  while (got < all) {
    cr_assert (store_pipeline_write (&pipeline, fds[0]));
    ssize_t some = read (fds[1], buffer + got, size + 1024 - got);
    cr_assert_gt (some, 0);
    got += (size_t)some;
    rounds++;
  }
  cr_expect_gt (rounds, 1, "the kernel took everything at once");
  cr_expect (store_pipeline_written (&pipeline));
  cr_expect_eq (pipeline.capacity, 0, "a large buffer is given back");
  cr_expect_eq (memcmp (buffer + all - size - 2, large, size), 0);
  close (fds[1]);
  cr_assert_eq (store_pipeline_push (&pipeline, 1, (const char *[]){"PING"}, NULL, waiter (2)), TROUPE_OK);
  cr_expect_not (store_pipeline_write (&pipeline, fds[0]), "the other side is gone");
  close (fds[0]);
  free (large);
  free (buffer);
  store_pipeline_clear (&pipeline);
}
