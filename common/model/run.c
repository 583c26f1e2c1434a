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
#include "model/retry.h"
#include "model/script.h"
#include "model/transfer.h"
#include "troupe/log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

enum {
  TASK_PAUSE_MS = 1000, // between two questions about a task: an image takes some seconds
  TOKEN_BYTES = 4       // a prompt has about so many bytes a token, whatever its form adds
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
          due = now + pause;
  bool in_time = answer->deadline == TROUPE_LOOP_NEVER ? pause <= RETRY_AFTER_MAX_MS : due < answer->deadline;
  if (!in_time)
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
  troupe_log (TROUPE_LOG_INFO, "a request failed and is tried again", "model", answer->model->object, "code",
              troupe_err_name (error->code), "why", error->why, "attempt", attempt, "pause_ms", pause, NULL);
}

// What the end of an attempt says about the server. Refusals and limits are answers too.
static void
tell_breaker (troupe_answer_t *answer, troupe_err_t code, int64_t now)
{
  troupe_model_t *model = answer->model;
  bool failed = code == TROUPE_MODEL_UNREACHABLE || code == TROUPE_MODEL_FAILED;
  if (model->provider->play)
    return;
  bool tried = answer->tries;
  answer->tries = false;
  if (failed && breaker_failure (&model->breaker, tried, now)) {
    char pause[24];
    snprintf (pause, sizeof pause, "%" PRId64, model->breaker.pause);
    troupe_log (TROUPE_LOG_WARNING, "the model's server fails again and again, and is left alone for a while", "model",
                model->object, "pause_ms", pause, NULL);
    engine_tell (answer->engine, answer);
  } else if (!failed && breaker_success (&model->breaker)) {
    troupe_log (TROUPE_LOG_INFO, "the model's server answers again", "model", model->object, NULL);
    engine_tell (answer->engine, answer);
  }
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
    tell_breaker (answer, code, now);
    await_task (self, answer, now);
    return;
  }
  if (code == TROUPE_OK)
    code = reply_message (&answer->reply, answer->model->name, answer->model->vendor->type, answer->attempts, &message,
                          error);
  tell_breaker (answer, code, now);
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

// Whether the rate that the server allows has room for the ask; else it waits for that, or ends when that is too late.
static bool
has_room (run_t *self, troupe_answer_t *answer, int64_t now)
{
  quota_t *quota = &answer->model->quota;
  int64_t tokens = (int64_t)(answer->body.size / TOKEN_BYTES), wait = quota_wait (quota, tokens, now);
  if (wait == 0) {
    quota_spend (quota, tokens, now);
    return true;
  }
  if (!quota->told) {
    char pause[24];
    snprintf (pause, sizeof pause, "%" PRId64, wait);
    troupe_log (TROUPE_LOG_INFO, "asks wait for the rate that the model's server allows", "model",
                answer->model->object, "pause_ms", pause, NULL);
    quota->told = true;
  }
  if (answer->deadline == TROUPE_LOOP_NEVER || now + wait < answer->deadline) {
    answer->state = ANSWER_PAUSE;
    schedule_move (&self->schedule, answer, now + wait);
    return false;
  }
  troupe_error_t error = {0};
  troupe_error_set (&error, TROUPE_RATE_LIMITED, answer->model->object, "ask again later, or give the call more time",
                    "%s has said that the rate it allows is used up", answer->model->shown_url);
  error.retry_after_ms = (unsigned)wait;
  fail (self, answer, &error);
  return false;
}

// False, with the answer ended, while the breaker is open.
static bool
may_fetch (run_t *self, troupe_answer_t *answer, int64_t now)
{
  int64_t wait;
  troupe_error_t error = {0};
  breaker_t *breaker = &answer->model->breaker;
  if (breaker_allows (breaker, now, &wait)) {
    answer->tries = breaker->trying;
    return true;
  }
  troupe_error_set (
    &error, TROUPE_MODEL_UNREACHABLE, answer->model->object, "see what its server says, or ask again later",
    "%s failed %u times in a row, and is left alone for a while", answer->model->shown_url, breaker->failures);
  error.retry_after_ms = (unsigned)wait;
  fail (self, answer, &error);
  return false;
}

static void
fetch (run_t *self, troupe_answer_t *answer, int64_t now)
{
  troupe_error_t error = {0};
  if ((!answer->task[0] && !has_room (self, answer, now)) || !may_fetch (self, answer, now))
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

void
run_transfers (run_t *self, CURLM *multi)
{
  int running, left;
  curl_multi_perform (multi, &running);
  for (CURLMsg *message; (message = curl_multi_info_read (multi, &left));) {
    if (message->msg != CURLMSG_DONE)
      continue;
    troupe_answer_t *answer = transfer_answer (message->easy_handle);
    troupe_error_t error = {0};
    bool may_pass;
    troupe_err_t code = transfer_outcome (answer, message->data.result, &may_pass, &error);
    attempt_over (self, answer, code, may_pass, &error);
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
  } else
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
  else
    play (self, answer, now);
}

void
run_due (run_t *self, int64_t now)
{
  for (troupe_answer_t *answer; (answer = schedule_first (&self->schedule)) && answer->due <= now;)
    step (self, answer, now);
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
