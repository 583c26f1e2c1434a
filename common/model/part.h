// SPDX-License-Identifier: Apache-2.0
//
// The parts of a message, one after the other, whatever form they have: text, media, tool calls and results. What
// can't stand where it stands, or what a provider doesn't take, is an error that names the place.
#ifndef TROUPE_MODEL_PART_H
#define TROUPE_MODEL_PART_H

#include "troupe/message.h"

#include <stddef.h>

// What a provider takes of one kind of media.
typedef enum {
  MEDIA_DATA,  // data: URLs only
  MEDIA_LINKS, // http and https URLs too
  MEDIA_FILES  // and file: URLs; no provider does
} media_links_t;

typedef struct {
  const char *kind; // "image", "audio", "video", "file"; NULL: the end
  media_links_t links;
  size_t most; // bytes of the data; 0: whatever fits into a message
} media_rule_t;

typedef struct {
  const char *kind, *url;
  const char *data; // Base64, when it is a data: URL; else NULL
  bool file;        // it is a file: URL
  size_t size;      // bytes that the data means
  const char *name; // of a file; "" if it isn't said
  char mime[64];    // "" if it isn't known
} media_t;

typedef enum { PART_TEXT, PART_MEDIA, PART_CALL, PART_RESULT } part_kind_t;

typedef struct {
  part_kind_t kind;
  const json_t *text;  // PART_TEXT: a string
  const json_t *block; // PART_CALL and PART_RESULT: the block
  media_t media;       // PART_MEDIA
} part_t;

typedef troupe_err_t (part_fn) (void *context, const part_t *part, troupe_error_t *error);

// Calls `fn` for each part of the message with that index; stops at the first error. `takes` may be NULL: no media.
troupe_err_t part_walk (const troupe_message_t *message, size_t index, const media_rule_t *takes, part_fn *fn,
                        void *context, troupe_error_t *error);

// The same for the system messages that a prompt begins with, which are its system prompt; but for the last message,
// which is what is asked. *first: that behind them.
troupe_err_t part_walk_systems (troupe_message_t *const *messages, size_t count, const media_rule_t *takes, part_fn *fn,
                                void *context, size_t *first, troupe_error_t *error);

// The output of a tool_result as text, after "Error: " when it is one: a new string of malloc's, NULL when out of
// memory.
char *part_output (const json_t *block);
// A member of a block as text; "" when there is none.
const char *part_member (const json_t *block, const char *key);
// Takes a URL apart. `kind` and `mime` may be NULL: then they are told from the URL. False: of no kind that we know.
bool part_media (media_t *out, const char *kind, const char *url, const char *mime);

#endif
