// SPDX-License-Identifier: Apache-2.0
//
// Laying a history out. The messages are replaced by others made of them; media and what else isn't text goes along.
// Messages that stay as they are keep their metadata, because some providers want their own thoughts back with their
// calls.

#include "model/layout.h"
#include "model/bytes.h"
#include "model/part.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"named", "merged", "turns", "text"};
static const char heading[] = "## Conversation History\n";

bool
layout_of_name (layout_t *out, const char *name)
{
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp (name, names[i]) == 0) {
      *out = (layout_t)i;
      return true;
    }
  return false;
}

const char *
layout_name (layout_t layout)
{
  return names[layout];
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a prompt");
}

static bool
is_type (const json_t *block, const char *type)
{
  return strcmp (part_member (block, "type"), type) == 0;
}

static bool
uses_tools (const troupe_message_t *message)
{
  size_t i;
  json_t *block;
  json_array_foreach ((json_t *)(uintptr_t)troupe_message_content (message), i, block)
    if (is_type (block, "tool_use") || is_type (block, "tool_result"))
      return true;
  return false;
}

// -- Lines -----------------------------------------------------------------------------------------------------------

static bool
add_call (bytes_t *text, const json_t *block)
{
  char *input = json_dumps (json_object_get (block, "input"), JSON_COMPACT);
  bool added = input && bytes_add_text (text, "[calls ") && bytes_add_text (text, part_member (block, "name")) &&
               bytes_add_text (text, " with ") && bytes_add_text (text, input) && bytes_add_text (text, "]");
  free (input);
  return added;
}

static bool
add_result (bytes_t *text, const json_t *block)
{
  char *output = part_output (block);
  bool added = output && bytes_add_text (text, "[") && bytes_add_text (text, part_member (block, "name")) &&
               bytes_add_text (text, " answers: ") && bytes_add_text (text, output) && bytes_add_text (text, "]");
  free (output);
  return added;
}

static bool
add_block (bytes_t *text, const json_t *block)
{
  if (is_type (block, "text"))
    return bytes_add_text (text, part_member (block, "text"));
  if (is_type (block, "tool_use"))
    return add_call (text, block);
  if (is_type (block, "tool_result"))
    return add_result (text, block);
  return bytes_add_text (text, "[") && bytes_add_text (text, part_member (block, "type")) && bytes_add_text (text, "]");
}

// All that a message says, as text.
static bool
add_said (bytes_t *text, const troupe_message_t *message)
{
  const json_t *content = troupe_message_content (message);
  if (json_is_string (content))
    return bytes_add (text, json_string_value (content), json_string_length (content));
  for (size_t i = 0; i < json_array_size (content); i++)
    if ((i && !bytes_add_text (text, "\n")) || !add_block (text, json_array_get (content, i)))
      return false;
  return true;
}

static bool
add_line (bytes_t *text, const troupe_message_t *message)
{
  return bytes_add_text (text, troupe_message_name (message)) && bytes_add_text (text, ": ") &&
         add_said (text, message);
}

static bool
add_lines (bytes_t *text, troupe_message_t *const *messages, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if ((i && !bytes_add_text (text, "\n")) || !add_line (text, messages[i]))
      return false;
  return true;
}

// -- The merged message ----------------------------------------------------------------------------------------------

// What isn't text of the messages: blocks after the text, and the URLs that go with them.
static bool
gather_media (json_t *blocks, json_t *urls, troupe_message_t *const *messages, size_t count)
{
  static const char *const kinds[] = {"image", "audio", "video", "file"};
  for (size_t i = 0; i < count; i++) {
    size_t j;
    json_t *block;
    json_array_foreach ((json_t *)(uintptr_t)troupe_message_content (messages[i]), j, block)
      for (size_t k = 0; k < 4; k++)
        if (is_type (block, kinds[k]) && json_array_append (blocks, block) < 0)
          return false;
    if (json_array_extend (urls, (json_t *)(uintptr_t)troupe_message_url (messages[i])) < 0)
      return false;
  }
  return true;
}

static troupe_err_t
compose (troupe_message_t **out, const bytes_t *text, troupe_message_t *const *messages, size_t count,
         troupe_error_t *error)
{
  json_t *said = json_stringn (bytes_text (text), text->size);
  json_t *blocks = json_pack ("[{s:s,s:O}]", "type", "text", "text", said), *urls = json_array ();
  troupe_err_t code = no_memory (error);
  if (said && blocks && urls && gather_media (blocks, urls, messages, count))
    code = troupe_message_compose (out, "user", TROUPE_ROLE_USER, json_array_size (blocks) > 1 ? blocks : said, urls,
                                   NULL, error);
  json_decref (urls);
  json_decref (blocks);
  json_decref (said);
  return code;
}

