// SPDX-License-Identifier: Apache-2.0
//
// The engine: one thread that runs the asks of all models of a process, hundreds at once, with libcurl's multi
// interface. It shares nothing with the loop but what handover.c keeps under its mutex. Text that the loop has not
// fetched yet gathers in its answer, bounded by the reply's bound, so a slow loop costs no queue.
//
// The thread and libcurl start with the first ask that needs them: a process that only rehearses never pays for TLS.
// Every answer is in the schedule as long as it runs, at the time when something must happen to it at the latest: its
// deadline, the end of a pause or of our patience, the next piece of a script. How an answer proceeds is in run.c.
//
// An ask that points to media which its model takes as bytes only comes twice: the engine brings the media, the loop's
// thread (whose JSON the ask is) writes the request with them, and the engine sends it.

#include "model/engine.h"
#include "model/handover.h"
#include "model/run.h"
#include "model/transfer.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
  OPEN_MAX = 100 * 1000, // answers; as many calls as a node has open
  DRAIN_MAX = 256,       // answers handled in a turn of the loop, so that its sockets get theirs
  REST_MS = 60 * 1000,   // without an ask: servers close idle connections about then too
  WAIT_MAX_MS = REST_MS
};

struct troupe_engine {
  troupe_loop_t *loop;
  size_t open;     // the loop's
  bool registered; // the loop watches wake_fd

  handover_t handover;
  bool started;
  pthread_t thread;

  run_t run;    // the thread's
  int64_t idle; // since when nothing has run; 0: something runs
};

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

// What the engine's thread left for the loop, taken out under the mutex.
typedef struct {
  bytes_t text;
  json_t *message;
  bool over, gathered, circuit;
  int64_t until;
  unsigned failures;
} news_t;

static troupe_answer_t *
take_news (handover_t *self, news_t *out)
{
  *out = (news_t){0};
  handover_lock (self);
  troupe_answer_t *answer = handover_pop_out (self);
  if (answer) {
    *out = (news_t){
      .text = answer->news,
      .message = answer->message,
      .over = answer->over,
      .gathered = answer->gathered,
      .circuit = answer->model->circuit.news,
      .until = answer->model->circuit.until,
      .failures = answer->model->circuit.failures,
    };
    answer->model->circuit.news = false;
    answer->news = (bytes_t){0};
    answer->message = NULL;
    answer->gathered = false;
  }
  handover_unlock (self);
  return answer;
}

// False when there is nothing more.
static bool
hand_on (troupe_engine_t *self)
{
  news_t news;
  troupe_answer_t *answer = take_news (&self->handover, &news);
  if (!answer)
    return false;
  if (news.circuit)
    model_tell_circuit (answer->model, news.until, news.failures);
  if (news.text.size && !answer->dropped)
    answer->part (answer->context, news.text.data, news.text.size);
  if (news.gathered && !answer->dropped)
    model_go_on (answer);
  if (news.over && !answer->dropped)
    end_on_loop (answer, news.message);
  else
    json_decref (news.message);
  bytes_clear (&news.text);
  answer_unref (answer);
  return true;
}

static void
on_wake (void *context, short events)
{
  (void)events;
  troupe_engine_t *self = context;
  handover_heard (&self->handover);
  for (unsigned i = 0; i < DRAIN_MAX; i++)
    if (!hand_on (self))
      return;
  handover_ring (&self->handover);
}

// -- The thread ------------------------------------------------------------------------------------------------------

CURLM *
engine_multi (troupe_engine_t *self)
{
  if (!self->handover.multi) {
    multi_t *multi = multi_new ();
    handover_lock (&self->handover);
    self->handover.multi = multi;
    handover_unlock (&self->handover);
  }
  return self->handover.multi ? multi_curl (self->handover.multi) : NULL;
}

void
engine_pass (troupe_engine_t *self, troupe_answer_t *answer, const char *text, size_t size)
{
  handover_lock (&self->handover);
  if (bytes_add (&answer->news, text, size)) {
    answer->passed += size;
    handover_push_out (&self->handover, answer);
  }
  handover_unlock (&self->handover); // without memory: the text stays in the reply, and comes with the next piece
}

void
engine_tell (troupe_engine_t *self, troupe_answer_t *answer)
{
  troupe_model_t *model = answer->model;
  handover_lock (&self->handover);
  model->circuit.until = model->breaker.pause ? model->breaker.until : 0;
  model->circuit.failures = model->breaker.failures;
  model->circuit.news = true;
  handover_push_out (&self->handover, answer);
  handover_unlock (&self->handover);
}

void
engine_return (troupe_engine_t *self, troupe_answer_t *answer)
{
  handover_lock (&self->handover);
  answer->gathered = true;
  handover_push_out (&self->handover, answer);
  handover_unlock (&self->handover);
}

