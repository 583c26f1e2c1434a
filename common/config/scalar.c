// SPDX-License-Identifier: Apache-2.0
//
// One function a type, in a table. The type comes from the schema, never from how a value looks, so `no` is a name
// where a name is expected and `3` is a text where a text is. The only place where looks count is what a key of type
// ANY holds, and there plain scalars are what they would be in JSON.

#include "config/scalar.h"
#include "config/amount.h"
#include "config/endpoint.h"
#include "error/utf8.h"
#include "troupe/message.h"
#include "troupe/option.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 16, WORDS_SIZE = 256 }; // of one ENUM

typedef json_t *(convert_fn)(const config_key_t *key, const char *text, config_fault_t *fault);

static json_t *
made (json_t *value, config_fault_t *fault)
{
  if (value == NULL)
    fault->why[0] = '\0';
  return value;
}

static bool
has_controls (const char *text)
{
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7F)
      return true;
  return false;
}

static json_t *
of_text (const config_key_t *key, const char *text, config_fault_t *fault)
{
  bool line = (key->flags & CONFIG_SECRET) || (key->constraint != NULL && strcmp (key->constraint, "line") == 0);
  if (line && *text == '\0') {
    config_fault (fault, "leave the key out for its default", "it is empty");
    return NULL;
  }
  if (line && has_controls (text)) {
    config_fault (fault, NULL, "it must be one line without control characters");
    return NULL;
  }
  return made (json_string (text), fault);
}

bool
config_name_check (const char *text, config_fault_t *fault)
{
  size_t size = strlen (text);
  bool right = size >= 1 && size <= TROUPE_NAME_MAX && isalnum ((unsigned char)*text);
  for (size_t i = 0; i < size && right; i++)
    right = (unsigned char)text[i] < 0x80 && (isalnum ((unsigned char)text[i]) || strchr ("._-", text[i]) != NULL);
  return right ||
         config_fault (fault, NULL, "a name has 1 to %d of A-Z a-z 0-9 . _ - and begins with a letter or digit",
                       TROUPE_NAME_MAX);
}

static json_t *
of_name (const config_key_t *key, const char *text, config_fault_t *fault)
{
  (void)key;
  return config_name_check (text, fault) ? made (json_string (text), fault) : NULL;
}

void
config_scalar_words (const config_key_t *key, const char **words, size_t max, char *buffer, size_t size)
{
  size_t count = 0;
  char *rest = buffer, *word;
  snprintf (buffer, size, "%s", key->constraint);
  while (count < max && (word = strsep (&rest, "|")) != NULL)
    words[count++] = word;
  words[count] = NULL;
}

static json_t *
of_enum (const config_key_t *key, const char *text, config_fault_t *fault)
{
  const char *words[WORDS_MAX + 1];
  char buffer[WORDS_SIZE], list[WORDS_SIZE] = "", hint[TROUPE_ERROR_NEXT_MAX] = "";
  size_t size = 0;
  config_scalar_words (key, words, WORDS_MAX, buffer, sizeof buffer);
  for (size_t i = 0; words[i] != NULL; i++) {
    if (strcmp (words[i], text) == 0)
      return made (json_string (text), fault);
    const char *before = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
    size += (size_t)snprintf (list + size, size < sizeof list ? sizeof list - size : 0, "%s%s", before, words[i]);
  }
  const char *near = troupe_did_you_mean (text, words);
  if (near != NULL)
    snprintf (hint, sizeof hint, "did you mean %s?", near);
  config_fault (fault, hint, "%s is expected", list);
  return NULL;
}

static bool
parse_of_type (const config_key_t *key, int64_t *out, const char *text, config_fault_t *fault)
{
  if (key->type == CONFIG_DURATION)
    return config_amount_parse (out, config_durations, text, fault);
  if (key->type == CONFIG_SIZE)
    return config_amount_parse (out, config_sizes, text, fault);
  return config_whole_parse (out, text, fault);
}

// Splits "min..max".
static bool
split_range (const config_key_t *key, char least[WORDS_SIZE], char most[WORDS_SIZE])
{
  const char *dots = key->constraint != NULL ? strstr (key->constraint, "..") : NULL;
  if (dots == NULL)
    return false;
  snprintf (least, WORDS_SIZE, "%.*s", (int)(dots - key->constraint), key->constraint);
  snprintf (most, WORDS_SIZE, "%s", dots + 2);
  return true;
}

bool
config_scalar_bounds (const config_key_t *key, int64_t *least, int64_t *most)
{
  config_fault_t fault;
  char from[WORDS_SIZE], to[WORDS_SIZE];
  return split_range (key, from, to) && parse_of_type (key, least, from, &fault) &&
         parse_of_type (key, most, to, &fault);
}

static bool
out_of_range (const config_key_t *key, config_fault_t *fault)
{
  char from[WORDS_SIZE], to[WORDS_SIZE];
  split_range (key, from, to);
  return config_fault (fault, NULL, "it must be from %s to %s", from, to);
}

static json_t *
of_integer (const config_key_t *key, const char *text, config_fault_t *fault)
{
  int64_t value, least, most;
  if (!parse_of_type (key, &value, text, fault))
    return NULL;
  if (config_scalar_bounds (key, &least, &most) && (value < least || value > most)) {
    out_of_range (key, fault);
    return NULL;
  }
  return made (json_integer (value), fault);
}

