// SPDX-License-Identifier: Apache-2.0
//
// What `troupe bench chaos` rests on: faults from a seed, the board, and which fault it is that callers stood still
// for.
#include "cli/bench_chaos_board.h"
#include "cli/bench_chaos_fault.h"
#include "cli/bench_chaos_stall.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

// -- Faults -----------------------------------------------------------------------------------------------------------

Test (chaos_fault, the_same_seed_draws_the_same)
{
  chaos_chance_t a = {.state = 7, .longest_ms = 30000}, b = a, c = {.state = 8, .longest_ms = 30000};
  unsigned other = 0;
  for (int i = 0; i < 1000; i++) {
    chaos_fault_t x = chaos_fault_next (&a, 6), y = chaos_fault_next (&b, 6), z = chaos_fault_next (&c, 6);
    cr_assert (x.part == y.part && x.freeze == y.freeze && x.ms == y.ms && x.after_ms == y.after_ms &&
               x.alone == y.alone);
    other += x.part != z.part || x.ms != z.ms;
  }
  cr_expect_gt (other, 900);
}

Test (chaos_fault, all_kinds_come_within_their_bounds)
{
  chaos_chance_t chance = {.state = 1, .longest_ms = 30000};
  unsigned parts[6] = {0}, freezes = 0, beyond_a_lease = 0, alone = 0;
  for (int i = 0; i < 6000; i++) {
    chaos_fault_t fault = chaos_fault_next (&chance, 6);
    cr_assert_lt (fault.part, 6);
    parts[fault.part]++;
    cr_assert (fault.freeze ? fault.ms >= 1000 && fault.ms <= 30000 : fault.ms > 0 && fault.ms <= 2001, "%lld",
               (long long)fault.ms);
    freezes += fault.freeze;
    beyond_a_lease += fault.freeze && fault.ms > 2500;
    alone += fault.alone;
  }
  for (int i = 0; i < 6; i++)
    cr_expect (parts[i] > 800 && parts[i] < 1200, "part %d: %u", i, parts[i]);
  cr_expect (freezes > 2700 && freezes < 3300, "%u", freezes);
  cr_expect (beyond_a_lease > freezes / 2, "%u", beyond_a_lease);
  cr_expect (alone > 1200 && alone < 1800, "%u", alone);
}

// -- The board --------------------------------------------------------------------------------------------------------

static char path[] = "/tmp/troupe-board-XXXXXX";

static void
make (chaos_board_t *board)
{
  const uint64_t counts[] = {3, 0, 5};
  cr_assert_geq (mkstemp (path), 0);
  cr_assert_eq (unlink (path), 0);
  cr_assert_eq (chaos_board_make (board, path, counts, 3, NULL), TROUPE_OK);
}

Test (chaos_board, what_one_process_writes_another_one_sees)
{
  chaos_board_t board, other;
  make (&board);
  cr_assert_eq (chaos_board_open (&other, path, NULL), TROUPE_OK);
  for (uint64_t caller = 0; caller < 3; caller += 2)
    for (uint64_t number = 1; number <= board.head->counts[caller]; number++)
      atomic_fetch_add (&chaos_board_entry (&board, caller, number)->runs, (uint32_t)(10 * caller + number));
  for (uint64_t caller = 0; caller < 3; caller += 2)
    for (uint64_t number = 1; number <= board.head->counts[caller]; number++)
      cr_expect_eq (chaos_board_entry (&other, caller, number)->runs, 10 * caller + number);
  chaos_board_close (&other);
  chaos_board_close (&board);
  unlink (path);
}

Test (chaos_board, numbers_begin_again_and_others_are_nowhere)
{
  chaos_board_t board;
  make (&board);
  cr_expect_eq (chaos_board_entry (&board, 0, 4), chaos_board_entry (&board, 0, 1));
  cr_expect_eq (chaos_board_entry (&board, 2, 10), chaos_board_entry (&board, 2, 5));
  cr_expect_null (chaos_board_entry (&board, 0, 0));
  cr_expect_null (chaos_board_entry (&board, 1, 1), "it makes none");
  cr_expect_null (chaos_board_entry (&board, 3, 1));
  chaos_board_close (&board);
  unlink (path);
}

