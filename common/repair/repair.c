// SPDX-License-Identifier: Apache-2.0
//
// Repair: the scan finds the documents, the rules in the header choose one, and what was left out around it is noted as
// everything else is.
//
// When an object is wanted and only a list with one object came, that one is meant; when a list is wanted and an object
// with one list came, likewise; and a text that holds JSON is read as that JSON, once. Each is noted, and loses against
// a document of the wanted kind.

#include "repair/scan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct troupe_repair {
  document_t *documents;
  size_t count, winner;
};

enum { FITS_NOT, FITS_INSIDE, FITS };

static bool
is_wanted (const json_t *value, troupe_repair_want_t want)
{
  return want == TROUPE_REPAIR_WANT_ANY ||
         (want == TROUPE_REPAIR_WANT_OBJECT ? json_is_object (value) : json_is_array (value));
}

// The one value of the wanted kind inside another; borrowed, NULL: there is none.
static json_t *
inside (json_t *value, troupe_repair_want_t want)
{
  json_t *only = NULL;
  if (want == TROUPE_REPAIR_WANT_OBJECT && json_array_size (value) == 1)
    only = json_array_get (value, 0);
  if (want == TROUPE_REPAIR_WANT_LIST && json_object_size (value) == 1)
    only = json_object_iter_value (json_object_iter (value));
  return only != NULL && is_wanted (only, want) ? only : NULL;
}

static void
replace (document_t *document, json_t *value)
{
  json_incref (value);
  json_decref (document->value);
  document->value = value;
  notes_add (&document->notes, TROUPE_REPAIR_UNWRAPPED, document->start);
}

// A whole reply that is a text with JSON in it. A text in that text stays one.
static troupe_err_t
unwrap_text (document_t *document, troupe_repair_want_t want)
{
  scan_t scan;
  if (!json_is_string (document->value) || want == TROUPE_REPAIR_WANT_ANY)
    return TROUPE_OK;
  troupe_err_t err = scan_reply (&scan, json_string_value (document->value), json_string_length (document->value));
  if (err != TROUPE_OK)
    return err;
  for (size_t i = 0; i < scan.count; i++)
    if (is_wanted (scan.documents[i].value, want)) {
      replace (document, scan.documents[i].value);
      break;
    }
  scan_clear (&scan);
  return TROUPE_OK;
}

static int
fit (document_t *document, troupe_repair_want_t want)
{
  return is_wanted (document->value, want) ? FITS : inside (document->value, want) != NULL ? FITS_INSIDE : FITS_NOT;
}

static bool
is_empty (const json_t *value)
{
  return (json_is_object (value) && json_object_size (value) == 0) ||
         (json_is_array (value) && json_array_size (value) == 0);
}

// The rules of the header in their order, as digits: the greater number wins, the later document among equals.
static unsigned
rank (document_t *document, troupe_repair_want_t want)
{
  unsigned rank = (unsigned)fit (document, want);
  rank = rank * 4 + document->place;
  rank = rank * 2 + !is_empty (document->value);
  rank = rank * 2 + (want == TROUPE_REPAIR_WANT_ANY && json_is_object (document->value));
  return rank * 2 + !document->cut;
}

// Takes out the documents that don't fit, and chooses. False: none is left.
static bool
choose (scan_t *scan, troupe_repair_want_t want, size_t *winner)
{
  size_t kept = 0;
  unsigned best = 0;
  for (size_t i = 0; i < scan->count; i++) {
    document_t *document = &scan->documents[i];
    if (fit (document, want) == FITS_NOT) {
      json_decref (document->value);
      continue;
    }
    unsigned own = rank (document, want);
    if (own >= best) {
      best = own;
      *winner = kept;
    }
    scan->documents[kept++] = *document;
  }
  scan->count = kept;
  for (size_t i = 0; i < kept; i++)
    if (fit (&scan->documents[i], want) == FITS_INSIDE)
      replace (&scan->documents[i], inside (scan->documents[i].value, want));
  return kept > 0;
}

// Notes what was left out around the winner.
static void
note_surroundings (scan_t *scan, document_t *document, size_t count)
{
  notes_t *notes = &document->notes;
  if (scan->begin >= 3 && memcmp (scan->text, "\xEF\xBB\xBF", 3) == 0)
    notes_add (notes, TROUPE_REPAIR_BYTE_ORDER_MARK, 0);
  if (scan->thought != SIZE_MAX)
    notes_add (notes, TROUPE_REPAIR_THINKING, scan->thought);
  if (scan->prose_first < document->start)
    notes_add (notes, TROUPE_REPAIR_PREFACE, scan->prose_first);
  if (document->place != PLACE_PROSE)
    notes_add (notes, TROUPE_REPAIR_FENCE, document->fence);
  if (document->place != PLACE_PROSE && scan->in_fence && scan->fence == document->fence)
    notes_add (notes, TROUPE_REPAIR_HALF_FENCE, document->end);
  if (scan->prose_first != SIZE_MAX && scan->prose_last >= document->end)
    notes_add (notes, TROUPE_REPAIR_TRAILING, document->end);
  for (size_t i = 0; i < count; i++)
    if (&scan->documents[i] != document)
      notes_add (notes, TROUPE_REPAIR_OTHER, scan->documents[i].start);
  size_t behind = document->end;
  while (behind < scan->size && strchr (" \t\r\n", scan->text[behind]) != NULL)
    behind++;
  if (notes->count == 0 && behind < scan->size) // a fence that closes nothing
    notes_add (notes, TROUPE_REPAIR_TRAILING, behind);
  notes_sort (notes);
}