void
engine_end (troupe_engine_t *self, troupe_answer_t *answer, json_t *message, const troupe_error_t *error)
{
  handover_lock (&self->handover);
  answer->over = true;
  answer->message = message;
  if (error)
    answer->error = *error;
  handover_push_out (&self->handover, answer);
  handover_unlock (&self->handover);
  answer_unref (answer);
}

static bool
take_inbox (troupe_engine_t *self, int64_t now)
{
  for (;;) {
    handover_lock (&self->handover);
    troupe_answer_t *answer = handover_pop_in (&self->handover);
    bool stop = self->handover.stop, dropped = answer && answer->dropped, over = answer && answer->over;
    handover_unlock (&self->handover);
    if (dropped && !over && answer->slot == 0)
      answer_unref (answer); // dropped while it didn't run: nobody else gives the thread's reference up
    else if (dropped)
      run_drop (&self->run, answer);
    else if (answer)
      run_begin (&self->run, answer, now);
    if (!answer)
      return !stop;
    answer_unref (answer);
  }
}

// Gives back what a busy time took: a thousand streams leave as many connections open, and their memory with them.
static void
rest (troupe_engine_t *self)
{
  multi_t *multi = NULL;
  handover_lock (&self->handover);
  if (!self->handover.inbox) {
    multi = self->handover.multi;
    self->handover.multi = NULL;
  }
  handover_unlock (&self->handover);
  multi_destroy (&multi);
  malloc_trim (0);
}

static void
mind_idleness (troupe_engine_t *self, bool idle, int64_t now)
{
  if (!idle || !self->handover.multi)
    self->idle = 0;
  else if (!self->idle)
    self->idle = now;
  else if (now - self->idle >= REST_MS)
    rest (self);
}

static void
turn (troupe_engine_t *self)
{
  run_due (&self->run, troupe_loop_now ());
  if (self->handover.multi)
    run_transfers (&self->run, multi_curl (self->handover.multi));
  int64_t first = run_next (&self->run), now = troupe_loop_now ();
  mind_idleness (self, !run_any (&self->run), now);
  int64_t timeout = first <= now ? 0 : first - now > WAIT_MAX_MS ? WAIT_MAX_MS : first - now;
  if (self->handover.multi)
    multi_wait (self->handover.multi, timeout);
  else
    handover_wait (&self->handover, timeout);
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

// -- Answers come and go ---------------------------------------------------------------------------------------------

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

void
engine_go_on (troupe_engine_t *self, troupe_answer_t *answer)
{
  handover_lock (&self->handover);
  handover_push_in (&self->handover, answer);
  handover_unlock (&self->handover);
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
  answer_ref (answer); // the thread's, until engine_end, engine_refuse or run_drop
  engine_go_on (self, answer);
  return TROUPE_OK;
}

void
engine_refuse (troupe_answer_t *answer, const troupe_error_t *error)
{
  answer->error = *error;
  end_on_loop (answer, NULL);
  answer_unref (answer);
}

void
engine_drop (troupe_engine_t *self, troupe_answer_t *answer)
{
  self->open--;
  handover_lock (&self->handover);
  answer->dropped = true;
  if (!answer->over)
    handover_push_in (&self->handover, answer);
  handover_unlock (&self->handover);
  answer_unref (answer);
}

// -- Birth and death -------------------------------------------------------------------------------------------------

troupe_err_t
troupe_engine_new (troupe_engine_t **out, troupe_loop_t *loop, troupe_error_t *error)
{
  troupe_engine_t *self = calloc (1, sizeof *self);
  if (!self)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "model engine", NULL, "no memory for an engine");
  self->loop = loop;
  run_init (&self->run, self);
  troupe_err_t code = handover_init (&self->handover, error);
  if (code == TROUPE_OK)
    self->registered = troupe_loop_add_fd (loop, self->handover.wake_fd, ZMQ_POLLIN, on_wake, self) == TROUPE_OK;
  if (code == TROUPE_OK && !self->registered)
    code = troupe_error_set (error, TROUPE_NO_MEMORY, "model engine", NULL, "the loop takes no more sources");
  *out = self;
  if (code != TROUPE_OK)
    troupe_engine_destroy (out);
  return code;
}

void
troupe_engine_destroy (troupe_engine_t **self_p)
{
  troupe_engine_t *self = *self_p;
  if (!self)
    return;
  *self_p = NULL;
  if (self->started) {
    handover_stop (&self->handover);
    pthread_join (self->thread, NULL);
  }
  if (self->registered)
    troupe_loop_remove_fd (self->loop, self->handover.wake_fd);
  handover_clear (&self->handover);
  free (self);
}
