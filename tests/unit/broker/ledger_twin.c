// SPDX-License-Identifier: Apache-2.0
#include "ledger_twin.h"

#include "troupe/value.h"

#include <inttypes.h>

twin_t twin;

#define SAME(condition)                                                                                                \
  cr_assert (condition, "TROUPE_SEED=%" PRIu64 ", step %u, request %d: not " #condition, twin.seed, twin.step,         \
             (int)request->op)

// -- The model's side -----------------------------------------------------------------------------------------------

static void
on_result (void *context, const ledger_result_t *result)
{
  (void)context;
  rig_result_t *out = &twin.modelled;
  *out = (rig_result_t){.outcome = result->outcome,
                        .ready = result->ready,
                        .attempt = result->attempt,
                        .memory = result->memory,
                        .news = result->news,
                        .position = result->position,
                        .status = result->status,
                        .epoch = result->epoch,
                        .inputs = result->inputs,
                        .body_size = troupe_buffer_size (result->body),
                        .calls_count = result->calls_count};
  cr_assert_lt (out->body_size, sizeof out->body);
  if (out->body_size > 0)
    memcpy (out->body, troupe_buffer_data (result->body), out->body_size);
  for (size_t i = 0; i < result->calls_count; i++)
    out->calls[i] = (rig_call_t){.call = result->calls[i].call,
                                 .ready = result->calls[i].ready,
                                 .attempt = result->calls[i].attempt,
                                 .news = result->calls[i].news};
  twin.answered = true;
}

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  twin_pair_t *pair = context;
  if (notice->kind != LEDGER_NOTICE_READY && notice->kind != LEDGER_NOTICE_SETTLED)
    return;
  cr_assert_lt (pair->notices_count, TWIN_NOTICES_MAX);
  pair->kinds[pair->notices_count] = notice->kind;
  pair->notices[pair->notices_count++] =
    (rig_call_t){.call = notice->call.call, .attempt = notice->call.attempt, .news = notice->call.news};
}

// -- Comparing ------------------------------------------------------------------------------------------------------

static bool
same_value (const rig_result_t *real, const rig_result_t *modelled)
{
  if (real->body_size == modelled->body_size && memcmp (real->body, modelled->body, real->body_size) == 0)
    return true;
  json_t *a = NULL, *b = NULL;
  troupe_value_unpack (real->body, real->body_size, &a, NULL);
  troupe_value_unpack (modelled->body, modelled->body_size, &b, NULL);
  bool same = a != NULL && json_equal (a, b);
  json_decref (a);
  json_decref (b);
  return same;
}

static bool
same_messages (const rig_result_t *real, const rig_result_t *modelled)
{
  size_t head = (unsigned char)real->body[0] < 0xa0 ? 1 : 3;
  return real->body_size - head == modelled->body_size - 3 &&
         memcmp (real->body + head, modelled->body + 3, real->body_size - head) == 0;
}

// Those of a takeover are in the order of their deadlines.
static bool
same_calls (const rig_result_t *real, const rig_result_t *modelled)
{
  size_t found = 0;
  for (size_t i = 0; i < real->calls_count; i++)
    for (size_t j = 0; j < modelled->calls_count; j++) {
      const rig_call_t *a = &real->calls[i], *b = &modelled->calls[j];
      found +=
        troupe_id_equal (&a->call, &b->call) && a->attempt == b->attempt && a->ready == b->ready && a->news == b->news;
    }
  return real->calls_count == modelled->calls_count && found == real->calls_count;
}

static void
compare_results (const ledger_request_t *request, const rig_result_t *real)
{
  const rig_result_t *modelled = &twin.modelled;
  SAME (real->outcome == modelled->outcome);
  SAME (real->ready == modelled->ready && real->status == modelled->status);
  bool done = request->op == LEDGER_SETTLE && real->outcome == LEDGER_OK; // whose attempt nobody asks for
  SAME ((done || real->attempt == modelled->attempt) && real->epoch == modelled->epoch);
  SAME (real->memory == modelled->memory && real->inputs == modelled->inputs);
  SAME (real->news == modelled->news);
  SAME (real->position == modelled->position);
  if (real->outcome == LEDGER_SETTLED && real->status == TROUPE_STATUS_VALUE)
    SAME (same_value (real, modelled));
  if (real->outcome == LEDGER_OK && request->op == LEDGER_HEAR)
    SAME (same_messages (real, modelled));
  SAME (same_calls (real, modelled));
}

static void
compare_notices (const ledger_request_t *request, const twin_pair_t *pair)
{
  rig_broker_t *broker = pair->broker;
  LOOP_UNTIL (twin.rig->loop, broker->notices_count >= pair->notices_count);
  SAME (broker->notices_count == pair->notices_count);
  bool taken[TWIN_NOTICES_MAX] = {false};
  for (size_t i = 0; i < pair->notices_count; i++) {
    size_t j = 0;
    while (j < broker->notices_count &&
           (taken[j] || broker->kinds[j] != pair->kinds[i] ||
            !troupe_id_equal (&broker->notices[j].call, &pair->notices[i].call) ||
            (pair->kinds[i] == LEDGER_NOTICE_READY && (broker->notices[j].attempt != pair->notices[i].attempt ||
                                                       broker->notices[j].news != pair->notices[i].news))))
      j++;
    SAME (j < broker->notices_count);
    taken[j] = true;
  }
}

void
twin_perform (unsigned by, const ledger_request_t *request)
{
  for (int i = 0; i < 2; i++) {
    twin.pairs[i].notices_count = 0;
    twin.pairs[i].broker->notices_count = twin.pairs[i].broker->results_count = 0;
  }
  const rig_result_t *real = rig_do (twin.rig, twin.pairs[by].broker, request);
  twin.answered = false;
  ledger_link_submit (twin.pairs[by].link, request);
  cr_assert (ledger_link_deliver (twin.pairs[by].link, 1000) && twin.answered);
  for (int i = 0; i < 2; i++)
    while (ledger_link_deliver (twin.pairs[i].link, 1000)) {
    }
  compare_results (request, real);
  twin.cycles += real->outcome == LEDGER_CYCLE || (real->status == TROUPE_STATUS_ERROR && rig_body_has (real, "cycle"));
  twin.heard += request->op == LEDGER_HEAR && real->outcome == LEDGER_OK ? real->body_size - 1 : 0;
  for (int i = 0; i < 2; i++)
    compare_notices (request, &twin.pairs[i]);
}

// -- Both -----------------------------------------------------------------------------------------------------------

void
twin_open (uint64_t seed)
{
  twin.seed = seed;
  twin.rig = rig_start (NULL);
  twin.model = ledger_model_new ();
  for (int i = 0; i < 2; i++) {
    twin.pairs[i] = (twin_pair_t){.broker = i == 0 ? &twin.rig->a : &twin.rig->b};
    twin.pairs[i].link = ledger_model_connect (twin.model, i == 0 ? "a" : "b", on_result, on_notice, &twin.pairs[i]);
    ledger_link_up (twin.pairs[i].link);
  }
}

void
twin_close (void)
{
  cr_expect_eq (ledger_model_violations (twin.model), 0);
  for (int i = 0; i < 2; i++)
    ledger_link_close (&twin.pairs[i].link);
  ledger_model_destroy (&twin.model);
  rig_stop (twin.rig);
}
