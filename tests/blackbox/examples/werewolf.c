// SPDX-License-Identifier: Apache-2.0
//
// Whole games of werewolf by the example. The rehearsal model plays the same game again from the same seed, so a game
// that is told differently shows that somebody heard something else, or twice, or not at all.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAME TROUPE_SOURCE_DIR "/examples/werewolf.lua"
#define MESH TROUPE_SOURCE_DIR "/examples/werewolf.yaml"
#define RULES TROUPE_SOURCE_DIR "/examples/werewolf-rules.yaml"

TestSuite (werewolf, .init = place_enter, .fini = place_leave);

// -- Rules of a test's own --------------------------------------------------------------------------------------------

static char *
read_file (const char *path)
{
  FILE *file = fopen (path, "r");
  cr_assert_not_null (file, "%s", path);
  char *text = NULL;
  size_t size = 0;
  cr_assert_geq (getdelim (&text, &size, '\0', file), 0);
  fclose (file);
  return text;
}

// The example's rules with `insert` behind each `after`; writes them and a mesh that has them.
static void
write_rules (const char *after, const char *insert)
{
  char *rules = read_file (RULES), *text = NULL;
  size_t size;
  unsigned places = 0;
  FILE *file = open_memstream (&text, &size);
  for (const char *at = rules, *found; at; at = found) {
    found = strstr (at, after);
    places += found != NULL;
    found = found ? found + strlen (after) : NULL;
    fwrite (at, 1, found ? (size_t)(found - at) : strlen (at), file);
    fputs (found ? insert : "", file);
  }
  fclose (file);
  cr_assert_gt (places, 0, "the rules have no %s", after);
  place_write ("rules.yaml", text);
  place_write ("troupe.yaml", "mesh: other\nmodels:\n  player:\n    type: rehearsal\n    rules: rules.yaml\n");
  free (text);
  free (rules);
}

// -- Games ------------------------------------------------------------------------------------------------------------

static process_t *
begin (const char *mesh, const char *seed, const char *option)
{
  setenv ("WEREWOLF_SEED", seed, 1);
  return process_run ("troupe", "run", "-f", mesh, GAME, "--", option);
}

// What was told of a game, the caller's.
static char *
end (process_t **game_p)
{
  process_expect_exit (*game_p, 0);
  char *told = strdup (process_output (*game_p));
  cr_assert (text_matches (told, "The game is over[.] [^\n]*\n$"), "%s", told);
  process_destroy (game_p);
  return told;
}

static char *
play (const char *mesh, const char *seed, const char *option)
{
  process_t *game = begin (mesh, seed, option);
  return end (&game);
}

Test (werewolf, a_seed_gives_the_same_game_in_one_process_and_in_many)
{
  static const char *const seeds[] = {"1", "2", "3", "4"};
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    char *one = play (MESH, seeds[i], NULL), *many = play (MESH, seeds[i], "--dist");
    cr_assert_str_eq (one, many, "seed %s", seeds[i]);
    cr_assert (!text_matches (one, "says nothing|abstains"), "%s", one);
    free (one);
    free (many);
  }
}

Test (werewolf, another_seed_gives_another_game)
{
  char *one = play (MESH, "1", NULL), *same = play (MESH, "1", NULL), *other = play (MESH, "4", NULL);
  cr_assert_str_eq (one, same);
  cr_assert_str_neq (one, other);
  cr_assert (text_matches (one, "have won"), "%s", one);
  cr_assert (text_matches (other, "are defeated"), "%s", other);
  free (one);
  free (same);
  free (other);
}

// Every speech of the day takes a while, so that the player is killed in the middle of one.
Test (werewolf, a_player_killed_in_the_middle_of_the_discussion_changes_nothing)
{
  pid_t player;
  write_rules ("What do you say\" }\n", "    delay: 300ms\n");
  char *quiet = play ("troupe.yaml", "1", NULL);
  process_t *game = begin ("troupe.yaml", "1", "--dist");
  process_expect (game, "Moderator: Player2, the survivors are");
  cr_assert_eq (place_find ("troupe-agent", "Player2", &player, 1), 1);
  cr_assert_eq (kill (player, SIGKILL), 0);
  process_expect (game, "Player4: ");
  char *told = end (&game);
  cr_assert_str_eq (told, quiet);
  free (told);
  free (quiet);
}

