// SPDX-License-Identifier: Apache-2.0
//
// Values look like what models are asked for: a few members, sentences with commas, apostrophes and colons in them,
// lists and small objects. The text is written by hand and not by a library, with one thing wrong wherever it can be,
// so that each way to err is measured by itself.

#include "tests/unit/repair/broken.h"
#include "tests/unit/repair/made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define BROKEN_NAME(constant, name) name,
  BROKEN_WAYS (BROKEN_NAME)
#undef BROKEN_NAME
};

static const char *const keys[] = {"thought", "speak",      "vote", "agreement", "score", "tags",
                                   "steps",   "next_agent", "name", "reason",    "items", "arguments"};

static const char *const words[] = {"Hello!",
                                    "yes",
                                    "player2",
                                    "Let's see",
                                    "I think, on the whole, that it fits",
                                    "Note: the key is late",
                                    "Who's there?",
                                    "a (small) one",
                                    "1st of May",
                                    "42 apples",
                                    "C'est la vie",
                                    "R&D",
                                    "100%",
                                    "caf\xC3\xA9",
                                    "step 1; step 2",
                                    "true story"};

const char *
broken_name (broken_way_t way)
{
  return names[way];
}

static json_t *
scalar (uint64_t *seed)
{
  switch (made_number (seed, 8)) {
  case 0:
    return json_boolean (made_number (seed, 2));
  case 1:
    return json_null ();
  case 2:
    return json_integer (made_number (seed, 1000));
  case 3:
    return json_real (made_number (seed, 100) + 0.5);
  default:
    return json_string (words[made_number (seed, sizeof words / sizeof *words)]);
  }
}

static json_t *
member (uint64_t *seed, unsigned depth)
{
  uint32_t kind = depth < 2 ? made_number (seed, 6) : 5;
  if (kind > 1)
    return scalar (seed);
  json_t *value = kind == 0 ? json_array () : json_object ();
  for (uint32_t i = 1 + made_number (seed, 3); i-- > 0;) {
    if (kind == 0)
      json_array_append_new (value, scalar (seed));
    else
      json_object_set_new (value, keys[made_number (seed, sizeof keys / sizeof *keys)], member (seed, depth + 1));
  }
  return value;
}

json_t *
broken_value (uint64_t *seed)
{
  json_t *value = json_object ();
  json_object_set_new (value, "thought", json_string (words[made_number (seed, sizeof words / sizeof *words)]));
  for (uint32_t i = 1 + made_number (seed, 4); i-- > 0;)
    json_object_set_new (value, keys[1 + made_number (seed, sizeof keys / sizeof *keys - 1)], member (seed, 0));
  return value;
}

// -- Writing ------------------------------------------------------------------------------------------------------------

typedef struct {
  FILE *out;
  uint64_t *seed;
  broken_way_t way;
  bool lines; // a member a line
} writer_t;

static bool
is (const writer_t *self, broken_way_t way)
{
  return self->way == way ||
         (self->way == BROKEN_PYTHON && (way == BROKEN_SINGLE_QUOTES || way == BROKEN_PYTHON_LITERALS));
}

static const char *
opening (const writer_t *self)
{
  return is (self, BROKEN_SINGLE_QUOTES)  ? "'"
         : is (self, BROKEN_SMART_QUOTES) ? "\xE2\x80\x9C"
         : is (self, BROKEN_BACKTICKS)    ? "`"
         : is (self, BROKEN_ESCAPED)      ? "\\\""
                                          : "\"";
}

static const char *
closing (const writer_t *self)
{
  return is (self, BROKEN_SMART_QUOTES) ? "\xE2\x80\x9D" : opening (self);
}

static void
write_characters (writer_t *self, const char *text, bool is_key)
{
  for (const char *at = text; *at; at++) {
    bool quote = *at == '\'' && is (self, BROKEN_SINGLE_QUOTES);
    if (quote && self->way == BROKEN_SINGLE_QUOTES)
      fputc ('\\', self->out); // Python takes the other quotes then, as below
    if (*at == ' ' && !is_key && is (self, BROKEN_CONCATENATED) && made_number (self->seed, 3) == 0)
      fputs ("\" + \"", self->out);
    fputc (*at, self->out);
  }
}

static void
write_text (writer_t *self, const char *text, bool is_key)
{
  writer_t plain = *self;
  bool bare = is (self, BROKEN_UNQUOTED_KEYS) ? is_key : is (self, BROKEN_UNQUOTED_TEXTS) && !is_key;
  if (self->way == BROKEN_PYTHON && strchr (text, '\''))
    plain.way = BROKEN_PYTHON_LITERALS; // as Python's repr does
  // Without quotes, only what has no sign in it that ends a text, and doesn't look like something else.
  bare = bare && strpbrk (text, ",:;()?!'") == NULL && text[strspn (text, "0123456789")] == *text;
  fputs (bare ? "" : opening (&plain), self->out);
  write_characters (&plain, text, is_key);
  fputs (bare ? "" : closing (&plain), self->out);
}

static void
write_break (writer_t *self, unsigned depth)
{
  if (is (self, BROKEN_COMMENTS) && made_number (self->seed, 2) == 0)
    fputs (self->lines ? " // as asked" : " /* as asked */", self->out);
  if (self->lines)
    fprintf (self->out, "\n%*s", (int)(2 * depth), "");
  else if (is (self, BROKEN_ODD_SPACE))
    fputs (made_number (self->seed, 2) ? "\xC2\xA0" : "\xE2\x80\x83", self->out);
}

