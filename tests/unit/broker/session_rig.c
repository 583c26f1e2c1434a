// SPDX-License-Identifier: Apache-2.0
#include "session_rig.h"

long long
session_rig_keys (const rig_t *rig, const char *pattern)
{
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "KEYS %s", pattern);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_ARRAY);
  long long count = (long long)reply->elements;
  freeReplyObject (reply);
  redisFree (client);
  return count;
}

troupe_id_t
session_rig_accept (rig_t *rig, const char *service)
{
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), service);
  cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK, "%s", rig->a.last.why);
  return accept.call;
}

const rig_result_t *
session_rig_close (rig_t *rig, const char *session, uint64_t position)
{
  ledger_request_t request = {
    .op = LEDGER_CLOSE, .session = session, .retention_ms = SESSION_RIG_RETENTION_MS, .position = position};
  return rig_do (rig, &rig->a, &request);
}

int
session_rig_end (rig_t *rig, const char *session)
{
  int steps = 0;
  rig->a.last.position = 0;
  do {
    cr_assert_eq (session_rig_close (rig, session, rig->a.last.position)->outcome, LEDGER_OK, "%s", rig->a.last.why);
    steps++;
  } while (rig->a.last.more);
  return steps;
}

const rig_result_t *
session_rig_settle (rig_t *rig, troupe_id_t call, uint32_t attempt)
{
  static const uint32_t sizes[] = {2};
  ledger_request_t request = rig_settle ("s", call, attempt,
                                         "\xa1"
                                         "a");
  request.body = rig_buffer ("\xa1"
                             "a\xa1"
                             "m",
                             4);
  request.sizes = sizes;
  request.sizes_count = 1;
  return rig_do (rig, &rig->a, &request);
}

const rig_result_t *
session_rig_outcome (rig_t *rig, troupe_id_t call)
{
  ledger_request_t request = rig_simple (LEDGER_AWAIT, "s", call, 0);
  return rig_do (rig, &rig->b, &request);
}

const rig_result_t *
session_rig_sweep (rig_t *rig, int64_t idle_ms)
{
  ledger_request_t request = {
    .op = LEDGER_SWEEP, .slot = ledger_slot ("s"), .idle_ms = idle_ms, .retention_ms = SESSION_RIG_RETENTION_MS};
  return rig_do (rig, &rig->b, &request);
}

json_t *
session_rig_list (rig_t *rig)
{
  ledger_request_t request = {.op = LEDGER_SESSIONS, .slot = ledger_slot ("s")};
  cr_assert_eq (rig_do (rig, &rig->b, &request)->outcome, LEDGER_OK);
  json_t *json = NULL;
  cr_assert_eq (troupe_value_unpack (rig->b.last.body, rig->b.last.body_size, &json, NULL), TROUPE_OK);
  return json;
}

json_int_t
session_rig_number (const json_t *session, const char *key)
{
  return json_integer_value (json_object_get (session, key));
}

void
session_rig_pass_time (rig_t *rig, int seconds)
{
  session_rig_sweep (rig, 0);
  redisContext *client = redis_connect (&rig->redis);
  redisReply *reply = redisCommand (client, "ZINCRBY troupe:{%02u}:sessions %d s", ledger_slot ("s"), -seconds);
  cr_assert (reply != NULL && reply->type == REDIS_REPLY_STRING);
  freeReplyObject (reply);
  redisFree (client);
}

size_t
session_rig_count (const rig_result_t *page)
{
  const unsigned char *body = (const unsigned char *)page->body;
  return body[0] == 0xdc ? (size_t)body[1] << 8 | body[2] : body[0] & 0x0fu;
}
