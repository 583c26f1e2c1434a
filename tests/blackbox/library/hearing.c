// SPDX-License-Identifier: Apache-2.0
//
// Agents of one's own types in a hub (troupe/hub.h): what they observe, what they make of it, and what they keep.

#include "blackbox/library/stand.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (hearing, .init = place_enter, .fini = place_leave);

// -- A parrot, which says all that it knows ---------------------------------------------------------------------------

static void
write_all (FILE *file, const json_t *messages)
{
  size_t i;
  json_t *message;
  json_array_foreach (messages, i, message)
    fprintf (file, "[%s]", json_string_value (json_object_get (message, "content")));
}

static void
parrot_reply (void *state, troupe_turn_t *turn)
{
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream (&text, &size);
  (void)state;
  write_all (file, troupe_turn_memory (turn));
  fputc ('+', file);
  write_all (file, troupe_turn_input (turn));
  fclose (file);
  troupe_turn_reply (&turn, json_string (text), NULL);
  free (text);
}

static const troupe_agent_type_t parrot = {.name = "parrot", .reply = parrot_reply};

// -- A diarist, who observes: keeps count, and remembers what begins with a capital -----------------------------------

static void
diarist_observe (void *state, troupe_turn_t *turn, const json_t *messages)
{
  size_t i;
  json_t *message;
  troupe_error_t error;
  json_int_t count = json_integer_value (troupe_turn_state (turn));
  (void)state;
  json_array_foreach (messages, i, message) {
    const char *text = json_string_value (json_object_get (message, "content"));
    if (text[0] >= 'A' && text[0] <= 'Z')
      cr_assert_eq (troupe_turn_remember (turn, json_incref (message), &error), TROUPE_OK, "%s", error.why);
  }
  troupe_turn_set_state (turn, json_integer (count + (json_int_t)json_array_size (messages)));
  troupe_turn_observed (turn);
}

static void
diarist_reply (void *state, troupe_turn_t *turn)
{
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream (&text, &size);
  (void)state;
  fprintf (file, "%lld heard: ", (long long)json_integer_value (troupe_turn_state (turn)));
  write_all (file, troupe_turn_memory (turn));
  fclose (file);
  troupe_turn_remember_reply_as (turn, json_string ("Me"));
  troupe_turn_reply (&turn, json_string (text), NULL);
  free (text);
}

static const troupe_agent_type_t diarist = {.name = "diarist", .observe = diarist_observe, .reply = diarist_reply};

// -- A listener, who does the same without unpacking but what it remembers -----------------------------------------------

static void
listener_hear (void *state, troupe_turn_t *turn, troupe_news_t *news)
{
  troupe_error_t error;
  json_int_t count = json_integer_value (troupe_turn_state (turn));
  (void)state;
  for (size_t i = 0; i < troupe_news_count (news); i++) {
    troupe_text_t text = troupe_news_text (news, i);
    if (text.size > 0 && text.data[0] >= 'A' && text.data[0] <= 'Z') {
      json_t *message = json_deep_copy (troupe_news_message (news, i));
      cr_assert_eq (troupe_turn_remember (turn, message, &error), TROUPE_OK, "%s", error.why);
    }
  }
  troupe_turn_set_state (turn, json_integer (count + (json_int_t)troupe_news_count (news)));
  troupe_turn_observed (turn);
}

static const troupe_agent_type_t listener = {.name = "listener", .hear = listener_hear, .reply = diarist_reply};

// -- Hubs -------------------------------------------------------------------------------------------------------------

static troupe_hub_t *
open_hub (stand_t *stand, const char *announcement)
{
  static const char *const members[] = {"agent/ann", "agent/bob"};
  troupe_hub_t *hub;
  troupe_error_t error;
  json_t *messages = json_loads (announcement, 0, NULL);
  troupe_hub_options_t options = {.session = "s", .members = members, .members_count = 2, .announcement = messages};
  cr_assert_eq (troupe_hub_open (&hub, stand->node, &options, &error), TROUPE_OK, "%s", error.why);
  json_decref (messages);
  return hub;
}

static void
broadcast (troupe_hub_t *hub, const char *text)
{
  troupe_error_t error;
  json_t *message = json_pack ("{s:s, s:s}", "name", "host", "content", text);
  cr_assert_eq (troupe_hub_broadcast (hub, message, &error), TROUPE_OK, "%s", error.why);
  json_decref (message);
}

#define ANNOUNCEMENT "[{\"name\": \"host\", \"content\": \"Hi\"}, {\"name\": \"host\", \"content\": \"there\"}]"

Test (hearing, members_hear_each_other_in_order)
{
  stand_t stand;
  stand_open (&stand, mesh_plain);
  troupe_agent_t *ann = stand_serve (&stand, "ann", &parrot), *bob = stand_serve (&stand, "bob", &parrot);
  troupe_hub_t *hub = open_hub (&stand, ANNOUNCEMENT);
  troupe_placeholder_t *first = stand_call (&stand, "agent/ann", "\"q\"", hub);
  troupe_placeholder_t *second = stand_call (&stand, "agent/bob", "null", hub); // at once
  troupe_placeholder_t *third = stand_call (&stand, "agent/ann", "null", hub);
  stand_expect (first, "[Hi][there]+[q]");
  stand_expect (second, "[Hi][there][[Hi][there]+[q]]+"); // what she was asked in private isn't heard
  stand_expect (third, "[Hi][there][q][[Hi][there]+[q]][[Hi][there][[Hi][there]+[q]]+]+");
  troupe_hub_close (&hub);
  troupe_agent_destroy (&ann);
  troupe_agent_destroy (&bob);
  stand_close (&stand);
}

