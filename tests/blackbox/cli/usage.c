// SPDX-License-Identifier: Apache-2.0
//
// What needs no mesh: help, wrong command lines, wrong configurations.

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

TestSuite (usage, .init = place_enter, .fini = place_leave);

// Runs to its end without input; the status must be this one.
static process_t *
finished (const char *const *argv, int status)
{
  process_t *process = process_start (argv);
  process_close_input (process);
  process_expect_exit (process, status);
  return process;
}
#define run_to_end(status, ...) finished ((const char *const[]){ __VA_ARGS__, NULL }, status)

Test (usage, version_and_help_go_to_standard_output)
{
  static const char *const words[] = { "version", "help", "--help", "--version" };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    process_t *process = run_to_end (0, "troupe", words[i]);
    cr_assert (text_matches (process_output (process), "troupe"), "%s", words[i]);
    cr_assert_str_eq (process_errors (process), "");
    process_destroy (&process);
  }
}

Test (usage, help_tells_of_every_verb_and_each_has_its_own)
{
  static const char *const verbs[] = { "up", "chat", "call", "ps", "doctor", "config" };
  process_t *all = run_to_end (0, "troupe", "help");
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    cr_assert_not_null (strstr (process_output (all), verbs[i]), "%s", verbs[i]);
    process_t *one = run_to_end (0, "troupe", "help", verbs[i]);
    cr_assert_not_null (strstr (process_output (one), verbs[i]), "%s", verbs[i]);
    process_destroy (&one);
  }
  process_destroy (&all);
}

Test (usage, every_program_helps)
{
  static const char *const programs[] = { "troupe", "troupe-broker", "troupe-model", "troupe-agent" };
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    process_t *process = run_to_end (0, programs[i], "--help");
    cr_assert_not_null (strstr (process_output (process), programs[i]), "%s", programs[i]);
    // What it is stands at the head, once.
    const char *colon = strchr (process_output (process), ':'), *end = strchr (process_output (process), '\n');
    cr_assert (colon && end && colon + 2 < end);
    char *summary = strndup (colon + 2, (size_t) (end - colon - 2));
    cr_assert_null (strstr (end, summary), "%s says twice: %s", programs[i], summary);
    free (summary);
    process_destroy (&process);
  }
}

Test (usage, a_wrong_command_line_is_an_error_that_names_the_nearest)
{
  process_t *verb = run_to_end (2, "troupe", "chta");
  cr_assert_not_null (strstr (process_errors (verb), "chat"));
  process_destroy (&verb);
  process_t *option = run_to_end (2, "troupe", "ps", "--jsno");
  cr_assert_not_null (strstr (process_errors (option), "--json"));
  process_destroy (&option);
  process_t *operands = run_to_end (2, "troupe", "call", "agent/alice");
  process_destroy (&operands);
}

static const char five_mistakes[] = "mesh: \"a mesh\"\n"
                                    "agent:\n"
                                    "  alice: {}\n"
                                    "models:\n"
                                    "  m:\n"
                                    "    type: rehersal\n"
                                    "    retries: 99\n"
                                    "    api_key: ${NO_SUCH_VARIABLE}\n";

Test (usage, a_configuration_with_five_mistakes_gets_five_lines)
{
  place_write ("troupe.yaml", five_mistakes);
  process_t *process = run_to_end (3, "troupe", "config", "validate");
  const char *errors = process_errors (process);
  static const char *const expected[] = { "^troupe.yaml:1:7: ", "^troupe.yaml:2:1: .*agents", "^troupe.yaml:6:11: .*rehearsal",
                                          "^troupe.yaml:7:14: ", "^troupe.yaml:8:14: .*NO_SUCH_VARIABLE" };
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    cr_assert (text_matches (errors, expected[i]), "no line %s in:\n%s", expected[i], errors);
  size_t lines = 0;
  for (const char *at = errors; (at = strstr (at, "troupe.yaml:")); at++)
    lines++;
  cr_assert_eq (lines, 5, "%s", errors);
  process_destroy (&process);
}

Test (usage, every_program_reports_the_same_mistakes)
{
  place_write ("troupe.yaml", five_mistakes);
  static const char *const programs[] = { "troupe-broker", "troupe-model", "troupe-agent" };
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    process_t *process = run_to_end (3, programs[i], "-f", "troupe.yaml", "--name", "m");
    const char *errors = process_errors (process);
    cr_assert (text_matches (errors, "^troupe.yaml:7:14: "), "%s", errors);
    // A key is missed by the program that reads it, and by nobody else.
    bool reads_it = strcmp (programs[i], "troupe-model") == 0;
    cr_assert_eq (text_matches (errors, "^troupe.yaml:8:14: "), reads_it, "%s: %s", programs[i], errors);
    process_destroy (&process);
  }
  process_t *up = run_to_end (3, "troupe", "up");
  cr_assert (text_matches (process_errors (up), "^troupe.yaml:8:14: "), "%s", process_errors (up));
  process_destroy (&up);
}

