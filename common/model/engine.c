// SPDX-License-Identifier: Apache-2.0
//
// The engine: one thread that runs the asks of all models of a process, hundreds at once, with libcurl's multi
// interface. It shares nothing with the loop but two queues under one mutex: the inbox (answers to begin, answers
// dropped), after which the thread is woken, and the outbox (answers with news or an end), after which an eventfd
// wakes the loop. Both queues are lists through the answers themselves, so handing over needs no memory and can't
// fail; text that the loop has not fetched yet gathers in its answer, bounded by the reply's bound, so a slow loop
// costs no queue.
//
// The thread and libcurl start with the first ask that needs them: a process that only rehearses never pays for TLS.
// Every answer is in the schedule as long as it runs, at the time when something must happen to it at the latest: its
// deadline, the end of a pause or of our patience, the next piece of a script. How an answer proceeds is in run.c.

#include "model/engine.h"
#include "model/multi.h"
#include "model/run.h"
#include "model/transfer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
  OPEN_MAX = 100 * 1000,  // answers; as many calls as a node has open
  DRAIN_MAX = 256,        // answers handled in a turn of the loop, so that its sockets get theirs
  WAIT_MAX_MS = 60 * 1000 // an idle thread wakes once a minute, for nothing
};

struct troupe_engine {
  troupe_loop_t *loop;
  int wake_fd; // the loop's
  size_t open; // the loop's

  pthread_mutex_t mutex;
  pthread_cond_t wake; // as long as there is no multi
  troupe_answer_t *inbox, **inbox_end, *outbox, **outbox_end;
  CURLM *multi; // made by the thread; others only wake it
  bool started, stop;
  pthread_t thread;

  run_t run; // the thread's
};

// -- Queues ----------------------------------------------------------------------------------------------------------

static void
push_in (troupe_engine_t *self, troupe_answer_t *answer)
{
  if (!answer->in_inbox) {
    answer->in_inbox = true;
    answer->next_in = NULL;
    *self->inbox_end = answer_ref (answer);
    self->inbox_end = &answer->next_in;
  }
  if (self->multi)
    curl_multi_wakeup (self->multi);
  else
    pthread_cond_signal (&self->wake);
}

static void
ring (const troupe_engine_t *self)
{
  uint64_t one = 1; // fails only when the counter is full, and then the loop is awake
  (void)!write (self->wake_fd, &one, sizeof one);
}

static void
push_out (troupe_engine_t *self, troupe_answer_t *answer)
{
  if (answer->in_outbox || answer->dropped)
    return;
  if (!self->outbox)
    ring (self);
  answer->in_outbox = true;
  answer->next_out = NULL;
  *self->outbox_end = answer_ref (answer);
  self->outbox_end = &answer->next_out;
}

// The next answer of a list, whose reference is the caller's.
static troupe_answer_t *
pop_in (troupe_engine_t *self)
{
  troupe_answer_t *answer = self->inbox;
  if (!answer)
    return NULL;
  self->inbox = answer->next_in;
  if (!self->inbox)
    self->inbox_end = &self->inbox;
  answer->in_inbox = false;
  return answer;
}

static troupe_answer_t *
pop_out (troupe_engine_t *self)
{
  troupe_answer_t *answer = self->outbox;
  if (!answer)
    return NULL;
  self->outbox = answer->next_out;
  if (!self->outbox)
    self->outbox_end = &self->outbox;
  answer->in_outbox = false;
  return answer;
}

// -- The loop's side -------------------------------------------------------------------------------------------------

static void
end_on_loop (troupe_answer_t *answer, json_t *message)
{
  answer->engine->open--;
  if (message)
    answer->done (answer->context, message, NULL);
  else
    answer->done (answer->context, NULL, &answer->error);
  answer_unref (answer);
}

