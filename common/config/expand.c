// SPDX-License-Identifier: Apache-2.0
//
// Variables are replaced in scalars after YAML was parsed, so what a variable holds never changes the file's structure:
// a password with a colon, a quote or a line feed is just a text. What a variable holds isn't expanded again.

#include "config/expand.h"
#include "config/source.h"
#include "error/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
  VARIABLE_MAX = 256,      // bytes of a variable's name
  RESULT_MAX = 1024 * 1024 // of one scalar: variables repeated without end must not fill the memory
};

typedef struct {
  const config_node_t *node;
  const char *path;
  config_report_t *report;
  char *bytes;
  size_t size, capacity;
  bool failed;  // an error was found; looking for more goes on
  bool stopped; // no longer
} expander_t;

// Where the character at `offset` of the text stands in the file.
static config_mark_t
mark_at (const config_node_t *node, size_t offset)
{
  config_mark_t mark = node->mark;
  if (node->text_column == 0)
    return mark;
  mark.column = node->text_column;
  for (size_t i = 0; i < offset; i++)
    mark.column += (node->text[i] & 0xC0) != 0x80;
  return mark;
}

static void
fail (expander_t *self, const char *at, const char *hint, const char *what, const char *why)
{
  config_mark_t mark = mark_at (self->node, (size_t)(at - self->node->text));
  config_report_add (self->report, mark, self->path, hint, "%s: %s", what, why);
  self->failed = true;
}

// Fails for good: what follows would fail as well.
static void
stop (expander_t *self)
{
  self->failed = true;
  self->stopped = true;
}

static void
append (expander_t *self, const char *bytes, size_t size)
{
  if (size > RESULT_MAX - self->size) {
    config_report_add (self->report, self->node->mark, self->path, NULL, "longer than 1 MiB with its variables");
    stop (self);
    return;
  }
  if (self->size + size + 1 > self->capacity) {
    size_t capacity = 2 * (self->size + size + 1);
    char *larger = realloc (self->bytes, capacity);
    if (larger == NULL) {
      self->report->no_memory = true;
      stop (self);
      return;
    }
    self->bytes = larger;
    self->capacity = capacity;
  }
  memcpy (self->bytes + self->size, bytes, size);
  self->size += size;
  self->bytes[self->size] = '\0';
}

// The content of the file that NAME_FILE names, less a final line feed.
static void
append_file (expander_t *self, const char *at, const char *variable, const char *path)
{
  config_fault_t fault;
  char *text, what[VARIABLE_MAX + sizeof " is \"\"" + TROUPE_ERROR_OBJECT_MAX];
  size_t size;
  snprintf (what, sizeof what, "%s is \"%.*s\"", variable, TROUPE_ERROR_OBJECT_MAX - 1, path);
  troupe_err_t code = config_source_read (&text, &size, path, CONFIG_SECRET_MAX, &fault);
  if (code == TROUPE_NO_MEMORY)
    self->report->no_memory = true;
  if (code != TROUPE_OK) {
    fail (self, at, fault.hint, what, fault.why);
    return;
  }
  if (size > 0 && text[size - 1] == '\n')
    size--;
  if (size > 0 && text[size - 1] == '\r')
    size--;
  if (!utf8_valid (text, size))
    fail (self, at, NULL, what, "the file isn't text in UTF-8");
  else
    append (self, text, size);
  free (text);
}

static void
append_variable (expander_t *self, const char *at, const char *name, const char *fallback, size_t fallback_size)
{
  char variable[VARIABLE_MAX + sizeof "_FILE"], hint[TROUPE_ERROR_NEXT_MAX];
  const char *value = getenv (name);
  snprintf (variable, sizeof variable, "%s_FILE", name);
  const char *file = value == NULL ? getenv (variable) : NULL;
  if (value != NULL && !utf8_valid (value, strlen (value)))
    fail (self, at, NULL, name, "the environment variable isn't text in UTF-8");
  else if (file != NULL && *file != '\0')
    append_file (self, at, variable, file);
  else if (fallback != NULL && (value == NULL || *value == '\0'))
    append (self, fallback, fallback_size);
  else if (value != NULL)
    append (self, value, strlen (value));
  else {
    snprintf (hint, sizeof hint, "set %.64s or %.64s, or write ${%.64s:-default}", name, variable, name);
    fail (self, at, hint, name, "the environment variable is not set");
  }
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

char *
config_expand_reference (const char *text)
{
  size_t size = strncmp (text, "${", 2) == 0 ? strspn (text + 2, letters) : 0;
  const char *rest = text + 2 + size;
  if (size == 0 || (*rest != '}' && strncmp (rest, ":-", 2) != 0))
    return NULL;
  const char *end = strchr (rest, '}');
  if (end == NULL || end[1] != '\0')
    return NULL;
  char *reference = NULL;
  bool may_be_empty = strcmp (rest, ":-}") == 0;
  return asprintf (&reference, "${%.*s%s}", (int)size, text + 2, may_be_empty ? ":-" : "") >= 0 ? reference : NULL;
}

// Expands the "${" at `at`; returns what follows it.
static const char *
expand_one (expander_t *self, const char *at)
{
  const char *name = at + 2;
  size_t size = strspn (name, letters);
  const char *end = strchr (name, '}');
  char variable[VARIABLE_MAX] = "";
  if (end == NULL) {
    fail (self, at, "write $$ for a dollar", "${", "the closing brace is missing");
    return name + strlen (name);
  }
  bool plain = name + size == end, with_default = name[size] == ':' && name[size + 1] == '-';
  if (size == 0 || size >= sizeof variable || (*name >= '0' && *name <= '9') || (!plain && !with_default)) {
    fail (self, at, "write ${NAME} or ${NAME:-default}, and $$ for a dollar", "${", "not the name of a variable");
    return end + 1;
  }
  memcpy (variable, name, size);
  const char *fallback = with_default ? name + size + 2 : NULL;
  append_variable (self, at, variable, fallback, fallback != NULL ? (size_t)(end - fallback) : 0);
  return end + 1;
}

char *
config_expand (const config_node_t *node, const char *path, bool *expanded, config_report_t *report)
{
  expander_t self = {.node = node, .path = path, .report = report};
  const char *at = node->text;
  *expanded = false;
  append (&self, "", 0);
  while (*at != '\0' && !self.stopped) {
    size_t size = strcspn (at, "$");
    append (&self, at, size);
    at += size;
    if (at[0] == '$' && at[1] == '{') {
      *expanded = true;
      at = expand_one (&self, at);
    } else if (*at == '$') {
      append (&self, "$", 1);
      at += at[1] == '$' ? 2 : 1;
    }
  }
  if (self.failed) {
    free (self.bytes);
    return NULL;
  }
  return self.bytes;
}
