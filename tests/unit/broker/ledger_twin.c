// SPDX-License-Identifier: Apache-2.0
#include "ledger_twin.h"

#include "troupe/value.h"

#include <inttypes.h>
#include <stdlib.h>

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
                        .stretch = result->stretch,
                        .said_count = result->said_count,
                        .more = result->more,
                        .position = result->position,
                        .status = result->status,
                        .epoch = result->epoch,
                        .inputs = result->inputs,
                        .body_size = troupe_buffer_size (result->body),
                        .calls_count = result->calls_count,
                        .hubs_count = result->hubs_count};
  cr_assert_lt (out->body_size, sizeof out->body);
  if (out->body_size > 0)
    memcpy (out->body, troupe_buffer_data (result->body), out->body_size);
  for (size_t i = 0; i < result->calls_count; i++)
    out->calls[i] = (rig_call_t){.call = result->calls[i].call,
                                 .ready = result->calls[i].ready,
                                 .attempt = result->calls[i].attempt,
                                 .news = result->calls[i].news,
                                 .stretch = result->calls[i].stretch};
  if (result->said_count > 0)
    memcpy (out->said, result->said, result->said_count * sizeof *out->said);
  for (size_t i = 0; i < result->hubs_count; i++)
    out->hubs[i] = (ledger_hub_t){.hub = result->hubs[i].hub};
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

// The last bytes of an id tell it from the others of a run.
static const char *
short_id (const troupe_id_t *id)
{
  static char texts[4][12];
  static unsigned next;
  char *text = texts[next++ % 4];
  snprintf (text, sizeof *texts, "%02x%02x%02x%02x", id->bytes[12], id->bytes[13], id->bytes[14], id->bytes[15]);
  return text;
}

static void
trace_notices (const char *broker, const char *hears, const ledger_notice_kind_t *kinds, const rig_call_t *notices,
               size_t count)
{
  for (size_t i = 0; i < count && getenv ("TROUPE_TRACE") != NULL; i++)
    fprintf (stderr, "  broker %s %s that %s has %s, attempt %u, %u news\n", broker, hears, short_id (&notices[i].call),
             kinds[i] == LEDGER_NOTICE_READY ? "its turn" : "settled", notices[i].attempt, notices[i].news);
}

// -- Comparing ------------------------------------------------------------------------------------------------------

static bool
same_stretch (const ledger_stretch_t *a, const ledger_stretch_t *b)
{
  return a->entries == b->entries && (a->entries == 0 || (a->since == b->since && a->position == b->position &&
                                                          troupe_id_equal (&a->hub, &b->hub)));
}

// In any order.
static bool
same_said (const rig_result_t *real, const rig_result_t *modelled)
{
  size_t found = 0;
  for (size_t i = 0; i < real->said_count; i++)
    for (size_t j = 0; j < modelled->said_count; j++)
      found += real->said[i].position == modelled->said[j].position &&
               troupe_id_equal (&real->said[i].hub, &modelled->said[j].hub);
  return found == real->said_count && found == modelled->said_count;
}

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
        troupe_id_equal (&a->call, &b->call) && a->attempt == b->attempt && a->ready == b->ready &&
        a->news == b->news && same_stretch (&a->stretch, &b->stretch);
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
  SAME (done || real->attempt == modelled->attempt);
  cr_assert_eq (real->epoch, modelled->epoch, "TROUPE_SEED=%" PRIu64 ", step %u: %" PRIu64 ", not %" PRIu64, twin.seed,
                twin.step, real->epoch, modelled->epoch);
  SAME (real->memory == modelled->memory);
  SAME (real->inputs == modelled->inputs);
  SAME (real->news == modelled->news && same_stretch (&real->stretch, &modelled->stretch));
  SAME (same_said (real, modelled));
  SAME (real->position == modelled->position);
  if (real->outcome == LEDGER_SETTLED && real->status == TROUPE_STATUS_VALUE)
    SAME (same_value (real, modelled));
  if (real->outcome == LEDGER_OK && request->op == LEDGER_HEAR)
    SAME (same_messages (real, modelled));
  SAME (same_calls (real, modelled));
}