Test (usage, a_file_that_is_not_there_is_an_error)
{
  process_t *process = run_to_end (4, "troupe", "up", "-f", "nowhere.yaml");
  cr_assert_not_null (strstr (process_errors (process), "nowhere.yaml"));
  process_destroy (&process);
}

Test (usage, a_file_that_cannot_be_read_is_an_error_that_says_what_to_do)
{
  process_t *process = run_to_end (1, "troupe", "config", "validate", "-f", ".");
  cr_assert_str_eq (process_errors (process),
                    "troupe: .: can't be read: Is a directory, check the path, and who may read it\n");
  process_destroy (&process);
}

Test (usage, a_name_that_is_not_in_the_file_is_an_error_that_names_the_nearest)
{
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal }\nagents:\n  alice: { model: talker }\n");
  process_t *agent = run_to_end (4, "troupe-agent", "-f", "troupe.yaml", "--name", "alcie");
  cr_assert_not_null (strstr (process_errors (agent), "alice"), "%s", process_errors (agent));
  process_destroy (&agent);
  process_t *model = run_to_end (4, "troupe-model", "-f", "troupe.yaml", "--name", "talkre");
  cr_assert_not_null (strstr (process_errors (model), "talker"), "%s", process_errors (model));
  process_destroy (&model);
  process_t *broker = run_to_end (4, "troupe-broker", "-f", "troupe.yaml", "--name", "broker-2");
  cr_assert_not_null (strstr (process_errors (broker), "broker-1"), "%s", process_errors (broker));
  process_destroy (&broker);
}

Test (usage, a_configuration_is_shown_with_defaults_and_without_secrets)
{
  place_write ("troupe.yaml", "models:\n  gpt: { type: openai_chat, api_key: sk-very-secret }\n");
  process_t *process = run_to_end (0, "troupe", "config", "show", "--json");
  cr_assert_null (strstr (process_output (process), "sk-very-secret"));
  cr_assert_not_null (strstr (process_output (process), "\"base_url\""));
  process_destroy (&process);
}

Test (usage, what_config_show_prints_is_a_configuration)
{
  setenv ("KEY", "sk-very-secret", 1);
  place_write ("troupe.yaml", "models:\n  gpt: { type: openai_chat, api_key: \"${KEY}\", timeout: 2m,\n"
                              "         options: { \"odd: key\": [1, { a: \"$$5\" }, []] } }\n"
                              "agents:\n  alice: { model: gpt }\n");
  process_t *first = run_to_end (0, "troupe", "config", "show");
  cr_assert_null (strstr (process_output (first), "sk-very-secret"));
  cr_assert_not_null (strstr (process_output (first), "\"${KEY}\""));
  place_write ("again.yaml", process_output (first));
  process_t *again = run_to_end (0, "troupe", "config", "show", "-f", "again.yaml");
  cr_assert_str_eq (process_output (again), process_output (first));
  process_destroy (&first);
  process_destroy (&again);
}

Test (usage, a_new_agent_gets_files_that_are_right_and_nothing_is_overwritten)
{
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal }\nagents:\n  alice: { model: talker }\n");
  process_t *process = run_to_end (1, "troupe", "new", "agent", "alice");
  cr_assert_not_null (strstr (process_errors (process), "such an agent already"), "%s", process_errors (process));
  process_destroy (&process);
  place_write ("weather.compose.yaml", "mine\n");
  process = run_to_end (1, "troupe", "new", "agent", "weather", "--compose");
  cr_assert_not_null (strstr (process_errors (process), "weather.compose.yaml"), "%s", process_errors (process));
  cr_assert_str_eq (process_output (process), "", "it tells of a file that it has taken back");
  process_destroy (&process);
  cr_assert_neq (access ("weather.yaml", F_OK), 0, "half of it is left");
  unlink ("weather.compose.yaml");
  process = run_to_end (0, "troupe", "new", "agent", "weather", "--compose");
  cr_assert_str_eq (process_output (process), "./weather.yaml\n./weather.compose.yaml\n");
  process_destroy (&process);
  cr_assert_eq (access ("weather.compose.yaml", F_OK), 0);
  process = run_to_end (0, "troupe", "config", "validate", "-f", "weather.yaml");
  process_destroy (&process);
  process = run_to_end (1, "troupe", "new", "agent", "weather");
  process_destroy (&process);
}

