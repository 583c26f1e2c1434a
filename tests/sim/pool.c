// SPDX-License-Identifier: Apache-2.0
//
// Processes, not threads: what is simulated is written for one thread, and a crash shall cost one run and not all.
// They share one page: the next number, and where to stop.

#include "sim/pool.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  _Atomic uint64_t next, end; // `end` comes down to the number that somebody stopped at
  struct {
    uint64_t number; // in work; 0: none
    bool done;
  } jobs[POOL_JOBS_MAX];
} board_t;

void *
pool_memory (size_t size)
{
  void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    abort ();
  return memory;
}

unsigned
pool_jobs (void)
{
  long processors = sysconf (_SC_NPROCESSORS_ONLN);
  return processors < 1 ? 1 : processors > POOL_JOBS_MAX ? POOL_JOBS_MAX : (unsigned)processors;
}

static void
stop_at (board_t *board, uint64_t number)
{
  uint64_t end = atomic_load (&board->end);
  while (number < end && !atomic_compare_exchange_weak (&board->end, &end, number))
    continue;
}

static void
work_on (board_t *board, unsigned job, pool_fn *work, void *shared)
{
  for (uint64_t number; (number = atomic_fetch_add (&board->next, 1)) < atomic_load (&board->end);) {
    board->jobs[job].number = number;
    if (!work (shared, job, number))
      stop_at (board, number);
  }
  board->jobs[job].done = true;
}

// Only the output of its own is flushed at its end; the sanitizers look at it as at any other.
static pid_t
start (board_t *board, unsigned job, pool_fn *work, void *shared)
{
  pid_t pid = fork ();
  if (pid == 0) {
    work_on (board, job, work, shared);
    exit (EXIT_SUCCESS);
  }
  if (pid < 0)
    abort ();
  return pid;
}

static bool
await (const board_t *board, unsigned job, pid_t pid)
{
  int status = 0;
  if (waitpid (pid, &status, 0) == pid && WIFEXITED (status) && WEXITSTATUS (status) == 0 && board->jobs[job].done)
    return true;
  printf ("a process of the simulator died at %" PRIu64 "\n", board->jobs[job].number);
  return false;
}

bool
pool_run (unsigned jobs, uint64_t first, uint64_t count, pool_fn *work, void *shared)
{
  pid_t pids[POOL_JOBS_MAX];
  bool sound = true;
  board_t *board = pool_memory (sizeof *board);
  board->next = first;
  board->end = first + count;
  if (jobs == 1 || count == 1) {
    work_on (board, 0, work, shared);
    return true;
  }
  fflush (NULL);
  for (unsigned job = 0; job < jobs; job++)
    pids[job] = start (board, job, work, shared);
  for (unsigned job = 0; job < jobs; job++)
    sound = await (board, job, pids[job]) && sound;
  return sound;
}
