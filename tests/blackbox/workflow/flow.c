// SPDX-License-Identifier: Apache-2.0
#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const char flow_mesh[] = "models:\n"
                         "  talker: { type: rehearsal, rules: rules.yaml }\n"
                         "  dict: { type: rehearsal, rules: dict.yaml }\n"
                         "agents:\n"
                         "  alice: { model: talker, prompt: You are Alice. }\n"
                         "  bob: { model: talker, prompt: You are Bob. }\n";

static const char dict_rules[] = "rules:\n"
                                 "  - system: vote\n"
                                 "    json: { vote: bob }\n"
                                 "  - json: { thought: hm, speak: 'I say {{last}}', agreement: true }\n";

const char flow_counter[] = "local counter = {}\n"
                            "function counter:init (config)\n"
                            "  self.state.n = config.from or 0\n"
                            "  self.state.heard = ''\n"
                            "end\n"
                            "function counter:observe (x)\n"
                            "  self.state.heard = self.state.heard .. x.content .. ' '\n"
                            "end\n"
                            "function counter:reply (x)\n"
                            "  self.state.n = self.state.n + 1\n"
                            "  return ('%s %d (%d): %s'):format (self.name, self.state.n, self.memory:size (),\n"
                            "                                    self.state.heard)\n"
                            "end\n"
                            "return counter\n";

static void
write_files (void)
{
  place_write ("dict.yaml", dict_rules);
  place_write ("counter.lua", flow_counter);
}

process_t *
flow_up (void)
{
  write_files ();
  return mesh_up (flow_mesh);
}

process_t *
flow_start (const char *script)
{
  place_write ("flow.lua", script);
  return process_run ("troupe", "run", "--session", "test", "flow.lua");
}

void
flow_end (process_t **run_p, int status)
{
  process_close_input (*run_p);
  int came = process_wait (*run_p);
  cr_assert_eq (came, status, "status %d\n%s%s", came, process_output (*run_p), process_errors (*run_p));
  process_destroy (run_p);
}

char *
flow_run (const char *script)
{
  process_t *run = flow_start (script);
  process_close_input (run);
  int status = process_wait (run);
  cr_assert_eq (status, 0, "status %d\n%s%s", status, process_output (run), process_errors (run));
  char *output = strdup (process_output (run));
  process_destroy (&run);
  return output;
}

void
flow_check (const char *script)
{
  write_files ();
  place_write ("troupe.yaml", flow_mesh);
  place_write ("rules.yaml", mesh_rules);
  free (flow_run (script));
  place_expect_empty ();
}
