// SPDX-License-Identifier: Apache-2.0
//
// Calls as lines: Thought, Action, Action Input, Observation, Final Answer (ReAct). An observation is the tool's to
// say: what a model writes after that word it made up, and all of it is left out, also a final answer that builds on
// it. A label stands at a line's begin, in any letters and perhaps in bold.

#include "parse/calls.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef enum { THOUGHT, INPUT, ACTION, OBSERVATION, FINAL, LABELS } label_t;

static const struct {
  const char *word;
  label_t label;
} words[] = {
  {"thought", THOUGHT},         {"action input", INPUT}, {"action_input", INPUT}, {"action", ACTION},
  {"observation", OBSERVATION}, {"final answer", FINAL}, {"final_answer", FINAL},
};

typedef struct {
  label_t label;
  const char *line, *text, *end; // the label's line, what stands behind it, and where the next label's line begins
} part_t;

// The label of a line, and behind it; LABELS: it has none.
static label_t
label_of (const char *line, const char *end, const char **text)
{
  while (line < end && strchr (" \t*#>-", *line) != NULL)
    line++;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t size = strlen (words[i].word);
    if ((size_t)(end - line) <= size || strncasecmp (line, words[i].word, size) != 0)
      continue;
    const char *at = line + size;
    while (at < end && (*at == '*' || *at == ' ' || isdigit ((unsigned char)*at)))
      at++;
    if (at == end || *at != ':')
      continue;
    for (at++; at < end && (*at == '*' || *at == ' ' || *at == '\t');)
      at++;
    *text = at;
    return words[i].label;
  }
  return LABELS;
}

static const char *
next_line (const char *at, const char *end)
{
  const char *stop = memchr (at, '\n', (size_t)(end - at));
  return stop != NULL ? stop + 1 : end;
}

// The first part from `at`; false: there is none.
static bool
next_part (const char *at, const char *end, part_t *part)
{
  const char *ignored;
  while (at < end && (part->label = label_of (at, next_line (at, end), &part->text)) == LABELS)
    at = next_line (at, end);
  part->line = at;
  if (at >= end)
    return false;
  for (part->end = next_line (at, end); part->end < end; part->end = next_line (part->end, end))
    if (label_of (part->end, next_line (part->end, end), &ignored) != LABELS)
      break;
  return true;
}

static void
trim (const char **text, const char **end)
{
  while (*text < *end && isspace ((unsigned char)**text))
    ++*text;
  while (*end > *text && isspace ((unsigned char)(*end)[-1]))
    --*end;
}

// A call: its name, perhaps with its input in brackets (`search[query]`), perhaps with an input of its own behind it.
static troupe_err_t
add_call (calls_t *self, const part_t *action, const part_t *input)
{
  char name[CALLS_NAME_MAX + 1];
  json_t *arguments;
  const char *word = action->text, *end = action->end, *text = input != NULL ? input->text : end;
  const char *stop = input != NULL ? input->end : end;
  trim (&word, &end);
  const char *line_end = next_line (word, end), *bracket = memchr (word, '[', (size_t)(line_end - word));
  const char *name_end = line_end;
  if (input == NULL && bracket != NULL && end[-1] == ']') {
    name_end = bracket;
    text = bracket + 1;
    stop = end - 1;
  }
  trim (&word, &name_end);
  while (word < name_end && strchr ("`\"'*", *word) != NULL)
    word++;
  while (name_end > word && strchr ("`\"'*.", name_end[-1]) != NULL)
    name_end--;
  if (word == name_end) {
    parser_wrong (self->reading, "\"Action:\" names no tool");
    self->broken = true;
    return TROUPE_OK;
  }
  calls_name (name, word, name_end);
  troupe_err_t err = calls_arguments (self, name, text, (size_t)(stop - text), &arguments);
  if (err != TROUPE_OK) {
    json_decref (arguments);
    return err;
  }
  self->shape = SHAPE_REACT;
  return calls_add (self, NULL, name, arguments, action->line);
}

// Whether an action in lines is a JSON object of LangChain's, which the JSON shape reads.
static bool
is_json (const part_t *action)
{
  const char *text = action->text, *end = action->end;
  trim (&text, &end);
  return text < end && (*text == '{' || *text == '`') && memchr (text, '{', (size_t)(end - text)) != NULL;
}

troupe_err_t
calls_read_lines (calls_t *self)
{
  part_t part, input;
  troupe_err_t err = TROUPE_OK;
  for (const char *at = self->reading->text; err == TROUPE_OK && next_part (at, self->end, &part); at = part.end) {
    if (part.label == OBSERVATION) {
      const char *text = part.text, *end = self->end;
      trim (&text, &end);
      if (text < end)
        err = mending_note (self->reading, MENDING_MADE_UP_RESULT, part.line);
      self->end = part.line;
      break;
    }
    if (part.label == FINAL) {
      self->final = part.text;
      break;
    }
    if (part.label == THOUGHT && self->thought == NULL) {
      const char *text = part.text, *end = part.end;
      trim (&text, &end);
      self->thought = json_stringn (text, (size_t)(end - text));
    }
    if (part.label == ACTION && is_json (&part) && self->label == NULL)
      self->label = part.line;
    if (part.label != ACTION || is_json (&part))
      continue;
    bool has_input = next_part (part.end, self->end, &input) && input.line == part.end && input.label == INPUT;
    err = add_call (self, &part, has_input ? &input : NULL);
  }
  return err;
}
