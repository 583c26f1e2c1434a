// SPDX-License-Identifier: Apache-2.0
//
// Scenes. A scene holds texts only, no ids and no times: two runs of the same program differ in these, and would roll
// other dice. The dice are a hash, so what one rule draws doesn't depend on which rules were tried before it.

#include "model/scene.h"
#include "model/bytes.h"

#include <stdlib.h>
#include <string.h>

// The text of a block, a new string: "" for one without text.
static char *
block_text (const json_t *block)
{
  const json_t *text = json_object_get (block, "text"), *output = json_object_get (block, "output");
  if (json_is_string (text))
    return strdup (json_string_value (text));
  if (json_is_string (output))
    return strdup (json_string_value (output));
  return output ? json_dumps (output, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : strdup ("");
}

// All that a message says, the results of tools included; a new string.
static char *
message_text (const troupe_message_t *message)
{
  const json_t *content = troupe_message_content (message);
  if (json_is_string (content))
    return strdup (json_string_value (content));
  bytes_t all = {0};
  bool added = bytes_add_text (&all, "");
  for (size_t i = 0; added && i < json_array_size (content); i++) {
    char *text = block_text (json_array_get (content, i));
    added = text && (!text[0] || !all.size || bytes_add_text (&all, "\n")) && bytes_add_text (&all, text);
    free (text);
  }
  if (!added)
    bytes_clear (&all);
  return all.data;
}

// FNV-1a, with the terminating NUL, so that "ab", "c" and "a", "bc" differ.
static uint64_t
hash (uint64_t state, const char *text)
{
  for (size_t i = 0;; i++) {
    state = (state ^ (unsigned char)text[i]) * 0x100000001B3u;
    if (!text[i])
      return state;
  }
}

static bool
is_results (const troupe_message_t *message)
{
  const json_t *content = troupe_message_content (message);
  for (size_t i = 0; i < json_array_size (content); i++) {
    const char *type = json_string_value (json_object_get (json_array_get (content, i), "type"));
    if (!type || strcmp (type, "tool_result") != 0)
      return false;
  }
  return json_array_size (content) > 0;
}

static bool
add_system (scene_t *self, const char *text)
{
  char *both;
  if (asprintf (&both, "%s%s%s", self->system, self->system[0] ? "\n" : "", text) < 0)
    return false;
  free (self->system);
  self->system = both;
  return true;
}

static bool
take_message (scene_t *self, const troupe_message_t *message, size_t place, bool is_last)
{
  troupe_role_t role = troupe_message_role (message);
  char *text = message_text (message);
  if (!text)
    return false;
  self->dice = hash (hash (hash (self->dice, troupe_role_name (role)), troupe_message_name (message)), text);
  if (role == TROUPE_ROLE_USER && !is_results (message))
    self->turn++;
  bool kept = true;
  if (role == TROUPE_ROLE_SYSTEM)
    kept = add_system (self, text);
  bool other = strcmp (troupe_message_name (message), self->agent) != 0 && role != TROUPE_ROLE_SYSTEM;
  if (is_last) {
    self->name = troupe_message_name (message);
    self->last = text;
  } else if (other)
    self->earlier[place] = text;
  else
    free (text);
  return kept;
}

// Leaves no gaps, and puts the latest first.
static void
order_earlier (scene_t *self, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (self->earlier[i])
      self->earlier[self->earlier_count++] = self->earlier[i];
  for (size_t i = 0; i < self->earlier_count / 2; i++) {
    char *text = self->earlier[i];
    self->earlier[i] = self->earlier[self->earlier_count - 1 - i];
    self->earlier[self->earlier_count - 1 - i] = text;
  }
}

bool
scene_set (scene_t *self, const prompt_t *prompt, const char *model, uint64_t seed)
{
  *self = (scene_t){.model = model, .agent = prompt->agent[0] ? prompt->agent : model, .name = ""};
  self->dice = hash (0xCBF29CE484222325u ^ (seed * 0x9E3779B97F4A7C15u), prompt->agent);
  self->system = strdup ("");
  self->earlier = calloc (prompt->count, sizeof *self->earlier);
  bool kept = self->system && self->earlier;
  for (size_t i = 0; kept && i < prompt->count; i++)
    kept = take_message (self, prompt->messages[i], i, i + 1 == prompt->count);
  if (self->earlier)
    order_earlier (self, prompt->count);
  return kept;
}

void
scene_clear (scene_t *self)
{
  for (size_t i = 0; i < self->earlier_count; i++)
    free (self->earlier[i]);
  free (self->earlier);
  free (self->last);
  free (self->system);
  *self = (scene_t){0};
}

// splitmix64's finish (G. Steele et al., 2014) over all three.
uint64_t
scene_draw (const scene_t *self, uint64_t rule, uint64_t purpose)
{
  uint64_t z = self->dice + (rule + 1) * 0x9E3779B97F4A7C15u + purpose * 0xD1B54A32D192ED03u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
