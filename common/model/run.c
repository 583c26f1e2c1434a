// SPDX-License-Identifier: Apache-2.0
//
// How an answer proceeds: fetch, and perhaps pause and fetch again; or play a script; then end. An answer that runs
// is in the schedule, and each function that handles one either moves its due time forward or takes it out and ends
// it.
//
// An attempt is repeated only if its error may pass (error.def's class, less what curl knows to be final), if retries
// are left, if the pause ends before the deadline, and if no text was handed on: a reader who saw the beginning
// of one reply must not be given the end of another.

#include "model/run.h"
#include "model/engine.h"
#include "model/failure.h"
#include "model/gate.h"
#include "model/retry.h"
#include "model/script.h"
#include "model/transfer.h"
#include "troupe/log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

enum {
  TASK_PAUSE_MS = 1000 // between two questions about a task: an image takes some seconds
};

void
run_init (run_t *self, troupe_engine_t *engine)
{
  *self = (run_t){.engine = engine};
  if (getrandom (&self->random, sizeof self->random, GRND_NONBLOCK) != sizeof self->random)
    self->random = (uint64_t)troupe_loop_now (); // only jitter depends on it
}

// splitmix64 (G. Steele et al., 2014).
static uint64_t
draw (run_t *self)
{
  uint64_t z = self->random += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static int64_t
bounded (const troupe_answer_t *answer, int64_t due)
{
  return answer->deadline != TROUPE_LOOP_NEVER && answer->deadline < due ? answer->deadline : due;
}

static void
release (run_t *self, troupe_answer_t *answer)
{
  if (answer->transfer)
    transfer_stop (answer, engine_multi (self->engine));
  if (answer->gather)
    gather_stop (answer->gather, engine_multi (self->engine));
  if (answer->tries)
    breaker_abandon (&answer->model->breaker);
  answer->tries = false;
  schedule_remove (&self->schedule, answer);
  answer->state = ANSWER_IDLE;
}

static void
fail (run_t *self, troupe_answer_t *answer, troupe_error_t *error)
{
  release (self, answer);
  failure_finish (answer->model, error);
  engine_end (self->engine, answer, NULL, error);
}

static void
pass (run_t *self, troupe_answer_t *answer, size_t size)
{
  if (answer->stream && size)
    engine_pass (self->engine, answer, answer->reply.text.data + answer->passed, size);
}

static bool
worth_repeating (const troupe_answer_t *answer, const troupe_error_t *error)
{
  return troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE && answer->passed == 0 &&
         answer->attempts <= answer->model->retries;
}

static bool
plan_repeat (run_t *self, troupe_answer_t *answer, const troupe_error_t *error, int64_t now)
{
  int64_t pause = retry_pause (answer->model->retry_pause_ms, answer->attempts, error->retry_after_ms, draw (self)),
          due = retry_due (now, pause, answer->deadline);
  if (due == 0)
    return false;
  if (answer->transfer)
    transfer_stop (answer, engine_multi (self->engine));
  answer->state = ANSWER_PAUSE;
  schedule_move (&self->schedule, answer, due);
  return true;
}

static void
log_repeat (const troupe_answer_t *answer, troupe_error_t *error, int64_t now)
{
  char attempt[16], pause[24];
  snprintf (attempt, sizeof attempt, "%u", answer->attempts);
  snprintf (pause, sizeof pause, "%" PRId64, answer->due - now);
  failure_finish (answer->model, error);
  model_count (answer->model, MODEL_COUNT_RETRIES, 1);
  troupe_log (TROUPE_LOG_INFO, "a request failed and is tried again", "model", answer->model->object, "code",
              troupe_err_name (error->code), "why", error->why, "attempt", attempt, "pause_ms", pause, NULL);
}

// A reply that names a task is none yet. Each question about the task may be repeated as often as the request that
// began it, which isn't sent again.
static void
await_task (run_t *self, troupe_answer_t *answer, int64_t now)
{
  memcpy (answer->task, answer->reply.task, sizeof answer->task);
  answer->attempts = 0;
  transfer_stop (answer, engine_multi (self->engine));
  answer->state = ANSWER_PAUSE;
  schedule_move (&self->schedule, answer, bounded (answer, now + TASK_PAUSE_MS));
}

// An attempt came to its end, well or badly.
static void
attempt_over (run_t *self, troupe_answer_t *answer, troupe_err_t code, bool may_pass, troupe_error_t *error)
{
  json_t *message = NULL;
  int64_t now = troupe_loop_now ();
  if (code == TROUPE_OK && answer->reply.task[0]) {
    gate_tell (answer, code, now);
    await_task (self, answer, now);
    return;
  }
  if (code == TROUPE_OK)
    code = reply_message (&answer->reply, answer->model->name, answer->model->vendor->type, answer->attempts, &message,
                          error);
  gate_tell (answer, code, now);
  if (code == TROUPE_OK) {
    pass (self, answer, answer->reply.text.size - answer->passed);
    release (self, answer);
    engine_end (self->engine, answer, message, NULL);
  } else if (may_pass && worth_repeating (answer, error) && plan_repeat (self, answer, error, now))
    log_repeat (answer, error, now);
  else
    fail (self, answer, error);
}

// -- Fetching --------------------------------------------------------------------------------------------------------

static void
on_news (troupe_answer_t *answer)
{
  run_t *self = answer->run;
  pass (self, answer, answer->reply.text.size - answer->passed);
  if (answer->reply.ended)
    schedule_move (&self->schedule, answer, bounded (answer, troupe_loop_now () + TRANSFER_LINGER_MS));
}

// Whether the request may go now; else the answer waits for its turn, or has ended.
static bool
passes_gate (run_t *self, troupe_answer_t *answer, int64_t now)
{
  int64_t wait = 0;
  troupe_error_t error = {0};
  troupe_err_t code = answer->task[0] ? TROUPE_OK : gate_wait (answer, now, &wait, &error);
  if (code == TROUPE_OK && wait > 0) {
    answer->state = ANSWER_PAUSE;
    schedule_move (&self->schedule, answer, now + wait);
    return false;
  }
  if (code == TROUPE_OK)
    code = gate_open (answer, now, &error);
  if (code != TROUPE_OK)
    fail (self, answer, &error);
  return code == TROUPE_OK;
}

static void
fetch (run_t *self, troupe_answer_t *answer, int64_t now)
{
  troupe_error_t error = {0};
  if (!passes_gate (self, answer, now))
    return;
  CURLM *multi = engine_multi (self->engine);
  answer->attempts++;
  answer->passed = 0;
  reply_reset (&answer->reply);
  if (!multi)
    troupe_error_set (&error, TROUPE_NO_MEMORY, answer->model->object, NULL, "libcurl doesn't start");
  else
    transfer_start (answer, multi, now, on_news, &error);
  if (!answer->transfer) {
    fail (self, answer, &error);
    return;
  }
  answer->state = ANSWER_FETCH;
  schedule_move (&self->schedule, answer, bounded (answer, transfer_patience (answer, now)));
}

static void
check_silence (run_t *self, troupe_answer_t *answer, int64_t now)
{
  int64_t until = transfer_patience (answer, now);
  if (until > now) {
    schedule_move (&self->schedule, answer, bounded (answer, until));
    return;
  }
  troupe_error_t error = {0};
  troupe_err_t code = transfer_silent (answer, &error);
  attempt_over (self, answer, code, true, &error);
}

static void
transferred (run_t *self, troupe_answer_t *answer, CURLcode result)
{
  troupe_error_t error = {0};
  bool may_pass;
  troupe_err_t code = transfer_outcome (answer, result, &may_pass, &error);
  attempt_over (self, answer, code, may_pass, &error);
}

// -- Gathering -------------------------------------------------------------------------------------------------------

// Back to the loop, which writes the request.
static void
give_back (run_t *self, troupe_answer_t *answer)
{
  release (self, answer);
  engine_return (self->engine, answer);
}

static void
gather_on (run_t *self, troupe_answer_t *answer, troupe_err_t code, troupe_error_t *error)
{
  schedule_move (&self->schedule, answer, bounded (answer, gather_due (answer->gather))); // curl minds the rest
  if (code != TROUPE_OK)
    fail (self, answer, error);
  else if (gather_whole (answer->gather))
    give_back (self, answer);
}

// Begins with all, or with what is due again.
static void
gather (run_t *self, troupe_answer_t *answer, int64_t now)
{
  troupe_error_t error = {0};
  CURLM *multi = engine_multi (self->engine);
  troupe_err_t code =
    multi ? gather_start (answer->gather, answer, multi, now, &error)
          : troupe_error_set (&error, TROUPE_NO_MEMORY, answer->model->object, NULL, "libcurl doesn't start");
  answer->state = ANSWER_GATHER;
  gather_on (self, answer, code, &error);
}

static void
gathered (run_t *self, troupe_answer_t *answer, CURLM *multi, CURL *easy, CURLcode result)
{
  troupe_error_t error = {0};
  gather_event_t event = {easy, result, troupe_loop_now (), draw (self)};
  gather_on (self, answer, gather_take (answer->gather, multi, &event, &error), &error);
}

void
run_transfers (run_t *self, CURLM *multi)
{
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read (multi, &left));) {
    if (message->msg != CURLMSG_DONE)
      continue;
    troupe_answer_t *answer = NULL;
    curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, &answer);
    if (answer->state == ANSWER_GATHER)
      gathered (self, answer, multi, message->easy_handle, message->data.result);
    else
      transferred (self, answer, message->data.result);
  }
}