static troupe_err_t
nothing_found (const scan_t *scan, size_t found, troupe_repair_want_t want, troupe_error_t *error)
{
  static const char *const kinds[] = {"JSON", "a JSON object", "a JSON list"};
  char next[TROUPE_ERROR_NEXT_MAX];
  snprintf (next, sizeof next, "answer with %s and nothing else", kinds[want]);
  if (scan->seen == TROUPE_TOO_DEEP && found == 0)
    return troupe_error_set (error, TROUPE_TOO_DEEP, "reply", next, "the JSON nests deeper than %d",
                             TROUPE_REPAIR_DEPTH_MAX);
  const char *why = scan->begin == scan->size   ? "the reply is empty"
                    : scan->cut                 ? "the JSON is cut off before anything of it is complete"
                    : found > 0                 ? "the JSON in the reply is of another kind"
                    : scan->thought_open        ? "the reply ends in the middle of a thought, before any answer"
                    : scan->thought != SIZE_MAX ? "there is no JSON behind the thought"
                                                : "there is no JSON in the reply";
  return troupe_error_set (error, TROUPE_BAD_MESSAGE, "reply", next, "%s, and %s is expected", why, kinds[want]);
}

static troupe_err_t
refuse (troupe_err_t err, troupe_error_t *error)
{
  if (err == TROUPE_TOO_LARGE)
    return troupe_error_set (error, err, "reply", "answer with less", "a reply may have %d bytes and %d values",
                             TROUPE_REPAIR_SIZE_MAX, TROUPE_REPAIR_VALUES_MAX);
  return troupe_error_set (error, err, "reply", NULL, "%s", troupe_err_text (err));
}

troupe_err_t
troupe_repair_new (troupe_repair_t **out, const char *text, size_t size, troupe_repair_want_t want,
                   troupe_error_t *error)
{
  *out = NULL;
  if (size > TROUPE_REPAIR_SIZE_MAX)
    return refuse (TROUPE_TOO_LARGE, error);
  scan_t scan;
  troupe_err_t err = scan_reply (&scan, text != NULL ? text : "", size);
  if (err != TROUPE_OK)
    return refuse (err, error);
  size_t found = scan.count, winner = 0;
  if (found == 1)
    err = unwrap_text (&scan.documents[0], want);
  troupe_repair_t *self = err == TROUPE_OK ? calloc (1, sizeof *self) : NULL;
  if (self == NULL)
    err = err != TROUPE_OK ? refuse (err, error) : refuse (TROUPE_NO_MEMORY, error);
  else if (!choose (&scan, want, &winner))
    err = nothing_found (&scan, found, want, error);
  if (err != TROUPE_OK) {
    free (self);
    scan_clear (&scan);
    return err;
  }
  note_surroundings (&scan, &scan.documents[winner], scan.count);
  *self = (troupe_repair_t){scan.documents, scan.count, winner};
  *out = self;
  return TROUPE_OK;
}

void
troupe_repair_destroy (troupe_repair_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  for (size_t i = 0; i < (*self_p)->count; i++)
    json_decref ((*self_p)->documents[i].value);
  free ((*self_p)->documents);
  free (*self_p);
  *self_p = NULL;
}

json_t *
troupe_repair_value (const troupe_repair_t *self)
{
  return self->documents[self->winner].value;
}

bool
troupe_repair_unchanged (const troupe_repair_t *self)
{
  return self->documents[self->winner].notes.count == 0;
}

size_t
troupe_repair_note_count (const troupe_repair_t *self)
{
  return notes_kept (&self->documents[self->winner].notes);
}

troupe_repair_note_t
troupe_repair_note (const troupe_repair_t *self, size_t n)
{
  return self->documents[self->winner].notes.list[n];
}

size_t
troupe_repair_notes_left_out (const troupe_repair_t *self)
{
  return self->documents[self->winner].notes.count - troupe_repair_note_count (self);
}

json_t *
troupe_repair_notes_json (const troupe_repair_t *self)
{
  json_t *list = json_array ();
  for (size_t i = 0; list != NULL && i < troupe_repair_note_count (self); i++) {
    troupe_repair_note_t note = troupe_repair_note (self, i);
    json_t *entry = json_pack ("{s:s, s:I, s:s}", "kind", troupe_repair_name (note.kind), "offset",
                               (json_int_t)note.offset, "text", troupe_repair_text (note.kind));
    if (entry == NULL || json_array_append_new (list, entry) != 0) {
      json_decref (list);
      return NULL;
    }
  }
  return list;
}

size_t
troupe_repair_document_count (const troupe_repair_t *self)
{
  return self->count;
}

json_t *
troupe_repair_document (const troupe_repair_t *self, size_t n)
{
  return n < self->count ? self->documents[n].value : NULL;
}

void
troupe_repair_document_span (const troupe_repair_t *self, size_t n, size_t *start, size_t *end)
{
  *start = n < self->count ? self->documents[n].start : 0;
  *end = n < self->count ? self->documents[n].end : 0;
}
