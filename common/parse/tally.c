// SPDX-License-Identifier: Apache-2.0
//
// Tallies (tally.h). The object that is shown is the one that is counted in: there are a few models and a few dozen
// kinds.

#include "troupe/tally.h"
#include "troupe/log.h"

#include <stdlib.h>
#include <string.h>

struct troupe_tally {
  json_t *models;
};

troupe_err_t
troupe_tally_new (troupe_tally_t **out, troupe_error_t *error)
{
  troupe_tally_t *self = calloc (1, sizeof *self);
  if (self && !(self->models = json_object ())) {
    free (self);
    self = NULL;
  }
  *out = self;
  return self ? TROUPE_OK : troupe_error_set (error, TROUPE_NO_MEMORY, "tally", NULL, "out of memory");
}

void
troupe_tally_destroy (troupe_tally_t **self_p)
{
  if (!self_p || !*self_p)
    return;
  json_decref ((*self_p)->models);
  free (*self_p);
  *self_p = NULL;
}

static void
add (json_t *counts, const char *key)
{
  json_int_t count = json_integer_value (json_object_get (counts, key));
  json_object_set_new (counts, key, json_integer (count + 1));
}

// The object's member that is an object, made if it isn't there; NULL: out of memory.
static json_t *
member (json_t *object, const char *key)
{
  json_t *found = json_object_get (object, key);
  if (!found && json_object_set_new (object, key, json_object ()) == 0)
    found = json_object_get (object, key);
  return found;
}

static const char *
kind_of (const json_t *note)
{
  return json_string_value (json_object_get (note, "kind"));
}

// Whether the nth note is the first of its kind: a reply has as many quotes as it has texts, and counts once.
static bool
is_first (const json_t *notes, size_t n)
{
  const char *kind = kind_of (json_array_get (notes, n));
  for (size_t i = 0; i < n && kind; i++) {
    const char *other = kind_of (json_array_get (notes, i));
    if (other && strcmp (kind, other) == 0)
      return false;
  }
  return kind;
}

void
troupe_tally_count (troupe_tally_t *self, const char *model, troupe_tally_event_t event, const json_t *repairs)
{
  static const char *const names[] = {"unchanged", "mended", "wrong", "retries", "handled", "failed"};
  json_t *counts = self ? member (self->models, model) : NULL, *note;
  size_t i;
  if (!counts)
    return;
  if (event <= TROUPE_TALLY_WRONG)
    add (counts, "replies");
  add (counts, names[event]);
  json_array_foreach (repairs, i, note) {
    if (is_first (repairs, i))
      add (member (counts, "repairs"), kind_of (note));
  }
}

const json_t *
troupe_tally_json (const troupe_tally_t *self)
{
  return self->models;
}

void
troupe_tally_log (const troupe_tally_t *self)
{
  const char *model;
  json_t *counts;
  if (!self)
    return;
  json_object_foreach (self->models, model, counts) {
    char *text = json_dumps (counts, JSON_COMPACT);
    troupe_log (TROUPE_LOG_INFO, "replies were read", "model", model, "counts", text ? text : "out of memory", NULL);
    free (text);
  }
}
