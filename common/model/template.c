// SPDX-License-Identifier: Apache-2.0
//
// Templates are checked when the rules are read, with the rule's patterns at hand, so that a mistyped {{lsat}} or a
// {{2}} without a second group is an error in the file and not in the middle of a demonstration. Expanding therefore
// never fails but for size and memory.

#include "model/template.h"
#include "error/utf8.h"
#include "model/pick.h"
#include "troupe/option.h"

#include <inttypes.h>
#include <string.h>

// One piece of a template: literal text, or what stands between braces.
typedef struct {
  const char *text;
  size_t size;
  bool literal, broken; // broken: braces that aren't closed
} piece_t;

static const char *const words[] = {"last",  "last.short", "name",   "agent", "model", "turn",
                                    "heard", "system",     "choice", "pick",  NULL};

// The piece that begins at *at, which moves behind it; false at the end.
static bool
next_piece (const char **at, piece_t *piece)
{
  const char *start = *at;
  if (!*start)
    return false;
  if (strncmp (start, "{{{{", 4) == 0) {
    *piece = (piece_t){"{{", 2, true, false};
    *at = start + 4;
    return true;
  }
  if (strncmp (start, "{{", 2) != 0) {
    const char *open = strstr (start, "{{");
    size_t size = open ? (size_t)(open - start) : strlen (start);
    *piece = (piece_t){start, size, true, false};
    *at = start + size;
    return true;
  }
  const char *close = strstr (start + 2, "}}");
  *piece = (piece_t){start + 2, close ? (size_t)(close - start - 2) : strlen (start + 2), false, !close};
  *at = close ? close + 2 : start + strlen (start);
  return true;
}

static bool
is (const piece_t *piece, const char *word)
{
  return piece->size == strlen (word) && memcmp (piece->text, word, piece->size) == 0;
}

static bool
begins (const piece_t *piece, const char *start)
{
  return piece->size >= strlen (start) && memcmp (piece->text, start, strlen (start)) == 0;
}

// The group that a piece names, of `last` or (behind "heard.") of `heard`; -1: none.
static int
group_of (const piece_t *piece, bool heard)
{
  size_t skip = heard ? sizeof "heard." - 1 : 0;
  if (heard && !begins (piece, "heard."))
    return -1;
  bool digit = piece->size == skip + 1 && piece->text[skip] >= '0' && piece->text[skip] <= '9';
  return digit ? piece->text[skip] - '0' : -1;
}

// "pick:1", or "pick:1:2" with a group of `heard`, else -1, in *preferred. The group of `last` that has the list; -1:
// none.
static int
pick_of (const piece_t *piece, int *preferred)
{
  const char *digits = piece->text + sizeof "pick:" - 1;
  size_t size = begins (piece, "pick:") ? piece->size - (sizeof "pick:" - 1) : 0;
  *preferred = -1;
  if (size != 1 && (size != 3 || digits[1] != ':'))
    return -1;
  for (size_t i = 0; i < size; i += 2)
    if (digits[i] < '0' || digits[i] > '9')
      return -1;
  if (size == 3)
    *preferred = digits[2] - '0';
  return digits[0] - '0';
}

static bool
check_group (int group, size_t groups, const char *key, config_fault_t *fault)
{
  return (size_t)group < groups || config_fault (fault, NULL, "{{%s%d}}: the rule's %s has no such group in its regex",
                                                 strcmp (key, "heard") == 0 ? "heard." : "", group, key);
}

static bool
check_piece (const piece_t *piece, const template_scope_t *scope, config_fault_t *fault)
{
  char word[64];
  snprintf (word, sizeof word, "%.*s", (int)(piece->size < 40 ? piece->size : 40), piece->text);
  if (piece->broken)
    return config_fault (fault, "write {{{{ for two braces", "{{%s: the braces aren't closed", word);
  int group = group_of (piece, false), heard = group_of (piece, true);
  if (group >= 0)
    return check_group (group, scope->groups, "last", fault);
  if (heard >= 0)
    return check_group (heard, scope->heard_groups, "heard", fault);
  int preferred, pick = pick_of (piece, &preferred);
  if (pick >= 0)
    return check_group (pick, scope->groups, "last", fault) &&
           (preferred < 0 || check_group (preferred, scope->heard_groups, "heard", fault));
  if (is (piece, "heard") && !scope->heard)
    return config_fault (fault, NULL, "{{heard}}: the rule has no condition heard");
  if (begins (piece, "choice:"))
    return true;
  for (const char *const *known = words; *known; known++)
    if (is (piece, *known) && strcmp (*known, "choice") != 0 && strcmp (*known, "pick") != 0)
      return true;
  const char *near = troupe_did_you_mean (word, words);
  char hint[64] = "";
  if (near)
    snprintf (hint, sizeof hint, "did you mean {{%s%s}}?", near,
              strcmp (near, "choice") == 0 ? ":a|b"
              : strcmp (near, "pick") == 0 ? ":1"
                                           : "");
  return config_fault (fault, hint, "{{%s}} means nothing", word);
}