// False when there is nothing more.
static bool
hand_on (troupe_engine_t *self)
{
  pthread_mutex_lock (&self->mutex);
  troupe_answer_t *answer = pop_out (self);
  bytes_t news = {0};
  json_t *message = NULL;
  int64_t until = 0;
  unsigned failures = 0;
  bool over = false, circuit = false;
  if (answer) {
    circuit = answer->model->circuit.news;
    until = answer->model->circuit.until;
    failures = answer->model->circuit.failures;
    answer->model->circuit.news = false;
    news = answer->news;
    answer->news = (bytes_t){0};
    message = answer->message;
    answer->message = NULL;
    over = answer->over;
  }
  pthread_mutex_unlock (&self->mutex);
  if (!answer)
    return false;
  if (circuit)
    model_tell_circuit (answer->model, until, failures);
  if (news.size && !answer->dropped)
    answer->part (answer->context, news.data, news.size);
  if (over && !answer->dropped)
    end_on_loop (answer, message);
  else
    json_decref (message);
  bytes_clear (&news);
  answer_unref (answer);
  return true;
}

static void
on_wake (void *context, short events)
{
  (void)events;
  troupe_engine_t *self = context;
  uint64_t count;
  (void)!read (self->wake_fd, &count, sizeof count);
  for (unsigned i = 0; i < DRAIN_MAX; i++)
    if (!hand_on (self))
      return;
  ring (self);
}

// -- The thread ------------------------------------------------------------------------------------------------------

CURLM *
engine_multi (troupe_engine_t *self)
{
  if (self->multi)
    return self->multi;
  CURLM *multi = multi_new ();
  pthread_mutex_lock (&self->mutex);
  self->multi = multi;
  pthread_mutex_unlock (&self->mutex);
  return multi;
}

void
engine_pass (troupe_engine_t *self, troupe_answer_t *answer, const char *text, size_t size)
{
  pthread_mutex_lock (&self->mutex);
  if (bytes_add (&answer->news, text, size)) {
    answer->passed += size;
    push_out (self, answer);
  }
  pthread_mutex_unlock (&self->mutex); // without memory: the text stays in the reply, and comes with the next piece
}

void
engine_tell (troupe_engine_t *self, troupe_answer_t *answer)
{
  troupe_model_t *model = answer->model;
  pthread_mutex_lock (&self->mutex);
  model->circuit.until = model->breaker.pause ? model->breaker.until : 0;
  model->circuit.failures = model->breaker.failures;
  model->circuit.news = true;
  push_out (self, answer);
  pthread_mutex_unlock (&self->mutex);
}

void
engine_end (troupe_engine_t *self, troupe_answer_t *answer, json_t *message, const troupe_error_t *error)
{
  pthread_mutex_lock (&self->mutex);
  answer->over = true;
  answer->message = message;
  if (error)
    answer->error = *error;
  push_out (self, answer);
  pthread_mutex_unlock (&self->mutex);
  answer_unref (answer);
}

static bool
take_inbox (troupe_engine_t *self, int64_t now)
{
  for (;;) {
    pthread_mutex_lock (&self->mutex);
    troupe_answer_t *answer = pop_in (self);
    bool stop = self->stop, dropped = answer && answer->dropped, over = answer && answer->over;
    pthread_mutex_unlock (&self->mutex);
    if (dropped && !over && answer->slot == 0)
      answer_unref (answer); // dropped before it began: nobody else gives the thread's reference up
    else if (dropped)
      run_drop (&self->run, answer);
    else if (answer)
      run_begin (&self->run, answer, now);
    if (!answer)
      return !stop;
    answer_unref (answer);
  }
}

static void
wait_without_curl (troupe_engine_t *self, int64_t timeout_ms)
{
  struct timespec until;
  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += timeout_ms / 1000;
  until.tv_nsec += timeout_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock (&self->mutex);
  if (!self->inbox && !self->stop)
    pthread_cond_timedwait (&self->wake, &self->mutex, &until);
  pthread_mutex_unlock (&self->mutex);
}

static void
turn (troupe_engine_t *self)
{
  run_due (&self->run, troupe_loop_now ());
  if (self->multi)
    run_transfers (&self->run, self->multi);
  int64_t first = run_next (&self->run), now = troupe_loop_now ();
  int64_t timeout = first <= now ? 0 : first - now > WAIT_MAX_MS ? WAIT_MAX_MS : first - now;
  if (self->multi)
    curl_multi_poll (self->multi, NULL, 0, (int)timeout, NULL);
  else
    wait_without_curl (self, timeout);
}

