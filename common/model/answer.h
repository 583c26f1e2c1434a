// SPDX-License-Identifier: Apache-2.0
//
// An answer on its way, and which thread may touch what of it. Each member belongs to one of four: to nobody once the
// answer was submitted (constant), to the loop's thread, to the engine's thread, or to whoever holds the engine's
// mutex.
#ifndef TROUPE_MODEL_ANSWER_H
#define TROUPE_MODEL_ANSWER_H

#include "model/gather.h"
#include "model/provider.h"

typedef struct transfer transfer_t;

typedef enum {
  ANSWER_IDLE,   // not begun, or ended
  ANSWER_GATHER, // what it points to is fetched
  ANSWER_FETCH,  // a transfer runs
  ANSWER_PAUSE,  // it failed, and will be tried again
  ANSWER_PLAY    // a script is played
} answer_state_t;

struct troupe_answer {
  // Constant.
  troupe_engine_t *engine;
  troupe_model_t *model;
  int64_t deadline;
  bool stream;     // the caller reads parts
  bool streamed;   // and the server streams them
  bytes_t body;    // of the request
  script_t script; // how to play `reply`
  atomic_uint refs;

  // The loop's.
  prompt_t prompt; // as long as it waits for what it points to
  troupe_model_part_fn *part;
  troupe_model_done_fn *done;
  void *context;

  // Under the engine's mutex.
  bool dropped; // written by the loop's thread only
  bool in_inbox, in_outbox, over;
  bool gathered; // `gather` is the loop's again
  bytes_t news;  // text that the loop has not handed on yet
  json_t *message;
  troupe_error_t error;
  troupe_answer_t *next_in, *next_out;

  // The engine's thread's.
  struct run *run;
  gather_t *gather; // what it points to, until the loop has written it; NULL: nothing is to be fetched
  answer_state_t state;
  unsigned attempts;
  bool tries; // it is the one that an open breaker let through
  reply_t reply;
  size_t passed;             // of the reply's text, into the news
  char task[REPLY_WORD_MAX]; // that the server works on, and is asked about; "": none
  transfer_t *transfer;
  int64_t due;
  size_t slot; // in the schedule, from 1; 0: not in it
};

troupe_answer_t *answer_ref (troupe_answer_t *self);
void answer_unref (troupe_answer_t *self);
// The loop's thread: writes the request of an answer whose media were fetched, and sends it on its way.
void model_go_on (troupe_answer_t *answer);

#endif