static void write_value (writer_t *self, const json_t *value, unsigned depth);

// Between two members, or after the last.
static void
write_comma (writer_t *self, bool last)
{
  bool missing = is (self, BROKEN_MISSING_COMMAS) && made_number (self->seed, 2) == 0;
  if (last ? is (self, BROKEN_TRAILING_COMMAS) : !missing)
    fputc (',', self->out);
  if (!last && missing && !self->lines)
    fputc (' ', self->out);
}

static void
write_members (writer_t *self, const json_t *value, unsigned depth)
{
  size_t count = json_is_object (value) ? json_object_size (value) : json_array_size (value), i = 0;
  void *at = json_object_iter ((json_t *)(uintptr_t)value);
  for (; i < count; i++) {
    write_break (self, depth + 1);
    if (at) {
      bool colon = !is (self, BROKEN_MISSING_COLONS) || made_number (self->seed, 2) == 0;
      write_text (self, json_object_iter_key (at), true);
      fputs (colon ? ": " : " ", self->out);
      write_value (self, json_object_iter_value (at), depth + 1);
      at = json_object_iter_next ((json_t *)(uintptr_t)value, at);
    } else {
      write_value (self, json_array_get (value, i), depth + 1);
    }
    write_comma (self, i + 1 == count);
  }
  write_break (self, depth);
}

static void
write_value (writer_t *self, const json_t *value, unsigned depth)
{
  if (json_is_string (value)) {
    write_text (self, json_string_value (value), false);
  } else if (json_is_object (value) || json_is_array (value)) {
    fputc (json_is_object (value) ? '{' : '[', self->out);
    write_members (self, value, depth);
    fputc (json_is_object (value) ? '}' : ']', self->out);
  } else {
    static const char *const python[] = {"True", "False", "None"};
    char *text = json_dumps (value, JSON_ENCODE_ANY);
    bool other = is (self, BROKEN_PYTHON_LITERALS);
    fputs (other && json_is_true (value)    ? python[0]
           : other && json_is_false (value) ? python[1]
           : other && json_is_null (value)  ? python[2]
                                            : text,
           self->out);
    free (text);
  }
}

// What is around the text, or missing at its ends.
static char *
wrap (uint64_t *seed, char *text, size_t size, broken_way_t way)
{
  static const char *const around[BROKEN_COUNT][2] = {
    [BROKEN_FENCED] = {"```json\n", "\n```"},
    [BROKEN_HALF_FENCED] = {"```json\n", ""},
    [BROKEN_PROSE] = {"Sure! Here is what you asked for:\n\n", "\n\nLet me know if you need more."},
    [BROKEN_FENCED_PROSE] = {"Sure, here it is:\n```json\n", "\n```\nI hope it helps!"},
    [BROKEN_THOUGHT] = {"<think>They want an object, so: {\"draft\": 1}?</think>\n", ""},
    [BROKEN_CALLED] = {"callback(", ");"},
  };
  char *out;
  if (way == BROKEN_UNCLOSED)
    size -= 1 + (size > 2 && strchr ("]}", text[size - 2]) && made_number (seed, 2));
  if (way == BROKEN_SWAPPED)
    text[size - 1] = ']';
  if (way == BROKEN_CUT)
    size = 1 + made_number (seed, (uint32_t)size - 1);
  size_t skip = way == BROKEN_NO_OPENER;
  if (asprintf (&out, "%s%.*s%s%s", around[way][0] ? around[way][0] : "", (int)(size - skip), text + skip,
                way == BROKEN_DOUBLED ? "}" : "", around[way][1] ? around[way][1] : "") < 0)
    out = NULL;
  free (text);
  return out;
}

// The way's own texts: a quote, or a line break, in each sentence of the value.
static void
mark_texts (json_t *value, broken_way_t way)
{
  const char *key;
  json_t *member;
  size_t i;
  json_object_foreach (value, key, member)
    mark_texts (member, way);
  json_array_foreach (value, i, member)
    mark_texts (member, way);
  if (json_is_string (value)) {
    char text[256];
    snprintf (text, sizeof text, way == BROKEN_INNER_QUOTES ? "He said \"%s\" to me" : "first\n%s\n\tlast",
              json_string_value (value));
    json_string_set (value, text);
  }
}

char *
broken_text (uint64_t *seed, json_t *value, broken_way_t way)
{
  char *text = NULL;
  size_t size;
  if (way == BROKEN_INNER_QUOTES || way == BROKEN_RAW_BREAKS)
    mark_texts (value, way);
  FILE *out = open_memstream (&text, &size);
  if (!out)
    return NULL;
  writer_t self = {.out = out, .seed = seed, .way = way, .lines = made_number (seed, 2) == 0};
  write_value (&self, value, 0);
  fclose (out);
  return wrap (seed, text, size, way);
}

bool
broken_is_part (json_t *part, json_t *whole, unsigned *leaves)
{
  const char *key;
  json_t *value;
  size_t i;
  if (json_typeof (part) != json_typeof (whole))
    return false;
  if (leaves)
    ++*leaves;
  json_object_foreach (part, key, value)
    if (json_object_get (whole, key) == NULL || !broken_is_part (value, json_object_get (whole, key), leaves))
      return false;
  json_array_foreach (part, i, value)
    if (i >= json_array_size (whole) || !broken_is_part (value, json_array_get (whole, i), leaves))
      return false;
  if (json_is_string (part))
    return strncmp (json_string_value (part), json_string_value (whole), json_string_length (part)) == 0;
  return json_is_object (part) || json_is_array (part) || json_equal (part, whole);
}
