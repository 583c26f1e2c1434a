// SPDX-License-Identifier: Apache-2.0
//
// Two reasons not to send a request: the server would refuse it for the rate, or it is down and needs no more load. The
// first passes by itself, and the ask waits; the second is an error at once, so that a fallback gets its chance.

#include "model/gate.h"
#include "model/engine.h"
#include "troupe/log.h"

#include <inttypes.h>

enum { TOKEN_BYTES = 4 }; // a prompt has about so many bytes a token, whatever its form adds

static void
tell_wait (const troupe_model_t *model, quota_t *quota, int64_t wait)
{
  char pause[24];
  if (quota->told)
    return;
  snprintf (pause, sizeof pause, "%" PRId64, wait);
  troupe_log (TROUPE_LOG_INFO, "asks wait for the rate that the model's server allows", "model", model->object,
              "pause_ms", pause, NULL);
  quota->told = true;
}

troupe_err_t
gate_wait (troupe_answer_t *answer, int64_t now, int64_t *wait, troupe_error_t *error)
{
  quota_t *quota = &answer->model->quota;
  int64_t tokens = (int64_t)(answer->body.size / TOKEN_BYTES);
  *wait = quota_wait (quota, tokens, now);
  if (*wait == 0) {
    quota_spend (quota, tokens, now);
    return TROUPE_OK;
  }
  tell_wait (answer->model, quota, *wait);
  if (answer->deadline == TROUPE_LOOP_NEVER || now + *wait < answer->deadline)
    return TROUPE_OK;
  troupe_error_set (error, TROUPE_RATE_LIMITED, answer->model->object, "ask again later, or give the call more time",
                    "%s has said that the rate it allows is used up", answer->model->shown_url);
  error->retry_after_ms = (unsigned)*wait;
  return TROUPE_RATE_LIMITED;
}

troupe_err_t
gate_open (troupe_answer_t *answer, int64_t now, troupe_error_t *error)
{
  int64_t wait;
  breaker_t *breaker = &answer->model->breaker;
  if (breaker_allows (breaker, now, &wait)) {
    answer->tries = breaker->trying;
    return TROUPE_OK;
  }
  troupe_error_set (
    error, TROUPE_MODEL_UNREACHABLE, answer->model->object, "see what its server says, or ask again later",
    "%s failed %u times in a row, and is left alone for a while", answer->model->shown_url, breaker->failures);
  error->retry_after_ms = (unsigned)wait;
  return TROUPE_MODEL_UNREACHABLE;
}

void
gate_tell (troupe_answer_t *answer, troupe_err_t code, int64_t now)
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
    model_count (model, MODEL_COUNT_OPENINGS, 1);
    troupe_log (TROUPE_LOG_WARNING, "the model's server fails again and again, and is left alone for a while", "model",
                model->object, "pause_ms", pause, NULL);
    engine_tell (answer->engine, answer);
  } else if (!failed && breaker_success (&model->breaker)) {
    troupe_log (TROUPE_LOG_INFO, "the model's server answers again", "model", model->object, NULL);
    engine_tell (answer->engine, answer);
  }
}
