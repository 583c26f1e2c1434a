// SPDX-License-Identifier: Apache-2.0
//
// Errors: the table of error.def as functions, and the record.
//
// A record's texts come from anywhere: a peer, a provider, a path. Whatever they were, in the record they are valid
// UTF-8 on one line (an invalid byte becomes '?', a control character a space), because records go into JSON, which
// takes nothing else, and to terminals, which must not obey them. Nothing here fails or allocates but
// troupe_error_to_json.

#include "troupe/error.h"
#include "error/utf8.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

enum { UTF8_SIZE_MAX = 4 };

static const struct {
  const char *name;
  const char *text;
  troupe_class_t class;
  int exit_code;
} table[TROUPE_ERR_COUNT] = {
#define TROUPE_ERROR(constant, name, class, exit_code, text)                                                           \
  [TROUPE_##constant] = {name, text, TROUPE_CLASS_##class, exit_code},
#include "troupe/error.def"
#undef TROUPE_ERROR
};

static unsigned
row (troupe_err_t code)
{
  return (unsigned)code < TROUPE_ERR_COUNT ? code : TROUPE_INTERNAL;
}

const char *
troupe_err_name (troupe_err_t code)
{
  return table[row (code)].name;
}

const char *
troupe_err_text (troupe_err_t code)
{
  return table[row (code)].text;
}

troupe_class_t
troupe_err_class (troupe_err_t code)
{
  return table[row (code)].class;
}

int
troupe_err_exit (troupe_err_t code)
{
  return table[row (code)].exit_code;
}

troupe_err_t
troupe_err_of_name (const char *name)
{
  for (unsigned code = 0; code < TROUPE_ERR_COUNT; code++)
    if (strcmp (table[code].name, name) == 0)
      return (troupe_err_t)code;
  return TROUPE_INTERNAL;
}

// C0, DEL, and C1 (U+0080 to U+009F), which some terminals obey as well.
static bool
is_control (const char *character, size_t size)
{
  const unsigned char *bytes = (const unsigned char *)character;
  return size == 1 ? bytes[0] < ' ' || bytes[0] == 0x7F : size == 2 && bytes[0] == 0xC2 && bytes[1] < 0xA0;
}

// Copies as many whole characters of `text` as fit.
static void
copy_text (char *out, size_t capacity, const char *text)
{
  size_t size = strnlen (text, capacity + UTF8_SIZE_MAX);
  size_t used = 0;
  for (size_t i = 0; i < size;) {
    size_t step = utf8_size (text + i, size - i);
    bool whole = step > 0 && !is_control (text + i, step);
    size_t taken = whole ? step : 1;
    if (used + taken >= capacity)
      break;
    if (whole)
      memcpy (out + used, text + i, step);
    else
      out[used] = step == 0 ? '?' : ' ';
    used += taken;
    i += step == 0 ? 1 : step;
  }
  out[used] = '\0';
}

troupe_err_t
troupe_error_set (troupe_error_t *error, troupe_err_t code, const char *object, const char *next,
                  const char *why_format, ...)
{
  if (error == NULL)
    return code;
  // Made aside first: the arguments may be texts of `error` itself, when a caller adds to an error it got. The bytes
  // beyond WHY_MAX keep a character that the limit cuts whole, so that it is left out and not taken for invalid.
  char why[TROUPE_ERROR_WHY_MAX + UTF8_SIZE_MAX] = "";
  va_list arguments;
  va_start (arguments, why_format);
  if (vsnprintf (why, sizeof why, why_format, arguments) < 0)
    why[0] = '\0';
  va_end (arguments);

  troupe_error_t made;
  made.code = code;
  made.retry_after_ms = 0;
  copy_text (made.object, sizeof made.object, object != NULL ? object : "");
  copy_text (made.why, sizeof made.why, why);
  copy_text (made.next, sizeof made.next, next != NULL ? next : "");
  *error = made;
  return code;
}

json_t *
troupe_error_to_json (const troupe_error_t *error)
{
  return json_pack ("{s:s, s:s, s:s, s:s, s:I}", "code", troupe_err_name (error->code), "object", error->object, "why",
                    error->why, "next", error->next, "retry_after_ms", (json_int_t)error->retry_after_ms);
}

static void
text_of_member (char *out, size_t capacity, const json_t *json, const char *key)
{
  const char *text = json_string_value (json_object_get (json, key));
  copy_text (out, capacity, text != NULL ? text : "");
}

void
troupe_error_of_json (troupe_error_t *out, const json_t *json)
{
  const char *name = json_string_value (json_object_get (json, "code"));
  out->code = name != NULL ? troupe_err_of_name (name) : TROUPE_INTERNAL;
  if (out->code == TROUPE_OK) // no peer turns its error into a success
    out->code = TROUPE_INTERNAL;
  json_int_t retry = json_integer_value (json_object_get (json, "retry_after_ms"));
  out->retry_after_ms = retry <= 0 ? 0 : retry > UINT_MAX ? UINT_MAX : (unsigned)retry;
  text_of_member (out->object, sizeof out->object, json, "object");
  text_of_member (out->why, sizeof out->why, json, "why");
  text_of_member (out->next, sizeof out->next, json, "next");
}

void
troupe_error_print (const troupe_error_t *error, FILE *file)
{
  bool has_object = error->object[0] != '\0', has_next = error->next[0] != '\0';
  fprintf (file, "%s%s%s: %s%s%s%s\n", error->object, has_object ? ": " : "", troupe_err_name (error->code),
           error->why[0] != '\0' ? error->why : troupe_err_text (error->code), has_next ? " (" : "", error->next,
           has_next ? ")" : "");
}