// -- Playing ---------------------------------------------------------------------------------------------------------

static void
play (run_t *self, troupe_answer_t *answer, int64_t now)
{
  const script_t *script = &answer->script;
  const bytes_t *text = &answer->reply.text;
  troupe_error_t error = script->error;
  if (script->fails) {
    fail (self, answer, &error);
    return;
  }
  size_t left = text->size - answer->passed;
  size_t piece = answer->stream && left ? script_piece (script, text->data + answer->passed, left) : left;
  if (piece < left && script->chunk_delay_ms > 0) {
    pass (self, answer, piece);
    schedule_move (&self->schedule, answer, bounded (answer, now + script->chunk_delay_ms));
  } else
    attempt_over (self, answer, TROUPE_OK, false, &error);
}

// -- Beginning and being due -----------------------------------------------------------------------------------------

void
run_begin (run_t *self, troupe_answer_t *answer, int64_t now)
{
  answer->run = self;
  if (!schedule_add (&self->schedule, answer, now)) {
    troupe_error_t error = {0};
    troupe_error_set (&error, TROUPE_NO_MEMORY, answer->model->object, NULL, "no memory for an answer");
    fail (self, answer, &error);
    return;
  }
  if (answer->model->provider->play) {
    answer->attempts = 1;
    answer->state = ANSWER_PLAY;
    schedule_move (&self->schedule, answer, bounded (answer, now + answer->script.delay_ms));
  } else if (answer->gather)
    gather (self, answer, now);
  else
    fetch (self, answer, now);
}

