// SPDX-License-Identifier: Apache-2.0
//
// The model's view of a session: the system prompt, what the agent remembers, what is new. To a model, "assistant" is
// itself; so what other agents said, who are assistants in their own eyes, is put to it as a user's messages under
// their names (only here: the memory keeps messages as they were said).
//
// The system prompt goes without id and timestamp: the same conversation gives the same bytes, so that whoever
// compares or caches prompts can.

#include "agent/prompt.h"

#include <string.h>

static bool
from_another_agent (const json_t *message, const char *agent)
{
  const char *role = json_string_value (json_object_get (message, "role"));
  const char *name = json_string_value (json_object_get (message, "name"));
  return role && name && strcmp (role, "assistant") == 0 && strcmp (name, agent) != 0;
}

static int
append_messages (json_t *list, const json_t *messages, const char *agent)
{
  size_t i;
  json_t *message;
  json_array_foreach (messages, i, message) {
    if (!from_another_agent (message, agent)) {
      if (json_array_append (list, message))
        return -1;
      continue;
    }
    json_t *heard = json_copy (message);
    if (json_object_size (heard) != json_object_size (message) || // no memory for a member
        json_object_set_new (heard, "role", json_string ("user"))) {
      json_decref (heard);
      return -1;
    }
    if (json_array_append_new (list, heard))
      return -1;
  }
  return 0;
}

json_t *
prompt_build (const char *agent, const char *system, const json_t *memory, const json_t *input)
{
  json_t *list = json_array ();
  if (!list)
    return NULL;
  if (system && *system &&
      json_array_append_new (list, json_pack ("{s:s, s:s, s:s}", "name", agent, "role", "system", "content", system)))
    goto failed;
  if (append_messages (list, memory, agent) || append_messages (list, input, agent))
    goto failed;
  return json_pack ("{s:o, s:s}", "messages", list, "agent", agent);
failed:
  json_decref (list);
  return NULL;
}
