// SPDX-License-Identifier: Apache-2.0
//
// A session ends in steps, and a large one may take longer than one question waits. The brokers go on with it whether
// they are asked again or not; asking again only tells when it is done.
#include "cli/ending.h"

enum {
  ANSWER_MS = 3000,
  AGAIN_MS = 200, // until a broker is looked for again
};

typedef struct {
  json_t *answers;
} reply_t;

static void
keep (void *context, const json_t *answers)
{
  reply_t *self = context;
  self->answers = json_deep_copy (answers);
}

static troupe_err_t
read_answer (const json_t *answer, bool *ended, troupe_error_t *error)
{
  const json_t *failure = json_object_get (answer, "error");
  *ended = json_is_true (json_object_get (answer, "ended"));
  if (failure == NULL)
    return TROUPE_OK;
  troupe_error_of_json (error, failure);
  return error->code;
}

// `asked`: a broker has the question.
static troupe_err_t
ask (client_t *client, const char *session, bool *asked, bool *ended, troupe_error_t *error)
{
  reply_t reply = {NULL};
  troupe_err_t err = troupe_node_end_session (client->node, session, ANSWER_MS, keep, &reply);
  if (err == TROUPE_UNAVAILABLE) {
    if (troupe_loop_stopping (client->loop))
      return troupe_error_set (error, TROUPE_CANCELLED, session, NULL, "interrupted");
    troupe_loop_turn (client->loop, AGAIN_MS);
    return troupe_error_set (error, err, session, "see `troupe ps`", "no broker is up");
  }
  *asked = err == TROUPE_OK;
  while (err == TROUPE_OK && reply.answers == NULL)
    err = troupe_loop_stopping (client->loop) ? TROUPE_CANCELLED : troupe_loop_turn (client->loop, ANSWER_MS);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, session, "see `troupe ps`", "%s", troupe_err_text (err));
  err = read_answer (json_array_get (reply.answers, 0), ended, error);
  json_decref (reply.answers);
  return err;
}

troupe_err_t
ending_session (client_t *client, const char *session, int64_t patience_ms, bool *ended, troupe_error_t *error)
{
  int64_t until = troupe_loop_now () + patience_ms;
  bool begun = false, asked;
  for (;;) {
    asked = false;
    troupe_err_t err = ask (client, session, &asked, ended, error);
    if (err != TROUPE_UNAVAILABLE || troupe_loop_now () >= until) {
      *ended |= begun && err == TROUPE_OK; // it was there when it was asked first
      return err;
    }
    begun |= asked;
  }
}
