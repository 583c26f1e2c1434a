// SPDX-License-Identifier: Apache-2.0
//
// A transfer: one attempt at one answer over HTTP, from the request to the reply taken apart. All on the engine's
// thread.
#ifndef TROUPE_MODEL_TRANSFER_H
#define TROUPE_MODEL_TRANSFER_H

#include "model/answer.h"

enum {
  TRANSFER_CONNECT_MS = 10 * 1000,       // a server that takes longer to accept won't answer in time either
  TRANSFER_REPLY_MAX = 16 * 1024 * 1024, // as large as a message may be
  TRANSFER_LINGER_MS = 1000              // for a server that forgets to end its stream after [DONE]
};

// Called when text was added to the reply.
typedef void (transfer_news_fn) (troupe_answer_t *answer);

// Starts one; `answer->transfer` is it until transfer_stop.
troupe_err_t transfer_start (troupe_answer_t *answer, CURLM *multi, int64_t now, transfer_news_fn *news,
                             troupe_error_t *error);
void transfer_stop (troupe_answer_t *answer, CURLM *multi);

// curl is done with it: TROUPE_OK when the reply is whole, else why not, and whether another attempt may help.
troupe_err_t transfer_outcome (troupe_answer_t *answer, CURLcode result, bool *may_pass, troupe_error_t *error);
// Until when the server may stay silent, as of now. When that time has come, transfer_silent is the outcome.
int64_t transfer_patience (troupe_answer_t *answer, int64_t now);
troupe_err_t transfer_silent (troupe_answer_t *answer, troupe_error_t *error);

#endif
