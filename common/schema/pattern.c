// SPDX-License-Identifier: Apache-2.0
//
// Patterns: ECMAScript's regular expressions as PCRE2 reads them. Most of it is options. What differs in writing are
// the names of Unicode properties: \p{Letter} and \p{gc=Letter} are \p{L} there.

#include "schema/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name, *code;
} categories[] = {
  {"Letter", "L"},
  {"Cased_Letter", "L&"},
  {"Uppercase_Letter", "Lu"},
  {"Lowercase_Letter", "Ll"},
  {"Titlecase_Letter", "Lt"},
  {"Modifier_Letter", "Lm"},
  {"Other_Letter", "Lo"},
  {"Mark", "M"},
  {"Combining_Mark", "M"},
  {"Nonspacing_Mark", "Mn"},
  {"Spacing_Mark", "Mc"},
  {"Enclosing_Mark", "Me"},
  {"Number", "N"},
  {"Decimal_Number", "Nd"},
  {"digit", "Nd"},
  {"Letter_Number", "Nl"},
  {"Other_Number", "No"},
  {"Punctuation", "P"},
  {"punct", "P"},
  {"Connector_Punctuation", "Pc"},
  {"Dash_Punctuation", "Pd"},
  {"Open_Punctuation", "Ps"},
  {"Close_Punctuation", "Pe"},
  {"Initial_Punctuation", "Pi"},
  {"Final_Punctuation", "Pf"},
  {"Other_Punctuation", "Po"},
  {"Symbol", "S"},
  {"Math_Symbol", "Sm"},
  {"Currency_Symbol", "Sc"},
  {"Modifier_Symbol", "Sk"},
  {"Other_Symbol", "So"},
  {"Separator", "Z"},
  {"Space_Separator", "Zs"},
  {"Line_Separator", "Zl"},
  {"Paragraph_Separator", "Zp"},
  {"Other", "C"},
  {"Control", "Cc"},
  {"cntrl", "Cc"},
  {"Format", "Cf"},
  {"Surrogate", "Cs"},
  {"Private_Use", "Co"},
  {"Unassigned", "Cn"},
};

// A property's name of `size` bytes as PCRE2 has it.
static void
print_property (const char *name, size_t size, FILE *file)
{
  static const char *const prefixes[] = {"General_Category=", "gc=", "Script=", "sc="};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (size > strlen (prefixes[i]) && strncmp (name, prefixes[i], strlen (prefixes[i])) == 0) {
      name += strlen (prefixes[i]);
      size -= strlen (prefixes[i]);
      break;
    }
  for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
    if (strlen (categories[i].name) == size && strncmp (name, categories[i].name, size) == 0) {
      fputs (categories[i].code, file);
      return;
    }
  fprintf (file, "%.*s", (int)size, name);
}

// A new text; NULL: no memory.
static char *
translate (const char *pattern)
{
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream (&text, &size);
  if (file == NULL)
    return NULL;
  for (const char *at = pattern; *at != '\0'; at++) {
    const char *end = *at == '\\' && (at[1] == 'p' || at[1] == 'P') && at[2] == '{' ? strchr (at, '}') : NULL;
    if (end != NULL) {
      fprintf (file, "%.3s", at);
      print_property (at + 3, (size_t)(end - at) - 3, file);
      at = end - 1;
    } else if (*at == '\\' && at[1] != '\0') {
      fprintf (file, "%.2s", at);
      at++;
    } else {
      fputc (*at, file);
    }
  }
  bool failed = ferror (file) != 0;
  if (fclose (file) != 0 || failed) {
    free (text);
    return NULL;
  }
  return text;
}

pcre2_code *
pattern_compile_ecma (const char *pattern, char *why, size_t room)
{
  // \u1234, [] and [^], $ at the very end only; \d and \w stay ASCII.
  uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_DOLLAR_ENDONLY |
                     PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
  int code = PCRE2_ERROR_HEAP_FAILED;
  size_t offset = 0;
  PCRE2_UCHAR text[128];
  char *translated = translate (pattern);
  pcre2_code *compiled = NULL;
  if (translated != NULL)
    compiled = pcre2_compile ((PCRE2_SPTR)translated, strlen (translated), options, &code, &offset, NULL);
  free (translated);
  *why = '\0';
  if (compiled == NULL && code != PCRE2_ERROR_HEAP_FAILED) {
    pcre2_get_error_message (code, text, sizeof text);
    snprintf (why, room, "%s, at byte %zu", (const char *)text, offset);
  }
  return compiled;
}
