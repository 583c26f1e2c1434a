// SPDX-License-Identifier: Apache-2.0
//
// A message: what agents say to each other (AgentScope section 2.1: a name, a content, and a url for
// multi-modal data).
//
//   id         UUIDv7, made once; it survives every hop, and memory knows a message again by it
//   name       who says it: 1 to 64 characters
//   role       system, user, assistant or tool
//   content    text, or a list of blocks (below)
//   url        zero or more URLs of what goes with it
//   metadata   a map of anything else: structured replies, usage, the finish reason ...
//   timestamp  milliseconds since 1970, UTC
//
// Blocks, as maps with a "type":
//   {"type": "text", "text": "..."}
//   {"type": "tool_use", "id": "...", "name": "...", "input": {...}}
//   {"type": "tool_result", "id": "...", "name": "...", "output": any, "error": false}
//   {"type": "image" | "audio" | "video" | "file", "url": "...", "mime": "image/png" (optional), "name" (optional)}
// An unknown type or a missing member is `bad_message`; members that a block's type doesn't know are kept.
//
// As JSON (and so as a value on the wire) a message is a map with exactly these seven keys; on reading, `name`
// and `content` must be there; where one of the others is missing or null, `id` and `timestamp` are made, `role` is
// "user", `url` and `metadata` are empty. `url` may be one string or a list. Any other key is `bad_message`.
//
// A message is immutable once made and shared by counting references; references may be taken and dropped on
// any thread.
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include "troupe/error.h"
#include "troupe/id.h"

typedef enum { TROUPE_ROLE_SYSTEM, TROUPE_ROLE_USER, TROUPE_ROLE_ASSISTANT, TROUPE_ROLE_TOOL } troupe_role_t;

enum { TROUPE_NAME_MAX = 64, TROUPE_URLS_MAX = 64, TROUPE_BLOCKS_MAX = 1024 };

typedef struct troupe_message troupe_message_t;

// A message of text, made now.
troupe_err_t troupe_message_new (troupe_message_t **out, const char *name, troupe_role_t role, const char *text,
                                 troupe_error_t *error);
// A message with everything. `content` is a JSON string or a list of blocks; `url` a list of strings or NULL;
// `metadata` an object or NULL. All three are borrowed and must not be changed afterwards.
troupe_err_t troupe_message_compose (troupe_message_t **out, const char *name, troupe_role_t role, json_t *content,
                                     json_t *url, json_t *metadata, troupe_error_t *error);
// From its JSON form; `json` is borrowed and must not be changed afterwards.
troupe_err_t troupe_message_of_json (troupe_message_t **out, json_t *json, troupe_error_t *error);
// Whether troupe_message_of_json takes it; nothing is made.
troupe_err_t troupe_message_check (json_t *json, troupe_error_t *error);
// Its JSON form, a new object of the caller's whose members are shared; NULL when out of memory.
json_t *troupe_message_to_json (const troupe_message_t *self);

// The full JSON form of a message that lacks its id or its timestamp or both: they follow from the id of the call that
// brings it, and of the call that that one is nested in, all the way up (`root`; itself, if it isn't), and `number`,
// which tells the messages of one call apart. So reading it again gives the same. `message` is an object, borrowed, and
// must not be changed afterwards. bad_message, no_memory.
troupe_err_t troupe_message_identify (json_t **out, json_t *message, const troupe_id_t *call, const troupe_id_t *root,
                                      unsigned number, troupe_error_t *error);

troupe_message_t *troupe_message_ref (troupe_message_t *self);
void troupe_message_unref (troupe_message_t **self_p);

const troupe_id_t *troupe_message_id (const troupe_message_t *self);
const char *troupe_message_name (const troupe_message_t *self);
troupe_role_t troupe_message_role (const troupe_message_t *self);
const json_t *troupe_message_content (const troupe_message_t *self);  // a string or a list of blocks
const json_t *troupe_message_url (const troupe_message_t *self);      // a list, never NULL
const json_t *troupe_message_metadata (const troupe_message_t *self); // an object, never NULL
int64_t troupe_message_timestamp (const troupe_message_t *self);
// All its text: the content itself, or its text blocks joined by line feeds. A new string that the caller
// frees; NULL when out of memory.
char *troupe_message_text (const troupe_message_t *self);

const char *troupe_role_name (troupe_role_t role);
bool troupe_role_of_name (troupe_role_t *out, const char *name);

#endif
