// SPDX-License-Identifier: Apache-2.0
#include "ledger_rig.h"

static rig_t rig;
static troupe_buffer_t *buffers[32 * 1024];
static size_t buffers_count;

static void
copy_text (char *out, size_t size, const char *text)
{
  snprintf (out, size, "%s", text != NULL ? text : "");
}

static void
copy_call (rig_call_t *out, const ledger_call_t *call)
{
  *out = (rig_call_t){.call = call->call,
                      .actor = call->actor,
                      .ready = call->ready,
                      .attempt = call->attempt,
                      .flags = call->flags,
                      .memory = call->memory,
                      .inputs = call->inputs,
                      .news = call->news,
                      .stretch = call->stretch,
                      .epoch = call->epoch,
                      .path_count = call->path_count,
                      .deadline_ms = call->deadline_ms,
                      .body_size = call->body != NULL ? troupe_buffer_size (call->body) : SIZE_MAX};
  if (call->path_count > 0)
    out->root = call->path[0];
  copy_text (out->session, sizeof out->session, call->session);
  copy_text (out->service, sizeof out->service, call->service);
  copy_text (out->trace, sizeof out->trace, call->trace);
  copy_text (out->owner, sizeof out->owner, call->owner);
}

static void
on_result (void *context, const ledger_result_t *result)
{
  rig_broker_t *self = context;
  rig_result_t *last = &self->last;
  last->op = result->op;
  last->token = result->token;
  last->outcome = result->outcome;
  last->ready = result->ready;
  last->more = result->more;
  last->attempt = result->attempt;
  last->memory = result->memory;
  last->news = result->news;
  last->position = result->position;
  last->stretch = result->stretch;
  last->said_count = result->said_count;
  if (result->said_count > 0)
    memcpy (last->said, result->said, result->said_count * sizeof *last->said);
  last->deadline_ms = result->deadline_ms;
  last->status = result->status;
  copy_text (last->why, sizeof last->why, result->why);
  copy_text (last->owner, sizeof last->owner, result->owner);
  last->epoch = result->epoch;
  last->inputs = result->inputs;
  last->input = result->input;
  last->lapsed_ms = result->lapsed_ms;
  last->sizes_count = result->sizes_count;
  for (uint32_t i = 0; i < result->sizes_count; i++)
    last->sizes[i] = result->sizes[i];
  last->hubs_count = result->hubs_count;
  for (size_t i = 0; i < result->hubs_count; i++)
    last->hubs[i] = (ledger_hub_t){.hub = result->hubs[i].hub};
  last->brokers_count = result->brokers_count;
  for (size_t i = 0; i < result->brokers_count; i++) {
    copy_text (last->brokers[i].name, sizeof last->brokers[i].name, result->brokers[i].name);
    last->brokers[i].remaining_ms = result->brokers[i].remaining_ms;
  }
  last->body_size = troupe_buffer_size (result->body);
  size_t size = last->body_size < sizeof last->body - 1 ? last->body_size : sizeof last->body - 1;
  if (size > 0)
    memcpy (last->body, troupe_buffer_data (result->body), size);
  last->body[size] = '\0';
  last->calls_count = result->calls_count;
  for (size_t i = 0; i < result->calls_count; i++)
    copy_call (&last->calls[i], &result->calls[i]);
  cr_assert_lt (self->results_count, RIG_RESULTS_MAX);
  self->outcomes[self->results_count] = result->outcome;
  self->tokens[self->results_count++] = result->token;
}

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  rig_broker_t *self = context;
  if (notice->kind == LEDGER_NOTICE_UP || notice->kind == LEDGER_NOTICE_DOWN) {
    self->up = notice->kind == LEDGER_NOTICE_UP;
    self->ups += self->up;
    self->changes += notice->changed;
    self->generation = self->up ? notice->generation : self->generation;
    self->downs += !self->up;
    return;
  }
  cr_assert_lt (self->notices_count, RIG_NOTICES_MAX);
  self->kinds[self->notices_count] = notice->kind;
  copy_call (&self->notices[self->notices_count++], &notice->call);
}

