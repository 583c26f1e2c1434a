// SPDX-License-Identifier: Apache-2.0
//
// What needs no mesh: help, wrong command lines, wrong configurations.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <signal.h>
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