Test (chaos_board, what_is_none_is_refused)
{
  chaos_board_t board;
  troupe_error_t error;
  const uint64_t counts[] = {(uint64_t)CHAOS_NUMBERS_MAX + 1};
  cr_expect_eq (chaos_board_make (&board, "/tmp/troupe-board", counts, 1, &error), TROUPE_TOO_LARGE);
  cr_expect_eq (chaos_board_open (&board, "/nowhere/board", &error), TROUPE_IO);
  int fd = mkstemp (path);
  cr_assert_geq (fd, 0);
  cr_expect_eq (chaos_board_open (&board, path, &error), TROUPE_BAD_ARGUMENT);
  close (fd);
  unlink (path);
}

// -- Standing still ---------------------------------------------------------------------------------------------------

typedef struct {
  chaos_stalls_t stalls;
  chaos_board_t board;
  chaos_part_t broker, worker;
} still_t;

static void
still_open (still_t *self)
{
  make (&self->board);
  self->broker = (chaos_part_t){.kind = CHAOS_BROKER};
  self->worker = (chaos_part_t){.kind = CHAOS_WORKER};
  chaos_stalls_begin (&self->stalls, 0);
  self->board.head->begun[0] = 100;
}

static void
answer (still_t *self, int64_t now)
{
  self->board.head->settled[0]++;
  chaos_stalls_look (&self->stalls, &self->board, now);
}

static void
still_close (still_t *self)
{
  chaos_board_close (&self->board);
  unlink (path);
}

Test (chaos_stall, counts_for_the_only_fault_that_was_there)
{
  still_t still;
  still_open (&still);
  answer (&still, 100);
  still.broker.heal = 5000;
  chaos_stalls_fault (&still.stalls, &still.broker, true, 200);
  answer (&still, 300);
  chaos_stalls_look (&still.stalls, &still.board, 2000);
  answer (&still, 2800);
  still.broker.heal = 0;
  answer (&still, 2900);
  answer (&still, 3500); // shortly after it
  const chaos_stalls_of_t *of = &still.stalls.of[CHAOS_BROKER][true];
  cr_expect_eq (of->count, 1);
  cr_expect_eq (of->alone, 2);
  cr_expect_eq (of->worst, 2500);
  cr_expect_eq (still.stalls.longest, 2500);
  cr_expect_eq (still.stalls.quiet, 0);
  still_close (&still);
}

Test (chaos_stall, counts_for_none_of_two_and_without_any_for_itself)
{
  still_t still;
  still_open (&still);
  still.broker.heal = still.worker.heal = 5000;
  chaos_stalls_fault (&still.stalls, &still.broker, true, 0);
  chaos_stalls_fault (&still.stalls, &still.worker, false, 0);
  answer (&still, 1000);
  cr_expect_eq (still.stalls.of[CHAOS_BROKER][true].alone, 0);
  cr_expect_eq (still.stalls.of[CHAOS_WORKER][false].alone, 0);
  still.broker.heal = still.worker.heal = 0;
  answer (&still, 1100);
  answer (&still, 6000); // overlaps with what came after them
  answer (&still, 6100);
  answer (&still, 6900);
  cr_expect_eq (still.stalls.quiet, 800);
  cr_expect_eq (still.stalls.longest, 4900);
  still_close (&still);
}

Test (chaos_stall, who_has_asked_for_nothing_does_not_stand_still)
{
  still_t still;
  still_open (&still);
  still.board.head->begun[0] = 1;
  answer (&still, 10);
  chaos_stalls_look (&still.stalls, &still.board, 9000);
  still.board.head->begun[0] = 2;
  answer (&still, 9010);
  cr_expect_eq (still.stalls.quiet, 0);
  still_close (&still);
}
