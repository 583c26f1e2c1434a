// SPDX-License-Identifier: Apache-2.0
//
// The smaller examples, run as their first lines say.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLE(name) TROUPE_SOURCE_DIR "/examples/" name

TestSuite (examples, .init = place_enter, .fini = place_leave);

static void
converse (const char *option)
{
  process_t *talk = process_run ("troupe", "run", "-f", EXAMPLE ("conversation/rehearsal.yaml"),
                                 EXAMPLE ("conversation.lua"), "--", option);
  process_expect (talk, "Assistant: ");
  process_send (talk, "my name is Ann\n");
  process_expect (talk, "Assistant: .*Ann");
  process_send (talk, "exit\n");
  process_expect_exit (talk, 0);
  process_destroy (&talk);
}

Test (examples, a_conversation)
{
  converse (NULL);
}

Test (examples, a_conversation_with_an_assistant_in_its_own_process)
{
  converse ("--dist");
}

// What the debaters say depends on what they heard, so both ran in order, although nothing waited for it.
Test (examples, a_debate)
{
  process_t *debate = process_run ("troupe", "run", "-f", EXAMPLE ("debate.yaml"), EXAMPLE ("debate.lua"), "--",
                                   "Tabs are better than spaces");
  process_expect_exit (debate, 0);
  cr_assert (text_matches (process_output (debate),
                           "^Host: The motion is: Tabs are better than spaces[.] Pro begins[.]\n"
                           "Pro: It is ([a-z ]+)[.] Whoever has tried it agrees[.]\n"
                           "Con: Pro says: \"It is [a-z ]+[.] Whoever has tried it agrees[.]\" [^\n]*\n"
                           "Judge: Con had the last word[.] I want to hear more[.]\n"
                           "Pro: Then hear this: [^\n]*\n"
                           "Con: Pro says: \"Then hear this: [^\n]*\n"
                           "Judge: I have heard enough[.]\n"
                           "The winner is (Pro|Con)[.]\n$"),
             "%s", process_output (debate));
  process_destroy (&debate);
}

static char *
search (const char *option)
{
  process_t *search = process_run ("troupe", "run", "-f", EXAMPLE ("search.yaml"), EXAMPLE ("parallel_search.lua"),
                                   "--", "Why is grass green?", option);
  process_expect_exit (search, 0);
  char *told = strdup (process_output (search));
  process_destroy (&search);
  return told;
}

Test (examples, a_parallel_search)
{
  char *one = search (NULL), *many = search ("--dist");
  cr_assert (text_matches (one,
                           "^Physics: grass green[?] [^\n]*\nHistory: grass green[?] [^\n]*\nFolklore: grass green[?] "
                           "[^\n]*\nEditor: In short: grass green[?] [^\n]*; Folklore has the last word[.]\n$"),
             "%s", one);
  cr_assert_str_eq (one, many);
  free (one);
  free (many);
}

static void
ask_clerk (const char *question, const char *told)
{
  process_t *clerk = process_run ("troupe", "run", "-f", EXAMPLE ("tools.yaml"), EXAMPLE ("tools.lua"), "--", question);
  process_expect_exit (clerk, 0);
  cr_assert_str_eq (process_output (clerk), told);
  process_destroy (&clerk);
}

Test (examples, a_clerk_with_tools)
{
  ask_clerk ("What do tea and bread cost?", "(look_up)\n(add)\nclerk: Altogether that is 7.\n");
  ask_clerk ("What do tea and gold cost?",
             "(look_up: there is no gold on the list)\nclerk: I'm sorry, we don't have gold.\n");
}

// The last of four replies comes; it shows that all were heard.
Test (examples, a_hub_in_c)
{
  process_t *up = process_run ("troupe", "up", "-f", EXAMPLE ("hub.yaml"), "--json");
  process_expect (up, "\"event\": *\"ready\"");
  for (int i = 0; i < 2; i++) { // each run is a session of its own
    process_t *hub = process_run ("example-hub", "ipc://.troupe/hub/broker-1.ipc");
    process_expect_exit (hub, 0);
    cr_assert_str_eq (process_output (hub), "bob: We know each other now, alice.\n");
    process_destroy (&hub);
  }
  process_signal (up, SIGINT);
  process_expect_exit (up, 0);
  process_destroy (&up);
}