static void
step (run_t *self, troupe_answer_t *answer, int64_t now)
{
  if (answer->deadline != TROUPE_LOOP_NEVER && answer->deadline <= now) {
    troupe_error_t error = {0};
    troupe_error_set (&error, TROUPE_DEADLINE, answer->model->object, NULL,
                      "the deadline passed before the model had answered");
    fail (self, answer, &error);
  } else if (answer->state == ANSWER_FETCH)
    check_silence (self, answer, now);
  else if (answer->state == ANSWER_PAUSE)
    fetch (self, answer, now);
  else if (answer->state == ANSWER_GATHER)
    gather (self, answer, now);
  else
    play (self, answer, now);
}

void
run_due (run_t *self, int64_t now)
{
  for (troupe_answer_t *answer; (answer = schedule_first (&self->schedule)) && answer->due <= now;)
    step (self, answer, now);
}

bool
run_any (const run_t *self)
{
  return schedule_first (&self->schedule) != NULL;
}

int64_t
run_next (const run_t *self)
{
  const troupe_answer_t *answer = schedule_first (&self->schedule);
  return answer ? answer->due : INT64_MAX;
}

void
run_drop (run_t *self, troupe_answer_t *answer)
{
  if (answer->slot == 0)
    return;
  release (self, answer);
  answer_unref (answer);
}

void
run_clear (run_t *self)
{
  for (troupe_answer_t *answer; (answer = schedule_first (&self->schedule));)
    run_drop (self, answer);
  schedule_clear (&self->schedule);
}