static void *
work (void *context)
{
  troupe_engine_t *self = context;
  while (take_inbox (self, troupe_loop_now ()))
    turn (self);
  run_clear (&self->run);
  return NULL;
}

// -- Birth and death -------------------------------------------------------------------------------------------------

// Signals are the loop's thread's.
static troupe_err_t
start_thread (troupe_engine_t *self, troupe_error_t *error)
{
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_BLOCK, &all, &before);
  int failure = pthread_create (&self->thread, NULL, work, self);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (failure)
    return troupe_error_set (error, TROUPE_IO, "model engine", NULL, "no thread: %s", strerror (failure));
  self->started = true;
  return TROUPE_OK;
}

troupe_err_t
engine_submit (troupe_engine_t *self, troupe_answer_t *answer, troupe_error_t *error)
{
  if (self->open >= OPEN_MAX) {
    troupe_error_set (error, TROUPE_OVERLOADED, answer->model->object, NULL, "%d answers are on their way already",
                      OPEN_MAX);
    if (error)
      error->retry_after_ms = 1000; // about what a short answer takes
    return TROUPE_OVERLOADED;
  }
  troupe_err_t code = self->started ? TROUPE_OK : start_thread (self, error);
  if (code != TROUPE_OK)
    return code;
  self->open++;
  answer_ref (answer); // the thread's, until engine_end or run_drop
  pthread_mutex_lock (&self->mutex);
  push_in (self, answer);
  pthread_mutex_unlock (&self->mutex);
  return TROUPE_OK;
}

void
engine_drop (troupe_engine_t *self, troupe_answer_t *answer)
{
  self->open--;
  pthread_mutex_lock (&self->mutex);
  answer->dropped = true;
  if (!answer->over)
    push_in (self, answer);
  pthread_mutex_unlock (&self->mutex);
  answer_unref (answer);
}

static void
init_wake (troupe_engine_t *self)
{
  pthread_condattr_t monotonic;
  pthread_condattr_init (&monotonic);
  pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init (&self->wake, &monotonic);
  pthread_condattr_destroy (&monotonic);
  pthread_mutex_init (&self->mutex, NULL);
}

troupe_err_t
troupe_engine_new (troupe_engine_t **out, troupe_loop_t *loop, troupe_error_t *error)
{
  troupe_engine_t *self = calloc (1, sizeof *self);
  if (!self)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "model engine", NULL, "no memory for an engine");
  self->loop = loop;
  self->inbox_end = &self->inbox;
  self->outbox_end = &self->outbox;
  run_init (&self->run, self);
  init_wake (self);
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  troupe_err_t code = TROUPE_OK;
  if (self->wake_fd < 0)
    code = troupe_error_set (error, TROUPE_IO, "model engine", NULL, "no eventfd: %s", strerror (errno));
  else if (troupe_loop_add_fd (loop, self->wake_fd, ZMQ_POLLIN, on_wake, self) != TROUPE_OK)
    code = troupe_error_set (error, TROUPE_NO_MEMORY, "model engine", NULL, "the loop takes no more sources");
  *out = self;
  if (code != TROUPE_OK)
    troupe_engine_destroy (out);
  return code;
}

static void
stop_thread (troupe_engine_t *self)
{
  pthread_mutex_lock (&self->mutex);
  self->stop = true;
  if (self->multi)
    curl_multi_wakeup (self->multi);
  else
    pthread_cond_signal (&self->wake);
  pthread_mutex_unlock (&self->mutex);
  pthread_join (self->thread, NULL);
}

static void
drop_outbox (troupe_engine_t *self)
{
  for (troupe_answer_t *answer; (answer = pop_out (self));)
    answer_unref (answer);
}

void
troupe_engine_destroy (troupe_engine_t **self_p)
{
  troupe_engine_t *self = *self_p;
  if (!self)
    return;
  *self_p = NULL;
  if (self->started)
    stop_thread (self);
  drop_outbox (self);
  if (self->multi)
    curl_multi_cleanup (self->multi);
  if (self->wake_fd >= 0) {
    troupe_loop_remove_fd (self->loop, self->wake_fd);
    close (self->wake_fd);
  }
  pthread_cond_destroy (&self->wake);
  pthread_mutex_destroy (&self->mutex);
  free (self);
}