bool
template_check (const char *text, const template_scope_t *scope, config_fault_t *fault)
{
  piece_t piece;
  while (next_piece (&text, &piece))
    if (!piece.literal && !check_piece (&piece, scope, fault))
      return false;
  return true;
}

// -- Expanding -------------------------------------------------------------------------------------------------------

static bool
add (bytes_t *out, const char *text, size_t size)
{
  if (out->size + size <= TEMPLATE_RESULT_MAX)
    return bytes_add (out, text, size);
  out->size = TEMPLATE_RESULT_MAX + 1;
  return false;
}

static bool
add_group (bytes_t *out, const found_t *found, int group)
{
  regmatch_t match = found->groups[group];
  if (!found->text || match.rm_so < 0)
    return true; // a group of a part that didn't take part in the match
  return add (out, found->text + match.rm_so, (size_t)(match.rm_eo - match.rm_so));
}

static bool
add_short (bytes_t *out, const char *text)
{
  size_t used = 0, size = strlen (text);
  for (unsigned i = 0; i < TEMPLATE_SHORT_MAX && used < size; i++) {
    size_t step = utf8_size (text + used, size - used);
    used += step ? step : 1;
  }
  return add (out, text, used) && (used == size || add (out, "\xE2\x80\xA6", 3));
}

// "choice:a|b|c"
static bool
add_choice (bytes_t *out, const piece_t *piece, uint64_t random)
{
  const char *at = piece->text + sizeof "choice:" - 1, *end = piece->text + piece->size;
  size_t count = 1;
  for (const char *c = at; c < end; c++)
    count += *c == '|';
  for (size_t skip = (size_t)(random % count); skip; at++)
    skip -= *at == '|';
  const char *bar = memchr (at, '|', (size_t)(end - at));
  return add (out, at, (size_t)((bar ? bar : end) - at));
}

// One name of a list, the same wherever a reply has it.
static bool
add_pick (bytes_t *out, const piece_t *piece, const scene_t *scene, uint64_t rule)
{
  int preferred, group = pick_of (piece, &preferred);
  const found_t *last = &scene->in_last, *heard = &scene->in_heard;
  regmatch_t list = last->groups[group], wish = {-1, -1};
  if (preferred >= 0 && heard->text)
    wish = heard->groups[preferred];
  if (!last->text || list.rm_so < 0)
    return true;
  bool wished = wish.rm_so >= 0;
  return pick_word (out, last->text + list.rm_so, (size_t)(list.rm_eo - list.rm_so),
                    wished ? heard->text + wish.rm_so : "", wished ? (size_t)(wish.rm_eo - wish.rm_so) : 0,
                    scene->agent, scene_draw (scene, rule, UINT64_MAX - (uint64_t)group));
}

static bool
add_word (bytes_t *out, const piece_t *piece, const scene_t *scene)
{
  char turn[16];
  snprintf (turn, sizeof turn, "%u", scene->turn);
  const struct {
    const char *word, *text;
  } values[] = {{"last", scene->last},
                {"name", scene->name},
                {"agent", scene->agent},
                {"model", scene->model},
                {"system", scene->system},
                {"turn", turn},
                {"heard", scene->in_heard.text ? scene->in_heard.text : ""}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    if (is (piece, values[i].word))
      return add (out, values[i].text, strlen (values[i].text));
  return add_short (out, scene->last);
}

bool
template_expand (const char *text, const scene_t *scene, uint64_t rule, uint64_t salt, bytes_t *out)
{
  piece_t piece;
  bool added = true;
  for (uint64_t i = 0; added && next_piece (&text, &piece); i++) {
    int group = group_of (&piece, false), heard = group_of (&piece, true);
    if (piece.literal)
      added = add (out, piece.text, piece.size);
    else if (group >= 0)
      added = add_group (out, &scene->in_last, group);
    else if (heard >= 0)
      added = add_group (out, &scene->in_heard, heard);
    else if (begins (&piece, "pick:"))
      added = add_pick (out, &piece, scene, rule);
    else if (begins (&piece, "choice:"))
      added = add_choice (out, &piece, scene_draw (scene, rule, (salt << 16) + i + 1));
    else
      added = add_word (out, &piece, scene);
  }
  return added;
}