// What a hub said before it was closed is heard also after it; the messages have ids, so nothing is heard twice.
Test (hearing, the_last_words_are_heard_after_the_end)
{
  stand_t stand;
  stand_open (&stand, mesh_plain);
  troupe_agent_t *ann = stand_serve (&stand, "ann", &parrot), *bob = stand_serve (&stand, "bob", &parrot);
  troupe_hub_t *hub = open_hub (&stand, ANNOUNCEMENT);
  stand_expect (stand_call (&stand, "agent/bob", "null", hub), "[Hi][there]+");
  broadcast (hub, "Bye");
  troupe_hub_close (&hub);
  stand_expect (stand_call (&stand, "agent/ann", "null", NULL), "[Hi][there][[Hi][there]+][Bye]+");
  stand_expect (stand_call (&stand, "agent/bob", "null", NULL), "[Hi][there][[Hi][there]+][Bye]+");
  troupe_agent_destroy (&ann);
  troupe_agent_destroy (&bob);
  stand_close (&stand);
}

static void
check_choosing (const troupe_agent_type_t *type)
{
  stand_t stand;
  stand_open (&stand, mesh_plain);
  troupe_agent_t *ann = stand_serve (&stand, "ann", type), *bob = stand_serve (&stand, "bob", &parrot);
  troupe_hub_t *hub = open_hub (&stand, ANNOUNCEMENT);
  stand_expect (stand_call (&stand, "agent/ann", "null", hub), "2 heard: [Hi]");
  stand_expect (stand_call (&stand, "agent/bob", "null", hub), "[Hi][there][2 heard: [Hi]]+");
  broadcast (hub, "small");
  broadcast (hub, "Large");
  stand_expect (stand_call (&stand, "agent/ann", "null", hub), "5 heard: [Hi][Me][Large]");
  // Another process than the one that observed has all of it.
  troupe_agent_destroy (&ann);
  troupe_agent_destroy (&bob);
  troupe_hub_close (&hub);
  troupe_node_destroy (&stand.node);
  stand_join (&stand);
  ann = stand_serve (&stand, "ann", type);
  stand_expect (stand_call (&stand, "agent/ann", "null", NULL), "5 heard: [Hi][Me][Large][Me]");
  troupe_agent_destroy (&ann);
  stand_close (&stand);
}

Test (hearing, a_type_chooses_what_it_remembers_and_keeps_a_state)
{
  check_choosing (&diarist);
}

Test (hearing, a_type_hears_without_unpacking)
{
  check_choosing (&listener);
}

// -- One who fails before it succeeds ---------------------------------------------------------------------------------

static unsigned tries;

static void
moody_reply (void *state, troupe_turn_t *turn)
{
  troupe_error_t error;
  if (tries++ > 0) {
    parrot_reply (state, turn);
    return;
  }
  troupe_error_set (&error, TROUPE_SERVICE_FAILED, "agent/ann", NULL, "not in the mood");
  troupe_turn_fail (&turn, &error);
}

static const troupe_agent_type_t moody = {.name = "moody", .reply = moody_reply};

Test (hearing, a_turn_that_failed_has_heard_nothing)
{
  stand_t stand;
  troupe_error_t error;
  stand_open (&stand, mesh_plain);
  troupe_agent_t *ann = stand_serve (&stand, "ann", &moody), *bob = stand_serve (&stand, "bob", &parrot);
  troupe_hub_t *hub = open_hub (&stand, ANNOUNCEMENT);
  cr_assert_null (stand_outcome (stand_call (&stand, "agent/ann", "null", hub), &error));
  stand_expect (stand_call (&stand, "agent/ann", "null", hub), "[Hi][there]+");
  stand_expect (stand_call (&stand, "agent/bob", "null", hub),
                "[Hi][there][[Hi][there]+]+"); // the failed one left nothing
  troupe_hub_close (&hub);
  troupe_agent_destroy (&ann);
  troupe_agent_destroy (&bob);
  stand_close (&stand);
}

// What a program hears in a hub and passes on as well is heard once.
Test (hearing, a_message_that_comes_on_two_ways_is_heard_once)
{
  stand_t stand;
  troupe_error_t error;
  stand_open (&stand, mesh_plain);
  troupe_agent_t *ann = stand_serve (&stand, "ann", &parrot), *bob = stand_serve (&stand, "bob", &parrot);
  troupe_hub_t *hub = open_hub (&stand, ANNOUNCEMENT);
  json_t *said = stand_outcome (stand_call (&stand, "agent/ann", "null", hub), &error);
  cr_assert_not_null (said, "%s", error.why);
  char *input = json_dumps (said, 0);
  stand_expect (stand_call (&stand, "agent/bob", input, hub), "[Hi][there][[Hi][there]+]+");
  free (input);
  json_decref (said);
  troupe_hub_close (&hub);
  troupe_agent_destroy (&ann);
  troupe_agent_destroy (&bob);
  stand_close (&stand);
}