static troupe_err_t
merge (troupe_message_t **out, troupe_message_t *const *messages, size_t count, troupe_error_t *error)
{
  bytes_t text = {0};
  troupe_err_t code = no_memory (error);
  if (bytes_add_text (&text, heading) && add_lines (&text, messages, count))
    code = compose (out, &text, messages, count, error);
  bytes_clear (&text);
  return code;
}

// Puts one message in the place of `count` from `first`.
static void
replace (prompt_t *prompt, size_t first, size_t count, troupe_message_t *message)
{
  for (size_t i = 0; i < count; i++)
    troupe_message_unref (&prompt->messages[first + i]);
  prompt->messages[first] = message;
  memmove (prompt->messages + first + 1, prompt->messages + first + count,
           (prompt->count - first - count) * sizeof *prompt->messages);
  prompt->count -= count - 1;
}

static bool
begins_with_system (const prompt_t *prompt)
{
  return troupe_message_role (prompt->messages[0]) == TROUPE_ROLE_SYSTEM;
}

// Where the tool calls and results begin that the history ends with.
static size_t
tail (const prompt_t *prompt, size_t first)
{
  size_t end = prompt->count;
  while (end > first && uses_tools (prompt->messages[end - 1]))
    end--;
  return end;
}

static troupe_err_t
apply_merged (prompt_t *prompt, troupe_error_t *error)
{
  size_t first = begins_with_system (prompt), count = tail (prompt, first) - first;
  troupe_message_t *merged;
  if (count < 1 || (count == 1 && troupe_message_role (prompt->messages[first]) == TROUPE_ROLE_USER))
    return TROUPE_OK;
  troupe_err_t code = merge (&merged, prompt->messages + first, count, error);
  if (code == TROUPE_OK)
    replace (prompt, first, count, merged);
  return code;
}

// -- One text --------------------------------------------------------------------------------------------------------

static troupe_err_t
apply_text (prompt_t *prompt, troupe_error_t *error)
{
  size_t first = begins_with_system (prompt), count = prompt->count - first;
  troupe_message_t *whole;
  bytes_t text = {0};
  bool added = !first || (add_said (&text, prompt->messages[0]) && bytes_add_text (&text, "\n\n"));
  added = added && bytes_add_text (&text, heading) && add_lines (&text, prompt->messages + first, count) &&
          bytes_add_text (&text, "\n") && bytes_add_text (&text, prompt->agent[0] ? prompt->agent : "assistant") &&
          bytes_add_text (&text, ":");
  troupe_err_t code = added ? compose (&whole, &text, prompt->messages, prompt->count, error) : no_memory (error);
  bytes_clear (&text);
  if (code == TROUPE_OK)
    replace (prompt, 0, prompt->count, whole);
  return code;
}

// -- Turns -----------------------------------------------------------------------------------------------------------

static bool
several_speak (const prompt_t *prompt)
{
  const char *first = NULL;
  for (size_t i = 0; i < prompt->count; i++) {
    const char *name = troupe_message_name (prompt->messages[i]);
    if (troupe_message_role (prompt->messages[i]) != TROUPE_ROLE_USER)
      continue;
    if (first && strcmp (first, name) != 0)
      return true;
    first = name;
  }
  return false;
}

static troupe_err_t
prefix (troupe_message_t **message_p, troupe_error_t *error)
{
  troupe_message_t *named;
  bytes_t text = {0};
  troupe_err_t code = no_memory (error);
  if (add_line (&text, *message_p))
    code = compose (&named, &text, message_p, 1, error);
  bytes_clear (&text);
  if (code == TROUPE_OK) {
    troupe_message_unref (message_p);
    *message_p = named;
  }
  return code;
}

static troupe_err_t
apply_turns (prompt_t *prompt, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  if (!several_speak (prompt))
    return TROUPE_OK;
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    if (troupe_message_role (prompt->messages[i]) == TROUPE_ROLE_USER && !uses_tools (prompt->messages[i]))
      code = prefix (&prompt->messages[i], error);
  return code;
}

troupe_err_t
layout_apply (prompt_t *prompt, layout_t layout, troupe_error_t *error)
{
  switch (layout) {
  case LAYOUT_MERGED:
    return apply_merged (prompt, error);
  case LAYOUT_TURNS:
    return apply_turns (prompt, error);
  case LAYOUT_TEXT:
    return apply_text (prompt, error);
  default:
    return TROUPE_OK;
  }
}