// The port of `health` is taken by the mesh that it joins, but in a container.
Test (usage, a_new_agent_starts_beside_a_mesh_that_tells_its_health)
{
  char yaml[256];
  snprintf (yaml, sizeof yaml,
            "models:\n  talker: { type: rehearsal, rules: rules.yaml }\n"
            "agents:\n  alice: { model: talker }\nhealth: { listen: 127.0.0.1:%d }\n",
            place_free_port ());
  process_t *up = mesh_up (yaml);
  process_t *process = run_to_end (0, "troupe", "new", "agent", "weather");
  process_destroy (&process);
  process_t *agent = process_run ("troupe-agent", "-f", "weather.yaml", "--name", "weather");
  process = run_to_end (0, "troupe", "call", "agent/weather", "\"Hello\"", "--wait");
  process_destroy (&process);
  process_signal (agent, SIGTERM);
  process_expect_exit (agent, 0);
  process_destroy (&agent);
  mesh_down (&up);
  process = run_to_end (0, "troupe", "new", "agent", "sea", "--compose");
  process_destroy (&process);
  process = run_to_end (0, "troupe", "config", "show", "-f", "sea.yaml", "--json");
  cr_expect_not_null (strstr (process_output (process), "\"listen\""), "%s", process_output (process));
  process_destroy (&process);
}

Test (usage, a_new_agent_without_a_place_is_an_error_that_says_what_to_do)
{
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal }\n");
  process_t *process = run_to_end (1, "troupe", "new", "agent", "weather", "-o", "nowhere");
  cr_assert (text_matches (process_errors (process), "nowhere/weather.yaml: .*No such file.*--directory"), "%s",
             process_errors (process));
  process_destroy (&process);
}

Test (usage, a_wrong_value_is_told_before_a_mesh_is_looked_for)
{
  process_t *call = run_to_end (2, "troupe", "call", "-b", "ipc://nobody", "agent/alice", "1", "-d", "1x");
  cr_assert_not_null (strstr (process_errors (call), "--deadline"), "%s", process_errors (call));
  process_destroy (&call);
  static const char *const wrong[][2] = {{"--serves", ""}, {"--serves", "tool/a tool/b"}, {"--sessions", ""}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    process_t *keygen = run_to_end (2, "troupe", "keygen", "ann", "-o", ".", wrong[i][0], wrong[i][1]);
    cr_assert (text_matches (process_errors (keygen), wrong[i][0]), "%s", process_errors (keygen));
    cr_assert (text_matches (process_errors (keygen), "for example"), "%s", process_errors (keygen));
    cr_assert_neq (access ("ann.key", F_OK), 0);
    process_destroy (&keygen);
  }
}

Test (usage, a_workflow_that_is_not_there_starts_no_mesh)
{
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal }\n");
  process_t *run = run_to_end (4, "troupe", "run", "nowhere.lua");
  cr_assert (text_matches (process_errors (run), "^troupe: nowhere.lua: not_found: can't be read: No such file"), "%s",
             process_errors (run));
  process_destroy (&run);
  cr_expect_neq (access (".troupe", F_OK), 0);
}

Test (usage, a_session_that_cannot_be_is_told_as_that)
{
  char name[130];
  memset (name, 's', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  process_t *up = mesh_up (mesh_plain);
  process_t *end = run_to_end (2, "troupe", "session", "end", name);
  cr_assert (text_matches (process_errors (end), "sss: bad_argument: .*128 printable ASCII.*troupe session list"), "%s",
             process_errors (end));
  process_destroy (&end);
  mesh_down (&up);
}

Test (usage, the_doctor_says_what_to_do_about_wrong_rules)
{
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal, rules: rules.yaml }\n");
  place_write ("rules.yaml", "rules:\n  - say: '{{nonsense}}'\n");
  process_t *doctor = run_to_end (1, "troupe", "doctor");
  cr_assert (text_matches (process_output (doctor), "rules.yaml:2:10.*\n *\xe2\x86\x92 [a-z]"), "%s",
             process_output (doctor));
  process_destroy (&doctor);
}

Test (usage, a_broker_that_may_open_few_files_says_so)
{
  place_write ("troupe.yaml", "limits: { heartbeat: 100ms, lease: 500ms }\n");
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &(struct rlimit){2000, 2000}), 0);
  process_t *broker = process_run ("troupe-broker", "-f", "troupe.yaml");
  process_expect_error (broker, "few open files.*2000");
  process_signal (broker, SIGKILL);
  process_wait (broker);
  process_destroy (&broker);
}

Test (usage, without_a_mesh_a_call_is_refused_at_once)
{
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal }\n");
  process_t *process = run_to_end (5, "troupe", "call", "model/talker", "\"Hi\"");
  cr_assert_not_null (strstr (process_errors (process), "troupe up"), "%s", process_errors (process));
  process_destroy (&process);
}
