// SPDX-License-Identifier: Apache-2.0
//
// Models: what an agent speaks with (AgentScope section 2.1, the model wrappers). A model is configured under a name
// (`models.NAME` of the mesh's file) and answers *asks*: messages in, one message out, streamed on the way if wanted.
// The types stand in troupe/provider.def. Some models do another task than to talk: embed, draw, speak, listen.
//
// An ask is a value:
//   {"messages": [message...], "tools": [{"name", "description", "parameters"}...], "format": a JSON Schema or "json",
//    "parameters": {"temperature"...}, "knowledge": [text...], "options": {...}, "agent": "alice"}
// or a string: one message of a user's. All but messages may be absent. The answer is a message: role assistant, the
// model's name, content as text, or as blocks when the model uses tools or brings media, and metadata {"model",
// "provider", "finish_reason", "usage", "thinking", "left_out", "attempts"}; a rehearsal's also has "rehearsal": true.
// The asks and answers of other tasks, and what each member means, are in docs/reference/models.md.
//
// Errors of an answer: bad_message (the ask; the error names the member), permission and link_unreachable (what it
// points to may not, or can't now, be fetched), unauthorized, model_refused (our request is wrong, or nothing will
// help), rate_limited (with retry_after_ms), model_failed, model_unreachable, deadline, overloaded, too_large,
// no_memory. What may pass is tried again as `retries` says, with growing random pauses and as the server's
// Retry-After asks, but never after a part was handed on and never past the deadline; a server that fails again and
// again is left alone for a while. No error quotes the key.
//
// Thread rule: everything here is used on the loop's thread, and calls back from the loop. One engine, a thread of its
// own, runs the requests of all models of a process; it starts with the first ask.
//
//   troupe_engine_new (&engine, loop, &error);
//   troupe_model_new (&model, engine, &(troupe_model_options_t){ .name = "gpt", .config = config }, NULL, &error);
//   troupe_model_ask (model, &answer, &(troupe_model_ask_t){ .input = input, .deadline = TROUPE_LOOP_NEVER,
//                                                            .done = on_done }, &error);
//   troupe_loop_run (loop);
#ifndef TROUPE_MODEL_H
#define TROUPE_MODEL_H

#include "troupe/node.h"

typedef struct troupe_engine troupe_engine_t;
typedef struct troupe_model troupe_model_t;
typedef struct troupe_answer troupe_answer_t; // an answer that is on its way

troupe_err_t troupe_engine_new (troupe_engine_t **out, troupe_loop_t *loop, troupe_error_t *error);
// Stops its thread; what runs is broken off. Every answer must have ended or been dropped, every model destroyed.
void troupe_engine_destroy (troupe_engine_t **self_p);

typedef struct {
  const char *name;     // the service is model/<name>; copied
  const json_t *config; // models.<name> of a configuration, with its defaults filled in; borrowed until return
} troupe_model_options_t;

// bad_config, not_found, io, no_memory. Errors in a file of rules are appended to *errors as troupe_config_load does it
// (a new list of the caller's; may be NULL).
troupe_err_t troupe_model_new (troupe_model_t **out, troupe_engine_t *engine, const troupe_model_options_t *options,
                               json_t **errors, troupe_error_t *error);
// Asks on their way go on; tasks that it serves end as cancelled. When it is served, only after the loop's last turn.
void troupe_model_destroy (troupe_model_t **self_p);

// {"type", "task", "model", "rehearsal": bool}, borrowed.
const json_t *troupe_model_info (const troupe_model_t *self);
// How many asks it is configured to run at once; the engine enforces nothing.
unsigned troupe_model_concurrency (const troupe_model_t *self);

// What it would be sent for an ask, and in which layout: {"model", "address", "layout", "request", "left_out"}, a new
// value of the caller's; nothing is sent, and no key is in it. Errors as of an ask.
troupe_err_t troupe_model_show (const troupe_model_t *self, const json_t *input, json_t **out, troupe_error_t *error);

// A piece of the text, not empty, in order. Pieces that come faster than the loop turns arrive as one.
typedef void (troupe_model_part_fn) (void *context, const char *text, size_t size);
// The end, once: the message (a value of the receiver's), or NULL and why.
typedef void (troupe_model_done_fn) (void *context, json_t *message, const troupe_error_t *error);

typedef struct {
  const json_t *input;        // borrowed until return
  int64_t deadline;           // on the loop's clock; TROUPE_LOOP_NEVER: none
  troupe_model_part_fn *part; // NULL: no streaming
  troupe_model_done_fn *done;
  void *context;
} troupe_model_ask_t;

// Starts an ask. *out stays valid until `done` was called or it is dropped. On failure `done` isn't called.
troupe_err_t troupe_model_ask (troupe_model_t *self, troupe_answer_t **out, const troupe_model_ask_t *ask,
                               troupe_error_t *error);
// Breaks an answer off; nothing is called for it any more. May be called from its part function.
void troupe_answer_drop (troupe_answer_t **self_p);

// Serves model/<name> on a node, with credit for `concurrency` tasks. A rehearsal says so in the log, as a warning.
troupe_err_t troupe_model_serve (troupe_model_t *self, troupe_node_t *node, troupe_error_t *error);

// Whether it can answer now: model_unreachable while its server is left alone, and no other model is asked instead.
troupe_err_t troupe_model_ready (const troupe_model_t *self, troupe_error_t *error);
// Adds what it has counted as a service (see metrics.md).
void troupe_model_write_metrics (const troupe_model_t *self, troupe_metrics_t *metrics);

#endif
