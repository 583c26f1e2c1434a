// SPDX-License-Identifier: Apache-2.0
//
// Content blocks: a table of types with the members that each must have, and a check that expands it. What a block may
// hold beyond that is kept and not looked at, so that newer peers can say more; an unknown type is an error, because a
// receiver that skipped it would answer something else than was said.

#include "message/content.h"
#include "troupe/message.h"

#include <stdlib.h>
#include <string.h>

typedef enum { MEMBER_TEXT, MEMBER_NAME, MEMBER_MAP, MEMBER_BOOL, MEMBER_ANY } member_type_t;

typedef struct {
  const char *name; // NULL behind the last
  member_type_t type;
  bool optional;
} member_t;

static const member_t text_members[] = {{"text", MEMBER_TEXT}, {NULL}};
static const member_t use_members[] = {{"id", MEMBER_NAME}, {"name", MEMBER_NAME}, {"input", MEMBER_MAP}, {NULL}};
static const member_t result_members[] = {
  {"id", MEMBER_NAME}, {"name", MEMBER_NAME}, {"output", MEMBER_ANY}, {"error", MEMBER_BOOL}, {NULL}};
static const member_t link_members[] = {
  {"url", MEMBER_NAME}, {"mime", MEMBER_TEXT, true}, {"name", MEMBER_TEXT, true}, {NULL}};

static const struct {
  const char *type;
  const member_t *members;
} blocks[] = {
  {"text", text_members},  {"tool_use", use_members}, {"tool_result", result_members}, {"image", link_members},
  {"audio", link_members}, {"video", link_members},   {"file", link_members},
};

static const char *const expected[] = {[MEMBER_TEXT] = "a text",
                                       [MEMBER_NAME] = "a text that isn't empty",
                                       [MEMBER_MAP] = "a map",
                                       [MEMBER_BOOL] = "true or false",
                                       [MEMBER_ANY] = "a value"};

static bool
is_plain_text (const json_t *json)
{
  return json_is_string (json) && memchr (json_string_value (json), '\0', json_string_length (json)) == NULL;
}

static bool
member_fits (const member_t *member, const json_t *value)
{
  switch (member->type) {
  case MEMBER_TEXT:
    return is_plain_text (value);
  case MEMBER_NAME:
    return is_plain_text (value) && json_string_length (value) > 0;
  case MEMBER_MAP:
    return json_is_object (value);
  case MEMBER_BOOL:
    return json_is_boolean (value);
  case MEMBER_ANY:
    return value != NULL;
  }
  return false;
}

static troupe_err_t
check_members (const member_t *members, const json_t *block, const char *type, size_t index, troupe_error_t *error)
{
  for (const member_t *member = members; member->name != NULL; member++) {
    const json_t *value = json_object_get (block, member->name);
    if ((value == NULL && member->optional) || member_fits (member, value))
      continue;
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "message", NULL,
                             "content[%zu]: a block of type %s needs %s, %s", index, type, member->name,
                             expected[member->type]);
  }
  return TROUPE_OK;
}

static troupe_err_t
check_block (const json_t *block, size_t index, troupe_error_t *error)
{
  const char *type = json_string_value (json_object_get (block, "type"));
  if (type == NULL)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "message", NULL,
                             "content[%zu] is not a block: a map with a type", index);
  for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
    if (strcmp (blocks[i].type, type) == 0)
      return check_members (blocks[i].members, block, type, index, error);
  return troupe_error_set (error, TROUPE_BAD_MESSAGE, "message",
                           "types are text, tool_use, tool_result, image, audio, video and file",
                           "content[%zu]: unknown type \"%s\"", index, type);
}

troupe_err_t
content_check (const json_t *content, troupe_error_t *error)
{
  if (is_plain_text (content))
    return TROUPE_OK;
  if (!json_is_array (content))
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, "message", NULL,
                             "content is neither text (without NUL) nor a list of blocks");
  size_t count = json_array_size (content);
  if (count > TROUPE_BLOCKS_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, "message", NULL, "content has %zu blocks, more than %d", count,
                             TROUPE_BLOCKS_MAX);
  for (size_t i = 0; i < count; i++) {
    troupe_err_t err = check_block (json_array_get (content, i), i, error);
    if (err != TROUPE_OK)
      return err;
  }
  return TROUPE_OK;
}

// The text of a block; NULL when it is of another type.
static const char *
block_text (const json_t *block)
{
  const char *type = json_string_value (json_object_get (block, "type"));
  bool is_text = type != NULL && strcmp (type, "text") == 0;
  return is_text ? json_string_value (json_object_get (block, "text")) : NULL;
}

char *
content_text (const json_t *content)
{
  if (json_is_string (content))
    return strdup (json_string_value (content));
  size_t size = 1;
  for (size_t i = 0; i < json_array_size (content); i++) {
    const char *text = block_text (json_array_get (content, i));
    size += text != NULL ? strlen (text) + 1 : 0;
  }
  char *joined = malloc (size), *end = joined;
  if (joined == NULL)
    return NULL;
  for (size_t i = 0; i < json_array_size (content); i++) {
    const char *text = block_text (json_array_get (content, i));
    if (text == NULL)
      continue;
    if (end != joined)
      *end++ = '\n';
    end = stpcpy (end, text);
  }
  *end = '\0';
  return joined;
}
