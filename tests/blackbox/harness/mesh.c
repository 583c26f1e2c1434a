// SPDX-License-Identifier: Apache-2.0
//
// A mesh whose model rehearses replies that tell what it was given: the turn, which counts what the agent remembers,
// and the words. So a reply shows whether memory survived.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>

const char mesh_plain[] = "models:\n"
                          "  talker: { type: rehearsal, rules: rules.yaml }\n"
                          "agents:\n"
                          "  alice: { model: talker, prompt: You are Alice. }\n";

const char mesh_rules[] = "rules:\n"
                          "  - last: { regex: '^slow' }\n"
                          "    say: slow one two three four five six\n"
                          "    chunk: word\n"
                          "    chunk_delay: 300ms\n"
                          "  - last: { regex: '^late' }\n"
                          "    say: late\n"
                          "    delay: 10m\n"
                          "  - last: { regex: '^fail' }\n"
                          "    fail: { code: model_failed, why: it was told to fail }\n"
                          "  - last: { regex: '^xxxxxxxx' }\n"
                          "    say: 'turn {{turn}}: many x'\n"
                          "  - say: 'turn {{turn}}: {{last}}'\n";

process_t *
mesh_up (const char *yaml)
{
  place_write ("troupe.yaml", yaml);
  place_write ("rules.yaml", mesh_rules);
  process_t *up = process_run ("troupe", "up", "--json");
  process_expect (up, "\"event\": *\"ready\"");
  return up;
}

void
mesh_down (process_t **up_p)
{
  process_signal (*up_p, SIGINT);
  process_expect_exit (*up_p, 0);
  process_destroy (up_p);
  place_expect_empty ();
}

pid_t
mesh_process (const char *kind, const char *name)
{
  char program[32];
  pid_t pid = 0;
  snprintf (program, sizeof program, "troupe-%s", kind);
  size_t found = place_find (program, name, &pid, 1);
  cr_assert_eq (found, 1, "%zu processes serve %s/%s", found, kind, name);
  return pid;
}

json_t *
mesh_call (const char *service, const char *input, const char *session, int *status, char **errors)
{
  process_t *call = session ? process_run ("troupe", "call", service, input, "-s", session)
                            : process_run ("troupe", "call", service, input);
  process_close_input (call);
  *status = process_wait (call);
  json_t *value = *status == 0 ? json_loads (process_output (call), JSON_DECODE_ANY, NULL) : NULL;
  if (*status == 0)
    cr_assert_not_null (value, "no JSON: %s", process_output (call));
  if (errors) {
    *errors = strdup (process_errors (call));
    cr_assert_not_null (*errors);
  }
  process_destroy (&call);
  return value;
}

char *
mesh_say (const char *agent, const char *session, const char *text)
{
  char service[128], *errors;
  int status;
  snprintf (service, sizeof service, "agent/%s", agent);
  json_t *said = json_string (text);
  char *input = json_dumps (said, JSON_ENCODE_ANY);
  json_t *reply = mesh_call (service, input, session, &status, &errors);
  cr_assert_eq (status, 0, "status %d: %s", status, errors);
  const char *content = json_string_value (json_object_get (reply, "content"));
  cr_assert_not_null (content);
  char *words = strdup (content);
  json_decref (reply);
  json_decref (said);
  free (input);
  free (errors);
  return words;
}

void
mesh_expect_reply (const char *agent, const char *session, const char *text, const char *regex)
{
  char *reply = mesh_say (agent, session, text);
  cr_assert (text_matches (reply, regex), "\"%s\" got \"%s\", not %s", text, reply, regex);
  free (reply);
}

json_t *
mesh_report (void)
{
  process_t *ps = process_run ("troupe", "ps", "--json");
  process_close_input (ps);
  process_expect_exit (ps, 0);
  json_t *reports = json_loads (process_output (ps), 0, NULL);
  cr_assert_not_null (reports, "no JSON: %s", process_output (ps));
  process_destroy (&ps);
  return reports;
}
