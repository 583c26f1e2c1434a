// SPDX-License-Identifier: Apache-2.0
//
// Tallies: what asking again counts, by model.

#include "troupe/parse.h"

#include <criterion/criterion.h>

static json_int_t
count_of (const troupe_tally_t *tally, const char *model, const char *key)
{
  return json_integer_value (json_object_get (json_object_get (troupe_tally_json (tally), model), key));
}

static void
ask (const troupe_parser_t *parser, troupe_tally_t *tally, unsigned retries, const char *const *replies)
{
  troupe_asking_t *asking;
  troupe_asking_step_t step = TROUPE_ASKING_AGAIN;
  troupe_asking_options_t options = {.retries_max = retries, .tally = tally, .model = "m"};
  cr_assert_eq (troupe_asking_new (&asking, parser, &options, NULL), TROUPE_OK);
  for (; *replies && step == TROUPE_ASKING_AGAIN; replies++)
    cr_assert_eq (troupe_asking_reply (asking, *replies, &step, NULL), TROUPE_OK);
  troupe_asking_destroy (&asking);
}
#define ask_with(parser, tally, retries, ...) ask (parser, tally, retries, (const char *const[]){__VA_ARGS__, NULL})

Test (tally, counts_what_asking_again_does)
{
  troupe_parser_t *parser;
  troupe_tally_t *tally;
  json_t *config = json_pack ("{s:s, s:[s]}", "type", "json_object", "required", "speak");
  cr_assert_eq (troupe_parser_new (&parser, config, NULL), TROUPE_OK);
  cr_assert_eq (troupe_tally_new (&tally, NULL), TROUPE_OK);
  cr_assert_eq (json_object_size (troupe_tally_json (tally)), 0);
  ask_with (parser, tally, 1, "{\"speak\": 1}");
  ask_with (parser, tally, 1, "no", "{'speak': 1}");
  ask_with (parser, tally, 1, "no", "no");
  cr_assert_eq (count_of (tally, "m", "replies"), 5);
  cr_assert_eq (count_of (tally, "m", "unchanged"), 1);
  cr_assert_eq (count_of (tally, "m", "mended"), 1);
  cr_assert_eq (count_of (tally, "m", "wrong"), 3);
  cr_assert_eq (count_of (tally, "m", "retries"), 2);
  cr_assert_eq (count_of (tally, "m", "failed"), 1);
  const json_t *repairs = json_object_get (json_object_get (troupe_tally_json (tally), "m"), "repairs");
  cr_assert_eq (json_integer_value (json_object_get (repairs, "quotes")), 1);
  troupe_tally_destroy (&tally);
  troupe_parser_destroy (&parser);
  json_decref (config);
}

Test (tally, counts_nothing_without_one)
{
  troupe_tally_count (NULL, "m", TROUPE_TALLY_WRONG, NULL);
  troupe_tally_log (NULL);
}
