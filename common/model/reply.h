// SPDX-License-Identifier: Apache-2.0
//
// A reply as it comes in, of whatever provider: text, thoughts and tool calls in pieces, the finish reason, the usage.
// In the end it becomes a message, or the vectors of an embedding.
#ifndef TROUPE_MODEL_REPLY_H
#define TROUPE_MODEL_REPLY_H

#include "model/bytes.h"

#include <stdint.h>

enum {
  REPLY_THOUGHTS_MAX = 256, // pieces between which a model says something or calls a tool
  REPLY_TOOLS_MAX = 128,    // OpenAI takes at most 128 tools, and no model calls one that often in a turn
  REPLY_WORD_MAX = 128      // ids, and the names of models and finish reasons; longer ones are cut
};

typedef struct {
  int64_t index; // as the provider counts
  char id[REPLY_WORD_MAX];
  bytes_t name, arguments; // arguments: JSON text
  bytes_t signature;       // that the provider wants back with the call; usually empty
} reply_tool_t;

typedef struct {
  int64_t index;
  char id[REPLY_WORD_MAX]; // the provider's; usually empty
  bytes_t text, signature; // signature: that the provider wants back
  bool hidden;             // the text isn't to be read: the provider's own form of it
} reply_thought_t;

typedef struct {
  bytes_t text;
  reply_thought_t *thoughts;
  size_t thought_count;
  reply_tool_t *tools;
  size_t tool_count;
  json_t *blocks;                      // of media that it brings; NULL: none
  json_t *embeddings;                  // a list of lists of numbers: then the reply is no message; NULL: it is one
  json_t *left_out;                    // what of the ask wasn't sent; NULL: nothing
  char finish[REPLY_WORD_MAX];         // in the provider's words made ours; "" as long as it isn't known
  char model[REPLY_WORD_MAX];          // as the provider calls it
  char task[REPLY_WORD_MAX];           // that has to be asked about, for this isn't the reply yet; "": it is
  int64_t input_tokens, output_tokens; // -1: not said
  int64_t requests_left, tokens_left;  // of the rate that the provider allows; -1: not said
  bool ended;                          // the provider said that this is all
  bool rehearsal;
} reply_t;

void reply_init (reply_t *self);
void reply_clear (reply_t *self);

// The tool call of that index, new if there is none; NULL: too many, or out of memory.
reply_tool_t *reply_tool (reply_t *self, int64_t index);
// The thought of that index, likewise.
reply_thought_t *reply_thought (reply_t *self, int64_t index);
// Forgets what came, for another attempt; `left_out` stays.
void reply_reset (reply_t *self);
// Sets a word (id, finish, model) unless `text` is empty.
void reply_set_word (char word[REPLY_WORD_MAX], const char *text);
// Whether the reply is whole: the provider said so, or gave the reason why it finished.
bool reply_whole (const reply_t *self);

// The message, or the map of an embedding: *out is a new value of the caller's. `name` is the model's in the mesh,
// `provider` its type. model_failed when a tool call
// has no name or its arguments aren't a JSON object, too_large, no_memory.
troupe_err_t reply_message (const reply_t *self, const char *name, const char *provider, unsigned attempts,
                            json_t **out, troupe_error_t *error);

#endif
