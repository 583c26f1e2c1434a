// SPDX-License-Identifier: Apache-2.0
//
// Agents: services of the kind agent/<name> that hear messages and say one (AgentScope section 2.1: an agent is its
// functions *reply* and *observe*; its table 1 lists the ready-made ones).
//
// An agent here is a *type*, which decides how it replies, and what every agent has: an actor's place in the mesh and a
// memory per session. Each call to it is a *turn*: its input has been read as messages, its memory of the session has
// been brought, and the type's `reply` makes something of both, then or later, and ends the turn. With the reply, the
// input and the reply enter the memory, in one step; a turn that fails leaves no trace. Memory knows a message again by
// its id: one that it holds already is neither remembered nor put to the model twice. What others say in the agent's
// hubs is observed at the beginning of its next turn, and stored with its reply; by a type with `observe` it is
// observed at once, in turns of their own.
//
// The call's input (its value): a message, a list of messages, a string (said by a user named "user"), or null (speak
// without a new message). Messages without id or timestamp get those of the call, so that a second attempt at the call
// hears the same. The reply: a message, with the call's id, the agent's name, the role assistant. Streamed parts:
// {"text": "..."}; {"text": "...", "again": true} when the reply starts over from this text.
//
//   troupe_agent_new (&agent, node, &(troupe_agent_options_t){ .name = "alice", .type = &troupe_agent_dialog,
//                                                              .settings = settings, .concurrency = 256 }, &error);
//   troupe_loop_run (loop);
//   troupe_agent_destroy (&agent);
//
// A type of one's own, which says what it hears:
//
//   static void parrot_reply (void *state, troupe_turn_t *turn)
//   {
//     const json_t *last = json_array_get (troupe_turn_input (turn), json_array_size (troupe_turn_input (turn)) - 1);
//     troupe_turn_reply (&turn, json_incref (json_object_get (last, "content")), NULL);
//   }
//   static const troupe_agent_type_t parrot = { .name = "parrot", .reply = parrot_reply };
//
// Thread rule: as a node, on the loop's thread only.
#ifndef TROUPE_AGENT_H
#define TROUPE_AGENT_H

#include "troupe/node.h"
#include "troupe/tally.h"

typedef struct troupe_agent troupe_agent_t;
typedef struct troupe_turn troupe_turn_t;
typedef struct troupe_news troupe_news_t; // what others have said, see below

// What makes a type of agent. `state` is the type's own, one an agent, NULL if it has none.
typedef struct {
  const char *name; // as in the configuration: "dialog"
  // Makes the state from the agent's part of the configuration (a map, borrowed). NULL: no state.
  troupe_err_t (*open) (void **state, const char *agent, const json_t *settings, troupe_error_t *error);
  void (*close) (void *state);
  // What others have said in the agent's hubs since its last turn (troupe/hub.h), oldest first, before this turn's
  // reply: a list of messages, borrowed. Takes the turn over until troupe_turn_observed, and remembers what it wants to
  // by troupe_turn_remember. NULL: all of them are remembered (AgentScope section 2.1, observe). A type that has it
  // hears soon after something was said, also when nobody calls it: then that is all of the turn, and no reply follows.
  void (*observe) (void *state, troupe_turn_t *turn, const json_t *messages);
  // The same, for a type that hears much; with it, `observe` isn't called.
  void (*hear) (void *state, troupe_turn_t *turn, troupe_news_t *news);
  // Whether this one wants to hear at once. NULL: yes, if it has `observe`.
  bool (*live) (const void *state);
  // Takes the turn over, and ends it: now or later, by troupe_turn_reply or troupe_turn_fail. Required.
  void (*reply) (void *state, troupe_turn_t *turn);
  // The turn is over (cancelled, too late, or superseded) and invalid after this: forget it. NULL: nothing to forget.
  void (*cancelled) (void *state, troupe_turn_t *turn);
  // What it has counted of its models' replies, borrowed. NULL: nothing.
  const troupe_tally_t *(*tally) (const void *state);
} troupe_agent_type_t;

// DialogAgent: its system prompt, its memory and the input go to its model; what the model says is its reply.
// Settings: "prompt", "model" (the name in model/<name>). The model's error is the turn's; an empty reply is an error.
extern const troupe_agent_type_t troupe_agent_dialog;

// DictDialogAgent: like it, but its model is asked for a JSON object with certain keys, which a program can use
// (troupe/parse.h). What the model gets wrong is mended, or else it is asked again and told what was wrong; when that
// doesn't help, the turn fails as service_failed. By default it says what is under "speak" (all keys but "thought", as
// JSON, if there is no such key), its metadata has all keys that it was asked for but "thought", and it remembers the
// whole object. Nothing is streamed.
// Settings: those above; "keys": {"key": TYPE, ...} or ["key", ...], default {"speak": "string"}; "max_retries": 0 to
// TROUPE_ASKING_RETRIES_MAX, default 3; "to_content", "to_memory", "to_metadata" as of a parser.
// Option of a call: "keys", instead of those of the settings (bad_argument when they are wrong).
extern const troupe_agent_type_t troupe_agent_dict_dialog;

