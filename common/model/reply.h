// SPDX-License-Identifier: Apache-2.0
//
// A reply as it comes in, of whatever provider: text and tool calls in pieces, the finish reason, the usage. In the
// end it becomes a message.
#ifndef TROUPE_MODEL_REPLY_H
#define TROUPE_MODEL_REPLY_H

#include "model/bytes.h"

#include <stdint.h>

enum {
  REPLY_TOOLS_MAX = 128, // OpenAI takes at most 128 tools, and no model calls one that often in a turn
  REPLY_WORD_MAX = 128   // ids, and the names of models and finish reasons; longer ones are cut
};

typedef struct {
  int64_t index; // as the provider counts
  char id[REPLY_WORD_MAX];
  bytes_t name, arguments; // arguments: JSON text
} reply_tool_t;

typedef struct {
  bytes_t text;
  reply_tool_t *tools;
  size_t tool_count;
  char finish[REPLY_WORD_MAX]; // in the provider's words made ours; "" as long as it isn't known
  char model[REPLY_WORD_MAX];  // as the provider calls it
  int64_t input_tokens, output_tokens; // -1: not said
  bool ended;                          // the provider said that this is all
  bool rehearsal;
} reply_t;

void reply_init (reply_t *self);
void reply_clear (reply_t *self);

// The tool call of that index, new if there is none; NULL: too many, or out of memory.
reply_tool_t *reply_tool (reply_t *self, int64_t index);
// Sets a word (id, finish, model) unless `text` is empty.
void reply_set_word (char word[REPLY_WORD_MAX], const char *text);
// Whether the reply is whole: the provider said so, or gave the reason why it finished.
bool reply_whole (const reply_t *self);

// The message: *out is a new value of the caller's. `name` is the model's in the mesh. model_failed when a tool call
// has no name or its arguments aren't a JSON object, too_large, no_memory.
troupe_err_t reply_message (const reply_t *self, const char *name, unsigned attempts, json_t **out,
                            troupe_error_t *error);

#endif
