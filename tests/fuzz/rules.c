// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a rehearsal's rules: either errors that say where, or rules of which one plays, twice the same.

#include "model/rules.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void
play (const rules_t *rules, const prompt_t *prompt, reply_t *reply, script_t *script)
{
  scene_t scene;
  troupe_error_t error = {0};
  reply_init (reply);
  *script = (script_t){0};
  FUZZ_EXPECT (scene_set (&scene, prompt, "model", 1));
  if (rules_play (rules, &scene, reply, script, &error) != TROUPE_OK)
    FUZZ_EXPECT (error.why[0]);
  scene_clear (&scene);
}

static void
play_twice (const rules_t *rules)
{
  prompt_t prompt;
  reply_t one, two;
  script_t first, second;
  json_t *input = json_pack ("{s:s,s:[{s:s,s:s},{s:s,s:s}]}", "agent", "alice", "messages", "name", "ann", "content",
                             "my name is Ann", "name", "ann", "content", "what is my name, a b c?");
  FUZZ_EXPECT (prompt_of_input (&prompt, input, NULL) == TROUPE_OK);
  play (rules, &prompt, &one, &first);
  play (rules, &prompt, &two, &second);
  FUZZ_EXPECT (one.text.size == two.text.size && strcmp (bytes_text (&one.text), bytes_text (&two.text)) == 0);
  FUZZ_EXPECT (one.tool_count == two.tool_count && first.fails == second.fails);
  reply_clear (&one);
  reply_clear (&two);
  prompt_clear (&prompt);
  json_decref (input);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_object_seed (1); // the same run each time
  rules_t rules;
  config_report_t report;
  config_report_init (&report, "rules.yaml");
  if (rules_parse (&rules, (const char *) data, size, &report)) {
    play_twice (&rules);
    rules_clear (&rules);
  }
  else
    FUZZ_EXPECT (json_array_size (report.list) > 0);
  json_decref (report.list);
  return 0;
}
