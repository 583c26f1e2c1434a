// SPDX-License-Identifier: Apache-2.0
//
// A text that grows. The format wants all samples of a metric together under one HELP and one TYPE line, so the names
// that were begun are remembered: a source that comes back to one would make a page that Prometheus refuses as a whole,
// and loses its sample instead. There are some hundred names, and a page is read every few seconds, so a plain search
// is fast enough.
//
// The text is one buffer that doubles. When that fails the page is of no use, and says so once at the end: what adds
// has nothing to check.

#include "troupe/metric.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  FIRST_SIZE = 16 * 1024, // a broker's page
  NAMES_MAX = 512,        // of one program; four times as many as there are
};

struct troupe_metrics {
  char *text;
  size_t size, capacity;
  const troupe_metric_t *current; // whose samples are being added
  const char *names[NAMES_MAX];
  size_t names_count;
  bool failed;
};

troupe_err_t
troupe_metrics_new (troupe_metrics_t **out)
{
  *out = calloc (1, sizeof **out);
  return *out != NULL ? TROUPE_OK : TROUPE_NO_MEMORY;
}

void
troupe_metrics_destroy (troupe_metrics_t **self_p)
{
  troupe_metrics_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  free (self->text);
  free (self);
}

static bool
reserve (troupe_metrics_t *self, size_t more)
{
  if (self->size + more < self->capacity)
    return true;
  size_t capacity = self->capacity > 0 ? self->capacity : FIRST_SIZE;
  while (capacity <= self->size + more)
    capacity *= 2;
  char *text = realloc (self->text, capacity);
  if (text == NULL) {
    self->failed = true;
    return false;
  }
  self->text = text;
  self->capacity = capacity;
  return true;
}

static void append (troupe_metrics_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static void
append (troupe_metrics_t *self, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  int size = vsnprintf (NULL, 0, format, arguments);
  va_end (arguments);
  if (size < 0 || !reserve (self, (size_t)size))
    return;
  va_start (arguments, format);
  vsnprintf (self->text + self->size, (size_t)size + 1, format, arguments);
  va_end (arguments);
  self->size += (size_t)size;
}

// The format has escapes for a backslash and a line feed and, in a label's value, a quote.
static void
append_escaped (troupe_metrics_t *self, const char *text, bool quoted)
{
  for (; *text != '\0'; text++) {
    if (*text == '\n')
      append (self, "\\n");
    else if (*text == '\\' || (quoted && *text == '"'))
      append (self, "\\%c", *text);
    else
      append (self, "%c", *text);
  }
}

// Whether samples of it may be added now; writes what stands before the first.
static bool
begin (troupe_metrics_t *self, const troupe_metric_t *metric)
{
  static const char *const kinds[] = {[TROUPE_METRIC_COUNTER] = "counter", [TROUPE_METRIC_GAUGE] = "gauge"};
  if (metric == self->current)
    return true;
  for (size_t i = 0; i < self->names_count; i++)
    if (strcmp (self->names[i], metric->name) == 0)
      return false;
  if (self->names_count == NAMES_MAX)
    return false;
  self->names[self->names_count++] = metric->name;
  self->current = metric;
  append (self, "# HELP %s ", metric->name);
  append_escaped (self, metric->sentence, false);
  append (self, "\n# TYPE %s %s\n", metric->name, kinds[metric->kind]);
  return true;
}

static void
append_labels (troupe_metrics_t *self, const troupe_metric_t *metric, const char *const values[TROUPE_METRIC_LABELS])
{
  const char *before = "{";
  for (size_t i = 0; i < TROUPE_METRIC_LABELS; i++) {
    if (metric->labels[i] == NULL || values[i] == NULL)
      continue;
    append (self, "%s%s=\"", before, metric->labels[i]);
    append_escaped (self, values[i], true);
    append (self, "\"");
    before = ",";
  }
  if (*before == ',')
    append (self, "}");
}

void
troupe_metrics_add_labelled (troupe_metrics_t *self, const troupe_metric_t *metric, const char *label,
                             const char *second, uint64_t value)
{
  if (!begin (self, metric))
    return;
  append (self, "%s", metric->name);
  append_labels (self, metric, (const char *const[]){label, second});
  append (self, " %" PRIu64 "\n", value);
}

void
troupe_metrics_add (troupe_metrics_t *self, const troupe_metric_t *metric, uint64_t value)
{
  troupe_metrics_add_labelled (self, metric, NULL, NULL, value);
}

void
troupe_metrics_add_real (troupe_metrics_t *self, const troupe_metric_t *metric, double value)
{
  if (begin (self, metric))
    append (self, "%s %.3f\n", metric->name, value);
}

troupe_err_t
troupe_metrics_text (const troupe_metrics_t *self, const char **text, size_t *size)
{
  *text = self->text != NULL ? self->text : "";
  *size = self->size;
  return self->failed ? TROUPE_NO_MEMORY : TROUPE_OK;
}