void
rig_begin (rig_t *self, rig_broker_t *broker, const char *name)
{
  const ledger_options_t options = {
    .url = self->redis.url, .broker = name, .result = on_result, .notice = on_notice, .context = broker};
  *broker = (rig_broker_t){.name = name};
  cr_assert_eq (ledger_new (&broker->ledger, self->loop, &options, NULL), TROUPE_OK);
}

void
rig_open (rig_t *self, rig_broker_t *broker, const char *name)
{
  rig_begin (self, broker, name);
  LOOP_UNTIL (self->loop, broker->up);
}

rig_t *
rig_start (const char *const *extra)
{
  redis_start (&rig.redis, extra);
  bool cluster = extra != NULL && strcmp (extra[0], "--cluster-enabled") == 0;
  if (cluster) {
    redis_do (&rig.redis, "CLUSTER ADDSLOTSRANGE 0 16383");
    for (bool formed = false; !formed;) {
      redisReply *info = redis_run (&rig.redis, "CLUSTER INFO");
      formed = strstr (info->str, "cluster_state:ok") != NULL;
      freeReplyObject (info);
    }
  }
  cr_assert_eq (troupe_loop_new (&rig.loop), TROUPE_OK);
  rig_open (&rig, &rig.a, "a");
  rig_open (&rig, &rig.b, "b");
  return &rig;
}

void
rig_stop (rig_t *self)
{
  ledger_destroy (&self->a.ledger);
  ledger_destroy (&self->b.ledger);
  troupe_loop_destroy (&self->loop);
  redis_stop (&self->redis);
  while (buffers_count > 0)
    troupe_buffer_unref (&buffers[--buffers_count]);
}

const rig_result_t *
rig_do (rig_t *self, rig_broker_t *broker, const ledger_request_t *request)
{
  size_t before = broker->results_count;
  ledger_submit (broker->ledger, request);
  cr_assert_eq (broker->results_count, before, "a result from within ledger_submit");
  LOOP_UNTIL (self->loop, broker->results_count > before);
  cr_assert_eq (broker->last.op, request->op);
  return &broker->last;
}

troupe_buffer_t *
rig_buffer (const void *data, size_t size)
{
  cr_assert_lt (buffers_count, sizeof buffers / sizeof *buffers);
  cr_assert_eq (troupe_buffer_new (&buffers[buffers_count], data, size), TROUPE_OK);
  return buffers[buffers_count++];
}

ledger_request_t
rig_accept (const char *session, troupe_id_t call, const char *service)
{
  return (ledger_request_t){.op = LEDGER_ACCEPT,
                            .session = session,
                            .call = call,
                            .service = service,
                            .actor = strncmp (service, "agent/", 6) == 0,
                            .flags = 3,
                            .default_deadline_ms = 600000,
                            .mailbox_limit = 1000,
                            .body = rig_buffer ("input", 5)};
}

ledger_request_t
rig_settle (const char *session, troupe_id_t call, uint32_t attempt, const char *value)
{
  return (ledger_request_t){.op = LEDGER_SETTLE,
                            .session = session,
                            .call = call,
                            .attempt = attempt,
                            .status = TROUPE_STATUS_VALUE,
                            .retention_ms = 3600000,
                            .body = rig_buffer (value, strlen (value))};
}

ledger_request_t
rig_simple (ledger_op_t op, const char *session, troupe_id_t call, uint32_t attempt)
{
  return (ledger_request_t){.op = op, .session = session, .call = call, .attempt = attempt, .count = 65536};
}

ledger_request_t
rig_nested (const char *session, troupe_id_t call, const char *service, const troupe_id_t *parent, uint32_t attempt)
{
  ledger_request_t accept = rig_accept (session, call, service);
  accept.path = parent;
  accept.path_count = 1;
  accept.parent_attempt = attempt;
  accept.retention_ms = 3600000;
  return accept;
}

bool
rig_body_has (const rig_result_t *result, const char *text)
{
  return memmem (result->body, sizeof result->body, text, strlen (text)) != NULL;
}

int
rig_notices (const rig_broker_t *broker, ledger_notice_kind_t kind, const troupe_id_t *call)
{
  int count = 0;
  for (size_t i = 0; i < broker->notices_count; i++)
    count += broker->kinds[i] == kind && troupe_id_equal (&broker->notices[i].call, call);
  return count;
}