// The type with this name; NULL: none.
const troupe_agent_type_t *troupe_agent_type_of_name (const char *name);

typedef struct {
  const char *name;                // serves agent/<name>
  const char *session;             // it was made for this session: serves agent/<name>#<session>. NULL: for all
  const troupe_agent_type_t *type; // borrowed for the agent's life
  // The agent's part of the configuration, for the type; borrowed for this call. With "memory": false, of whatever type
  // it is, it forgets what it heard, was asked and said when a turn ends; its state stays.
  const json_t *settings;
  void *state;                     // for a type without `open`: its state, the caller's
  const char *description;         // one sentence for `troupe ps` and other agents; may be NULL
  unsigned concurrency;            // how many turns at once: 1 to 1,000,000
} troupe_agent_options_t;

// Opens the type and serves. Errors: the type's, and those of troupe_node_serve.
troupe_err_t troupe_agent_new (troupe_agent_t **out, troupe_node_t *node, const troupe_agent_options_t *options,
                               troupe_error_t *error);
// Before the node is destroyed, and after it has drained: turns that still run fail as cancelled.
void troupe_agent_destroy (troupe_agent_t **self_p);

// Adds what it has counted (see metrics.md).
void troupe_agent_write_metrics (const troupe_agent_t *self, troupe_metrics_t *metrics);

// -- A turn, for types -----------------------------------------------------------------------------------------------

const char *troupe_turn_agent (const troupe_turn_t *self);
// What the session's memory holds, with what this turn has added: a list of messages as JSON, oldest first, borrowed
// until the turn adds to it or ends.
const json_t *troupe_turn_memory (const troupe_turn_t *self);
// What is new: a list of messages as JSON, borrowed; empty when it was called to speak again.
const json_t *troupe_turn_input (const troupe_turn_t *self);
// The task behind it, for its session, its deadline and whether somebody reads parts. Ended by the turn only.
troupe_task_t *troupe_turn_task (troupe_turn_t *self);
// The node that serves the agent, for calls that the type makes for the turn's task by itself.
troupe_node_t *troupe_turn_node (const troupe_turn_t *self);

// What others have said: messages, oldest first, numbered from 0, as packed as they came. Who looks at no more than the
// name and the text of each spares most of what hearing costs. All of it is borrowed until the turn ends.
size_t troupe_news_count (const troupe_news_t *self);
troupe_text_t troupe_news_name (const troupe_news_t *self, size_t number);
// Its content, where that is text; `data` is NULL for a list of blocks.
troupe_text_t troupe_news_text (const troupe_news_t *self, size_t number);
// One of them, or all as a list; unpacked when it is asked for first. NULL: out of memory.
const json_t *troupe_news_message (troupe_news_t *self, size_t number);
const json_t *troupe_news_messages (troupe_news_t *self);

// Adds a message in its full form (given up) to what the turn's reply will store, before the input and the reply;
// without effect when the memory holds it already. bad_message, no_memory.
troupe_err_t troupe_turn_remember (troupe_turn_t *self, json_t *message, troupe_error_t *error);
// Ends observing: the turn's reply is called, or, when it was for observing only, what it remembers and its state are
// stored, and it is over.
void troupe_turn_observed (troupe_turn_t *self);
// What the actor remembers as the content of its own reply, when that differs from what it says: given up.
void troupe_turn_remember_reply_as (troupe_turn_t *self, json_t *content);
// What the actor keeps between turns besides messages: what the last turn of the session that replied has set,
// borrowed; NULL: nothing. Setting it (given up) takes effect with the reply.
const json_t *troupe_turn_state (const troupe_turn_t *self);
void troupe_turn_set_state (troupe_turn_t *self, json_t *state);

// Calls a service for this turn: `answered (context, turn, value, error)` once, from the loop, with a borrowed value or
// the error, unless the turn ends before. `stream`: its parts are passed on as the turn's own, if anybody reads them.
// One at a time: conflict. Otherwise the errors of troupe_node_call; then `answered` is not called.
typedef void (troupe_answered_fn) (void *context, troupe_turn_t *turn, const json_t *value, const troupe_error_t *error);
troupe_err_t troupe_turn_ask (troupe_turn_t *self, const char *service, const json_t *input, bool stream,
                              troupe_answered_fn *answered, void *context, troupe_error_t *error);

// The URLs of what goes with the reply: a string or a list of strings, given up.
void troupe_turn_set_url (troupe_turn_t *self, json_t *url);
// Ends the turn with a message of this content (a string or a list of blocks) and metadata (an object or NULL), both
// given up. Content that makes no message fails the turn.
void troupe_turn_reply (troupe_turn_t **self_p, json_t *content, json_t *metadata);
// Ends the turn with an error; nothing is remembered.
void troupe_turn_fail (troupe_turn_t **self_p, const troupe_error_t *error);

#endif