// A session's actors end one after the other, in any order: what one leaves may give another's call its turn, just
// before that ends as well.
static void
forget_turns (rig_broker_t *broker)
{
  size_t kept = 0;
  for (size_t i = 0; i < broker->notices_count; i++)
    if (broker->kinds[i] != LEDGER_NOTICE_READY) {
      broker->kinds[kept] = broker->kinds[i];
      broker->notices[kept++] = broker->notices[i];
    }
  broker->notices_count = kept;
}

static bool
have_come (const ledger_request_t *request, const twin_pair_t *pair)
{
  if (request->op == LEDGER_CLOSE)
    forget_turns (pair->broker);
  return pair->broker->notices_count >= pair->notices_count;
}

static void
compare_notices (const ledger_request_t *request, const twin_pair_t *pair)
{
  rig_broker_t *broker = pair->broker;
  LOOP_UNTIL (twin.rig->loop, have_come (request, pair));
  trace_notices (broker->name, "hears", broker->kinds, broker->notices, broker->notices_count);
  trace_notices (broker->name, "is to hear", pair->kinds, pair->notices, pair->notices_count);
  cr_assert_eq (broker->notices_count, pair->notices_count,
                "TROUPE_SEED=%" PRIu64 ", step %u, request %d: broker %s hears %zu notices, not %zu", twin.seed,
                twin.step, (int)request->op, broker->name, broker->notices_count, pair->notices_count);
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

static void
trace_stretch (const ledger_stretch_t *stretch)
{
  if (stretch->entries > 0)
    fprintf (stderr, ", %u entries of hub %s from %" PRIu64 " to %" PRIu64, stretch->entries, short_id (&stretch->hub),
             stretch->since, stretch->position);
}

static void
trace_calls (const char *gives, const rig_result_t *result)
{
  for (size_t i = 0; i < result->calls_count; i++) {
    const rig_call_t *call = &result->calls[i];
    fprintf (stderr, "  %s %s %s, attempt %u, %u news%s", gives, call->service, short_id (&call->call), call->attempt,
             call->news, call->ready ? ", ready" : "");
    trace_stretch (&call->stretch);
    fputc ('\n', stderr);
  }
}

// With TROUPE_TRACE set: what was asked, and what the ledger says and tells.
static void
trace (unsigned by, const ledger_request_t *request, const rig_result_t *real)
{
  if (getenv ("TROUPE_TRACE") == NULL)
    return;
  fprintf (stderr, "step %u, broker %u: request %d of %s %s, operation %d, attempt %u", twin.step, by, (int)request->op,
           request->service != NULL ? request->service : "", short_id (&request->call), (int)request->hub_op,
           request->attempt);
  if (request->path_count > 0)
    fprintf (stderr, ", parent %s in attempt %u", short_id (&request->path[0]), request->parent_attempt);
  for (uint32_t i = 0; i < request->inputs_count; i++)
    fprintf (stderr, ", input %s", short_id (&request->inputs[i]));
  for (uint32_t i = 0; i < request->hubs_count; i++)
    fprintf (stderr, ", hub %s", short_id (&request->hubs[i]));
  for (uint32_t i = 0; i < request->members_count; i++)
    fprintf (stderr, ", member %s", request->members[i]);
  if (request->sizes_count > 0)
    fprintf (stderr, ", %u messages or entries", request->sizes_count);
  if (!troupe_id_is_zero (&request->fan))
    fprintf (stderr, ", group %d%s", request->fan.bytes[0],
             (request->flags & TROUPE_FLAG_MORE) != 0 ? " and more" : "");
  fprintf (stderr, ": outcome %d, status %d, attempt %u%s, %u news", (int)real->outcome, (int)real->status,
           real->attempt, real->ready ? ", ready" : "", real->news);
  trace_stretch (&real->stretch);
  fputc ('\n', stderr);
  trace_calls ("gives", real);
  trace_calls ("is to give", &twin.modelled);
}

static void
ask_model (unsigned by, const ledger_request_t *request)
{
  ledger_request_t step = *request;
  do {
    twin.answered = false;
    ledger_link_submit (twin.pairs[by].link, &step);
    cr_assert (ledger_link_deliver (twin.pairs[by].link, 1000) && twin.answered);
    step.position = twin.modelled.position;
  } while (request->op == LEDGER_CLOSE && twin.modelled.more);
}

void
twin_perform (unsigned by, const ledger_request_t *request)
{
  for (int i = 0; i < 2; i++) {
    twin.pairs[i].notices_count = 0;
    twin.pairs[i].broker->notices_count = twin.pairs[i].broker->results_count = 0;
  }
  const rig_result_t *real = rig_do (twin.rig, twin.pairs[by].broker, request);
  while (request->op == LEDGER_CLOSE && real->more)
    real = rig_do (twin.rig, twin.pairs[by].broker, request);
  if (request->op == LEDGER_ROUSE)
    twin_rouse_before (request, real);
  ask_model (by, request);
  if (request->op == LEDGER_ROUSE)
    twin_rouse_after (real);
  for (int i = 0; i < 2; i++)
    while (ledger_link_deliver (twin.pairs[i].link, 1000)) {
    }
  trace (by, request, real);
  compare_results (request, real);
  twin.cycles += real->outcome == LEDGER_CYCLE || (real->status == TROUPE_STATUS_ERROR && rig_body_has (real, "cycle"));
  twin.heard += request->op == LEDGER_HEAR && real->outcome == LEDGER_OK ? real->body_size - 1 : 0;
  for (int i = 0; i < 2; i++)
    compare_notices (request, &twin.pairs[i]);
  twin_rouse_check ();
}

// -- Both -----------------------------------------------------------------------------------------------------------

// The real one says which generation its slot is in.
static void
meet (void)
{
  char command[80];
  snprintf (command, sizeof command, "FCALL troupe1_meet 1 troupe:{%02u}:store 0", twin.slot);
  redisReply *reply = redis_run (&twin.rig->redis, command);
  cr_assert_eq (reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
  ledger_model_begin_generation (twin.model, (uint64_t)reply->element[0]->integer);
  freeReplyObject (reply);
  snprintf (command, sizeof command, "HGET troupe:{%02u}:store since", twin.slot);
  reply = redis_run (&twin.rig->redis, command);
  ledger_model_set_since (twin.model, reply->str != NULL ? atoll (reply->str) : 0);
  freeReplyObject (reply);
}

void
twin_open (uint64_t seed, const char *session)
{
  twin.seed = seed;
  twin.slot = ledger_slot (session);
  twin.rig = rig_start (NULL);
  twin.model = ledger_model_new ();
  for (int i = 0; i < 2; i++) {
    twin.pairs[i] = (twin_pair_t){.broker = i == 0 ? &twin.rig->a : &twin.rig->b};
    twin.pairs[i].link = ledger_model_connect (twin.model, i == 0 ? "a" : "b", on_result, on_notice, &twin.pairs[i]);
    ledger_link_up (twin.pairs[i].link);
  }
  meet ();
}

void
twin_change_history (void)
{
  char command[80];
  snprintf (command, sizeof command, "HSET troupe:{%02u}:store redis another", twin.slot);
  redis_number (&twin.rig->redis, command);
  int downs = twin.rig->a.downs + twin.rig->b.downs;
  redis_number (&twin.rig->redis, "CLIENT KILL TYPE normal");
  LOOP_UNTIL (twin.rig->loop, twin.rig->a.downs + twin.rig->b.downs == downs + 2);
  LOOP_UNTIL (twin.rig->loop, twin.rig->a.up && twin.rig->b.up);
  // Notices that were handed over may come again: until the inboxes have been read, and once more.
  const ledger_request_t lease = {.op = LEDGER_LEASE, .lease_ms = 1000};
  for (int i = 0; i < 4; i++)
    rig_do (twin.rig, twin.pairs[i % 2].broker, &lease);
  meet ();
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