// Each day another one dies, before it has said anything and while it has just been asked.
Test (werewolf, players_killed_again_and_again_change_nothing)
{
  pid_t player;
  write_rules ("What do you say\" }\n", "    delay: 100ms\n");
  char *quiet = play ("troupe.yaml", "1", NULL);
  process_t *game = begin ("troupe.yaml", "1", "--dist");
  static const char *const victims[] = {"Player1", "Player5"};
  process_expect (game, "Day 1");
  for (size_t i = 0; i < sizeof victims / sizeof *victims; i++) {
    char asked[64];
    snprintf (asked, sizeof asked, "Moderator: %s, the survivors are", victims[i]);
    process_expect (game, asked);
    cr_assert_eq (place_find ("troupe-agent", victims[i], &player, 1), 1);
    cr_assert_eq (kill (player, SIGKILL), 0);
  }
  char *told = end (&game);
  cr_assert_str_eq (told, quiet);
  free (told);
  free (quiet);
}

// The broker, and then the store behind it; the supervisor starts each again.
Test (werewolf, a_killed_broker_and_a_killed_store_change_nothing)
{
  pid_t process;
  write_rules ("What do you say\" }\n", "    delay: 100ms\n");
  char *quiet = play ("troupe.yaml", "1", NULL);
  process_t *game = begin ("troupe.yaml", "1", NULL);
  process_expect (game, "Moderator: Player2, the survivors are");
  cr_assert_eq (place_find ("troupe-broker", NULL, &process, 1), 1);
  cr_assert_eq (kill (process, SIGKILL), 0);
  process_expect (game, "Moderator: Player5, the survivors are");
  cr_assert_eq (place_find ("redis-server", NULL, &process, 1), 1);
  cr_assert_eq (kill (process, SIGKILL), 0);
  char *told = end (&game);
  cr_assert_str_eq (told, quiet);
  free (told);
  free (quiet);
}

// A player whose prompt held another one's thought would refuse, and say nothing.
Test (werewolf, thoughts_are_heard_by_nobody_else)
{
  write_rules ("rules:\n", "  - { heard: SECRET, fail: internal }\n  - { last: SECRET, fail: internal }\n");
  char *rules = read_file ("rules.yaml"), *at = rules, *text = NULL;
  size_t size;
  FILE *file = open_memstream (&text, &size);
  for (char *found; (found = strstr (at, "thought: \"")); at = found + 10)
    fprintf (file, "%.*sthought: \"SECRET. ", (int)(found - at), at);
  fputs (at, file);
  fclose (file);
  place_write ("rules.yaml", text);
  char *told = play ("troupe.yaml", "1", NULL);
  cr_assert (!text_matches (told, "SECRET|says nothing"), "%s", told);
  cr_assert (!text_matches (told, "abstains"), "%s", told);
  free (told);
  free (text);
  free (rules);
}

// Votes for nobody, votes that are no JSON, and ties: nobody dies, and the game ends after its last round.
Test (werewolf, without_a_majority_nobody_is_chosen)
{
  write_rules ("rules:\n", "  - { agent: Player1, last: vote to kill, json: { thought: a, vote: Player3 } }\n"
                           "  - { agent: Player2, last: vote to kill, json: { thought: a, vote: Player4 } }\n"
                           "  - { agent: Player3, last: take for a werewolf, json: { thought: a, vote: everybody } }\n"
                           "  - { last: take for a werewolf, say: I had rather not. }\n"
                           "  - { agent: Player., last: JSON, say: Still not. }\n"
                           "  - { last: your only poison, json: { thought: a, eliminate: false } }\n");
  char *told = play ("troupe.yaml", "1", NULL);
  cr_assert (text_matches (told, "The werewolves' choice is nobody[.]"), "%s", told);
  cr_assert (text_matches (told, "Player3: \\(abstains\\)"), "%s", told);
  cr_assert (text_matches (told, "Player6: \\(abstains\\)"), "%s", told);
  cr_assert (text_matches (told, "Moderator: Nobody has been voted out[.]"), "%s", told);
  cr_assert (text_matches (told, "Night 6"), "%s", told);
  cr_assert (text_matches (told, "Nobody has won[.]\n$"), "%s", told);
  free (told);
}
