// SPDX-License-Identifier: Apache-2.0
//
// A session ends in steps, and a large one may take longer than one question waits. The brokers go on with it whether
// they are asked again or not; asking again only tells when it is done.
#include "cli/ending.h"

#include "cli/question.h"

enum {
  ANSWER_MS = 3000,
  AGAIN_MS = 200, // until a broker is looked for again
  MEET_MS = 300,  // until all brokers that are up have welcomed us: each is to cancel the volatile calls that it holds
};

static troupe_err_t
begin (troupe_node_t *node, const void *what, int64_t timeout_ms, troupe_reported_fn *reported, void *context)
{
  return troupe_node_end_session (node, what, timeout_ms, reported, context);
}

static troupe_err_t
wait_for_broker (client_t *client, const char *session, troupe_error_t *error)
{
  if (troupe_loop_stopping (client->loop))
    return troupe_error_set (error, TROUPE_CANCELLED, session, NULL, "interrupted");
  troupe_loop_turn (client->loop, AGAIN_MS);
  return troupe_error_set (error, TROUPE_UNAVAILABLE, session, "see `troupe ps`", "no broker is up");
}

static troupe_err_t
ask (client_t *client, const char *session, bool *ended, troupe_error_t *error)
{
  json_t *answer;
  troupe_err_t err = question_ask (client, session, begin, session, ANSWER_MS, &answer, error);
  if (err != TROUPE_OK)
    return err;
  *ended = json_is_true (json_object_get (answer, "ended"));
  json_decref (answer);
  return TROUPE_OK;
}

troupe_err_t
ending_session (client_t *client, const char *session, int64_t patience_ms, bool *ended, troupe_error_t *error)
{
  int64_t until = troupe_loop_now () + patience_ms;
  bool begun = false; // a broker has been asked
  *ended = false;
  json_decref (client_report (client, MEET_MS));
  for (;;) {
    bool up = troupe_node_brokers_up (client->node) > 0;
    troupe_err_t err = up ? ask (client, session, ended, error) : wait_for_broker (client, session, error);
    if (err != TROUPE_UNAVAILABLE || troupe_loop_now () >= until) {
      *ended |= begun && err == TROUPE_OK; // it was there when it was asked first
      return err;
    }
    begun |= up;
  }
}
