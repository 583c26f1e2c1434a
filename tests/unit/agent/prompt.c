// SPDX-License-Identifier: Apache-2.0

#include "agent/prompt.h"

#include <criterion/criterion.h>

static json_t *
built (const char *memory, const char *input, const char *system)
{
  json_t *heard = json_loads (memory, 0, NULL), *fresh = json_loads (input, 0, NULL);
  json_t *prompt = prompt_build ("alice", system, heard, fresh);
  cr_assert (heard && fresh && prompt);
  json_decref (heard);
  json_decref (fresh);
  return prompt;
}

static void
assert_prompt (json_t *prompt, const char *expected)
{
  json_t *wanted = json_loads (expected, 0, NULL);
  char *text = json_dumps (prompt, JSON_COMPACT);
  cr_assert_not_null (wanted);
  cr_assert (json_equal (prompt, wanted), "%s", text);
  free (text);
  json_decref (wanted);
  json_decref (prompt);
}

Test (prompt, is_system_then_memory_then_input)
{
  json_t *prompt = built ("[{\"name\": \"user\", \"role\": \"user\", \"content\": \"Hi\"},"
                          " {\"name\": \"alice\", \"role\": \"assistant\", \"content\": \"Hello!\"}]",
                          "[{\"name\": \"user\", \"role\": \"user\", \"content\": \"Bye\"}]", "Be kind.");
  assert_prompt (prompt, "{\"agent\": \"alice\", \"messages\": ["
                         " {\"name\": \"alice\", \"role\": \"system\", \"content\": \"Be kind.\"},"
                         " {\"name\": \"user\", \"role\": \"user\", \"content\": \"Hi\"},"
                         " {\"name\": \"alice\", \"role\": \"assistant\", \"content\": \"Hello!\"},"
                         " {\"name\": \"user\", \"role\": \"user\", \"content\": \"Bye\"}]}");
}

Test (prompt, another_agents_words_are_a_users)
{
  json_t *prompt = built ("[]", "[{\"name\": \"bob\", \"role\": \"assistant\", \"content\": \"I am Bob\"}]", "");
  assert_prompt (prompt, "{\"agent\": \"alice\", \"messages\": ["
                         " {\"name\": \"bob\", \"role\": \"user\", \"content\": \"I am Bob\"}]}");
}

Test (prompt, without_a_word_is_the_system_prompt_alone)
{
  assert_prompt (built ("[]", "[]", "Be kind."),
                 "{\"agent\": \"alice\", \"messages\": ["
                 " {\"name\": \"alice\", \"role\": \"system\", \"content\": \"Be kind.\"}]}");
}