// A decimal number as JSON has it; false: it is none.
static bool
parse_real (double *out, const char *text)
{
  const char *at = text + (*text == '-' || *text == '+');
  size_t whole = strspn (at, "0123456789");
  at += whole;
  size_t fraction = *at == '.' ? strspn (at + 1, "0123456789") : 0;
  at += *at == '.' ? fraction + 1 : 0;
  if (whole + fraction == 0)
    return false;
  if (*at == 'e' || *at == 'E') {
    at += 1 + (at[1] == '-' || at[1] == '+');
    if (strspn (at, "0123456789") == 0)
      return false;
    at += strspn (at, "0123456789");
  }
  *out = *at == '\0' ? strtod (text, NULL) : 0;
  return *at == '\0';
}

static json_t *
of_number (const config_key_t *key, const char *text, config_fault_t *fault)
{
  char from[WORDS_SIZE], to[WORDS_SIZE];
  double value;
  if (!parse_real (&value, text) || !isfinite (value)) {
    config_fault (fault, NULL, "a number is expected");
    return NULL;
  }
  if (split_range (key, from, to) && (value < strtod (from, NULL) || value > strtod (to, NULL))) {
    out_of_range (key, fault);
    return NULL;
  }
  return made (json_real (value), fault);
}

static json_t *
of_bool (const config_key_t *key, const char *text, config_fault_t *fault)
{
  static const char *const yes[] = {"yes", "on", "True", "TRUE", "1", NULL};
  static const char *const no[] = {"no", "off", "False", "FALSE", "0", NULL};
  const char *hint = NULL;
  (void)key;
  if (strcmp (text, "true") == 0 || strcmp (text, "false") == 0)
    return json_boolean (*text == 't');
  for (size_t i = 0; yes[i] != NULL; i++)
    if (strcasecmp (text, yes[i]) == 0 || strcasecmp (text, no[i]) == 0)
      hint = strcasecmp (text, yes[i]) == 0 ? "did you mean true?" : "did you mean false?";
  config_fault (fault, hint, "true or false is expected");
  return NULL;
}

static json_t *
of_endpoint (const config_key_t *key, const char *text, config_fault_t *fault)
{
  config_endpoint_t endpoint;
  char canonical[CONFIG_ENDPOINT_SIZE];
  (void)key;
  if (has_controls (text)) {
    config_fault (fault, NULL, "it must be one line without control characters");
    return NULL;
  }
  if (!config_endpoint_parse (&endpoint, text, fault))
    return NULL;
  config_endpoint_print (&endpoint, canonical);
  return made (json_string (canonical), fault);
}

static json_t *
of_url (const config_key_t *key, const char *text, config_fault_t *fault)
{
  (void)key;
  if (!config_url_check (text, fault))
    return NULL;
  size_t size = strlen (text);
  while (text[size - 1] == '/') // so that a path can be appended
    size--;
  return made (json_stringn (text, size), fault);
}

static json_t *
of_address (const config_key_t *key, const char *text, config_fault_t *fault)
{
  (void)key;
  return config_address_check (text, fault) ? made (json_string (text), fault) : NULL;
}

json_t *
config_scalar (const config_key_t *key, const char *text, const char *shown, config_fault_t *fault)
{
  static convert_fn *const converts[] = {
    [CONFIG_TEXT] = of_text,        [CONFIG_NAME] = of_name,     [CONFIG_ENUM] = of_enum,
    [CONFIG_INT] = of_integer,      [CONFIG_NUMBER] = of_number, [CONFIG_BOOL] = of_bool,
    [CONFIG_DURATION] = of_integer, [CONFIG_SIZE] = of_integer,  [CONFIG_ENDPOINT] = of_endpoint,
    [CONFIG_URL] = of_url,          [CONFIG_ADDRESS] = of_address,
  };
  config_fault_t inner;
  enum { SHOWN_MAX = 60 }; // enough to find it in the file
  json_t *value = converts[key->type](key, text, &inner);
  if (value == NULL && inner.why[0] == '\0')
    fault->why[0] = '\0';
  else if (value == NULL && (key->flags & CONFIG_SECRET))
    *fault = inner;
  else if (value == NULL)
    config_fault (fault, inner.hint, "\"%.*s%s\" is wrong: %.800s", SHOWN_MAX, shown,
                  strlen (shown) > SHOWN_MAX ? "..." : "", inner.why);
  return value;
}

json_t *
config_scalar_any (const char *text, bool plain, config_fault_t *fault)
{
  int64_t whole;
  double real;
  config_fault_t ignored;
  if (plain && (*text == '\0' || strcmp (text, "~") == 0 || strcmp (text, "null") == 0))
    return json_null ();
  if (plain && (strcmp (text, "true") == 0 || strcmp (text, "false") == 0))
    return json_boolean (*text == 't');
  if (plain && config_whole_parse (&whole, text, &ignored))
    return made (json_integer (whole), fault);
  if (plain && strspn (text, "-+.0123456789eE") == strlen (text) && parse_real (&real, text)) {
    if (isfinite (real))
      return made (json_real (real), fault);
    config_fault (fault, "quote it if it is a text", "a number that is too large");
    return NULL;
  }
  return made (json_string (text), fault);
}
