// SPDX-License-Identifier: Apache-2.0
//
// Messages are built on the stack and leave at once through the outlet, so sending needs no memory but for the words of
// an error. When there is none for those, the error still goes out with its code alone, packed when the broker started:
// a peer is never left without an answer because memory is short.

#include "broker/answer.h"

#include "broker/confirming.h"
#include "broker/peers.h"

void
answer_send (broker_core_t *core, broker_connection_t to, const troupe_header_t *header, troupe_buffer_t *body)
{
  peer_t *peer = peers_find (core, to);
  if (peer == NULL)
    return;
  peer->sent = core->now;
  if (peer->unconfirmed_count > 0)
    confirming_tell_left (core, peer);
  core->options.outlet.send (core->options.outlet.context, to, header, body);
}

troupe_buffer_t *
answer_pack (json_t *json)
{
  troupe_buffer_t *body = NULL;
  if (json != NULL)
    troupe_value_pack (json, &body, NULL);
  json_decref (json);
  return body;
}

troupe_buffer_t *
answer_error_body (broker_core_t *core, const troupe_error_t *error)
{
  troupe_buffer_t *body = answer_pack (troupe_error_to_json (error));
  if (body != NULL)
    return body;
  core->counters[BROKER_COUNT_NO_MEMORY]++;
  return troupe_buffer_ref (core->errors[error->code]);
}

void
answer_refuse (broker_core_t *core, broker_connection_t to, unsigned of, const troupe_header_t *about,
               const troupe_error_t *error)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (&header, of);
  if (about != NULL) {
    header.call = about->call;
    header.service = about->service;
    header.request = about->request;
    header.attempt = about->attempt;
    header.present |= about->present & (TROUPE_F (CALL) | TROUPE_F (SERVICE) | TROUPE_F (REQUEST) | TROUPE_F (ATTEMPT));
    if (troupe_header_has (about, TROUPE_F (PARENT)))
      troupe_header_set_attempt (&header, about->parent);
  }
  if (of == TROUPE_CMD_CALL) {
    core->counters[BROKER_COUNT_CALLS_REFUSED]++;
    core->counters[BROKER_COUNT_CALLS_OVERLOADED] += error->code == TROUPE_OVERLOADED;
  }
  troupe_buffer_t *body = answer_error_body (core, error);
  core->options.outlet.send (core->options.outlet.context, to, &header, body);
  troupe_buffer_unref (&body);
}

void
answer_refuse_waiter (broker_core_t *core, const waiter_t *waiter, const troupe_error_t *error)
{
  const call_t *call = waiter->call;
  if (peers_find (core, waiter->peer->connection) == NULL)
    return;
  troupe_header_t about;
  troupe_header_init (&about, waiter->of);
  troupe_header_set_call (&about, &call->id);
  if (waiter->of == TROUPE_CMD_CALL && call->parent != 0)
    troupe_header_set_parent (&about, call->parent);
  answer_refuse (core, waiter->peer->connection, waiter->of, &about, error);
}

void
answer_publish (broker_core_t *core, const service_t *service, const peer_t *peer, const char *event)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text (service->name));
  troupe_header_set_peer (&header, troupe_text (peer->name));
  troupe_buffer_t *body = answer_pack (json_pack ("{s:s, s:s}", "event", event, "broker", core->name));
  if (body == NULL) { // nobody relies on events: who wants to know asks for a report
    core->counters[BROKER_COUNT_NO_MEMORY]++;
    return;
  }
  core->counters[BROKER_COUNT_EVENTS]++;
  core->options.outlet.publish (core->options.outlet.context, BROKER_TOPIC_MESH, &header, body, false);
  troupe_buffer_unref (&body);
}

void
answer_note (broker_core_t *core, troupe_log_level_t level, const char *event, const char *name1, const char *value1,
             const char *name2, const char *value2)
{
  broker_note_t note = {level, event, name1, value1, name2, value2};
  core->options.outlet.note (core->options.outlet.context, &note);
}

troupe_err_t
answer_no_memory (broker_core_t *core, const char *object, troupe_error_t *error)
{
  core->counters[BROKER_COUNT_NO_MEMORY]++;
  return troupe_error_set (error, TROUPE_NO_MEMORY, object, "send it again later", "the broker is out of memory");
}

troupe_err_t
answer_store_down (const broker_core_t *core, troupe_error_t *error)
{
  troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, core->name, "see whether Redis runs; send it again",
                    "the broker has no connection to its store");
  if (error != NULL)
    error->retry_after_ms = RETRY_AFTER_MS;
  return TROUPE_STORE_UNAVAILABLE;
}

troupe_err_t
answer_store_failed (const broker_core_t *core, const ledger_result_t *result, troupe_error_t *error)
{
  if (result->outcome != LEDGER_FAILED)
    return answer_store_down (core, error);
  return troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, core->name, "see the log of Redis",
                           "the store reports an error: %s", result->why != NULL ? result->why : "no reason given");
}
